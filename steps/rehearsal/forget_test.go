package rehearsal

import (
	"reflect"
	"testing"

	"canton.example/svrescue/steps"
	netpath "canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/rollforward"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/restore"
)

// TestNothingIsForgottenWhereNothingWasAnswered: a step offers to be answered again only where it has an answer.
func TestNothingIsForgottenWhereNothingWasAnswered(t *testing.T) {
	forgetsOnlyAnswers(t, restore.New())
	forgetsOnlyAnswers(t, restore.Lost())
	forgetsOnlyAnswers(t, reonboard.New())
	forgetsOnlyAnswers(t, netpath.New())
	forgetsOnlyAnswers(t, netpath.CleanUp())
	forgetsOnlyAnswers(t, rollforward.New())
	forgetsOnlyAnswers(t, restore.Release())
}

func forgetsOnlyAnswers[F any](t *testing.T, path steps.Path[F]) {
	for _, step := range path.Steps {
		if step.Forget == nil {
			continue
		}
		var before, facts F
		if step.Forget(&facts); !reflect.DeepEqual(facts, before) {
			t.Errorf("%s/%s forgets an answer that nobody gave: %+v", path.Name, step.ID, facts)
		}
	}
}
