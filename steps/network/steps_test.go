package network

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// The gate goes by what is seen, and by nothing else.
func TestGate(t *testing.T) {
	n := node.Node{Components: []node.Component{{Part: node.CometBFT, Ref: kube.WorkloadRef{Name: "cometbft"}}}}
	see := func(releases ...string) (all []sighting) {
		for _, r := range releases {
			all = append(all, sighting{"image of x", r, r})
		}
		return all
	}
	for name, c := range map[string]struct {
		seen []sighting
		want string
		says string
	}{
		"an old release":            {see("0.5.10", "0.5.10"), "holds release", "0.5.10 can be recovered"},
		"the last one":              {see("0.6.1"), "holds release", ""},
		"a build of it":             {see("0.6.1-snapshot.20260101"), "holds release", ""},
		"the first without":         {see("0.6.2"), "violated release", "0.6.2 took that out"},
		"a newer one":               {see("0.8.0"), "violated release", "0.8.0 cannot be"},
		"between two":               {see("0.6.1", "0.6.2"), "violated release", "between two releases"},
		"two old ones":              {see("0.5.9", "0.5.10"), "holds release, attention release-differs", ""},
		"nothing":                   {nil, "violated release", "could not be seen"},
		"an image of another maker": {see("17.2.0-x", ""), "violated release", ""},
		"an app that is away":       {append(see("0.5.10"), sighting{"the SV app's /version", "it does not answer", ""}), "holds release", ""},
		"older than is known":       {see("0.3.21"), "violated release", "could not be seen"},
	} {
		found := gate(n, c.seen)
		if got := said(found); got != c.want || !strings.Contains(found[0].Text, c.says) {
			t.Errorf("%s: %s: %s", name, got, found[0].Text)
		}
		for _, f := range found {
			if f.Verdict == wire.Violated && f.Waive != "" {
				t.Errorf("%s can be waived", name)
			}
		}
	}
	if got := said(gate(node.Node{}, see("0.5.10"))); got != "holds release, undetermined ordering" {
		t.Errorf("without CometBFT: %s", got)
	}
}

// A decision needs a name, a place and a time that people can write.
func TestDecisions(t *testing.T) {
	for text, want := range map[string]string{"2026-01-11T08:15:00Z": "2026-01-11 08:15", "2026-01-11 08:15": "2026-01-11 08:15", "2026-01-11 08:15:00 UTC": "2026-01-11 08:15",
		"2026-01-11T09:15:00+01:00": "2026-01-11 08:15", "8:15": "", "": "", "\x1b[31m": ""} {
		at, err := parseMoment(text)
		if (err == nil) != (want != "") || err == nil && minute(at) != want {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
	var d Decision
	for _, c := range []struct {
		ask, value string
		ok         bool
	}{{"who", "x", false}, {"who", "alice\x1b[31m of Acme", true}, {"where", strings.Repeat("y", 200), false}, {"where", "the call", true}, {"when", "2026-01-11 08:15", true}} {
		if _, err := d.take(c.ask, c.value); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.ask, c.value, err)
		}
	}
	if !d.whole() || strings.Contains(d.Who, "\x1b") {
		t.Errorf("%+v", d)
	}
	now := time.Date(2026, 1, 11, 8, 15, 0, 0, time.UTC)
	for after, want := range map[time.Duration]wire.Verdict{0: wire.Holds, -time.Hour: wire.Violated, 8 * 24 * time.Hour: wire.Attention} {
		if f := d.finding("x", "it was decided", now.Add(after)); f.Verdict != want {
			t.Errorf("after %s: %+v", after, f)
		}
	}
}

// A network that runs speaks against its loss, and silence says nothing.
func TestWhatSpeaksAgainst(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig)
		want   string
	}{
		"it stands, on a short look": {func(*rig) {}, "undetermined against-chain, holds against-network"},
		"others do not answer":       {func(r *rig) { r.apps.silent = true }, "undetermined against-chain, undetermined against-network"},
		"no way to others":           {func(r *rig) { r.world.Apps = nil }, "undetermined against-chain, undetermined against-network"},
		"it runs":                    {func(r *rig) { r.stood = time.Now() }, "violated against-chain, violated against-network"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			c.change(r)
			n, err := nodes.In(t.Context(), r.world, "sv", "test", "")
			if err != nil {
				t.Fatal(err)
			}
			found, err := against(t.Context(), r.world, Facts{Node: &n})
			if err != nil {
				t.Fatal(err)
			}
			if got := said(found); got != c.want {
				t.Errorf("%s: %s\n%+v", name, got, found)
			}
			for _, f := range found {
				if f.Verdict == wire.Violated && f.Waive == "" {
					t.Errorf("%s: nobody can go on", name)
				}
			}
		})
	}
	if found := speaks(triage.Result{}); len(found) != 0 {
		t.Errorf("nothing was looked at, and %s", said(found))
	}
}

