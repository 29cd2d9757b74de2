package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
	appsim "canton.example/svrescue/svapp/sim"
)

// settledFacts are what the path knows when the card is settled on a time before the end of the network; the participant agreed until proven.
func (r *rig) settledFacts(before, proven time.Duration) Facts {
	r.t.Helper()
	n, err := nodes.In(r.t.Context(), r.world, "sv", "test", "")
	if err != nil {
		r.t.Fatal(err)
	}
	at := r.stood.Add(-before).Truncate(time.Second)
	report := []byte(reportOf(ownName, []time.Time{r.stood.Add(-proven)}, "Beta-SV", "Gamma-SV"))
	r.files.files[ReportFile] = report
	r.files.files[IdentitiesFile] = []byte(r.apps.dump)
	svs := []string{ownName, "Beta-SV", "Gamma-SV", "Delta-SV"}
	return Facts{Run: "r-1", Namespace: "sv", Node: &n, Where: kube.Where{Context: "test"},
		Report:     &OwnReport{Reporter: ownName, SHA256: sum(report)},
		Identities: &Identities{Party: ownParty, DSO: dsoParty, Participant: "PAR::" + ownParty, SHA256: sum([]byte(r.apps.dump))},
		Agree:      Agreeing{SVs: svs, Timestamp: at},
		Card: &card.Card{Purpose: "network recovery of MainNet", Values: []card.Value{{Name: ValueTimestamp, Text: card.Stamp(at)}, {Name: ValueMigrationID, Text: "4"},
			{Name: ValueChainID, Text: "MainNet-4"}, {Name: ValueChart, Text: "0.5.10"}}}}
}

// do plans a step's only action and sends it.
func (r *rig) do(s steps.Step[Facts], f Facts) (steps.Action, error) {
	r.t.Helper()
	actions, err := s.Plan(f)
	if err != nil || len(actions) != 1 {
		r.t.Fatalf("%v, %d actions", err, len(actions))
	}
	return actions[0], actions[0].Do(r.t.Context(), r.hands(actions[0]), func(wire.Progress) {})
}

func (r *rig) state(a steps.Action) wire.ActionState {
	r.t.Helper()
	state, _, err := a.Probe(r.t.Context(), r.world)
	if err != nil {
		r.t.Fatal(err)
	}
	return state
}

// A snapshot is taken whole from the SV app, and what is in the run folder is what came.
func TestASnapshotIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.settledFacts(time.Hour, 0)
		f.Taking.From = fromApp
		a, err := r.do(snapshot(), f)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.state(a); got != wire.ActionDone {
			t.Fatalf("it is %s", got)
		}
		found, err := snapshot().Verify(t.Context(), r.world, &f)
		if err != nil || said(found) != "holds snapshot, attention echo" || f.Snapshot.MigrationID != 4 || f.Snapshot.SHA256 != sum(r.files.files[SnapshotFile]) || f.Snapshot.Bytes != int64(len(r.files.files[SnapshotFile])) {
			t.Errorf("%v, %s, %+v", err, said(found), f.Snapshot)
		}
		r.files.files[SnapshotFile][200] ^= 1
		if r.state(a) == wire.ActionDone {
			t.Error("a snapshot that was changed counts as taken")
		}
		if found, _ = snapshot().Verify(t.Context(), r.world, &f); said(found) != "violated snapshot" {
			t.Errorf("a snapshot that was changed: %s", said(found))
		}
	})
}

