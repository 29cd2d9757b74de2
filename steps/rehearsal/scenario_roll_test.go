package rehearsal

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
)

// finds is what a scenario's fault must have a step find, where it leads to no question.
var finds = map[string]struct {
	step    string
	verdict wire.Verdict
	id      string
}{
	"roll-forward-failed-upgrade":   {rollSteps + "validators", wire.Holds, "told"},
	"roll-forward-late-cap":         {rollSteps + "cap-old", wire.Attention, "before"},
	"roll-forward-validator-behind": {rollSteps + "watch", wire.Attention, "mismatches"},
}

// Every scenario of a broken synchronizer ends for a good operator as it says it does.
func TestRollForwardScenarios(t *testing.T) {
	beside(t)
	for _, s := range rollScenarios() {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					for _, e := range slices.Backward(r.journal) {
						if e.Kind == wire.KindAsk {
							t.Fatalf("ended %+v, want %s\n%sasked last: %+v", v.Ended, s.Expect, lines(v), *e.Question)
						}
					}
				}
				t.Log(lines(v))
				if f := finds[s.ID]; f.step != "" && !slices.ContainsFunc(v.Step(f.step).Findings[wire.PhaseVerify], func(g wire.Finding) bool { return g.ID == f.id && g.Verdict == f.verdict }) {
					t.Errorf("the fault was not met: %s has not found %s %s, but %+v", f.step, f.verdict, f.id, v.Step(f.step).Findings[wire.PhaseVerify])
				}
				late := slices.ContainsFunc(r.journal, func(e wire.Event) bool {
					return e.Kind == wire.KindAsk && e.Question.Error != nil && strings.Contains(e.Question.Error.Next, "has passed meanwhile. Tell the call")
				})
				if late != (s.Roll.SlowSequencer > 0) {
					t.Errorf("that the maximum sequencing time has passed is told: %v", late)
				}
				checkMet(t, r, v)
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
			})
		})
	}
}
