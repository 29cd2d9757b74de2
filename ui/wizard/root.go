package wizard

import (
	"context"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// root is the one model. Its fields are the state of the screen; the state of the run is view.
type root struct {
	ctx  context.Context
	opts Options
	out  io.Writer // for the clipboard sequence alone
	t    theme.Theme

	layout  layout
	link    link
	view    wire.View
	shown   int   // index of the step the operator reads, -1: the one the run stands at
	focus   focus // where the arrows go
	list    list  // the actions, findings or choices of the step on screen
	ask     *asking
	quiet   quiet
	waking  bool // a tick for quiet is on its way
	dialogs []dialog
	first   *first // the first screen of an incident, in place of a run

	stuck    bool // ctrl-z would stop the program for good
	notice   string
	noticeAt time.Time
	farewell string

	// after makes a command that delivers tickMsg later; tests replace it, because their clock stands still.
	after func(time.Duration) tea.Cmd
}

// focus says which part of the screen the arrow keys move in.
type focus int

const (
	onSteps focus = iota
	onAnswer
	onList
)

type (
	tickMsg struct{ every time.Duration }
	sentMsg struct {
		message wire.Message
		err     error
	}
	copiedMsg struct {
		what string
		err  error
	}
)

// stopping is told until the question is there.
const stopping = "Asked to stop trying; the question what to do comes next."

// heartbeat is how often the screen is drawn anew although nothing happened: ages and elapsed times move.
const heartbeat = time.Second

func newRoot(ctx context.Context, opts Options, out io.Writer) *root {
	r := &root{ctx: ctx, opts: opts, out: out, t: opts.Theme, shown: -1, view: wire.View{Current: -1}}
	r.link.began = opts.Clock.Now()
	r.after = func(d time.Duration) tea.Cmd {
		return tea.Tick(d, func(time.Time) tea.Msg { return tickMsg{d} })
	}
	r.resize(80, 24)
	return r
}

// now is the time of the run's world; ages of evidence and elapsed times are taken against it.
func (r *root) now() time.Time { return r.view.Run.Now(r.opts.Clock.Now()) }

// Init starts the connection, or listens on the source that is there.
func (r *root) Init() tea.Cmd {
	if r.first != nil {
		return tea.Batch(r.first.begin(r.ctx, r.opts.Clock.Now()), r.after(heartbeat))
	}
	if r.opts.Source != nil {
		r.link.source, r.link.state = r.opts.Source, linked
		return tea.Batch(r.listen(), r.after(heartbeat))
	}
	return tea.Batch(r.connect(), r.after(heartbeat))
}

// Update takes one message. It never blocks.
func (r *root) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		r.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		cmd = r.key(msg)
	case tickMsg:
		if msg.every == heartbeat {
			cmd = r.after(heartbeat)
		} else {
			r.waking = false
		}
	case tea.ResumeMsg:
		r.quiet.begin(r.opts.Clock.Now()) // keys were meant for the shell
		if r.ask != nil {
			r.ask.seen = false
		}
	case connectedMsg:
		cmd = r.connected(msg)
	case eventsMsg:
		cmd = r.received(msg)
	case sentMsg:
		r.sent(msg)
	case lookMsg:
		cmd = r.took(msg)
	case copiedMsg:
		if msg.err != nil {
			r.tell("The terminal did not take the text: " + msg.err.Error())
		} else {
			r.tell(msg.what + " sent to the terminal's clipboard, if it allows that.")
		}
	case hangupMsg:
		return r, tea.Quit
	}
	return r, tea.Batch(cmd, r.settle())
}

// settle brings the state of the screen in line with the run after every message: an answer box for a new question,
// the wait before it takes keys, a list that belongs to the step shown.
func (r *root) settle() tea.Cmd {
	if r.first != nil {
		return r.hurry()
	}
	q := r.view.Question
	if r.over() || r.link.watching != "" {
		q = nil // nobody takes an answer
	}
	switch {
	case q == nil:
		if r.ask != nil && r.focus == onAnswer {
			r.focus = onSteps
		}
		r.ask = nil
		r.closeFor("")
	case r.ask == nil || r.ask.id != q.ID || r.ask.hash != q.Hash:
		r.ask = newAsking(*q)
		r.shown, r.focus = -1, onAnswer
		r.quiet.begin(r.opts.Clock.Now())
		r.list = list{}
		if r.notice == stopping {
			r.notice = "" // here it is
		}
		r.closeFor(q.ID)
		if len(r.dialogs) > 0 {
			r.tell("A question has come up; it waits until this dialog is closed.")
		}
	}
	r.list.keep(r.listKey(), r.listLen())
	if r.ask == nil {
		return nil
	}
	visible := r.answerable()
	if visible && !r.ask.visible {
		r.quiet.begin(r.opts.Clock.Now())
	}
	r.ask.visible = visible
	r.ask.seen = r.ask.seen || visible && r.quiet.ready(r.opts.Clock.Now())
	if visible && !r.quiet.ready(r.opts.Clock.Now()) && !r.waking {
		r.waking = true // one tick at a time, however many messages come in
		return r.after(rest / 5)
	}
	return nil
}

