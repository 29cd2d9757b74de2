package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const canary = "canary-invented-for-this-test"

// locked is the toy path whose first step asks for a secret, which kept holds.
func locked(w *toy, kept *secret.String) steps.Path[facts] {
	path := toyPath(w, wire.Repeatable)
	first := &path.Steps[0]
	first.Inputs = func(context.Context, steps.World, facts) ([]wire.Question, error) {
		if !kept.Empty() {
			return nil, nil
		}
		return []wire.Question{{Name: "token", Kind: wire.AskSecret, Title: "Token", Default: "another way"}}, nil
	}
	first.Secret = func(_ context.Context, _ steps.World, _ facts, ask string, value secret.String) error {
		if ask != "token" || !strings.HasPrefix(value.Reveal(), canary) {
			if value.Reveal() == "told-"+canary {
				return errors.New("no token: " + value.Reveal()) // as no step should
			}
			return errors.New("this is no token")
		}
		*kept = value
		return nil
	}
	return path
}

func TestASecretIsNowhereButWhereItIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept secret.String
		j, n := &memory{}, 0
		var asked []string
		v, err := playPath(t, locked(newToy(), &kept), j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Kind != wire.AskSecret {
				return willing(q)
			}
			asked = append(asked, q.Text)
			switch n++; n { // refused by the step; the question is put again
			case 1:
				return wire.Answer{Hidden: wire.Hide("wrong-" + canary)}
			case 2:
				return wire.Answer{Hidden: wire.Hide("told-" + canary)}
			}
			return wire.Answer{Hidden: wire.Hide(canary + "-right")}
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if kept.Reveal() != canary+"-right" || len(asked) != 3 || !strings.Contains(asked[1], "this is no token") || asked[2] != "It was not taken." {
			t.Errorf("kept %d letters after %q", len(kept.Reveal()), asked)
		}
		for what, value := range map[string]any{"journal": j.events, "view": v} {
			text, err := json.Marshal(value)
			if err != nil || strings.Contains(string(text), "canary") || strings.Contains(fmt.Sprintf("%+v", value), "canary") {
				t.Errorf("the %s has the secret (%v)", what, err)
			}
		}
	})
}

// A secret that is given to another question is refused, and the refusal, which every viewer sees, does not carry it.
func TestASecretForAnotherQuestionIsThrownAway(t *testing.T) {
	q := wire.Question{ID: "q1", Kind: wire.AskText}
	err := q.Accepts(wire.Answer{Question: "q1", Text: "a", Hidden: wire.Hide(canary)})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("accepted, or told: %v", err)
	}
	secret := wire.Question{ID: "q1", Kind: wire.AskSecret}
	for _, a := range []wire.Answer{{}, {Text: canary}, {Hidden: wire.Hide(canary), Text: "and this"}, {Choice: "back", Hidden: wire.Hide(canary)}} {
		a.Question = "q1"
		if err := secret.Accepts(a); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: accepted, or told: %v", a, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		m, err := drive(t, w, j, toyPath(w, wire.Repeatable), func(q wire.Question, say func(wire.Message)) wire.Answer {
			say(wire.Message{Kind: wire.SayAnswer, Answer: &wire.Answer{Question: q.ID, Choice: "big", Hidden: wire.Hide(canary)}})
			return willing(q)
		})
		if err != nil || m.View().Ended == nil {
			t.Fatal(err, m.View().Ended)
		}
		text, err := json.Marshal([]any{j.events, m.View()})
		if err != nil || strings.Contains(string(text), "canary") {
			t.Error("it was kept", err)
		}
	})
}

// Enter alone is an answer where the question says what it means, and that is told to the step like any other.
func TestEnterAloneAtASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept secret.String
		path := locked(newToy(), &kept)
		var took []string
		path.Steps[0].Take = func(_ *facts, ask, value string) error {
			took, kept = append(took, ask+"="+value), secret.New("another way")
			return nil
		}
		_, err := playPath(t, path, &memory{}, wire.Live, func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskSecret {
				return wire.Answer{By: "you"}
			}
			return willing(q)
		})
		if err != nil || fmt.Sprint(took) != "[token=another way]" {
			t.Error(took, err)
		}
	})
}

// What the world answers by itself is not taken as an answer of a person.
func TestTheWorldAnswersAnInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, looks := toyPath(newToy(), wire.Repeatable), 0
		path.Steps[0].Inputs = func(context.Context, steps.World, facts) ([]wire.Question, error) {
			if looks >= 3 {
				return nil, nil
			}
			return []wire.Question{{Name: "login", Kind: wire.AskChoice, Title: "Waiting", Choices: []wire.Choice{{ID: wire.ChoiceBack}}}}, nil
		}
		path.Steps[0].Take = func(*facts, string, string) error { return errors.New("taken") }
		path.Steps[0].Seen = func(_ context.Context, _ steps.World, _ facts, ask string) bool {
			looks++
			return ask == "login" && looks >= 3
		}
		j := &memory{}
		v, err := playPath(t, path, j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/look.login" {
				return wire.Answer{} // it is left, and the run parks at its next question
			}
			return willing(q)
		})
		if !errors.Is(err, ErrInterrupted) || len(v.Answers) != 1 || v.Answers[0].By != byTheWorld || v.Steps[0].State != wire.StepDone {
			t.Errorf("%v, %+v, %s", err, v.Answers, states(v))
		}
	})
}

// A login that ends in the middle of a step is asked for again when the operator tries again, and what was sent is not sent twice.
func TestALoginThatEndsIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		w.fail["b"] = []error{&svapp.Error{Kind: svapp.NoToken, Tried: "b", Seen: "the token has expired"}}
		path, asked := toyPath(w, wire.Repeatable), 0
		path.Steps[1].Inputs = func(context.Context, steps.World, facts) ([]wire.Question, error) {
			if asked == 0 || asked == 1 && len(w.fail["b"]) == 0 {
				asked++
				return []wire.Question{{Name: "token", Kind: wire.AskSecret, Title: "Token"}}, nil
			}
			return nil, nil
		}
		path.Steps[1].Secret = func(context.Context, steps.World, facts, string, secret.String) error { return nil }
		v, err := playPath(t, path, &memory{}, wire.Live, func(q wire.Question) wire.Answer {
			switch q.Kind {
			case wire.AskSecret:
				return wire.Answer{Hidden: wire.Hide(canary)}
			case wire.AskRemedy:
				return wire.Answer{Choice: wire.ChoiceRetry}
			}
			return willing(q)
		})
		if err != nil || v.Ended == nil || asked != 2 || fmt.Sprint(w.sent) != "[a b c]" {
			t.Errorf("%v, asked %d times, sent %v, %+v", err, asked, w.sent, v.Ended)
		}
	})
}
