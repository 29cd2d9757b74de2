package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

func TestPatience(t *testing.T) {
	const plenty = time.Hour
	for _, c := range []struct {
		name        string
		p           Patience
		failures    int
		asked, left time.Duration
		want        time.Duration
	}{
		{"the first", Patience{}, 1, 0, plenty, time.Second},
		{"doubles", Patience{}, 4, 0, plenty, 8 * time.Second},
		{"has an end", Patience{}, 40, 0, plenty, 30 * time.Second},
		{"the server asks for more", Patience{}, 1, 2 * time.Minute, plenty, 2 * time.Minute},
		{"the server asks for less", Patience{}, 5, time.Second, plenty, 16 * time.Second},
		{"the budget ends before", Patience{}, 6, 0, 3 * time.Second, 3 * time.Second},
		{"the server asks for more than is left", Patience{}, 1, time.Hour, time.Minute, time.Minute},
		{"up to a quarter more", Patience{Jitter: func() float64 { return 1 }}, 3, 0, plenty, 5 * time.Second},
		{"never before the server's time", Patience{Jitter: func() float64 { return 0 }}, 1, 7 * time.Second, plenty, 7 * time.Second},
		{"a rhythm of its own", Patience{First: 3 * time.Second, Most: 5 * time.Second}, 2, 0, plenty, 5 * time.Second},
	} {
		if got := c.p.wait(c.failures, c.asked, c.left); got != c.want {
			t.Errorf("%s: waits %s, want %s", c.name, got, c.want)
		}
	}
}

// ridden is a run that is watched, and spoken to, while it goes.
type ridden struct {
	t     *testing.T
	m     *Machine[facts]
	j     *memory
	began time.Time

	mu   sync.Mutex
	seen []wire.Event
	over chan error
}

// ride runs a path, with a viewer who is willing and leaves every other question open.
func ride(t *testing.T, path steps.Path[facts], login Login) *ridden {
	t.Helper()
	return rideOn(t, path, login, func(*Config[facts]) {})
}

// rideOn is ride with some things otherwise.
func rideOn(t *testing.T, path steps.Path[facts], login Login, otherwise func(*Config[facts])) *ridden {
	t.Helper()
	r := &ridden{t: t, j: &memory{}, began: time.Now(), over: make(chan error, 1)}
	config := Config[facts]{Path: path, Run: wire.Run{ID: "r-1", Acting: wire.Live, Operator: "you", Host: "here"}, Login: login,
		Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} }, Journal: r.j, Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute}
	otherwise(&config)
	r.j.events = slices.Clone(config.Past)
	var err error
	if r.m, err = New(config); err != nil {
		t.Fatal(err)
	}
	viewer := r.m.Hub.Join()
	go func() {
		for e := range viewer.C {
			r.mu.Lock()
			r.seen = append(r.seen, e)
			r.mu.Unlock()
			if e.Kind == wire.KindAsk {
				if a := willing(*e.Question); a.Choice != "" {
					a.Question, a.Hash = e.Question.ID, e.Question.Hash
					r.say(wire.Message{Kind: wire.SayAnswer, Answer: &a})
				}
			}
		}
	}()
	go func() {
		r.over <- r.m.Run(t.Context())
		viewer.Leave()
	}()
	synctest.Wait()
	return r
}

func (r *ridden) say(msg wire.Message) {
	msg.By = "you"
	r.m.Say(r.t.Context(), msg)
}

// view is what a viewer shows now.
func (r *ridden) view() wire.View {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return wire.FoldAll(r.seen)
}

// written is what the journal says now.
func (r *ridden) written() wire.View {
	synctest.Wait()
	return wire.FoldAll(r.j.events)
}

// ends waits for the end of the run.
func (r *ridden) ends() wire.View {
	r.t.Helper()
	<-r.over
	synctest.Wait()
	return wire.FoldAll(r.j.events)
}

// reading is a path whose first step reads the world with this.
func reading(w *toy, read func(context.Context) error) steps.Path[facts] {
	path := toyPath(w, wire.Once)
	verify := path.Steps[0].Verify
	path.Steps[0].Verify = func(ctx context.Context, world steps.World, f *facts) ([]wire.Finding, error) {
		if err := read(ctx); err != nil {
			return nil, err
		}
		return verify(ctx, world, f)
	}
	return path
}

