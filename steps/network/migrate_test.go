package network

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	appsim "canton.example/svrescue/svapp/sim"
)

// behave says how the SV app's pod does from its next start on, and starts it anew.
func (r *rig) behave(name string, w sim.Workload) {
	r.t.Helper()
	w.StartDelay = sim.D(0)
	knobs := r.sim.Knobs()
	if knobs.Workloads == nil {
		knobs.Workloads = map[string]sim.Workload{}
	}
	knobs.Workloads["sv/"+name] = w
	r.sim.Set(knobs)
	now, _, err := r.world.Kube.Workload(r.t.Context(), "Deployment", "sv", name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.scale(name, now.Replicas, 0)
	if w.NeverReady || w.Crash != nil {
		r.startOnly(name)
		return
	}
	r.scale(name, 0, 1)
}

func (r *rig) startOnly(name string) {
	r.t.Helper()
	ref := r.ref(name)
	if err := r.scaleTo(ref, 0, 1); err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(10 * time.Second)
}

func lines(texts ...string) (all []sim.Line) {
	for _, text := range texts {
		all = append(all, sim.Line{Text: text})
	}
	return all
}

// Waiting for the others is told as what it is, with how far the app has got; patience ends in a question, not in a failure.
func TestTheMigrationIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		for _, name := range []string{"scan-app", "validator-app"} {
			r.scale(name, 1, 1)
		}
		f := r.moved(r.settledFacts(time.Hour, 0))
		f.Successor.Participant = "participant-3"
		f.Apps.Peers = []svapp.Address{{SVName: "Beta-SV", URL: "http://scan.beta"}}
		r.behave("participant-3", sim.Workload{Log: lines("Persisted 1 SynchronizerParametersState", "Persisted 2 SynchronizerParametersState")})
		r.behave("sv-app", sim.Workload{NeverReady: true, Log: lines("Init new domain nodes from snapshot", "AuthorizedStore snapshot is imported")})
		m := f.following()
		if got := r.state(m); got != wire.ActionPending {
			t.Fatalf("it is %s", got)
		}
		var last wire.Progress
		began := time.Now()
		err := m.Do(t.Context(), r.hands(m), func(p wire.Progress) { last = p })
		var waiting *steps.StillWaiting
		if !errors.As(err, &waiting) || !strings.Contains(waiting.Next, "more than two thirds") || time.Since(began) < migratePatience {
			t.Fatalf("%v", err)
		}
		if !strings.Contains(last.Text, "which is normal: 3 of 4") || last.Done != 4 {
			t.Errorf("%+v", last)
		}
		seen := map[string]wire.Item{}
		for _, item := range last.Items {
			seen[item.Name] = item
		}
		for name, says := range map[string]string{"the dump is read": "done", "keys and topology are imported": "done", "the sequencer is initialised": "not seen", "sv-app": "0 of 1 ready",
			"participant-3": "2 lines", "the scan of Beta-SV": "it works"} {
			if got, ok := seen[name]; !ok || !strings.Contains(got.State, says) {
				t.Errorf("%s: %+v, want %s", name, got, says)
			}
		}
		r.behave("sv-app", sim.Workload{Log: lines("Init new domain nodes from snapshot", "resumed domain")})
		if err := m.Do(t.Context(), r.hands(m), func(p wire.Progress) { last = p }); err != nil || r.state(m) != wire.ActionDone {
			t.Fatalf("%v, %+v", err, last)
		}
	})
}

// What is wrong with the dump is told at once, and not after patience.
func TestADumpThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.moved(r.settledFacts(time.Hour, 0))
		r.behave("sv-app", sim.Workload{NeverReady: true, Log: lines("Migration id from the dump 5 does not match the configured migration id in ths SV 4.")})
		m := f.following()
		began := time.Now()
		err := m.Do(t.Context(), r.hands(m), func(wire.Progress) {})
		var failed *MigrationFailed
		if !errors.As(err, &failed) || failed.Kind != "migration-id" || time.Since(began) > time.Minute || steps.IsTransient(err) {
			t.Fatalf("%v", err)
		}
	})
}

