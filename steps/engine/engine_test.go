package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// toy is a world of named switches, so that the rules of the engine can be tested without a cluster.
type toy struct {
	on     map[string]bool
	sent   []string
	fail   map[string][]error                           // errors of the next sends
	veto   string                                       // a violated check, while not empty
	unsure bool                                         // probes answer unknown
	stuck  bool                                         // sends change nothing
	before func(ctx context.Context, name string) error // called before a send; nil: nothing is
}

type facts struct {
	Size  string
	Found bool
}

type flip struct {
	w      *toy
	name   string
	to     bool
	effect wire.Effect
}

func (f flip) Key() string         { return f.name }
func (f flip) Effect() wire.Effect { return f.effect }
func (f flip) Refs() []steps.Ref   { return []steps.Ref{{File: f.name}} }
func (f flip) Show() wire.Preview {
	return wire.Preview{Title: fmt.Sprintf("turn %s to %v", f.name, f.to), Commands: []string{"flip " + f.name}}
}
func (f flip) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: f.name, Verdict: wire.Holds, Text: f.name + " could be turned"}}, nil
}
func (f flip) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	switch {
	case f.w.unsure:
		return wire.ActionUnknown, nil, nil
	case f.w.on[f.name] == f.to:
		return wire.ActionDone, nil, nil
	}
	return wire.ActionPending, nil, nil
}
func (f flip) Do(ctx context.Context, _ steps.Hands, report func(wire.Progress)) error {
	report(wire.Progress{Text: "turning"})
	if f.w.before != nil {
		if err := f.w.before(ctx, f.name); err != nil {
			return err
		}
	}
	if errs := f.w.fail[f.name]; len(errs) > 0 {
		f.w.fail[f.name] = errs[1:]
		return errs[0]
	}
	f.w.sent = append(f.w.sent, f.name)
	if !f.w.stuck {
		f.w.on[f.name] = f.to
	}
	return nil
}

func toyPath(w *toy, effect wire.Effect) steps.Path[facts] {
	both := func(to bool) []steps.Action {
		return []steps.Action{flip{w, "a", to, effect}, flip{w, "b", to, effect}}
	}
	return steps.Path[facts]{Name: "toy", Title: "Toy", Version: 1,
		Subject: func(facts) wire.Subject { return wire.Subject{Network: "testnet", SV: "Acme-SV"} },
		Ending:  func(facts) string { return "all is on" },
		Steps: []steps.Step[facts]{
			{ID: "toy/look", Title: "Look", Effect: wire.Observe,
				Inputs: func(_ context.Context, _ steps.World, f facts) ([]wire.Question, error) {
					if f.Size != "" {
						return nil, nil
					}
					return []wire.Question{{Name: "size", Kind: wire.AskChoice, Title: "Which?", Choices: []wire.Choice{{ID: "big"}, {ID: "small"}}}}, nil
				},
				Take: func(f *facts, _, value string) error { f.Size = value; return nil },
				Verify: func(_ context.Context, _ steps.World, f *facts) ([]wire.Finding, error) {
					f.Found = true
					return []wire.Finding{{ID: "found", Verdict: wire.Holds, Text: "found"}}, nil
				}},
			{ID: "toy/turn", Title: "Turn", Effect: effect,
				Check: func(context.Context, steps.World, facts) ([]wire.Finding, error) {
					if w.veto != "" {
						return []wire.Finding{{ID: "veto", Verdict: wire.Violated, Text: w.veto}}, nil
					}
					return nil, nil
				},
				Plan: func(f facts) ([]steps.Action, error) {
					if !f.Found {
						return nil, &steps.NotYet{Step: "toy/look", What: "what is there"}
					}
					return both(true), nil
				},
				Verify: func(context.Context, steps.World, *facts) ([]wire.Finding, error) {
					if w.on["a"] && w.on["b"] {
						return []wire.Finding{{ID: "on", Verdict: wire.Holds, Text: "both are on"}}, nil
					}
					return []wire.Finding{{ID: "on", Verdict: wire.Violated, Text: "not both are on"}}, nil
				},
				Undo: func(facts) ([]steps.Action, string) { return both(false), "" }},
			{ID: "toy/last", Title: "Last", Effect: wire.Repeatable,
				Plan:   func(facts) ([]steps.Action, error) { return []steps.Action{flip{w, "c", true, wire.Repeatable}}, nil },
				Verify: func(context.Context, steps.World, *facts) ([]wire.Finding, error) { return nil, nil }},
		}}
}

