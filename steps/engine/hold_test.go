package engine

import (
	"context"
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

// grip is a Lease that is told how it stands.
type grip struct {
	now      wire.Lease
	script   []wire.Lease // what the next looks and takes find; the last stays
	over     wire.Lease   // what taking over leads to
	changed  chan struct{}
	looks    int
	takes    int
	step     string
	released []string
}

func newGrip(script ...wire.Lease) *grip {
	return &grip{script: script, changed: make(chan struct{}, 1)}
}

func (g *grip) next() wire.Lease {
	if len(g.script) > 0 {
		g.now, g.script = g.script[0], g.script[1:]
	}
	return g.now
}
func (g *grip) Look(context.Context, string) wire.Lease     { g.looks++; return g.next() }
func (g *grip) Take(context.Context, string) wire.Lease     { g.takes++; return g.next() }
func (g *grip) TakeOver(context.Context, string) wire.Lease { g.now = g.over; return g.now }
func (g *grip) State() wire.Lease                           { return g.now }
func (g *grip) Changed() <-chan struct{}                    { return g.changed }
func (g *grip) At(step string)                              { g.step = step }
func (g *grip) Keep(ctx context.Context)                    { <-ctx.Done() }
func (g *grip) Release(_ context.Context, note string) error {
	g.released = append(g.released, note)
	return nil
}

var (
	mine   = wire.Lease{State: wire.LeaseHeld}
	none   = wire.Lease{}
	theirs = wire.Lease{State: wire.LeaseForeign, Holder: wire.Holder{Operator: "bob", Host: "ops2", Run: "r-9", Step: "toy/turn"}}
)

func silent(d time.Duration) wire.Lease { l := theirs; l.Silent = d; return l }

// gripped plays the toy with a Lease. The answers are by question; a question without one parks.
func gripped(t *testing.T, w *toy, g *grip, acting wire.Acting, answers map[string][]wire.Answer) (wire.View, *memory, []wire.Event) {
	t.Helper()
	path := toyPath(w, wire.Repeatable)
	path.Subject = func(f facts) wire.Subject {
		if !f.Found {
			return wire.Subject{}
		}
		return wire.Subject{Network: "testnet", SV: "Acme-SV", Namespace: "sv"}
	}
	j := &memory{}
	m, err := New(Config[facts]{Path: path, Run: wire.Run{ID: "r-1", Acting: acting}, Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} },
		Journal: j, Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute, Lease: g})
	if err != nil {
		t.Fatal(err)
	}
	viewer := m.Hub.Join()
	var shown []wire.Event
	go func() {
		for e := range viewer.C {
			shown = append(shown, e)
			if e.Kind == wire.KindRefusal {
				m.Say(t.Context(), wire.Message{Kind: wire.SayPark, By: "you"})
			}
			if e.Kind != wire.KindAsk {
				continue
			}
			a := willing(*e.Question)
			_, name, _ := strings.Cut(e.Question.Name, ".")
			if name == "held" || name == "take-over" {
				a = wire.Answer{Choice: wire.ChoicePark}
				if left := answers[name]; len(left) > 0 {
					a, answers[name] = left[0], left[1:]
				}
			}
			if a.Choice == "leave open" {
				continue
			}
			a.Question, a.Hash = e.Question.ID, e.Question.Hash
			m.Say(t.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
		}
	}()
	if err := m.Run(t.Context()); err != nil && err != ErrInterrupted {
		t.Fatal(err)
	}
	m.Hub.Close()
	viewer.Leave()
	synctest.Wait()
	return m.View(), j, shown
}

