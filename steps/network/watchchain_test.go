package network

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/wire"
	appsim "canton.example/svrescue/svapp/sim"
)

// Two looks within seconds prove nothing: the chain is watched until it can be told that it stands, however fast the questions are answered.
func TestTheChainIsWatchedForLongEnough(t *testing.T) {
	for name, c := range map[string]struct {
		stood time.Duration // how long ago its last block was made
		first bool          // it was read at the beginning of the run
		least time.Duration // of the watch
		text  string
	}{
		"it stood for hours":               {lastBlock, true, 30 * time.Second, "did not move for the"},
		"it stood for a few minutes":       {4 * time.Minute, true, 359 * time.Second, "did not move for the"},
		"it makes blocks":                  {0, true, 0, "makes blocks"},
		"it could not be read at the gate": {lastBlock, false, 30 * time.Second, "it was not watched for long enough to tell whether it moves: 0 s, and it takes 30 s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "0.5.10")
				r.stood = time.Now().UTC().Add(-c.stood)
				if c.stood == 0 {
					r.pods.handlers["global-domain-3-cometbft:26657"] = appsim.Comet{Network: "MainNet-3", Peers: 3, Lag: appsim.Lag{Floor: time.Nanosecond},
						Times: func() (time.Time, time.Time, int) { return time.Now(), time.Now().Add(-time.Hour), 0 }}.Handler()
				}
				f := r.known()
				f.Declared = Decision{Who: "alice", Where: "the call", At: time.Now()}
				if c.first {
					r.verify(releaseGate(), &f)
					time.Sleep(time.Second)
				}
				actions := r.planned(declare(), f)
				var last wire.Progress
				began := time.Now()
				if r.state(actions[0]) != wire.ActionDone {
					if err := actions[0].Do(t.Context(), r.hands(actions[0]), func(p wire.Progress) { last = p }); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took < c.least-2*time.Second || took > c.least+20*time.Second {
					t.Errorf("it was watched for %s: %+v", took, last)
				}
				if c.least > 0 && (last.Done != last.Total || last.Total < int64(c.least.Seconds())) {
					t.Errorf("%+v", last)
				}
				if against := find(t, r.verify(declare(), &f), "against-chain"); !strings.Contains(against.Text, c.text) {
					t.Errorf("%+v", against)
				}
				if f.Chain == nil {
					t.Error("the next look has nothing to be compared with")
				}
			})
		})
	}
}

// Whoever learns there that the chain goes on, and ends the run, has decided something: nothing was done, and nothing failed.
func TestTheRunEndsWhereTheNetworkRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.pods.handlers["global-domain-3-cometbft:26657"] = appsim.Comet{Network: "MainNet-3", Peers: 3, Lag: appsim.Lag{Floor: time.Nanosecond},
			Times: func() (time.Time, time.Time, int) { return time.Now(), time.Now().Add(-time.Hour), 0 }}.Handler()
		var asked []wire.Question
		v := r.drive(theCall(), &journal{}, script(t, &asked, map[string][]string{
			"network/go.who": {"alice"}, "network/go.where": {"the call"}, "network/go.remedy": {"@abort"},
		}))
		if v.Ended == nil || v.Ended.Outcome != wire.Refused || !strings.Contains(v.Ended.Text, "the network seems to run") {
			t.Errorf("it ended with %+v after %d questions", v.Ended, len(asked))
		}
	})
}
