package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

var errStuck = errors.New("it is stuck")

// mendable is the toy path whose second step knows a remedy with an action of its own.
func mendable(w *toy, effect wire.Effect, cure flip) steps.Path[facts] {
	p := toyPath(w, effect)
	p.Steps[1].Remedies = func(err error) []steps.Remedy {
		if !errors.Is(err, errStuck) {
			return []steps.Remedy{{Choice: wire.ChoiceRetry, Detail: "it may pass"}}
		}
		return []steps.Remedy{{Choice: "loosen", Label: "Loosen it", Detail: "turns the loosening on", Actions: []steps.Action{cure}},
			{Choice: "unknown", Label: "Nothing that anybody offers"}}
	}
	return p
}

// mender takes the remedy where it is offered, and else does what willing does.
func mender(q wire.Question) wire.Answer {
	switch {
	case q.Kind == wire.AskRemedy && slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == "loosen" }):
		return wire.Answer{Choice: "loosen"}
	case q.Kind == wire.AskRemedy:
		return wire.Answer{Choice: wire.ChoiceRetry}
	}
	return willing(q)
}

// kinds are the durable events about one action.
func kinds(j *memory, key string) string {
	var all []string
	for _, e := range j.events {
		if e.Action == key {
			all = append(all, strings.TrimSpace(string(e.Kind)+" "+string(e.Outcome)))
		}
	}
	return strings.Join(all, ", ")
}

// What a person could do instead is offered only where there is something to do.
func TestNothingIsDoneByHandWhereNothingIsSent(t *testing.T) {
	for _, idle := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newToy()
			w.stuck = true
			p := toyPath(w, wire.Repeatable)
			if idle {
				p.Steps[1].Plan = func(facts) ([]steps.Action, error) { return nil, nil }
			}
			offered := false
			playPath(t, p, &memory{}, wire.Live, func(q wire.Question) wire.Answer {
				if q.Kind != wire.AskRemedy {
					return willing(q)
				}
				offered = slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == wire.ChoiceByHand })
				return wire.Answer{Choice: wire.ChoiceAbort}
			})
			if offered == idle {
				t.Errorf("idle %v: by hand is offered: %v", idle, offered)
			}
		})
	}
}

func TestARemedyWithActionsIsShownConfirmedJournaledAndSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["b"] = []error{errStuck}
		cure := flip{w, "loose", true, wire.Repeatable}
		var asked *wire.Question
		v, err := playPath(t, mendable(w, wire.Repeatable, cure), j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.mend" {
				asked = &q
			}
			return mender(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if got := strings.Join(w.sent, " "); got != "a loose b c" {
			t.Fatalf("sent %q: the step must go on where the error came", got)
		}
		if asked == nil || asked.Kind != wire.AskConfirm || asked.Hash == "" || !strings.Contains(asked.Title, "Loosen it") {
			t.Fatalf("asked %+v", asked)
		}
		if got := kinds(j, "loose"); got != "intent, result done" {
			t.Fatalf("journaled %q", got)
		}
		step := v.Step("toy/turn")
		i := slices.IndexFunc(step.Actions, func(a wire.ActionView) bool { return a.Key == "loose" })
		if i < 0 || !step.Actions[i].Remedy || step.Actions[i].State != wire.ActionDone || step.Mending {
			t.Fatalf("the remedy is not kept among the step's actions, or still shown as its plan: %+v", step)
		}
		if shown := step.Shown(); len(shown) != 2 {
			t.Fatalf("shown %+v", shown)
		}
		if again := wire.FoldAll(j.events); again.Step("toy/turn").Actions[i].State != wire.ActionDone {
			t.Fatal("folding the journal again gives another view")
		}
	})
}

func TestARemedyThatIsDeclinedSendsNothingAndTheStepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["b"] = []error{errStuck}
		v, err := playPath(t, mendable(w, wire.Repeatable, flip{w, "loose", true, wire.Repeatable}), j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.mend" {
				return wire.Answer{Choice: wire.ChoiceBack}
			}
			return mender(q)
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if got := strings.Join(w.sent, " "); got != "a b c" {
			t.Fatalf("sent %q", got)
		}
	})
}

func TestARemedyThatDestroysNeedsTheWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["b"] = []error{errStuck}
		kind := wire.QuestionKind("")
		_, err := playPath(t, mendable(w, wire.Repeatable, flip{w, "loose", true, wire.Destroy}), j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.mend" {
				kind = q.Kind
			}
			return mender(q)
		})
		if err != nil || kind != wire.AskWord {
			t.Fatalf("%v, asked as %q", err, kind)
		}
	})
}

func TestARemedyThatFailsIsAskedAboutAndCanBeDoneByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["b"], w.fail["loose"] = []error{errStuck}, []error{errors.New("not allowed")}
		v, err := playPath(t, mendable(w, wire.Repeatable, flip{w, "loose", true, wire.Repeatable}), j, wire.Live, func(q wire.Question) wire.Answer {
			switch {
			case q.Name == "toy/turn.mend-by-hand":
				w.on["loose"] = true
				return wire.Answer{} // the world answers; the viewer may go
			case q.Kind == wire.AskRemedy && strings.Contains(q.Error.Seen, "not allowed"):
				return wire.Answer{Choice: wire.ChoiceByHand}
			}
			return mender(q)
		})
		if got := kinds(j, "loose"); got != "intent, result failed, result by-hand" {
			t.Fatalf("journaled %q (%v, %+v)", got, err, v.Ended)
		}
	})
}

