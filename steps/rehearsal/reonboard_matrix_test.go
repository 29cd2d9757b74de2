package rehearsal

import (
	"context"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
)

// often are the scenarios of which points are tried in every test: those in which something is paid while it goes wrong.
var often = []string{"reonboard-clean", "reonboard-answer-lost", "reonboard-operator-gone"}

// reonboardCourses are all scenarios of a re-onboarding, to be killed and spoiled. At each end the ledger's books are looked at.
func reonboardCourses() []course {
	all := recoveries(reonboardScenarios(), often)
	for i := range all {
		c := &all[i]
		c.also, c.first = checkPayments, checkScenario
		if c.name == operatorMachineLost().ID {
			c.prepare, c.between, c.answer = func(t *testing.T, r *rig) { r.onDisk(t) }, func(t *testing.T, r *rig) { r.carried(t) }, (*rig).keyed
		}
	}
	return all
}

// again is an operator who tries again what went wrong, after a minute. What the scenario has them know comes first: there are faults that no try mends.
func (c course) again(r *rig) operator {
	if r.scenario.Operator == nil {
		return patient(r)
	}
	good, tries := c.answer(r), map[string]int{}
	return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
		if a, ok := r.scenario.Operator(ctx, Elsewhere{Cluster: r.cluster(), Namespace: namespace}, v, q); ok {
			tries[q.Name]++
			return a, tries[q.Name] <= maxTries
		}
		if strings.HasSuffix(q.Name, ".login") {
			return r.logsIn(), true
		}
		if q.Kind == wire.AskRemedy && (q.Default == "" || q.Default == wire.ChoiceAbort) {
			time.Sleep(time.Minute)
			tries[q.Name]++
			return wire.Answer{Choice: wire.ChoiceRetry}, tries[q.Name] <= maxTries
		}
		return good(ctx, v, q)
	}
}