// Each refusal has its own sentence for the call, and its own ways on; nothing is kept, and force is added by nobody.
func TestRefusalsOfASnapshot(t *testing.T) {
	for name, c := range map[string]struct {
		before time.Duration // how long before its end the network is asked for
		change func(*appsim.Snapshots)
		call   string
		ways   string
	}{
		"too late":       {-time.Minute, nil, "We need a time before", "agree-again ask"},
		"pruned":         {80 * time.Hour, nil, "We need a time after", "agree-again ask"},
		"not exact":      {90 * time.Minute, func(s *appsim.Snapshots) { s.Generation = appsim.YExact }, "with force, once we have proof", "ask agree-again"},
		"a node is away": {time.Hour, func(s *appsim.Snapshots) { s.Fails = func(int) (int, string) { return 503, "io exception" } }, "does not answer", "ask"},
		"never in time":  {time.Hour, func(s *appsim.Snapshots) { s.Limit = time.Second }, "it takes our SV app longer", "ask"},
		"not this token": {time.Hour, func(s *appsim.Snapshots) { s.Fails = func(int) (int, string) { return 403, "no" } }, "our token is refused", "ask"},
		"it fails itself": {time.Hour, func(s *appsim.Snapshots) {
			s.Fails = func(int) (int, string) { return 500, "An unexpected error occurred." }
		}, "our SV app failed", "ask"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			if c.change != nil {
				c.change(r.apps.snapshots)
			}
			f := r.settledFacts(c.before, 0)
			f.Taking.From = fromApp
			_, err := r.do(snapshot(), f)
			var none *noSnapshot
			if !errors.As(err, &none) || steps.IsTransient(err) {
				t.Fatalf("%s: %v", name, err)
			}
			failure := none.Failure()
			if len(failure.Detail) == 0 || !strings.Contains(failure.Detail[0], c.call) || failure.Next == "" {
				t.Errorf("%s: %+v", name, failure)
			}
			var ways []string
			for _, way := range snapshot().Remedies(err) {
				ways = append(ways, way.Choice)
			}
			if got := strings.Join(ways, " "); got != c.ways {
				t.Errorf("%s: ways %s, want %s", name, got, c.ways)
			}
			if _, kept := r.files.files[SnapshotFile]; kept {
				t.Errorf("%s: something was kept", name)
			}
			if _, most, _, forced := r.apps.snapshots.Load(); most != 1 || forced != 0 {
				t.Errorf("%s: %d at once, %d with force", name, most, forced)
			}
			time.Sleep(time.Hour) // what still goes on in the app
		})
	}
}

// Force is offered only where the release has refused this time without it, and can be chosen only with proof.
func TestForceNeedsProof(t *testing.T) {
	for name, c := range map[string]struct {
		proven   time.Duration // until when the participant agreed, before the end of the network
		generate appsim.Generation
		offered  bool
		refused  bool
	}{
		"proven":                     {0, appsim.YExact, true, false},
		"not proven":                 {3 * time.Hour, appsim.YExact, true, true},
		"the release needs no force": {0, appsim.Y, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			r.apps.snapshots.Generation = c.generate
			f := r.settledFacts(90*time.Minute+time.Second, c.proven)
			choice := func() *wire.Choice {
				f.Taking = Taking{}
				open, err := snapshot().Inputs(t.Context(), r.world, f)
				if err != nil || len(open) != 1 {
					t.Fatalf("%v, %v", err, open)
				}
				for _, ch := range open[0].Choices {
					if ch.ID == withForce {
						return &ch
					}
				}
				return nil
			}
			if choice() != nil {
				t.Fatalf("%s: force is offered before anything was asked", name)
			}
			f.Taking.From = fromApp
			r.do(snapshot(), f)
			got := choice()
			if (got != nil) != c.offered || got != nil && (got.Refuse != "") != c.refused {
				t.Fatalf("%s: %+v", name, got)
			}
			if got == nil {
				return
			}
			if !got.Reason || !strings.Contains(got.Detail, forceDanger) {
				t.Errorf("%s: %+v", name, got)
			}
			if err := takeSnapshot(&f, "source", withForce); err != nil {
				t.Fatal(err)
			}
			found, err := snapshot().Check(t.Context(), r.world, f)
			if err != nil {
				t.Fatal(err)
			}
			if force := find(t, found, "force"); (force.Verdict == wire.Violated) != c.refused || force.Waive != "" {
				t.Errorf("%s: %+v", name, force)
			}
			if c.refused {
				return
			}
			if _, err := r.do(snapshot(), f); err != nil {
				t.Fatal(err)
			}
			found, err = snapshot().Verify(t.Context(), r.world, &f)
			if err != nil || said(found) != "holds snapshot, attention echo, attention forced" || !f.Snapshot.Force {
				t.Errorf("%s: %v, %s", name, err, said(found))
			}
			// What was made with another time's refusal does not offer it.
			f.Card.Values[0].Text = card.Stamp(r.stood.Add(-2 * time.Hour))
			if actions, err := snapshot().Plan(f); err == nil {
				t.Errorf("%s: force that was chosen for another time is used: %v", name, actions[0].Key())
			}
			if choice() != nil {
				t.Errorf("%s: force is offered for a time that was not refused", name)
			}
		})
	}
}

// A process that takes up another's place waits while the export of that one may go on, and asks once then.
func TestAnExportIsWaitedForAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.apps.snapshots.Takes = 5 * time.Minute
		f := r.settledFacts(time.Hour, 0)
		f.Taking.From = fromApp
		actions, err := snapshot().Plan(f)
		if err != nil {
			t.Fatal(err)
		}
		ctx, die := context.WithTimeout(t.Context(), 3*time.Minute)
		defer die()
		if err := actions[0].Do(ctx, r.hands(actions[0]), func(wire.Progress) {}); err == nil {
			t.Fatal("it did not end")
		}
		var e export
		if err := json.Unmarshal(r.files.files[exportFile], &e); err != nil || e.Over {
			t.Fatalf("%v, %+v", err, e)
		}
		began, told := time.Now(), ""
		if err := actions[0].Do(t.Context(), r.hands(actions[0]), func(p wire.Progress) {
			if told == "" {
				told = p.Text
			}
		}); err != nil {
			t.Fatal(err)
		}
		if _, most, asked, _ := r.apps.snapshots.Load(); most != 1 || asked != 2 || time.Since(began) < 14*time.Minute || !strings.Contains(told, "may still go on") {
			t.Errorf("%d at once, %d asked, after %s, told %q", most, asked, time.Since(began), told)
		}
	})
}