// memory is a journal in memory.
type memory struct{ events []wire.Event }

func (j *memory) Append(e wire.Event) (wire.Event, error) {
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// play runs the path; operator answers each question, "" leaves it open for ever (until the run parks).
func play(t *testing.T, w *toy, j *memory, acting wire.Acting, effect wire.Effect, operator func(q wire.Question) wire.Answer) (wire.View, error) {
	t.Helper()
	return playPath(t, toyPath(w, effect), j, acting, operator)
}

// playPath is play of any path.
func playPath(t *testing.T, path steps.Path[facts], j *memory, acting wire.Acting, operator func(q wire.Question) wire.Answer) (wire.View, error) {
	t.Helper()
	m, err := New(Config[facts]{Path: path, Run: wire.Run{ID: "r-1", Acting: acting, Operator: "you", Host: "here"},
		Hands:   func([]steps.Ref, bool) steps.Hands { return steps.Hands{} },
		Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	viewer := m.Hub.Join()
	go func() {
		for e := range viewer.C {
			if e.Kind != wire.KindAsk {
				continue
			}
			answer := operator(*e.Question)
			if answer == (wire.Answer{}) {
				viewer.Leave()
				return
			}
			if answer.Question == "" {
				answer.Question = e.Question.ID
			}
			if answer.Hash == "" {
				answer.Hash = e.Question.Hash
			}
			m.Say(t.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &answer, By: "you"})
		}
	}()
	err = m.Run(t.Context())
	m.Hub.Close()
	viewer.Leave()
	synctest.Wait()
	return m.View(), err
}

// willing answers as one who agrees to all that is shown.
func willing(q wire.Question) wire.Answer {
	switch q.Kind {
	case wire.AskWord:
		return wire.Answer{Choice: wire.ChoiceYes, Text: q.Word}
	case wire.AskConfirm:
		return wire.Answer{Choice: wire.ChoiceYes}
	case wire.AskTick:
		return wire.Answer{Choice: wire.ChoiceDone}
	case wire.AskRemedy:
		return wire.Answer{}
	}
	return wire.Answer{Choice: q.Choices[0].ID}
}

func newToy() *toy { return &toy{on: map[string]bool{}, fail: map[string][]error{}} }

func states(v wire.View) string {
	var all []string
	for _, s := range v.Steps {
		all = append(all, string(s.State))
	}
	return strings.Join(all, " ")
}

func TestARunThatGoesWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		v, err := play(t, w, j, wire.Live, wire.Destroy, willing)
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		if got := strings.Join(w.sent, " "); got != "a b c" {
			t.Fatalf("sent %q", got)
		}
		if got := states(v); got != "done done done" {
			t.Fatalf("states %q", got)
		}
		if v.Subject.Word() != "testnet/Acme-SV" {
			t.Fatalf("subject %+v", v.Subject)
		}
	})
}

// An intent is in the journal before its action is sent, a confirmation before the intent, and a look before each
// action that destroys.
func TestOrderOfTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &memory{}
		play(t, newToy(), j, wire.Live, wire.Destroy, willing)
		var kinds []string
		for _, e := range j.events {
			if e.Step == "toy/turn" {
				kinds = append(kinds, string(e.Kind))
			}
		}
		want := "step findings plan ask answer findings intent result findings intent result findings facts step"
		if got := strings.Join(kinds, " "); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestNothingIsSentWithout(t *testing.T) {
	for name, operator := range map[string]func(q wire.Question) wire.Answer{
		"an answer": func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskWord {
				return wire.Answer{}
			}
			return willing(q)
		},
		"the right word": func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskWord {
				return wire.Answer{Choice: wire.ChoiceYes, Text: "testnet/acme-sv"}
			}
			return willing(q)
		},
		"the right hash": func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskWord {
				return wire.Answer{Choice: wire.ChoiceYes, Text: q.Word, Hash: "of an older screen"}
			}
			return willing(q)
		},
		"the right question": func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskWord {
				return wire.Answer{Question: "q1", Choice: wire.ChoiceYes, Text: q.Word}
			}
			return willing(q)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newToy()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				m, _ := New(Config[facts]{Path: toyPath(w, wire.Destroy), Run: wire.Run{ID: "r", Acting: wire.Live}, Journal: &memory{},
					Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} }, Clock: clock.RealClock{}})
				viewer := m.Hub.Join()
				go func() {
					for e := range viewer.C {
						if e.Kind == wire.KindAsk {
							a := operator(*e.Question)
							if a.Question == "" {
								a.Question = e.Question.ID
							}
							m.Say(ctx, wire.Message{Kind: wire.SayAnswer, Answer: &a})
						}
					}
				}()
				if err := m.Run(ctx); !errors.Is(err, ErrInterrupted) {
					t.Errorf("err = %v", err)
				}
				if len(w.sent) > 0 {
					t.Errorf("sent %v", w.sent)
				}
				viewer.Leave()
			})
		})
	}
}

func TestParksWhenNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		begun := time.Now()
		v, err := play(t, w, j, wire.Live, wire.Destroy, func(q wire.Question) wire.Answer { return wire.Answer{} })
		if !errors.Is(err, ErrInterrupted) || v.Parked == "" {
			t.Fatalf("%v, parked %q", err, v.Parked)
		}
		if waited := time.Since(begun); waited < 30*time.Minute || waited > 31*time.Minute {
			t.Fatalf("parked after %v", waited)
		}
		v, err = play(t, w, j, wire.Live, wire.Destroy, willing)
		if err != nil || v.Ended.Outcome != wire.Recovered || v.Parked != "" {
			t.Fatalf("after resume: %v %+v %q", err, v.Ended, v.Parked)
		}
	})
}

func TestAnErrorThatPassesIsTriedAgainByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		away := &kube.Error{Kind: kube.Unreachable, Tried: "x", Seen: "no answer"}
		w.fail["b"] = []error{away, away}
		v, err := play(t, w, &memory{}, wire.Live, wire.Repeatable, willing)
		if err != nil || v.Ended.Outcome != wire.Recovered || strings.Join(w.sent, " ") != "a b c" {
			t.Fatalf("%v %+v %v", err, v.Ended, w.sent)
		}
	})
}

func TestRemedies(t *testing.T) {
	full := errors.New("no space left")
	for _, c := range []struct {
		name, choice, reason string
		setup                func(*toy)
		want                 wire.Outcome
		sent, states         string
	}{
		{"retry", wire.ChoiceRetry, "", func(w *toy) { w.fail["b"] = []error{full} }, wire.Recovered, "a b c", "done done done"},
		{"end", wire.ChoiceAbort, "", func(w *toy) { w.fail["b"] = []error{full} }, wire.Failed, "a", "done running "},
		{"leave out, then not proven", wire.ChoiceSkip, "broken", func(w *toy) { w.fail["b"] = []error{full} }, "", "a", "done waiting "},
		{"veto, end", wire.ChoiceAbort, "", func(w *toy) { w.veto = "not today" }, wire.Refused, "", "done running "},
		{"stuck, accept", wire.ChoiceAccept, "seen by eye", func(w *toy) { w.stuck = true }, wire.Recovered, "a b c", "done done done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newToy()
				c.setup(w)
				used := false
				v, _ := play(t, w, &memory{}, wire.Live, wire.Repeatable, func(q wire.Question) wire.Answer {
					if q.Kind == wire.AskRemedy && !used {
						used = true
						return wire.Answer{Choice: c.choice, Text: c.reason}
					}
					return willing(q)
				})
				outcome := wire.Outcome("")
				if v.Ended != nil {
					outcome = v.Ended.Outcome
				}
				if outcome != c.want || strings.Join(w.sent, " ") != c.sent || states(v) != c.states {
					t.Errorf("outcome %q, sent %v, states %q", outcome, w.sent, states(v))
				}
			})
		})
	}
}

// What changed between the screen and the answer is shown again, and nothing is sent on the old answer.
func TestAChangeAfterTheConfirmationIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		confirmations := 0
		_, err := play(t, w, &memory{}, wire.Live, wire.Destroy, func(q wire.Question) wire.Answer {
			if q.Kind == wire.AskWord {
				if confirmations++; confirmations == 1 {
					w.veto = "changed meanwhile" // the second check will see it
				}
			}
			if q.Kind == wire.AskRemedy {
				if len(w.sent) > 0 {
					t.Errorf("sent %v although the check was violated", w.sent)
				}
				w.veto = ""
				return wire.Answer{Choice: wire.ChoiceRetry}
			}
			return willing(q)
		})
		if err != nil || confirmations != 1 || strings.Join(w.sent, " ") != "a b c" {
			t.Fatalf("%v, %d confirmations, sent %v", err, confirmations, w.sent)
		}
	})
}

func TestByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		v, err := play(t, w, j, wire.Live, wire.Destroy, func(q wire.Question) wire.Answer {
			switch {
			case q.Name == "toy/turn.confirm":
				return wire.Answer{Choice: wire.ChoiceByHand}
			case q.Name == "toy/turn.by-hand":
				w.on["a"], w.on["b"] = true, true // the operator's own hands
				return wire.Answer{Choice: "nothing", Question: "x"}
			}
			return willing(q)
		})
		if err != nil || states(v) != "done by-hand done" || strings.Join(w.sent, " ") != "c" {
			t.Fatalf("%v %q %v", err, states(v), w.sent)
		}
	})
}

func TestUndoOfTheStepBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		undone := false
		v, err := play(t, w, &memory{}, wire.Live, wire.Repeatable, func(q wire.Question) wire.Answer {
			if q.Name == "toy/last.confirm" && !undone {
				undone = true
				return wire.Answer{Choice: wire.ChoiceUndo}
			}
			return willing(q)
		})
		if err != nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v %+v", err, v.Ended)
		}
		if got := strings.Join(w.sent, " "); got != "a b a b a b c" {
			t.Fatalf("sent %q", got)
		}
	})
}

// A step that found nothing to do has nothing to take back, and does not stand in the way of those before it.
func TestUndoGoesPastAStepThatChangedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		path := toyPath(w, wire.Repeatable)
		path.Steps = slices.Insert(path.Steps, 2, steps.Step[facts]{ID: "toy/idle", Title: "Idle", Effect: wire.Repeatable,
			Plan:   func(facts) ([]steps.Action, error) { return nil, nil },
			Verify: func(context.Context, steps.World, *facts) ([]wire.Finding, error) { return nil, nil },
			Undo:   func(facts) ([]steps.Action, string) { return nil, "" }})
		undone := false
		v, err := playPath(t, path, &memory{}, wire.Live, func(q wire.Question) wire.Answer {
			if q.Name == "toy/last.confirm" && !undone {
				undone = true
				return wire.Answer{Choice: wire.ChoiceUndo}
			}
			return willing(q)
		})
		if got := strings.Join(w.sent, " "); err != nil || v.Ended.Outcome != wire.Recovered || got != "a b a b a b c" {
			t.Errorf("%v %+v, sent %q", err, v.Ended, got)
		}
	})
}

func TestDryRunSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		w.veto = "would be refused"
		v, err := play(t, w, &memory{}, wire.DryRun, wire.Destroy, willing)
		if err != nil || v.Ended.Outcome != wire.Rehearsed || len(w.sent) > 0 || states(v) != "done planned planned" {
			t.Fatalf("%v %+v sent %v states %q", err, v.Ended, w.sent, states(v))
		}
		if trial := v.Step("toy/turn").Findings[wire.PhaseTrial]; len(trial) != 2 {
			t.Fatalf("trial %+v", trial)
		}
	})
}

func TestChecklistSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		v, err := play(t, w, &memory{}, wire.Checklist, wire.Destroy, willing)
		if err != nil || len(w.sent) > 0 || states(v) != "by-hand by-hand by-hand" {
			t.Fatalf("%v sent %v states %q", err, w.sent, states(v))
		}
	})
}

// What may have happened and must not happen twice is never sent again by itself.
func TestOnceIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		play(t, w, j, wire.Live, wire.Once, willing)
		for i, e := range j.events { // the process died after the intent
			if e.Kind == wire.KindIntent && e.Action == "a" {
				j.events = j.events[:i+1]
				break
			}
		}
		w.sent, w.unsure = nil, true
		asked := false
		play(t, w, j, wire.Live, wire.Once, func(q wire.Question) wire.Answer {
			if q.Name == "toy/turn.unknown" {
				asked = true
				return wire.Answer{Choice: wire.ChoiceAccept, Text: "seen in the wallet"}
			}
			return willing(q)
		})
		if !asked || slices.Contains(w.sent, "a") {
			t.Fatalf("asked %v, sent %v", asked, w.sent)
		}
	})
}

func TestAnotherVersionOfThePathIsRefused(t *testing.T) {
	j := &memory{events: []wire.Event{{Seq: 1, Kind: wire.KindRun, Run: &wire.Run{Path: "toy", PathVersion: 2, ID: "r-1"}}}}
	_, err := New(Config[facts]{Path: toyPath(newToy(), wire.Observe), Past: j.events})
	if err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("err = %v", err)
	}
}

