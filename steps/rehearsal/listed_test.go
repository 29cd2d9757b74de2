package rehearsal

import (
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
)

// checkListed compares every question of a journal with those that a plan lists in advance: one that is not listed could not have been
// answered from a file. It is called at the end of every machine of every test, so no scenario and no fault asks anything else.
func checkListed[F any](t *testing.T, path steps.Path[F], journal []wire.Event) {
	t.Helper()
	for _, e := range journal {
		if e.Kind != wire.KindAsk || e.Question.Kind == wire.AskTick {
			continue
		}
		if why := unlisted(path, *e.Question); why != "" {
			t.Errorf("%s (%s) was asked, and the plan of %s %s", e.Question.Name, e.Question.Kind, path.Name, why)
		}
	}
}

// unlisted says in which way a question is not what the plan says, "" where it is.
func unlisted[F any](path steps.Path[F], q wire.Question) string {
	for _, s := range path.Steps {
		name, ours := strings.CutPrefix(q.Name, s.ID+".")
		if !ours || s.ID != q.Step {
			continue
		}
		if i := slices.IndexFunc(s.Asks, func(a steps.Ask) bool { return a.Name == name }); i >= 0 {
			if s.Asks[i].Kind != q.Kind {
				return "lists it as " + string(s.Asks[i].Kind)
			}
			return ""
		}
		may := engine.MayAskOf(s)
		i := slices.IndexFunc(may, func(a engine.MayAsk) bool { return a.Name == name })
		if i < 0 {
			return "does not list it"
		}
		if kind := may[i].Kind; kind != q.Kind && !(kind == wire.AskWord && q.Kind == wire.AskConfirm) {
			return "lists it as " + string(kind)
		}
		for _, c := range q.Choices {
			if c.Effect.Rank() > may[i].Effect.Rank() && q.Kind != wire.AskRemedy {
				return "lists it as one that " + may[i].Effect.Words() + ", and " + c.ID + " " + c.Effect.Words()
			}
			if !slices.Contains(may[i].Choices, c.ID) && q.Kind != wire.AskRemedy { // a remedy has the step's own cures too
				return "does not list its choice " + c.ID
			}
		}
		return ""
	}
	return "has no such step"
}

func TestAQuestionThatIsNotListedIsFound(t *testing.T) {
	path := steps.Path[int]{Steps: []steps.Step[int]{{ID: "p/s", Effect: wire.Repeatable, Asks: []steps.Ask{{Name: "set", Kind: wire.AskChoice}}}}}
	for _, c := range []struct {
		q    wire.Question
		want string
	}{
		{wire.Question{Name: "p/s.set", Step: "p/s", Kind: wire.AskChoice}, ""},
		{wire.Question{Name: "p/s.set", Step: "p/s", Kind: wire.AskText}, "lists it as choice"},
		{wire.Question{Name: "p/s.other", Step: "p/s", Kind: wire.AskText}, "does not list it"},
		{wire.Question{Name: "p/t.set", Step: "p/t", Kind: wire.AskText}, "has no such step"},
		{wire.Question{Name: "p/s.confirm", Step: "p/s", Kind: wire.AskConfirm, Choices: []wire.Choice{{ID: wire.ChoiceYes, Effect: wire.Repeatable}}}, ""},
		{wire.Question{Name: "p/s.confirm", Step: "p/s", Kind: wire.AskWord}, "lists it as confirm"},
		{wire.Question{Name: "p/s.confirm", Step: "p/s", Kind: wire.AskConfirm, Choices: []wire.Choice{{ID: wire.ChoiceYes, Effect: wire.Destroy}}}, "lists it as one that changes, and yes destroys"},
		{wire.Question{Name: "p/s.undo", Step: "p/s", Kind: wire.AskConfirm}, "does not list it"},
	} {
		if got := unlisted(path, c.q); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.q.Name, c.q.Kind, got, c.want)
		}
	}
}