var busy = &kube.Error{Kind: kube.Server, Tried: "list pods in namespace sv", Seen: "503 busy"}

// fails is a reading that fails so often; -1: for ever.
func fails(n int, err error) func(context.Context) error {
	return func(context.Context) error {
		if n == 0 {
			return nil
		}
		n--
		return err
	}
}

func retries(events []wire.Event) (all []wire.Retry) {
	for _, e := range events {
		if e.Kind == wire.KindRetried {
			all = append(all, *e.Retry)
		}
	}
	return all
}

func TestARetryIsSeenWhileItGoesOnAndIsInTheJournalAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ride(t, reading(newToy(), fails(3, busy)), nil)
		time.Sleep(3500 * time.Millisecond) // failures at 0, 1 and 3 s
		v := r.view()
		if v.Retry == nil || v.Retry.Tries != 3 || !v.Retry.Since.Equal(r.began) || !v.Retry.Next.Equal(r.began.Add(7*time.Second)) || !v.Retry.Until.Equal(r.began.Add(10*time.Minute)) {
			t.Fatalf("shown: %+v", v.Retry)
		}
		if got, want := v.Retry.Sentence(v.Run, time.Now()), "trying again in 4 s (4th time since 00:00, until 00:10): list pods in namespace sv: 503 busy"; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
		late := r.m.Hub.Join() // somebody who comes now is told too
		var told wire.View
		go func() {
			for e := range late.C {
				told = wire.Fold(told, e)
			}
		}()
		synctest.Wait()
		if told.Retry == nil || told.Retry.Tries != 3 {
			t.Errorf("who joins is told %+v", told.Retry)
		}
		late.Leave()
		v = r.ends()
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered || v.Retry != nil || r.view().Retry != nil {
			t.Fatalf("%+v, retry %+v", v.Ended, v.Retry)
		}
		got := retries(r.j.events)
		if len(got) != 1 || got[0].Tries != 3 || got[0].Outcome != wire.RetryPassed || v.Retries[0].Step != "toy/look" || v.Retries[0].Ended.Sub(got[0].Since) != 7*time.Second {
			t.Errorf("in the journal: %+v", v.Retries)
		}
	})
}

func TestTheServersTimeIsRespected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ride(t, reading(newToy(), fails(1, &kube.Error{Kind: kube.Throttled, Tried: "x", Seen: "429", RetryAfter: 90 * time.Second})), nil)
		r.ends()
		if waited := time.Since(r.began); waited != 90*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestABudgetThatIsSpentIsAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ride(t, reading(newToy(), fails(-1, busy)), nil)
		time.Sleep(9*time.Minute + 59*time.Second)
		if v := r.view(); v.Question != nil || v.Retry == nil {
			t.Fatalf("before its end: %+v", v.Question)
		}
		time.Sleep(2 * time.Second)
		v := r.view()
		if v.Question == nil || v.Question.Name != "toy/look.remedy" || v.Retry != nil {
			t.Fatalf("after its end: %+v, %+v", v.Question, v.Retry)
		}
		if seen := v.Question.Error.Seen; !strings.HasPrefix(seen, "503 busy; it was tried ") || !strings.HasSuffix(seen, " times from 00:00:00 to 00:10:00 UTC, until it was given up") {
			t.Errorf("the question says %q", seen)
		}
		if v.Question.Default != "" { // without a person it parks, and is not refused for good
			t.Errorf("the default is %q", v.Question.Default)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
		if got := retries(r.j.events); len(got) != 1 || got[0].Outcome != wire.RetrySpent {
			t.Errorf("in the journal: %+v", got)
		}
	})
}

