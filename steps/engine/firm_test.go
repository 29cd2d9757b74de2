package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Over what a step that is firm finds violated nobody goes on, but for a finding that says so; other steps with a plan offer it.
func TestFirmStepsAreNotGoneOnOver(t *testing.T) {
	for name, c := range map[string]struct {
		firm  bool
		waive string
		want  bool
	}{
		"firm":              {true, "", false},
		"firm, but waived":  {true, "the others know it", true},
		"as steps are else": {false, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newToy()
				w.on["a"], w.on["b"] = true, true
				path := toyPath(w, wire.Repeatable)
				path.Steps[1].Firm = c.firm
				path.Steps[1].Verify = func(context.Context, steps.World, *facts) ([]wire.Finding, error) {
					return []wire.Finding{{ID: "trap", Verdict: wire.Violated, Text: "it would do something else", Waive: c.waive}}, nil
				}
				asked := false
				_, _ = playPath(t, path, &memory{}, wire.Live, func(q wire.Question) wire.Answer {
					if q.Kind != wire.AskRemedy {
						return willing(q)
					}
					asked = true
					if offered := slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == wire.ChoiceAccept }); offered != c.want {
						t.Errorf("going on is offered: %v\n%+v", offered, q.Choices)
					}
					return wire.Answer{Choice: wire.ChoicePark}
				})
				if !asked {
					t.Error("nothing was asked")
				}
			})
		})
	}
}
