package wizard

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

// driver presses keys on the model and reads what is on the screen. Its clock moves only when told to.
type driver struct {
	t     *testing.T
	root  *root
	clock *clocktesting.FakePassiveClock
	sent  []wire.Message
	fail  error
	out   bytes.Buffer
	quit  bool
}

// Events and Send make the driver the source of its own model.
func (d *driver) Events() <-chan wire.Event { return nil }

func (d *driver) Send(m wire.Message) error {
	if d.fail != nil {
		return d.fail
	}
	d.sent = append(d.sent, m)
	return nil
}

var colourTheme = theme.New(theme.Abilities{Profile: termenv.ANSI256})

var plainTheme = theme.New(theme.Abilities{Profile: termenv.Ascii})

// drive shows a tape, four seconds after its last event, at 80x24.
func drive(t *testing.T, tape *fixture.Tape, th theme.Theme) *driver {
	t.Helper()
	d := &driver{t: t, clock: clocktesting.NewFakePassiveClock(tape.At)}
	d.root = newRoot(context.Background(), Options{Source: d, Clock: d.clock, Theme: th, Operator: "alice",
		Attach: "svrescue attach r-20260111-0830-ab12"}, &d.out)
	d.noTicks()
	d.root.Init() // its commands would listen on the source; the driver hands events over itself
	d.size(80, 24)
	d.feed(tape.Events...)
	d.wait(4 * time.Second)
	return d
}

// feed hands events to the model as the connection would.
func (d *driver) feed(events ...wire.Event) { d.update(eventsMsg{events: events}, false) }

// close is the worker going away.
func (d *driver) close() { d.update(eventsMsg{closed: true}, false) }

func (d *driver) size(w, h int) { d.update(tea.WindowSizeMsg{Width: w, Height: h}, true) }

// wait moves the clock and draws anew, as the heartbeat would.
func (d *driver) wait(by time.Duration) {
	d.clock.SetTime(d.clock.Now().Add(by))
	d.update(tickMsg{}, true)
	d.root.View()
}

// update runs the commands that a message leads to, except those that wait.
func (d *driver) update(msg tea.Msg, run bool) {
	_, cmd := d.root.Update(msg)
	if run {
		d.run(cmd)
	} else if _, ok := msg.(eventsMsg); !ok {
		d.run(cmd)
	}
}

func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	case tea.QuitMsg:
		d.quit = true
	default:
		d.update(msg, true)
	}
}

var keyTypes = map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "up": tea.KeyUp,
	"down": tea.KeyDown, "ctrl+c": tea.KeyCtrlC, "ctrl+z": tea.KeyCtrlZ, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace}

// press sends keys one after another, without time in between.
func (d *driver) press(keys ...string) *driver {
	d.t.Helper()
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		if kt, ok := keyTypes[k]; ok {
			msg = tea.KeyMsg{Type: kt}
		} else if len([]rune(k)) > 1 {
			d.t.Fatalf("no key %q; use text for letters", k)
		}
		d.update(msg, true)
		d.root.View()
	}
	return d
}

// text types letters.
func (d *driver) text(s string) *driver {
	for _, c := range s {
		d.press(string(c))
	}
	return d
}

// paste is what a terminal sends where something is pasted.
func (d *driver) paste(s string) *driver {
	d.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s), Paste: true}, true)
	d.root.View()
	return d
}

// screen is what is seen, without colours.
func (d *driver) screen() string { return ansi.Strip(d.root.View()) }

func (d *driver) expect(parts ...string) *driver {
	d.t.Helper()
	screen := d.screen()
	for _, p := range parts {
		if !strings.Contains(screen, p) {
			d.t.Errorf("the screen does not say %q:\n%s", p, screen)
		}
	}
	return d
}

func (d *driver) expectNot(parts ...string) *driver {
	d.t.Helper()
	screen := d.screen()
	for _, p := range parts {
		if strings.Contains(screen, p) {
			d.t.Errorf("the screen says %q:\n%s", p, screen)
		}
	}
	return d
}

// answers are the answers that were sent.
func (d *driver) answers() []wire.Answer {
	var list []wire.Answer
	for _, m := range d.sent {
		if m.Kind == wire.SayAnswer {
			list = append(list, *m.Answer)
		}
	}
	return list
}

func (d *driver) expectNoAnswer() *driver {
	d.t.Helper()
	if got := d.answers(); len(got) > 0 {
		d.t.Errorf("an answer was sent: %+v", got)
	}
	return d
}

var errCut = errors.New("write unix: broken pipe")

// noTicks makes the clock of the test the only one.
func (d *driver) noTicks() { d.root.after = func(time.Duration) tea.Cmd { return nil } }