func TestADryRunOffersNoRemedyThatSends(t *testing.T) {
	w := newToy()
	m, err := New(Config[facts]{Path: mendable(w, wire.Repeatable, flip{w, "loose", true, wire.Repeatable}), Run: wire.Run{Acting: wire.DryRun}})
	if err != nil {
		t.Fatal(err)
	}
	m.view.Run.Acting = wire.DryRun
	q := wire.Question{Choices: []wire.Choice{{ID: wire.ChoiceRetry}}}
	if cures := m.advise(&q, m.Path.Steps[1], errStuck); len(cures) > 0 || len(q.Choices) != 1 {
		t.Fatalf("%+v %+v", cures, q.Choices)
	}
}

func TestARemedyIsNothingToTakeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.fail["a"] = []error{errStuck}
		var offered []string
		_, err := playPath(t, mendable(w, wire.Repeatable, flip{w, "loose", true, wire.Repeatable}), j, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.remedy" && len(w.sent) > 0 {
				for _, c := range q.Choices {
					offered = append(offered, c.ID)
				}
				return wire.Answer{}
			}
			if q.Name == "toy/turn.mend" { // the remedy is sent, and then the first action fails again
				w.fail["a"] = []error{errors.New("something else")}
			}
			return mender(q)
		})
		_ = err // it parks: nobody answers any more
		if got := strings.Join(w.sent, " "); got != "loose" {
			t.Fatalf("sent %q", got)
		}
		view := wire.FoldAll(j.events)
		if !slices.ContainsFunc(view.Step("toy/turn").Actions, func(a wire.ActionView) bool { return a.Key == "loose" && a.State == wire.ActionDone }) {
			t.Fatal("the remedy is forgotten")
		}
		if len(offered) == 0 {
			t.Fatal("the error after the remedy was not asked about")
		}
	})
}

// waiting is an action that touches nothing, and would wait for ever.
type waiting struct{ flip }

func (w waiting) Effect() wire.Effect { return wire.Observe }
func (w waiting) Refs() []steps.Ref   { return nil }

func TestADryRunDoesNotWaitForWhatItHasNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		p := toyPath(w, wire.Repeatable)
		p.Steps[2].Effect = wire.Observe
		p.Steps[2].Plan = func(facts) ([]steps.Action, error) {
			return []steps.Action{waiting{flip{w: w, name: "c", to: true}}}, nil
		}
		v, err := playPath(t, p, &memory{}, wire.DryRun, willing)
		if err != nil || states(v) != "done planned planned" || len(w.sent) > 0 {
			t.Fatalf("%v, %q, sent %v", err, states(v), w.sent)
		}
	})
}

// endless is a wait that ends only with its context.
type endless struct {
	flip
	begun chan struct{}
}

func (e endless) Effect() wire.Effect { return wire.Observe }
func (e endless) Refs() []steps.Ref   { return nil }
func (e endless) Do(ctx context.Context, _ steps.Hands, _ func(wire.Progress)) error {
	close(e.begun)
	<-ctx.Done()
	return ctx.Err()
}

func TestParkingDoesNotWaitForAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		p := toyPath(w, wire.Repeatable)
		e := endless{flip{w: w, name: "wait", to: true}, make(chan struct{})}
		p.Steps = p.Steps[1:2]
		p.Steps[0].Plan = func(facts) ([]steps.Action, error) { return []steps.Action{e}, nil }
		m, err := New(Config[facts]{Path: p, Run: wire.Run{ID: "r-1", Acting: wire.Live}, Journal: j, Clock: clock.RealClock{},
			Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} }})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-e.begun
			m.Say(t.Context(), wire.Message{Kind: wire.SayPark, By: "you"})
		}()
		if err := m.Run(t.Context()); !errors.Is(err, ErrInterrupted) || m.View().Parked == "" {
			t.Fatalf("%v, parked %q", err, m.View().Parked)
		}
		if got := kinds(j, "wait"); got != "intent" {
			t.Fatalf("journaled %q: it must be taken up again", got)
		}
		// Whoever takes it up may give the wait up, with a reason; or goes on with it, which is what is proposed.
		w.on["a"], w.on["b"] = true, true
		e.begun = make(chan struct{})
		var asked []wire.Question
		v, err := playPath(t, p, j, wire.Live, func(q wire.Question) wire.Answer {
			asked = append(asked, q)
			return wire.Answer{Choice: wire.ChoiceSkip, Text: "I watch it myself"}
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if len(asked) != 1 || asked[0].Default != wire.ChoiceRetry || !strings.Contains(asked[0].Error.Seen, "parked while it waited") {
			t.Fatalf("asked %+v", asked)
		}
		if got := kinds(j, "wait"); got != "intent, result skipped" {
			t.Fatalf("journaled %q", got)
		}
	})
}

func TestWhatWasAcceptedIsNotAskedAgainWhileItStaysTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, changes := range []bool{false, true} {
			w, j := newToy(), &memory{}
			p := toyPath(w, wire.Repeatable)
			looks := 0
			p.Steps[1].Check = func(context.Context, steps.World, facts) ([]wire.Finding, error) {
				looks++
				text := "nobody knows"
				if changes && looks > 1 {
					text = "somebody knows otherwise"
				}
				return []wire.Finding{{ID: "x", Verdict: wire.Undetermined, Text: text}}, nil
			}
			asked := 0
			v, err := playPath(t, p, j, wire.Live, func(q wire.Question) wire.Answer {
				if q.Name == "toy/turn.remedy" {
					asked++
					return wire.Answer{Choice: wire.ChoiceAccept, Text: "I looked myself"}
				}
				return willing(q)
			})
			if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
				t.Fatalf("%v, %+v", err, v.Ended)
			}
			if want := map[bool]int{false: 1, true: 2}[changes]; asked != want || looks < 2 {
				t.Errorf("changes %v: asked %d times in %d looks, want %d", changes, asked, looks, want)
			}
		}
	})
}
