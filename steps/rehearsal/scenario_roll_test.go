package rehearsal

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		if r.scenario.Expect == wire.Refused && len(sent(r)) > 0 {
			t.Errorf("refused, but sent %+v", sent(r))
		}
		if left := r.pods.network.(*roll).began.Add(drains + 9*time.Minute).Sub(v.Step(rollSteps + "wait-end").Ended); r.scenario.Roll.Drains > 0 && left > 0 {
			t.Errorf("the wait for the end has ended %v too early", left)
		}
	})
}

// The old synchronizer is removed a month later: the run was parked, and is taken up by somebody who says that it is time.
func TestARollForwardIsFinishedAMonthLater(t *testing.T) {
	beside(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, rollClean())
		const question = rollSteps + "remove-old-diff.when"
		others := r.player()
		says := ""
		answer := func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name == question {
				return wire.Answer{Choice: says}, says != ""
			}
			return others(ctx, v, q)
		}
		v, _, _ := r.play(t.Context(), 0, answer)
		if v.Parked == "" || v.Step(rollSteps+"promote").State != wire.StepDone {
			t.Fatalf("ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
		}
		time.Sleep(30 * 24 * time.Hour)
		says, others = "now", r.player()
		v, _, _ = r.play(t.Context(), 0, answer)
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("a month later it ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
		}
		found := v.Step(rollSteps + "remove-old").Findings[wire.PhaseVerify]
		for _, want := range []string{"forgotten-sv-app", "forgotten-scan-app"} {
			if !slices.ContainsFunc(found, func(f wire.Finding) bool { return f.ID == want && f.Verdict == wire.Holds }) {
				t.Errorf("%s does not hold: %+v", want, found)
			}
		}
		if kept := v.Step(rollSteps + "remove-old").Findings[wire.PhaseCheck]; !slices.ContainsFunc(kept, func(f wire.Finding) bool { return f.ID == "retention" && f.Verdict == wire.Holds }) {
			t.Errorf("the retention: %+v", kept)
		}
	})
}