// What the new nodes say of themselves is told for each; an answer of HTTP 200 is no health.
func TestStatusesOfTheNewNodes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig)
		want   string
	}{
		"all is well":           {nil, "holds status-sv, holds status-sequencer, holds status-mediator, holds chain, holds status-scan-app, holds status-validator-app"},
		"the sequencer is down": {func(r *rig) { r.apps.parts = map[string]error{"sequencer": errors.New("io exception")} }, "holds status-sv, violated status-sequencer, holds status-mediator, holds chain, holds status-scan-app, holds status-validator-app"},
		"the old chain":         {func(r *rig) { r.apps.chain = "MainNet-3" }, "holds status-sv, holds status-sequencer, holds status-mediator, violated chain, holds status-scan-app, holds status-validator-app"},
		"the SV app is away":    {func(r *rig) { r.apps.fail = errors.New("no route") }, "undetermined statuses"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			for _, name := range []string{"scan-app", "validator-app"} {
				r.scale(name, 1, 1)
			}
			r.apps.chain = "MainNet-4"
			f := r.moved(r.settledFacts(time.Hour, 0))
			if c.change != nil {
				c.change(r)
			}
			found, err := statuses(t.Context(), r.world, f)
			if err != nil || said(found) != c.want {
				t.Errorf("%s: %v, %s\n%+v", name, err, said(found), found)
			}
		})
	}
}

// Commitments count that are of other SVs and of the new synchronizer.
func TestCommitmentsOnTheNewSynchronizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.moved(r.settledFacts(time.Hour, 0))
		f.Successor.Participant = "participant-3"
		a, _ := f.agreed()
		w := f.agreeing()
		r.behave("participant-3", sim.Workload{Log: lines(line("Beta-SV", a.at.Add(-time.Hour).Truncate(time.Hour)), line("Stranger", time.Now().Truncate(time.Minute)))})
		found, err := w.finding(t.Context(), r.world)
		if err != nil || found.Verdict != wire.Undetermined || r.state(w) != wire.ActionPending {
			t.Errorf("%v, %+v", err, found)
		}
		r.behave("participant-3", sim.Workload{Log: lines(line("Gamma-SV", time.Now().Truncate(time.Minute)))})
		found, err = w.finding(t.Context(), r.world)
		if err != nil || found.Verdict != wire.Holds || r.state(w) != wire.ActionDone || !strings.Contains(found.Text, "Gamma-SV") {
			t.Errorf("%v, %+v", err, found)
		}
		if err := w.Do(t.Context(), r.hands(w), func(wire.Progress) {}); err != nil {
			t.Error(err)
		}
	})
}

// What is owned before and after is compared; nothing where there was something is a violation.
func TestWhatIsOwned(t *testing.T) {
	amulets := func(amount string) []appsim.Amulet { return []appsim.Amulet{{Owner: ownParty, Amount: amount}} }
	for name, c := range map[string]struct {
		before, after string // empty: nothing
		known         bool
		want          wire.Verdict
	}{
		"the same":      {"10.0000000000", "10.0000000000", true, wire.Holds},
		"more":          {"10.0000000000", "11.0000000000", true, wire.Attention},
		"nothing left":  {"10.0000000000", "", true, wire.Violated},
		"not told then": {"", "11.0000000000", false, wire.Undetermined},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			f := r.moved(r.settledFacts(time.Hour, 0))
			f.Apps.Peers = []svapp.Address{{SVName: "Beta-SV", URL: "http://scan.beta"}}
			a, _ := f.agreed()
			n := r.network()
			n.Snapshots = []time.Time{a.at.Add(-time.Minute), r.stood}
			n.Amulets = amulets(c.before)
			r.apps.network = func() appsim.Network { return n }
			if c.known {
				owned, err := ownedAt(t.Context(), r.world, f.Apps.Peers, ownParty, 3, a.at)
				if err != nil || !owned.At.Equal(n.Snapshots[0]) {
					t.Fatalf("%v, %+v", err, owned)
				}
				f.Apps.Owned = &owned
			}
			n.MigrationID, n.Amulets = 4, nil
			if c.after != "" {
				n.Amulets = amulets(c.after)
			}
			if got := ownership(t.Context(), r.world, f); got.Verdict != c.want {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

// The identities of the new nodes are kept beside those of the old, if they are this SV's.
func TestNewIdentities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.settledFacts(time.Hour, 0)
		a := freshIdentities{app: svApp(f), node: *f.Node}
		r.apps.dump = dumpOf("Beta-SV", "1220bbbbbbbbbbbb")
		if err := a.Do(t.Context(), r.hands(a), func(wire.Progress) {}); err == nil || r.state(a) == wire.ActionDone {
			t.Errorf("another SV's are kept: %v", err)
		}
		r.apps.dump = dumpOf(ownName, ownPrint)
		if err := a.Do(t.Context(), r.hands(a), func(wire.Progress) {}); err != nil || r.state(a) != wire.ActionDone {
			t.Error(err)
		}
		if string(r.files.files[IdentitiesFile]) == "" || r.files.files[FreshIdentitiesFile] == nil {
			t.Error("the old ones are gone, or the new ones are not there")
		}
	})
}