func TestHolding(t *testing.T) {
	watch, yes, open := wire.Answer{Choice: wire.ChoiceWait}, wire.Answer{Choice: wire.ChoiceYes, Text: "bob"}, wire.Answer{Choice: "leave open"}
	for name, c := range map[string]struct {
		script  []wire.Lease
		over    wire.Lease
		answers map[string][]wire.Answer
		sent    string
		parked  string
		asked   string // of held and take-over, in their order
	}{
		"free":                                   {script: []wire.Lease{none, mine}, sent: "a b c"},
		"no right":                               {script: []wire.Lease{none, {State: wire.LeaseLocal, Why: "forbidden"}}, sent: "a b c"},
		"away at first":                          {script: []wire.Lease{none, {State: wire.LeaseAway, Why: "gone"}, {State: wire.LeaseAway, Why: "gone"}, mine}, sent: "a b c"},
		"away for ever":                          {script: []wire.Lease{none, {State: wire.LeaseAway, Why: "no route"}}, parked: "writes paused for 30m0s: no route"},
		"somebody else, and the operator leaves": {script: []wire.Lease{theirs}, parked: "asked for by you", asked: "held"},
		"released while it was asked":            {script: []wire.Lease{theirs, theirs, none, mine}, answers: map[string][]wire.Answer{"held": {open}}, sent: "a b c", asked: "held"},
		"watched until it is released":           {script: []wire.Lease{theirs, theirs, theirs, none, mine}, answers: map[string][]wire.Answer{"held": {watch}}, sent: "a b c", asked: "held"},
		"silent, and taken over":                 {script: []wire.Lease{theirs, silent(30 * time.Second), mine}, over: mine, answers: map[string][]wire.Answer{"held": {watch}, "take-over": {yes}}, sent: "a b c", asked: "held take-over"},
		"renewed at the last moment":             {script: []wire.Lease{theirs, silent(30 * time.Second)}, over: theirs, answers: map[string][]wire.Answer{"held": {watch}, "take-over": {yes}}, parked: "asked for by you", asked: "held take-over held"},
		"alive again while it is asked":          {script: []wire.Lease{silent(30 * time.Second), theirs}, answers: map[string][]wire.Answer{"take-over": {open}}, parked: "asked for by you", asked: "take-over held"},
		"taken between look and take":            {script: []wire.Lease{none, theirs}, parked: "asked for by you", asked: "held"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newToy(), newGrip(c.script...)
				g.over = c.over
				v, j, shown := gripped(t, w, g, wire.Live, c.answers)
				var asked []string
				for _, e := range j.events {
					if e.Kind == wire.KindAsk {
						if _, what, _ := strings.Cut(e.Question.Name, "."); what == "held" || what == "take-over" {
							asked = append(asked, what)
						}
					}
					if e.Kind == wire.KindLease {
						t.Error("how it is held was journaled")
					}
				}
				if got := strings.Join(w.sent, " "); got != c.sent || v.Parked != c.parked || strings.Join(asked, " ") != c.asked {
					t.Errorf("sent %q, parked %q, asked %v", got, v.Parked, asked)
				}
				if held := c.sent != ""; held != (len(g.released) == 1) {
					t.Errorf("released %q", g.released)
				}
				if foreign := v.Lease.State == wire.LeaseForeign; foreign != (c.asked != "" && c.parked != "") {
					t.Errorf("at the end the view says %+v", v.Lease)
				}
				for _, l := range c.script {
					if l.State != wire.LeaseNone && !slices.ContainsFunc(shown, func(e wire.Event) bool { return e.Kind == wire.KindLease && e.Lease.State == l.State }) {
						t.Errorf("nobody was shown %+v", l)
					}
				}
			})
		})
	}
}

// The name of the holder has to be typed.
func TestTakingOverNeedsTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newToy(), newGrip(silent(time.Minute))
		g.over = mine
		v, _, shown := gripped(t, w, g, wire.Live, map[string][]wire.Answer{"take-over": {{Choice: wire.ChoiceYes, Text: "alice"}}})
		if len(w.sent) > 0 || v.Parked == "" {
			t.Errorf("sent %v, parked %q", w.sent, v.Parked)
		}
		if !slices.ContainsFunc(shown, func(e wire.Event) bool {
			return e.Kind == wire.KindRefusal && strings.Contains(e.Text, "type bob exactly")
		}) {
			t.Error("another name was not refused")
		}
	})
}

func TestNothingIsHeldWhereNothingIsChanged(t *testing.T) {
	for _, acting := range []wire.Acting{wire.DryRun, wire.Checklist} {
		synctest.Test(t, func(t *testing.T) {
			g := newGrip(theirs)
			gripped(t, newToy(), g, acting, nil)
			if g.looks+g.takes+len(g.released) > 0 {
				t.Errorf("%s looked %d times, took %d times", acting, g.looks, g.takes)
			}
		})
	}
}

// A write that the hands did not send, because the node was not held at that moment, is looked at and sent again when it is.
func TestNotHeldInTheMiddleOfAnAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newToy(), newGrip(none, mine)
		w.fail["a"] = []error{&kube.NotHeld{Why: "it slept"}, &kube.NotHeld{Why: "it slept"}}
		v, j, _ := gripped(t, w, g, wire.Live, nil)
		if got := strings.Join(w.sent, " "); got != "a b c" || v.Ended == nil {
			t.Errorf("sent %q, ended %v", got, v.Ended)
		}
		for _, e := range j.events {
			if e.Kind == wire.KindAsk && e.Question.Kind == wire.AskRemedy {
				t.Errorf("asked %s", e.Question.Name)
			}
		}
	})
}

// Whoever takes the node from a run ends what it does at once; that it was begun is in the journal.
func TestTakenDuringAnAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newToy(), newGrip(none, mine)
		lost := theirs
		lost.Why = "bob on ops2 has taken the node over"
		w.before = func(ctx context.Context, name string) error {
			if name == "b" {
				g.now = lost
				g.changed <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		v, j, _ := gripped(t, w, g, wire.Live, nil)
		if got := strings.Join(w.sent, " "); got != "a" || !strings.HasPrefix(v.Parked, "bob on ops2 has taken the node over: ") || v.Lease.State != wire.LeaseForeign {
			t.Errorf("sent %q, parked %q, %+v", got, v.Parked, v.Lease)
		}
		last := j.events[len(j.events)-2]
		if last.Kind != wire.KindIntent || last.Action != "b" {
			t.Errorf("before it parked the journal says %s %s", last.Kind, last.Action)
		}
	})
}