// answerable says whether the open question is on the screen with all that belongs to it.
func (r *root) answerable() bool {
	return r.view.Question != nil && len(r.dialogs) == 0 && !r.layout.tooSmall && r.atCurrent() &&
		r.link.state == linked
}

// atCurrent says that the screen shows the step the run stands at.
func (r *root) atCurrent() bool { return r.shown < 0 || r.shown == r.view.Current }

// step is the step on screen, nil before the first.
func (r *root) step() *wire.StepView {
	i := r.index()
	if i < 0 || i >= len(r.view.Steps) {
		return nil
	}
	return &r.view.Steps[i]
}

func (r *root) index() int {
	if r.shown >= 0 {
		return r.shown
	}
	return r.view.Current
}

func (r *root) resize(w, h int) { r.layout = newLayout(w, h) }

func (r *root) tell(text string) { r.notice, r.noticeAt = text, r.opts.Clock.Now() }

// do carries out what a key meant.
func (r *root) do(a action) tea.Cmd {
	switch a := a.(type) {
	case closeTop:
		r.dialogs = r.dialogs[:max(len(r.dialogs)-1, 0)]
	case finish:
		r.do(closeTop{})
		return r.do(a.then)
	case both:
		return tea.Batch(r.do(a.first), r.do(a.then))
	case push:
		r.dialogs = append(r.dialogs, a.dialog)
		if p, is := a.dialog.(patient); is && p.patient() {
			r.quiet.begin(r.opts.Clock.Now())
		}
	case notice:
		r.tell(a.text)
	case leave:
		r.farewell = harmlessText(r.goodbye())
		return tea.Quit
	case lookAgain, choose, reply, conclude:
		return r.firstDo(a)
	case suspend:
		if r.stuck {
			r.tell("This screen cannot be suspended: no shell waits behind it.")
			return nil
		}
		return tea.Suspend
	case again:
		return r.connect()
	case say:
		return r.send(a.Message)
	case give:
		return r.answer(a)
	case copyOut:
		sequence, out := r.t.Clipboard(a.text), r.out
		return func() tea.Msg {
			_, err := io.WriteString(out, sequence)
			return copiedMsg{what: a.what, err: err}
		}
	}
	return nil
}

// answer sends an answer to the question that was shown, with the hash that was shown.
func (r *root) answer(a give) tea.Cmd {
	q := r.view.Question
	if q == nil || q.ID != a.question || q.Hash != a.hash {
		r.tell("That question is no longer open; nothing was sent.")
		return nil
	}
	answer := wire.Answer{Question: q.ID, Choice: a.choice.ID, Text: a.text, Hidden: a.hidden, Hash: q.Hash, By: r.opts.Operator,
		At: r.now()}
	if err := q.Accepts(answer); err != nil {
		r.ask.problem = sentence(err.Error())
		return nil
	}
	r.ask.sent, r.ask.problem = true, ""
	return r.send(wire.Message{Kind: wire.SayAnswer, Answer: &answer, By: r.opts.Operator})
}

func (r *root) send(m wire.Message) tea.Cmd {
	source := r.link.source
	if source == nil || r.link.state != linked {
		r.tell("Nothing was sent: no worker is connected.")
		return nil
	}
	m.By = r.opts.Operator
	return func() tea.Msg { return sentMsg{message: m, err: source.Send(m)} }
}

func (r *root) sent(msg sentMsg) {
	if msg.err != nil {
		if msg.message.Kind == wire.SayAnswer && r.ask != nil && r.ask.id == msg.message.Answer.Question {
			r.ask.sent = false
		}
		r.tell("It could not be sent: " + stop(msg.err.Error()))
		return
	}
	switch msg.message.Kind {
	case wire.SayNote:
		r.tell("Note sent; it lands in the timeline.")
	case wire.SayNow:
		r.tell("Asked to try at once.")
	case wire.SayStop:
		if r.view.Question == nil { // which may be faster than this
			r.tell(stopping)
		}
	case wire.SayPark:
		if a := r.view.Running(); a != nil {
			r.tell("Asked to park: the running action is finished first, then the worker ends.")
			return
		}
		r.tell("Asked to park.")
	}
}