// An answer that is cut is not kept, and it is asked once more after a wait.
func TestAnAnswerThatIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.apps.snapshots.CutAfter = 50_000
		f := r.settledFacts(time.Hour, 0)
		f.Taking.From = fromApp
		_, err := r.do(snapshot(), f)
		if none := (*noSnapshot)(nil); !errors.As(err, &none) || none.no.Tries < 2 {
			t.Fatalf("%v", err)
		}
		if _, kept := r.files.files[SnapshotFile]; kept {
			t.Error("half of it was kept")
		}
	})
}

// A file is taken if it is the whole snapshot of this SV, or of the one that lends it, and of the agreed time.
func TestASnapshotOutOfAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.settledFacts(time.Hour, 0)
		make := func(party string, before time.Duration) []byte {
			r.apps.snapshots.Party = party
			g := r.settledFacts(before, 0)
			g.Identities.Party, g.Taking.From = party, fromApp
			if _, err := r.do(snapshot(), g); err != nil {
				t.Fatal(err)
			}
			return r.files.files[SnapshotFile]
		}
		own, beta, earlier := make(ownParty, time.Hour), make("Beta-SV::1220bb", time.Hour), make(ownParty, 2*time.Hour)
		for name, c := range map[string]struct {
			data   []byte
			lender string
			says   string // of the refusal; empty: it is taken
		}{
			"its own":                 {own, "", ""},
			"of another time":         {earlier, "", "was asked for"},
			"of another SV":           {beta, "", "that of another node"},
			"lent":                    {beta, "Beta-SV", ""},
			"lent, but of nobody":     {own, "Beta-SV", "that of this SV itself"},
			"lent by somebody else":   {beta, "Gamma-SV", "it is not that of Gamma-SV"},
			"cut":                     {own[:len(own)*9/10], "", "cut off"},
			"an error that was saved": {[]byte(`{"error":"io exception"}`), "", "an error that was saved"},
			"a web page":              {[]byte("<html>502</html>"), "", "not JSON"},
			"nothing":                 {nil, "", "empty"},
		} {
			file := filepath.Join(t.TempDir(), "s.json")
			if err := os.WriteFile(file, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			delete(r.files.files, SnapshotFile)
			delete(r.files.files, snapshotSource)
			f.Taking = Taking{From: fromFile, File: file, Lender: c.lender}
			a, err := r.do(snapshot(), f)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || len(r.files.files[SnapshotFile]) > 0 {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil || r.state(a) != wire.ActionDone {
				t.Errorf("%s: %v", name, err)
			}
			found, err := snapshot().Verify(t.Context(), r.world, &f)
			want := "holds snapshot, attention echo"
			if c.lender != "" {
				want += ", attention lent"
			}
			if err != nil || said(found) != want || f.Snapshot.Lender != c.lender {
				t.Errorf("%s: %v, %s", name, err, said(found))
			}
		}
	})
}

// Answers are taken or refused with a sentence, and the lender is another SV.
func TestAnswersAboutTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.settledFacts(time.Hour, 0)
		if err := takeSnapshot(&f, "source", lent); err != nil {
			t.Fatal(err)
		}
		open, err := snapshot().Inputs(t.Context(), r.world, f)
		if err != nil || open[0].Name != "lender" || len(open[0].Choices) != 3 {
			t.Fatalf("%v, %+v", err, open)
		}
		if err := takeSnapshot(&f, "lender", "Beta-SV"); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"", "/nowhere/s.json", t.TempDir()} {
			if err := takeSnapshot(&f, "file", bad); err == nil {
				t.Errorf("%q is taken", bad)
			}
		}
		if open, err = snapshot().Inputs(t.Context(), r.world, f); err != nil || open[0].Name != "file" || !strings.Contains(open[0].Text, "private keys of the lender") {
			t.Fatalf("%v, %+v", err, open)
		}
		if _, err := snapshot().Plan(Facts{Node: f.Node}); !strings.Contains(fmt.Sprint(err), "network/agree") {
			t.Errorf("without a card: %v", err)
		}
	})
}
