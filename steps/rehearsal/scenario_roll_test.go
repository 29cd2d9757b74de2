package rehearsal

import (
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
)

// finds is what a scenario's fault must have a step find, where it leads to no question.
var finds = map[string]struct {
	step    string
	verdict wire.Verdict
	id      string
}{
	"roll-forward-failed-upgrade":   {rollSteps + "validators", wire.Holds, "told"},
	"roll-forward-successor-broken": {rollSteps + "release-gate", wire.Attention, "keep"},
	"roll-forward-late-cap":         {rollSteps + "cap-old", wire.Attention, "before"},
	"roll-forward-validator-behind": {rollSteps + "watch", wire.Attention, "mismatches"},
}

// Every scenario of a broken synchronizer ends for a good operator as it says it does.
func TestRollForwardScenarios(t *testing.T) {
	endAsTheySay(t, rollScenarios(), func(t *testing.T, r *rig, v wire.View) {
		if f := finds[r.scenario.ID]; f.step != "" && !slices.ContainsFunc(v.Step(f.step).Findings[wire.PhaseVerify], func(g wire.Finding) bool { return g.ID == f.id && g.Verdict == f.verdict }) {
			t.Errorf("the fault was not met: %s has not found %s %s, but %+v", f.step, f.verdict, f.id, v.Step(f.step).Findings[wire.PhaseVerify])
		}
		late := slices.ContainsFunc(r.journal, func(e wire.Event) bool {
			return e.Kind == wire.KindAsk && e.Question.Error != nil && strings.Contains(e.Question.Error.Next, "has passed meanwhile. Tell the call")
		})
		if late != (r.scenario.Roll.SlowSequencer > 0) {
			t.Errorf("that the maximum sequencing time has passed is told: %v", late)
		}
	})
}