// Logs are copied whole and once; what is missing is said; a disk that is full stops it with a sentence, and what was copied stays.
func TestLogsAreSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.logged()
		n, err := nodes.In(t.Context(), r.world, "sv", "test", "")
		if err != nil {
			t.Fatal(err)
		}
		a := copyLogs{of: n.Of(node.Participant)}
		do := func() error { return a.Do(t.Context(), r.hands(a), func(wire.Progress) {}) }
		state := func() wire.ActionState {
			s, _, err := a.Probe(t.Context(), r.world)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		r.files.room = logReserve / 2
		var problem *steps.Problem
		if err := do(); !errors.As(err, &problem) || !strings.Contains(problem.Seen, "MiB left") {
			t.Fatalf("a full disk: %v", err)
		}
		if state() != wire.ActionPending {
			t.Fatal("it is done without a log")
		}
		r.files.room = 50 << 30
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if state() != wire.ActionDone {
			t.Fatal("it is not done")
		}
		saved, err := readLogs(r.files)
		if err != nil || len(saved.Logs) != 1 || saved.Logs[0].First == nil {
			t.Fatalf("%v, %+v", err, saved)
		}
		file := logsFolder + "/" + saved.Logs[0].File
		z, err := gzip.NewReader(bytes.NewReader(r.files.files[file]))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || strings.Count(string(text), "Commitment correct") != 15 {
			t.Fatalf("%v: %s", err, text)
		}
		// Whole logs are not copied again, and a damaged one is.
		before := saved.Logs[0].Saved
		time.Sleep(time.Minute)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if saved, _ = readLogs(r.files); !saved.Logs[0].Saved.Equal(before) {
			t.Error("a whole log was copied again")
		}
		r.files.files[file] = r.files.files[file][:100]
		if state() != wire.ActionPending {
			t.Error("a log that was cut counts as saved")
		}
		if err := do(); err != nil || state() != wire.ActionDone {
			t.Errorf("a log that was cut is not copied again: %v", err)
		}
		// The container restarts: what it said before is a log of its own.
		r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"sv/participant-3": {StartDelay: sim.D(0), Crash: &sim.Crash{ExitCode: 1, Times: 1, After: sim.D(time.Second), Log: []string{"it ends"}}}, "*": {StartDelay: sim.D(0)}}})
		f := Facts{Node: &n}
		found, err := saveLogs().Verify(t.Context(), r.world, &f)
		if err != nil || f.Logs == nil || f.Logs.Files != 1 || f.Logs.SHA256 == "" {
			t.Fatalf("%v, %+v", err, f.Logs)
		}
		if gone := find(t, found, "gone-"+saved.Logs[0].File); !strings.Contains(gone.Next, "/var/log/pods/sv_") {
			t.Errorf("%+v", gone)
		}
	})
}

// What is gone is told by the first line and the start of the container.
func TestWhatIsGone(t *testing.T) {
	at := time.Date(2026, 1, 11, 8, 0, 0, 0, time.UTC)
	later := at.Add(time.Hour)
	for says, l := range map[string]savedLog{
		"older lines may be gone":               {Pod: "p"},
		"lines of pod p are gone":               {Pod: "p", Started: &at, First: &later},
		"what came after its container started": {Pod: "p", Started: &at, First: &at},
	} {
		if f := l.gone(); !strings.Contains(f.Text, says) || f.Verdict != wire.Attention {
			t.Errorf("%+v", f)
		}
	}
}

