package rehearsal

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// spoilings are what can become of a request.
var spoilings = []struct {
	name  string
	fault sim.Fault
}{
	{"an error of the server", sim.Fault{Code: 500}},
	{"the connection is cut", sim.Fault{Do: "close"}},
	{"the answer is lost", sim.Fault{Do: "close", After: true}},
	{"done, and answered with an error", sim.Fault{Code: 500, After: true}},
	{"no answer in time", sim.Fault{Do: "hang"}},
	{"done, and no answer in time", sim.Fault{Do: "hang", After: true}},
	{"a conflict", sim.Fault{Code: 409}},
	{"forbidden, then granted", sim.Fault{Code: 403, Reason: "Forbidden"}},
	{"throttled", sim.Fault{Code: 429, Retry: 3}},
}

// place is the first write of one kind in one step.
type place struct {
	step, verb, resource string
	skip                 int // writes of this verb and resource before it, trials included
}

// places finds, in an undisturbed run, the first write of each verb and resource in each step. stepOf is the step of each
// write that was no trial.
func places(r *rig, stepOf []string) []place {
	var found []place
	before := map[string]int{}
	for _, w := range r.world.Writes() {
		if opens(w) || w.Resource == "leases" {
			continue
		}
		step := ""
		if !w.DryRun {
			step, stepOf = stepOf[0], stepOf[1:]
		}
		p := place{step: step, verb: w.Verb, resource: w.Resource, skip: before[w.Verb+w.Resource]}
		before[w.Verb+w.Resource]++
		if !w.DryRun && !slices.ContainsFunc(found, func(o place) bool { return o.step == p.step && o.verb == p.verb && o.resource == p.resource }) {
			found = append(found, p)
		}
	}
	return found
}

// TestFaultMatrix spoils one request of each kind in each step in each way. With an operator who tries again the run ends
// recovered, with the world of a run that nothing disturbed, and no claim is deleted or created twice.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, in := range []func() Scenario{clean, managedDumps} {
		t.Run(in().ID, func(t *testing.T) { faultMatrix(t, in) })
	}
}

func faultMatrix(t *testing.T, in func() Scenario) {
	var want any
	var at []place
	inScenario(t, in(), nil, func(t *testing.T, r *rig) {
		var stepOf []string
		r.wire.before = func(string, string) {
			for _, e := range slices.Backward(r.journal) {
				if e.Kind == wire.KindIntent {
					stepOf = append(stepOf, e.Step)
					return
				}
			}
		}
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		want, at = stands(t, r), places(r, stepOf)
	})
	cases := len(at) * len(spoilings)
	var tried, equal atomic.Int32
	t.Run("faults", func(t *testing.T) {
		for i := range cases {
			// Every seventh, so that each place and each way is met: seven shares no factor with the nine ways.
			if !*soak && i%7 != 0 {
				continue
			}
			p, s := at[i/len(spoilings)], spoilings[i%len(spoilings)]
			tried.Add(1)
			t.Run(fmt.Sprintf("%s %s %s %s", p.step, p.verb, p.resource, s.name), func(t *testing.T) {
				t.Parallel()
				met := false
				f := s.fault
				f.Verb, f.Resource, f.Skip = p.verb, p.resource, p.skip
				inScenario(t, spoilt(in(), f), nil, func(t *testing.T, r *rig) {
					r.timeout = 20 * time.Second
					v, _, _ := r.play(t.Context(), 0, patient(r))
					must(t, v, wire.Recovered)
					for _, e := range r.journal {
						met = met || e.Kind == wire.KindResult && e.Outcome == wire.ActionFailed
					}
					if !met {
						t.Error("the fault was not met")
					}
					if diff := cmp.Diff(want, any(stands(t, r))); diff != "" {
						t.Errorf("(-undisturbed +disturbed)\n%s\n%s", diff, lines(v))
					}
					twice := map[string]int{}
					for _, w := range sent(r) {
						if w.Resource == "persistentvolumeclaims" && w.Code >= 200 && w.Code < 300 {
							twice[w.Verb+w.Name+w.Body]++
						}
					}
					for what, n := range twice {
						if n > 1 {
							t.Errorf("%s took effect %d times", what, n)
						}
					}
					checkShown(t, r)
					equal.Add(1)
				})
			})
		}
	})
	fmt.Printf("fault matrix in %s: %d places, %d ways, %d cases; tried %d, recovered and equal %d\n", in().ID, len(at), len(spoilings), cases, tried.Load(), equal.Load())
}

// Taken back and done again is done: the second time the claims are those by which the old volumes were put back.
func TestForwardAgainAfterTakingBack(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.told(told{
			"restore/start-databases.confirm": {wire.ChoiceUndo, wire.ChoiceUndo},
			"restore/restore-volumes.undo":    {wire.ChoiceYes, wire.ChoiceYes},
		}))
		must(t, v, wire.Recovered)
		checkRestored(t, r)
		checkShown(t, r)
	})
}