func TestAViewerDecidesAboutARetry(t *testing.T) {
	for _, c := range []struct {
		say     wire.MessageKind
		outcome wire.RetryOutcome
	}{{wire.SayNow, wire.RetryPassed}, {wire.SayStop, wire.RetryStopped}, {wire.SayPark, wire.RetryParked}} {
		t.Run(string(c.say), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := ride(t, reading(newToy(), fails(6, busy)), nil)
				time.Sleep(40 * time.Second) // six failures, and the next try at 61 s
				r.say(wire.Message{Kind: c.say})
				if c.say == wire.SayStop {
					if q := r.view().Question; q == nil || q.Name != "toy/look.remedy" || !strings.HasSuffix(q.Error.Seen, "until that was stopped") {
						t.Fatalf("question %+v", q)
					}
					r.say(wire.Message{Kind: wire.SayPark})
				}
				if v := r.ends(); (v.Ended == nil) != (c.say != wire.SayNow) || (v.Parked == "") != (c.say == wire.SayNow) {
					t.Errorf("ended %+v, parked %q", v.Ended, v.Parked)
				}
				if time.Since(r.began) != 40*time.Second {
					t.Errorf("it took %s", time.Since(r.began))
				}
				if got := retries(r.j.events); len(got) != 1 || got[0].Outcome != c.outcome || got[0].Tries != 6 {
					t.Errorf("in the journal: %+v", got)
				}
			})
		})
	}
}

// A call that hangs keeps nobody from anything: notes are taken while it does, and who parks does not wait for its end.
func TestACallThatHangsBlocksNobody(t *testing.T) {
	for name, stubborn := range map[string]bool{"that can be cancelled": false, "that cannot": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cancelled := false
				r := ride(t, reading(newToy(), func(ctx context.Context) error {
					if stubborn {
						time.Sleep(5 * time.Minute)
						return errors.New("too late")
					}
					<-ctx.Done()
					cancelled = true
					return ctx.Err()
				}), nil)
				time.Sleep(10 * time.Second)
				r.say(wire.Message{Kind: wire.SayNote, Text: "it hangs"})
				if v := r.view(); len(v.Notes) != 1 {
					t.Fatal("the note was not taken")
				}
				r.say(wire.Message{Kind: wire.SayPark})
				if v := r.ends(); v.Parked == "" || time.Since(r.began) != 10*time.Second || cancelled == stubborn {
					t.Errorf("parked %q after %s, cancelled %v", v.Parked, time.Since(r.began), cancelled)
				}
				time.Sleep(10 * time.Minute)
			})
		})
	}
}

// A try that hangs in the middle of a retry can be stopped.
func TestATryThatHangsIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		r := ride(t, reading(newToy(), func(ctx context.Context) error {
			if tries++; tries == 1 {
				return busy
			}
			<-ctx.Done()
			return ctx.Err()
		}), nil)
		time.Sleep(20 * time.Second)
		if v := r.view(); v.Retry == nil || !v.Retry.Next.IsZero() || !strings.HasPrefix(v.Retry.Sentence(v.Run, time.Now()), "trying again now (2nd time") {
			t.Fatalf("shown: %+v", v.Retry)
		}
		r.say(wire.Message{Kind: wire.SayStop})
		if v := r.view(); v.Question == nil || !strings.HasPrefix(v.Question.Error.Seen, "503 busy; it was tried 1 time ") {
			t.Fatalf("question %+v", v.Question)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
}