// A dump is kept only if it is whole and of this node.
func TestIdentitiesAreOfThisNode(t *testing.T) {
	whole := dumpOf(ownName, ownPrint)
	for name, c := range map[string]struct {
		text   string
		change func(*rig)
		says   string // of the refusal; empty: it is kept
		want   string
	}{
		"its own":               {whole, nil, "", "holds identities, attention backup"},
		"of another SV":         {dumpOf("Beta-SV", "1220bbbbbbbbbbbb"), nil, "this node's scan says that it is " + ownParty, ""},
		"of another network":    {strings.ReplaceAll(whole, dsoParty, "DSO::1220eeeeeeeeeeee"), nil, "another network", ""},
		"cut":                   {whole[:len(whole)/2], nil, "not kept", ""},
		"an error":              {`{"error":"UNAVAILABLE"}`, nil, "an error that was saved", ""},
		"of a participant":      {`{"id":"PAR::` + ownParty + `","keys":[{"keyPair":"eA==","name":"namespace"}],"authorizedStoreSnapshot":"eA=="}`, nil, "participant alone", ""},
		"nobody says who it is": {whole, func(r *rig) { delete(r.pods.handlers, "scan-app:5012") }, "", "holds identities, undetermined owner, attention backup"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			if c.change != nil {
				c.change(r)
			}
			n, err := nodes.In(t.Context(), r.world, "sv", "test", "")
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "id.json")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r.apps.dump = c.text
			for _, a := range []steps.Action{copyIdentities{file: file, node: n}, fetchIdentities{node: n}} {
				r.files.files = map[string][]byte{}
				err = a.Do(t.Context(), r.hands(a), func(wire.Progress) {})
				if c.says != "" {
					if err == nil || !strings.Contains(err.Error(), c.says) && a.Key() == "take the identities backup" {
						t.Errorf("%s, %s: %v", name, a.Key(), err)
					}
					if len(r.files.files) > 0 {
						t.Errorf("%s, %s: it was kept", name, a.Key())
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s, %s: %v", name, a.Key(), err)
				}
				if state, _, err := a.Probe(t.Context(), r.world); err != nil || state != wire.ActionDone {
					t.Errorf("%s, %s: %s, %v", name, a.Key(), state, err)
				}
				f := Facts{Node: &n, Source: fromFile}
				found, err := verifyIdentities(t.Context(), r.world, &f)
				if err != nil || said(found) != c.want || f.Identities.Party != ownParty {
					t.Errorf("%s, %s: %v, %s", name, a.Key(), err, said(found))
				}
				r.files.files[IdentitiesFile][10]++
				if state, _, _ := a.Probe(t.Context(), r.world); state == wire.ActionDone {
					t.Errorf("%s: a file that was changed counts as taken", name)
				}
			}
		})
	}
}

// The own sequencer is proven to be past a time by what its clients got from it.
func TestOwnSequencer(t *testing.T) {
	for name, c := range map[string]struct {
		at     time.Duration // from when the network ended
		change func(*rig)
		want   string
	}{
		"past it":       {-time.Minute, nil, "holds own-sequencer, holds own-participant"},
		"not there yet": {time.Minute, nil, "violated own-sequencer, violated own-participant"},
		"silent":        {-time.Minute, func(r *rig) { delete(r.pods.handlers, "global-domain-3-mediator:10013") }, "undetermined own-sequencer, holds own-participant"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			if c.change != nil {
				c.change(r)
			}
			n, err := nodes.In(t.Context(), r.world, "sv", "test", "")
			if err != nil {
				t.Fatal(err)
			}
			found, err := ownSequencer(t.Context(), r.world, n, r.stood.Add(c.at))
			if err != nil || said(found) != c.want {
				t.Errorf("%s: %v, %s", name, err, said(found))
			}
		})
	}
}

// A mismatch in the period of the timestamp disproves it, and one with a stranger says nothing.
func TestOwnCommitment(t *testing.T) {
	at := time.Date(2026, 1, 11, 8, 15, 0, 0, time.UTC)
	entry := func(who string, to time.Time) commitment.Entry {
		return commitment.Entry{Counterparty: who + "::1220aa", From: commitment.InstantOf(to.Add(-30 * time.Minute)), To: commitment.InstantOf(to)}
	}
	svs := []string{"Acme-SV", "Beta-SV"}
	for name, c := range map[string]struct {
		r    commitment.Report
		want wire.Verdict
	}{
		"nothing":                     {commitment.Report{}, wire.Undetermined},
		"at the time":                 {commitment.Report{Agreements: []commitment.Entry{entry("Beta-SV", at)}}, wire.Holds},
		"before it":                   {commitment.Report{Agreements: []commitment.Entry{entry("Beta-SV", at.Add(-time.Minute))}}, wire.Undetermined},
		"with a stranger":             {commitment.Report{Agreements: []commitment.Entry{entry("Validator", at)}}, wire.Undetermined},
		"a mismatch":                  {commitment.Report{Agreements: []commitment.Entry{entry("Beta-SV", at)}, Mismatches: []commitment.Entry{entry("Beta-SV", at.Add(10*time.Minute))}}, wire.Violated},
		"a mismatch before":           {commitment.Report{Agreements: []commitment.Entry{entry("Beta-SV", at)}, Mismatches: []commitment.Entry{entry("Beta-SV", at.Add(-time.Hour))}}, wire.Holds},
		"a mismatch with a validator": {commitment.Report{Agreements: []commitment.Entry{entry("Beta-SV", at)}, Mismatches: []commitment.Entry{entry("Validator", at)}}, wire.Holds},
	} {
		if f := ownCommitment(c.r, svs, at); f.Verdict != c.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
