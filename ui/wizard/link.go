package wizard

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/steps/wire"
)

// link is the connection to the worker.
type link struct {
	state  linkState
	source Source
	began  time.Time
	live   bool // the past has been replayed
	// watching says why nothing can be answered from here; empty: it can.
	watching string
	err      error
}

type linkState int

const (
	connecting linkState = iota
	refused              // connecting failed; the operator may try again
	linked
	gone // the worker has closed the stream
)

type (
	connectedMsg struct {
		source Source
		err    error
	}
	eventsMsg struct {
		events []wire.Event
		closed bool
	}
)

// batch bounds how many events are folded before the next frame: a replay of thousands stays smooth.
const batch = 512

func (r *root) connect() tea.Cmd {
	r.link = link{state: connecting, began: r.opts.Clock.Now()}
	ctx, dial := r.ctx, r.opts.Connect
	return func() tea.Msg {
		source, err := dial(ctx)
		if err == nil && source == nil {
			err = fmt.Errorf("there is no run to show")
		}
		return connectedMsg{source, err}
	}
}

func (r *root) connected(msg connectedMsg) tea.Cmd {
	if msg.err != nil {
		r.link.state, r.link.err = refused, msg.err
		return nil
	}
	r.link.state, r.link.source = linked, msg.source
	if w, ok := msg.source.(interface{ Watching() string }); ok {
		r.link.watching = w.Watching()
	}
	return r.listen()
}

// listen waits for the next event and takes those that are there with it.
func (r *root) listen() tea.Cmd {
	ctx, events := r.ctx, r.link.source.Events()
	return func() tea.Msg {
		var msg eventsMsg
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-events:
			if !ok {
				return eventsMsg{closed: true}
			}
			msg.events = append(msg.events, e)
		}
		for len(msg.events) < batch {
			select {
			case e, ok := <-events:
				if !ok {
					msg.closed = true
					return msg
				}
				msg.events = append(msg.events, e)
			default:
				return msg
			}
		}
		return msg
	}
}

func (r *root) received(msg eventsMsg) tea.Cmd {
	for _, e := range msg.events {
		r.view = wire.Fold(r.view, e)
		if s := r.view.Step(e.Step); e.Kind == wire.KindStep && e.State == wire.StepUndone && s != nil && r.link.live {
			r.tell(s.Title + " was taken back; the run goes on from there.")
		}
		if e.Kind == wire.KindPark {
			r.notice = "" // the report says it
		}
		r.link.live = r.link.live || e.Kind == wire.KindViewers
		if e.Kind == wire.KindRefusal && r.ask != nil {
			r.ask.sent, r.ask.problem = false, sentence(e.Text)
		}
	}
	if msg.closed {
		r.link.state = gone
		return nil
	}
	return r.listen()
}

// over says that no worker acts on this run any more.
func (r *root) over() bool {
	return r.view.Ended != nil || r.view.Parked != "" || r.link.state == gone
}

// resumeLine is the command that takes the run up again.
func (r *root) resumeLine() string {
	if r.opts.Resume != "" || r.view.Run.ID == "" {
		return r.opts.Resume
	}
	return "svrescue resume " + r.view.Run.ID
}

// goodbye is what the shell shows after the wizard has left. Every sentence of it must be true then.
func (r *root) goodbye() string {
	switch v := r.view; {
	case v.Ended != nil:
		report := r.opts.Report
		if report == "" {
			report = "svrescue report " + v.Run.ID
		}
		return fmt.Sprintf("Run %s has ended: %s.\nIts report: %s", v.Run.ID, v.Ended.Outcome, report)
	case v.Parked != "":
		return fmt.Sprintf("Run %s is parked: %s\nGo on with: %s", v.Run.ID, stop(v.Parked), r.resumeLine())
	case v.Halted != nil:
		return fmt.Sprintf("The worker of run %s has stopped. %s", v.Run.ID, sentence(v.Halted.Error()))
	case r.link.state == gone && v.Run.ID != "":
		return fmt.Sprintf("The worker of run %s is gone; the journal says where it stood.\nGo on with: %s", v.Run.ID, r.resumeLine())
	case v.Run.ID == "":
		if r.opts.Attach != "" {
			return "Left before the run could be shown. Come back with: " + r.opts.Attach
		}
		return "Left before the run could be shown."
	case r.opts.Attach == "":
		return fmt.Sprintf("Left run %s; its work ends with this program.\nGo on with: %s", v.Run.ID, r.resumeLine())
	case v.Question != nil && (r.ask == nil || !r.ask.sent):
		return "The question stays open; leaving did not answer it.\nCome back with: " + r.opts.Attach
	}
	return "The work goes on; come back with: " + r.opts.Attach
}

// sentence starts text with a capital and ends it with a full stop, unless it begins with something typed exactly.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	if word, _, _ := strings.Cut(text, " "); strings.IndexFunc(word, func(c rune) bool { return !unicode.IsLetter(c) }) < 0 {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	return stop(text)
}

// stop ends text with a full stop where it has none. After a colon text begins as it was written.
func stop(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsRune(".!?", rune(text[len(text)-1])) {
		return text
	}
	return text + "."
}