// Sends and the looks between them share one budget; what must happen once is not sent again by itself at all.
func TestSendsHaveTheSameBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		w.fail["a"] = slices.Repeat([]error{busy}, 100)
		r := ride(t, toyPath(w, wire.Repeatable), nil)
		time.Sleep(10*time.Minute + time.Second)
		v := r.view()
		if v.Question == nil || v.Question.Name != "toy/turn.remedy" || !strings.Contains(v.Question.Error.Seen, "to 00:10:00 UTC") {
			t.Fatalf("question %+v", v.Question)
		}
		if n := 100 - len(w.fail["a"]); n < 10 || n > 30 {
			t.Errorf("sent %d times", n)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		w.fail["a"] = slices.Repeat([]error{busy}, 100)
		r := ride(t, toyPath(w, wire.Once), nil)
		time.Sleep(time.Hour / 4)
		if v := r.view(); v.Question == nil || len(w.fail["a"]) != 99 {
			t.Fatalf("sent %d times, question %+v", 100-len(w.fail["a"]), v.Question)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
}

// door is a login that works from some time on.
type door struct {
	opens time.Time
	asked int
	hangs bool
	count uint64 // of what was refused
}

func (d *door) Refused() uint64 { return d.count }

func (d *door) HowToLogIn() string { return "Log in with the key" }
func (d *door) LogIn(ctx context.Context) error {
	d.asked++
	if d.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if time.Now().Before(d.opens) {
		return &kube.Error{Kind: kube.Unauthorized, Tried: "ask who we are", Seen: "401 Unauthorized"}
	}
	return nil
}

func TestALoginThatHasExpired(t *testing.T) {
	unknown := &kube.Error{Kind: kube.Unauthorized, Tried: "list pods", Seen: "401 Unauthorized"}
	t.Run("and works again at once", func(t *testing.T) { // as a credential plugin makes it
		synctest.Test(t, func(t *testing.T) {
			d := &door{}
			v := ride(t, reading(newToy(), fails(1, unknown)), d).ends()
			if v.Ended == nil || d.asked != 1 || len(v.Retries) != 0 {
				t.Errorf("%+v, asked %d times, retries %+v", v.Ended, d.asked, v.Retries)
			}
			if slices.ContainsFunc(v.Answers, func(a wire.Answered) bool { return strings.HasSuffix(a.Name, ".login") }) {
				t.Errorf("a person was asked: %+v", v.Answers)
			}
		})
	})
	t.Run("is a question that a login answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := &door{opens: time.Now().Add(3 * time.Minute)}
			r := ride(t, reading(newToy(), func(context.Context) error {
				if time.Now().Before(d.opens) {
					return unknown
				}
				return nil
			}), d)
			time.Sleep(time.Minute)
			v := r.view()
			if v.Question == nil || v.Question.Name != "toy/look.login" || v.Question.Error.Next != "Log in with the key" || v.Retry != nil {
				t.Fatalf("question %+v, retry %+v", v.Question, v.Retry)
			}
			v = r.ends()
			if v.Ended == nil || time.Since(r.began) > 3*time.Minute+loginLooks || v.Answers[1].By != byTheWorld {
				t.Errorf("%+v after %s, answers %+v", v.Ended, time.Since(r.began), v.Answers)
			}
		})
	})
	t.Run("and a look that hangs blocks nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := ride(t, reading(newToy(), fails(1, unknown)), &door{hangs: true})
			time.Sleep(time.Minute)
			r.say(wire.Message{Kind: wire.SayPark})
			if v := r.ends(); v.Parked == "" || time.Since(r.began) != time.Minute {
				t.Errorf("parked %q after %s", v.Parked, time.Since(r.began))
			}
		})
	})
	t.Run("and is refused although it works", func(t *testing.T) { // no storm of questions, none of requests
		synctest.Test(t, func(t *testing.T) {
			d := &door{}
			r := ride(t, reading(newToy(), fails(-1, unknown)), d)
			time.Sleep(10 * time.Minute)
			if v := r.view(); v.Question == nil || d.asked != 1 || strings.Contains(v.Question.Text, "by itself") {
				t.Errorf("asked %d times, question %+v", d.asked, v.Question)
			}
			r.say(wire.Message{Kind: wire.SayPark})
			r.ends()
		})
	})
	t.Run("and nobody told", func(t *testing.T) { // what is refused may be left out by who reads, and is read again
		synctest.Test(t, func(t *testing.T) {
			d := &door{opens: time.Now().Add(time.Minute)}
			read := 0
			r := ride(t, reading(newToy(), func(context.Context) error {
				if read++; time.Now().Before(d.opens) {
					d.count++
				}
				return nil
			}), d)
			v := r.view()
			if v.Question == nil || v.Question.Name != "toy/look.login" {
				t.Fatalf("question %+v", v.Question)
			}
			if v := r.ends(); v.Ended == nil || read != 2 {
				t.Errorf("%+v, read %d times", v.Ended, read)
			}
		})
	})
	t.Run("in the middle of an action", func(t *testing.T) {
		for effect, sent := range map[wire.Effect]int{wire.Repeatable: 2, wire.Once: 1} {
			synctest.Test(t, func(t *testing.T) {
				w := newToy()
				w.fail["a"] = []error{unknown}
				r := ride(t, toyPath(w, effect), &door{})
				v := r.view()
				if tries := v.Step("toy/turn").Actions[0].Tries; tries != sent {
					t.Errorf("%s: sent %d times, want %d", effect, tries, sent)
				}
				if effect == wire.Once {
					if v.Question == nil || v.Question.Name != "toy/turn.remedy" {
						t.Errorf("%s: question %+v", effect, v.Question)
					}
					r.say(wire.Message{Kind: wire.SayPark})
				}
				r.ends()
			})
		}
	})
}
