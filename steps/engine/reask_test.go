package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// choosable is the toy path whose first step can be answered again; what is small cannot be turned.
func choosable(w *toy) steps.Path[facts] {
	p := toyPath(w, wire.Repeatable)
	p.Steps[0].Forget = func(f *facts) { f.Size, f.Found = "", false }
	take := p.Steps[0].Take
	p.Steps[0].Take = func(f *facts, ask, value string) error {
		if w.veto = ""; value == "small" {
			w.veto = "it is too small"
		}
		return take(f, ask, value)
	}
	return p
}

func offers(q wire.Question, choice string) bool {
	return slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == choice })
}

func TestAQuestionIsAnsweredAgainWhereItsAnswerDoesNotDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		asked, remedied := 0, 0
		v, err := playPath(t, choosable(w), j, wire.Live, func(q wire.Question) wire.Answer {
			switch q.Name {
			case "toy/look.size":
				if asked++; asked == 1 {
					return wire.Answer{Choice: "small"}
				}
			case "toy/turn.remedy":
				remedied++
				return wire.Answer{Choice: wire.ChoiceAsk}
			}
			return willing(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if asked != 2 || remedied != 1 || strings.Join(w.sent, " ") != "a b c" {
			t.Errorf("asked %d times, %d remedies, sent %v", asked, remedied, w.sent)
		}
		if again := wire.FoldAll(j.events); states(again) != states(v) {
			t.Errorf("folded anew: %s, want %s", states(again), states(v))
		}
	})
}

// A worker that dies between opening the step and forgetting its answers leaves nothing half: the old answers are still whole.
func TestAskingAnewSurvivesAtEveryPoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		again := false // the step is open again, and the answer that does is given
		operator := func(q wire.Question) wire.Answer {
			switch {
			case q.Name == "toy/look.size" && !again:
				return wire.Answer{Choice: "small"}
			case q.Name == "toy/turn.remedy":
				again = true
				return wire.Answer{Choice: wire.ChoiceAsk}
			}
			return willing(q)
		}
		if v, _ := playPath(t, choosable(w), j, wire.Live, operator); v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("undisturbed: %+v", v.Ended)
		}
		whole := slices.Clone(j.events)
		opened := slices.IndexFunc(whole, func(e wire.Event) bool { return e.Kind == wire.KindStep && e.State == wire.StepPending })
		for cut := opened - 1; cut <= opened+4; cut++ {
			w, j = newToy(), &memory{events: slices.Clone(whole[:cut])}
			again = cut > opened
			w.veto = "it is too small"
			if slices.ContainsFunc(j.events[opened-1:], func(e wire.Event) bool { return e.Kind == wire.KindAnswer && e.Answer.Choice == "big" }) {
				w.veto = ""
			}
			v, err := playPath(t, choosable(w), j, wire.Live, operator)
			if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered || strings.Join(w.sent, " ") != "a b c" {
				t.Errorf("cut after %d of %d records: %v, %+v, parked %q, sent %v", cut, len(whole), err, v.Ended, v.Parked, w.sent)
			}
		}
	})
}

// A step may know that the answer of an earlier one was wrong, beyond its own questions and those between.
func TestARemedyLeadsToAnEarlierStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		p := choosable(w)
		p.Steps[1].Forget = func(*facts) {}
		p.Steps[1].Remedies = func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: "another", Label: "Look again", Again: p.Steps[0].ID}, {Choice: "nowhere", Label: "Never shown", Again: "toy/none"}}
		}
		asked, offered := 0, 0
		v, err := playPath(t, p, j, wire.Live, func(q wire.Question) wire.Answer {
			switch q.Name {
			case "toy/look.size":
				if asked++; asked == 1 {
					return wire.Answer{Choice: "small"}
				}
			case "toy/turn.remedy":
				if offered++; !offers(q, "another") || offers(q, "nowhere") {
					t.Errorf("offered %+v", q.Choices)
				}
				return wire.Answer{Choice: "another"}
			}
			return willing(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered || asked != 2 || offered != 1 {
			t.Fatalf("%v, %+v, asked %d times, %d remedies", err, v.Ended, asked, offered)
		}
		// Once something was changed it is not offered.
		w, j = newToy(), &memory{}
		w.fail["b"] = []error{errStuck}
		p = choosable(w)
		p.Steps[1].Remedies = func(error) []steps.Remedy { return []steps.Remedy{{Choice: "another", Again: p.Steps[0].ID}} }
		playPath(t, p, j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.remedy" && offers(q, "another") {
				t.Error("it is offered although something was changed")
			}
			return willing(q)
		})
	})
}

func TestNothingIsAskedAnewUnderWhatWasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["b"] = []error{errStuck}
		at := map[string]bool{}
		undone := false
		v, err := playPath(t, choosable(w), j, wire.Live, func(q wire.Question) wire.Answer {
			switch q.Name {
			case "toy/turn.confirm":
				if !undone {
					at["before"] = offers(q, wire.ChoiceAsk)
				} else {
					at["taken back"] = offers(q, wire.ChoiceAsk)
				}
			case "toy/turn.remedy":
				at["after"] = offers(q, wire.ChoiceAsk)
				return wire.Answer{Choice: wire.ChoiceUndo}
			case "toy/turn.undo":
				undone = true
			}
			return willing(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if !at["before"] || at["after"] || !at["taken back"] {
			t.Errorf("offered: %v; want it before the change and after that was taken back", at)
		}
	})
}

// Whoever sees at a later question that an earlier answer of the step was wrong goes back to the first. There is nothing to go back to at the first
// question, and nothing that was sent is touched.
func TestAStepIsAnsweredFromTheFirstAtItsOwnQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		p := choosable(w)
		name := ""
		inputs, take, forget := p.Steps[0].Inputs, p.Steps[0].Take, p.Steps[0].Forget
		p.Steps[0].Inputs = func(ctx context.Context, world steps.World, f facts) ([]wire.Question, error) {
			open, err := inputs(ctx, world, f)
			if len(open) == 0 && name == "" {
				open = []wire.Question{{Name: "name", Kind: wire.AskText, Title: "Which name?"}}
			}
			return open, err
		}
		p.Steps[0].Take = func(f *facts, ask, value string) error {
			if ask == "name" {
				name = value
				return nil
			}
			return take(f, ask, value)
		}
		p.Steps[0].Forget = func(f *facts) { name = ""; forget(f) }
		var asked []string
		v, err := playPath(t, p, j, wire.Live, func(q wire.Question) wire.Answer {
			switch q.Name {
			case "toy/look.size":
				asked = append(asked, "size")
				if offers(q, wire.ChoiceAsk) {
					t.Error("the first question leads back to itself")
				}
				return willing(q)
			case "toy/look.name":
				asked = append(asked, "name")
				if err := q.Accepts(wire.Answer{Question: q.ID, Choice: wire.ChoiceAsk, Text: "x"}); err == nil {
					t.Error("both a text and the way back are taken")
				}
				if len(asked) == 2 {
					return wire.Answer{Choice: wire.ChoiceAsk}
				}
				return wire.Answer{Text: "Ann"}
			}
			return willing(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if got := strings.Join(asked, " "); got != "size name size name" || name != "Ann" || strings.Join(w.sent, " ") != "a b c" {
			t.Errorf("asked %s, name %q, sent %v", got, name, w.sent)
		}
	})
}
