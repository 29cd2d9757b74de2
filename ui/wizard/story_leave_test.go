package wizard

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

// ctrl+c asks; again it parks, and only that: no question is answered by it, wherever it comes.
func TestCtrlCAsksAndParksWhenPressedAgain(t *testing.T) {
	for _, s := range scenes {
		d := live(t, s.tape)
		if s.then != nil {
			s.then(d)
		}
		if d.root.over() {
			continue
		}
		d.press("ctrl+c").expect("Leave, or park the run?", "› 1 Stay")
		if len(d.sent) > 0 || d.quit {
			t.Fatalf("%s: once: sent %+v, left %v", s.name, d.sent, d.quit)
		}
		d.press("ctrl+c").expectNoAnswer()
		if len(d.sent) != 1 || d.sent[0].Kind != wire.SayPark || d.quit {
			t.Errorf("%s: twice: sent %+v, left %v", s.name, d.sent, d.quit)
		}
	}
}

func TestCtrlCAndThenDecidingOtherwise(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("ctrl+c", "enter").expectNot("Leave, or park the run?")
	d.press("ctrl+c", "esc").expectNot("Leave, or park the run?")
	d.press("ctrl+c", "y").expectNoAnswer()
	if len(d.sent) > 0 || d.quit {
		t.Fatalf("sent %+v, left %v", d.sent, d.quit)
	}
	d.press("2", "enter")
	if len(d.sent) > 0 || !d.quit || !strings.HasPrefix(d.root.farewell, "The question stays open") {
		t.Errorf("sent %+v, left %v, said %q", d.sent, d.quit, d.root.farewell)
	}
	d = live(t, fixture.Running)
	d.close()
	if d.press("ctrl+c"); !d.quit {
		t.Error("with no worker there is nothing to ask")
	}
}

// watched is a source that takes nothing.
type watchedSource struct{ *driver }

func (watchedSource) Watching() string { return "this screen only watches" }

// Who only watches sees what everybody sees, and no key sends anything.
func TestWatchingSendsNothing(t *testing.T) {
	for _, s := range scenes {
		d := live(t, s.tape)
		d.root.Update(connectedMsg{source: watchedSource{d}})
		d.wait(time.Second)
		asked := d.root.view.Question != nil && !d.root.over()
		if asked {
			d.expect("It is answered elsewhere: this screen only watches.")
		}
		d.expect("only watching")
		for _, k := range []string{"y", "enter", "1", "enter", "r", "o", "h", "p", "down", "enter", "n", "x", "enter", "tab", "enter", "a"} {
			if !asked && k == "a" {
				continue
			}
			d.press(k)
			d.wait(time.Second)
		}
		if len(d.sent) > 0 {
			t.Errorf("%s: sent %+v", s.name, d.sent)
		}
		d.root.dialogs = nil
		if d.press("ctrl+c"); !d.quit {
			t.Errorf("%s: ctrl+c does not leave", s.name)
		}
	}
}

// Where the system ends what a session has started, the screen does not say that a window may be closed without a thought.
func TestALogoutThatWouldEndTheWork(t *testing.T) {
	d := live(t, fixture.Running)
	d.expect("You can close this window")
	d.root.opts.Risk = "this system ends what a session has started (KillUserProcesses=yes). Type loginctl enable-linger alice"
	d.expect("Do not log out yet", "KillUserProcesses=yes").expectNot("You can close this window; the work goes on")
}

// The status has the form that an incident chat wants: when, where, what, how far, how long.
func TestShortStatus(t *testing.T) {
	at := time.Date(2026, 1, 11, 4, 0, 0, 0, time.UTC)
	v := wire.View{Current: -1}
	seq := uint64(0)
	put := func(by time.Duration, e wire.Event) {
		at = at.Add(by)
		e.At = at
		if e.Kind.Durable() {
			seq++
			e.Seq = seq
		}
		v = wire.Fold(v, e)
	}
	say := func(want string) {
		t.Helper()
		if got := ShortStatus(v, at); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	put(0, wire.Event{Kind: wire.KindRun, Run: &wire.Run{World: wire.Real, Acting: wire.Live, Steps: []wire.StepInfo{{ID: "a", Title: "Scale down"}, {ID: "b", Title: "Restore volumes"}}}})
	say("04:00 UTC, no step has begun")
	put(time.Minute, wire.Event{Kind: wire.KindStep, Step: "b", State: wire.StepRunning})
	say("04:01 UTC, step 2 of 2, Restore volumes running")
	put(0, wire.Event{Kind: wire.KindPlan, Step: "b", Plan: &wire.Plan{Actions: []wire.Preview{{Key: "k", Title: "restoring participant-pg"}}}})
	put(0, wire.Event{Kind: wire.KindIntent, Step: "b", Action: "k"})
	put(0, wire.Event{Kind: wire.KindProgress, Step: "b", Action: "k", Progress: &wire.Progress{Done: 511, Total: 1000}})
	put(10*time.Second, wire.Event{Kind: wire.KindProgress, Step: "b", Action: "k", Progress: &wire.Progress{Done: 611, Total: 1000}})
	say("04:01 UTC, step 2 of 2, restoring participant-pg, 61 %, 38 s left")
	put(0, wire.Event{Kind: wire.KindAsk, Step: "b", Question: &wire.Question{ID: "q", Title: "Send this?"}})
	say("04:01 UTC, step 2 of 2, a person is asked: Send this?")
	put(0, wire.Event{Kind: wire.KindPark, Text: "asked for by alice"})
	say("04:01 UTC, step 2 of 2, parked: asked for by alice")
	v.Run.World = wire.Simulated
	say("SIMULATED, 04:01 UTC, step 2 of 2, parked: asked for by alice")
}