// drive runs the path over w and j with an operator who may also say other things through say.
func drive(t *testing.T, w *toy, j *memory, path steps.Path[facts], operator func(q wire.Question, say func(wire.Message)) wire.Answer) (*Machine[facts], error) {
	t.Helper()
	m, err := New(Config[facts]{Path: path, Run: wire.Run{ID: "r-1", Acting: wire.Live}, Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} },
		Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	viewer, past := m.Hub.Join(), uint64(len(j.events))
	say := func(msg wire.Message) { m.Say(t.Context(), msg) }
	go func() {
		for e := range viewer.C {
			if e.Kind != wire.KindAsk || e.Seq <= past { // questions of the worker before this one are not open
				continue
			}
			a := operator(*e.Question, say)
			a.Question, a.Hash = e.Question.ID, e.Question.Hash
			if a.Choice != "" {
				say(wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
			}
		}
	}()
	err = m.Run(t.Context())
	viewer.Leave()
	m.Hub.Close()
	synctest.Wait()
	return m, err
}

// slow is an action during which time passes, so that something can be said meanwhile.
type slow struct{ flip }

func (s slow) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	time.Sleep(time.Minute)
	return s.flip.Do(ctx, h, report)
}

func TestParksAfterTheRunningActionAndNotAfterTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		path := toyPath(w, wire.Repeatable)
		path.Steps[1].Plan = func(facts) ([]steps.Action, error) {
			return []steps.Action{slow{flip{w, "a", true, wire.Repeatable}}, slow{flip{w, "b", true, wire.Repeatable}}}, nil
		}
		_, err := drive(t, w, j, path, func(q wire.Question, say func(wire.Message)) wire.Answer {
			if q.Name == "toy/turn.confirm" {
				time.AfterFunc(30*time.Second, func() {
					say(wire.Message{Kind: wire.SayNote, Text: "noted while it runs", By: "you"})
					say(wire.Message{Kind: wire.SayPark, By: "you"})
				})
			}
			return willing(q)
		})
		v := wire.FoldAll(j.events)
		if !errors.Is(err, ErrInterrupted) || v.Parked == "" || strings.Join(w.sent, " ") != "a" {
			t.Fatalf("%v, parked %q, sent %v", err, v.Parked, w.sent)
		}
		if len(v.Notes) != 1 || v.Notes[0].Step != "toy/turn" {
			t.Errorf("notes %+v", v.Notes)
		}
		if m, err := drive(t, w, j, path, func(q wire.Question, _ func(wire.Message)) wire.Answer { return willing(q) }); err != nil || m.View().Ended.Outcome != wire.Recovered || strings.Join(w.sent, " ") != "a b c" {
			t.Errorf("after resume: %v, sent %v", err, w.sent)
		}
	})
}

// While a later step is half done, or was asked about and declined, no earlier step can be taken back before it.
func TestChangesAreTakenBackInTheReverseOrderOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		path := toyPath(w, wire.Repeatable)
		middle := steps.Step[facts]{ID: "toy/middle", Title: "Middle", Effect: wire.Repeatable,
			Plan: func(facts) ([]steps.Action, error) {
				return []steps.Action{flip{w, "m", true, wire.Repeatable}, flip{w, "n", true, wire.Repeatable}}, nil
			},
			Verify: func(context.Context, steps.World, *facts) ([]wire.Finding, error) { return nil, nil },
			Undo: func(facts) ([]steps.Action, string) {
				return []steps.Action{flip{w, "m", false, wire.Repeatable}, flip{w, "n", false, wire.Repeatable}}, ""
			}}
		path.Steps = slices.Insert(path.Steps, 2, middle)
		offered := func(q wire.Question) string {
			for _, c := range q.Choices {
				if c.ID == wire.ChoiceUndo {
					return c.Label
				}
			}
			return "nothing"
		}
		w.fail["n"] = []error{errors.New("no")}
		var seen []string
		declined := 0
		drive(t, w, j, path, func(q wire.Question, _ func(wire.Message)) wire.Answer {
			switch q.Name {
			case "toy/middle.remedy":
				seen = append(seen, "half done: "+offered(q))
				return wire.Answer{Choice: wire.ChoicePark}
			}
			return willing(q)
		})
		drive(t, w, j, path, func(q wire.Question, _ func(wire.Message)) wire.Answer {
			switch q.Name {
			case "toy/middle.confirm":
				seen = append(seen, "resumed: "+offered(q))
			case "toy/last.confirm":
				seen = append(seen, "after: "+offered(q))
				if declined++; declined == 1 {
					return wire.Answer{Choice: wire.ChoiceUndo}
				}
			case "toy/middle.undo":
				return wire.Answer{Choice: wire.ChoiceBack}
			}
			return willing(q)
		})
		want := []string{"half done: Take this step back", "resumed: Take this step back", "after: Take back Middle", "after: Take back Middle"}
		if !slices.Equal(seen, want) {
			t.Errorf("offered\n%q, want\n%q", seen, want)
		}
	})
}

