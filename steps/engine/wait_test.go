package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// waiter is an action that waits until look says so; with a reference it does something first.
type waiter struct {
	sent int
	refs []steps.Ref
	look func(context.Context) (done bool, err error)
}

func (w *waiter) Key() string                                                { return "wait" }
func (w *waiter) Effect() wire.Effect                                        { return wire.Observe }
func (w *waiter) Refs() []steps.Ref                                          { return w.refs }
func (w *waiter) Show() wire.Preview                                         { return wire.Preview{Title: "wait"} }
func (w *waiter) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }
func (w *waiter) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionPending, nil, nil
}

func (w *waiter) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	w.sent++
	h.World.Clock = clock.RealClock{}
	return steps.Poll(ctx, h, 2*time.Second, time.Hour, "it", report, func(ctx context.Context) (wire.Progress, bool, error) {
		done, err := w.look(ctx)
		return wire.Progress{Text: "it is on its way"}, done, err
	})
}

// waitingPath is the toy path with a last step that waits.
func waitingPath(w *waiter) steps.Path[facts] {
	path := toyPath(newToy(), wire.Once)
	path.Steps[2].Effect = wire.Observe
	path.Steps[2].Plan = func(facts) ([]steps.Action, error) { return []steps.Action{w}, nil }
	return path
}

// looks is a look that finds nothing for so many, then fails for so many, then finds it.
func looks(fine, failing int) func(context.Context) (bool, error) {
	n := 0
	return func(context.Context) (bool, error) {
		switch n++; {
		case n <= fine:
			return false, nil
		case failing < 0 || n <= fine+failing:
			return false, busy
		}
		return true, nil
	}
}

// What fails and passes in the middle of a wait is told as everywhere else, and the wait goes on where it stood.
func TestARetryInTheMiddleOfAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{look: looks(5, 3)}
		r := ride(t, waitingPath(w), nil)
		time.Sleep(14 * time.Second) // five looks until 8 s; failures at 10, 11 and 13 s
		v := r.view()
		if v.Retry == nil || v.Retry.Tries != 3 || !v.Retry.Since.Equal(r.began.Add(10*time.Second)) || !v.Retry.Next.Equal(r.began.Add(17*time.Second)) || !v.Retry.Until.Equal(r.began.Add(10*time.Minute+10*time.Second)) {
			t.Fatalf("shown: %+v", v.Retry)
		}
		if v.Retry.What() != "list pods in namespace sv: 503 busy" {
			t.Errorf("it says %q", v.Retry.What())
		}
		if a := v.Running(); a == nil || a.Progress == nil || a.Progress.Text != "it is on its way" {
			t.Errorf("the progress of what is waited for is %+v", a)
		}
		v = r.ends()
		if v.Ended == nil || w.sent != 1 {
			t.Errorf("ended %+v, begun %d times", v.Ended, w.sent)
		}
		if got := retries(r.j.events); len(got) != 1 || got[0].Tries != 3 || got[0].Outcome != wire.RetryPassed || v.Retries[0].Step != "toy/last" {
			t.Errorf("in the journal: %+v", got)
		}
	})
}

// The strip goes when a look works, and not only when the wait is over.
func TestAWaitThatGoesOnShowsNoRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := ride(t, waitingPath(&waiter{look: func(context.Context) (bool, error) {
			if n++; n == 3 {
				return false, busy
			}
			return n > 100, nil
		}}), nil)
		time.Sleep(20 * time.Second)
		if v := r.view(); v.Retry != nil || v.Running() == nil || len(v.Retries) != 1 {
			t.Errorf("shown %+v, before %+v", v.Retry, v.Retries)
		}
		r.ends()
	})
}

// Patience is that of every other reading; then a person is asked, and may wait longer.
func TestABudgetThatIsSpentInAWaitIsAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ride(t, waitingPath(&waiter{look: looks(1, -1)}), nil)
		time.Sleep(10*time.Minute + time.Second)
		if v := r.view(); v.Question != nil || v.Retry == nil {
			t.Fatalf("before its end: %+v", v.Question)
		}
		time.Sleep(2 * time.Second)
		v := r.view()
		if v.Question == nil || v.Question.Name != "toy/last.remedy" || !strings.Contains(v.Question.Error.Seen, "503 busy; it was tried ") || v.Retry != nil {
			t.Fatalf("after its end: %+v", v.Question)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
}

// A viewer decides about what is tried again in a wait as about any other, between two tries and while one hangs; so it is with the
// readings of an action that has done something before.
func TestAViewerDecidesAboutARetryInAWait(t *testing.T) {
	for name, refs := range map[string][]steps.Ref{"a wait": nil, "an action that waits for what it did": {{File: "x"}}} {
		for _, hangs := range []bool{false, true} {
			for say, outcome := range map[wire.MessageKind]wire.RetryOutcome{wire.SayNow: wire.RetryPassed, wire.SayStop: wire.RetryStopped, wire.SayPark: wire.RetryParked} {
				if hangs && say == wire.SayNow {
					continue // it is being tried
				}
				t.Run(name+" "+string(say), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						look := looks(1, 2)
						tries := 0
						r := ride(t, waitingPath(&waiter{refs: refs, look: func(ctx context.Context) (bool, error) {
							if tries++; hangs && tries == 4 {
								<-ctx.Done()
								return false, ctx.Err()
							}
							return look(ctx)
						}}), nil)
						time.Sleep(4 * time.Second) // failures at 2 and 3 s, and the next try at 5 s
						if hangs {
							time.Sleep(6 * time.Second)
						}
						if v := r.view(); v.Retry == nil || v.Retry.Next.IsZero() != hangs {
							t.Fatalf("shown: %+v", v.Retry)
						}
						said := time.Since(r.began)
						r.say(wire.Message{Kind: say})
						if say == wire.SayStop {
							if q := r.view().Question; q == nil || q.Name != "toy/last.remedy" || !strings.HasSuffix(q.Error.Seen, "until that was stopped") {
								t.Fatalf("question %+v", q)
							}
							r.say(wire.Message{Kind: wire.SayPark})
						}
						if v := r.ends(); (v.Ended == nil) != (say != wire.SayNow) || (v.Parked == "") != (say == wire.SayNow) {
							t.Errorf("ended %+v, parked %q", v.Ended, v.Parked)
						}
						if time.Since(r.began) != said {
							t.Errorf("it was heard after %s", time.Since(r.began)-said)
						}
						if got := retries(r.j.events); len(got) != 1 || got[0].Outcome != outcome || got[0].Tries != 2 {
							t.Errorf("in the journal: %+v", got)
						}
					})
				})
			}
		}
	}
}

// Who stops it while what changes something is being sent again is heard when that has come to its end.
func TestStoppingDuringASend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		tries := 0
		w.before = func(_ context.Context, name string) error {
			if tries++; tries > 1 {
				time.Sleep(30 * time.Second)
			}
			return busy
		}
		r := ride(t, toyPath(w, wire.Repeatable), nil)
		time.Sleep(10 * time.Second)
		r.say(wire.Message{Kind: wire.SayStop})
		time.Sleep(25 * time.Second)
		if q := r.view().Question; q == nil || q.Name != "toy/turn.remedy" || !strings.HasSuffix(q.Error.Seen, "until that was stopped") {
			t.Fatalf("question %+v", q)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
}