// An undo that a crash cut in two is gone on with, because neither the step nor those after it know that world.
func TestAnUndoThatWasCutIsGoneOnWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		undo := func(q wire.Question, _ func(wire.Message)) wire.Answer {
			if q.Name == "toy/last.confirm" {
				return wire.Answer{Choice: wire.ChoiceUndo}
			}
			return willing(q)
		}
		path := toyPath(w, wire.Repeatable)
		var first string
		drive(t, w, j, path, func(q wire.Question, say func(wire.Message)) wire.Answer {
			if q.Name == "toy/turn.undo" {
				w.fail["b"] = []error{errors.New("no")}
			}
			if q.Kind == wire.AskRemedy {
				return wire.Answer{Choice: wire.ChoicePark}
			}
			return undo(q, say)
		})
		drive(t, w, j, path, func(q wire.Question, say func(wire.Message)) wire.Answer {
			if first == "" {
				first = q.Name
			}
			if q.Name == "toy/turn.confirm" {
				return wire.Answer{Choice: wire.ChoicePark}
			}
			return willing(q)
		})
		if first != "toy/turn.undo" || w.on["a"] || w.on["b"] {
			t.Errorf("first asked %s, on %v", first, w.on)
		}
	})
}

// What the world showed done when nothing had to be asked, and shows open a moment later, is not sent without being asked.
func TestWhatWasNotAskedIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j := newToy(), &memory{}
		w.on["a"], w.on["b"] = true, true
		path := toyPath(w, wire.Destroy)
		looks, asked := 0, false
		check := path.Steps[1].Check
		path.Steps[1].Check = func(ctx context.Context, world steps.World, f facts) ([]wire.Finding, error) {
			if looks++; looks == 2 {
				w.on["b"] = false // somebody else, after the question that was not asked
			}
			return check(ctx, world, f)
		}
		drive(t, w, j, path, func(q wire.Question, _ func(wire.Message)) wire.Answer {
			if q.Name == "toy/turn.confirm" {
				asked = true
				if len(w.sent) > 0 {
					t.Errorf("sent %v before it was asked", w.sent)
				}
			}
			return willing(q)
		})
		if !asked || strings.Join(w.sent, " ") != "b c" {
			t.Errorf("asked %v, sent %v", asked, w.sent)
		}
	})
}

func TestSayAfterTheEndDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := drive(t, newToy(), &memory{}, toyPath(newToy(), wire.Repeatable), func(q wire.Question, _ func(wire.Message)) wire.Answer { return willing(q) })
		for range 40 {
			if err := m.Say(context.Background(), wire.Message{Kind: wire.SayNote, Text: "x"}); !errors.Is(err, ErrOver) {
				t.Fatal(err)
			}
		}
	})
}

// A viewer that never reads holds nobody up, loses no durable event, and can be let go.
func TestAViewerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewHub(nil)
		v := hub.Join()
		for i := range 2000 {
			hub.Publish(wire.Event{Kind: wire.KindNote, Seq: uint64(i + 1)})
			hub.Publish(wire.Event{Kind: wire.KindLog, Text: "may be lost"})
		}
		hub.Close()
		next := uint64(1)
		for e := range v.C {
			if e.Seq == 0 {
				continue
			}
			if e.Seq != next {
				t.Fatalf("event %d, want %d", e.Seq, next)
			}
			next++
		}
		if next != 2001 {
			t.Errorf("%d durable events arrived", next-1)
		}
		left := NewHub(nil)
		absent := left.Join()
		left.Publish(wire.Event{Kind: wire.KindNote, Seq: 1})
		absent.Leave()
		absent.Leave()
		if n, _ := left.Viewers(); n != 0 {
			t.Errorf("%d viewers", n)
		}
	}) // a goroutine that is left behind fails the bubble
}
