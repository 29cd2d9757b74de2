package wizard

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// first is the state of the first screen of an incident; what is known of the node is look and nothing else.
type first struct {
	opts  FirstOptions
	look  Look
	began time.Time          // of this look
	ended time.Time          // when its last source was heard
	end   context.CancelFunc // of this look
	turn  int                // which look it is: what a look before it still says is dropped

	cursor    int  // in the paths; -1: on none
	byHand    bool // the operator has put it there
	answering bool // the next question follows the answer to this one

	chosen, decided string
	right           bool
}

type (
	lookMsg struct {
		turn    int
		look    Look
		answer  bool // it follows an answer
		closed  bool
		channel <-chan Look
	}
	// lookAgain begins anew.
	lookAgain struct{}
	// choose ends the screen with an item.
	choose struct{ id string }
	// reply answers a question that no program can answer.
	reply struct{ id, said string }
	// conclude ends a rehearsal.
	conclude struct{ id string }
)

func (lookAgain) isAction() {}
func (choose) isAction()    {}
func (reply) isAction()     {}
func (conclude) isAction()  {}

// begin looks at the node, and ends the look before.
func (f *first) begin(ctx context.Context, now time.Time) tea.Cmd {
	if f.end != nil {
		f.end()
	}
	ctx, f.end = context.WithCancel(ctx)
	f.turn++
	f.began, f.look.Over = now, false
	turn, look := f.turn, f.opts.Look
	return func() tea.Msg { return f.next(ctx, turn, look(ctx))() }
}

// next waits for what comes next of a look.
func (f *first) next(ctx context.Context, turn int, channel <-chan Look) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-ctx.Done():
			return nil
		case look, ok := <-channel:
			return lookMsg{turn: turn, look: look, closed: !ok, channel: channel}
		}
	}
}

// took takes what a look has brought.
func (r *root) took(msg lookMsg) tea.Cmd {
	f := r.first
	var more tea.Cmd
	if !msg.answer {
		if msg.turn != f.turn {
			return nil
		}
		if msg.closed {
			f.look.Over, f.ended = true, r.opts.Clock.Now()
			return nil
		}
		more = f.next(r.ctx, msg.turn, msg.channel)
	}
	if msg.look.Rev < f.look.Rev {
		return more
	}
	before := f.look
	f.look = msg.look
	if msg.answer { // what was chosen before was chosen by another verdict
		f.byHand = false
	}
	if !f.byHand || f.cursor >= len(f.look.Paths) {
		f.byHand = false
		f.cursor = slices.IndexFunc(f.look.Paths, func(p PathSeen) bool { return p.Recommended && f.look.Stands })
	}
	if f.look.Changed != "" && f.look.Changed != before.Changed {
		r.tell("The verdict has changed: " + f.look.Headline + ".")
	}
	if msg.answer && f.answering {
		if i := f.unanswered(); i >= 0 {
			r.dialogs = append(r.dialogs, f.queryDialog(i))
			r.quiet.begin(r.opts.Clock.Now())
		} else {
			f.answering = false
			r.tell("Judged anew with your answers.")
		}
	}
	return more
}

// path is the one under the cursor, or nil.
func (f *first) path() *PathSeen {
	if f.cursor < 0 || f.cursor >= len(f.look.Paths) {
		return nil
	}
	return &f.look.Paths[f.cursor]
}

// opens says whether a recovery can be begun from here; in a rehearsal, whether it can be concluded.
func (f *first) opens(p PathSeen) bool {
	return p.Closed == "" && !p.Impossible && (len(p.Open) > 0 || f.opts.Lesson != nil)
}

func (f *first) unanswered() int {
	return slices.IndexFunc(f.look.Queries, func(q Query) bool { return q.Said == "" })
}

func (f *first) move(by int) func() action {
	return func() action {
		n := len(f.look.Paths)
		switch {
		case f.cursor < 0 && by < 0:
			f.cursor = n - 1
		case f.cursor < 0:
			f.cursor = 0
		default:
			f.cursor = (f.cursor + by + n) % n
		}
		f.byHand = true
		return none{}
	}
}

// keys is the list of the first screen; the order is that of the footer.
func (f *first) keys(r *root) []binding {
	fits := !r.layout.tooSmall
	open := "open"
	if p := f.path(); p != nil {
		switch {
		case f.opens(*p):
			open = "open " + p.Name
		case p.Recommended:
			open = "about " + p.Name
		default:
			open = p.Name + ": why not"
		}
	}
	paths := "paths"
	if f.cursor >= 0 {
		paths = "other path"
	}
	answer := "answer"
	if n := len(f.look.Queries); n > 0 && f.unanswered() >= 0 {
		left := 0
		for _, q := range f.look.Queries {
			if q.Said == "" {
				left++
			}
		}
		answer = count(left, "question")
	} else if n > 0 {
		answer = "answers"
	}
	return []binding{
		{[]string{"d"}, "decide", "Ends the rehearsal: you say what you conclude, and are told whether a good operator would.",
			fits && f.opts.Lesson != nil && f.look.Stands, func() action { return push{f.decideDialog(false)} }},
		{[]string{"enter"}, open, "Shows what is for and against the recovery under the cursor, and how it is begun. It begins nothing by itself.",
			fits && f.path() != nil, func() action { return push{f.pathDialog(*f.path())} }},
		{[]string{"a"}, answer, "Asks what only a person can know; \"I don't know\" is an answer. The evidence is judged anew at once.",
			fits && len(f.look.Queries) > 0, f.ask},
		{[]string{"e"}, "evidence", "Shows everything that was seen, in full, with where and when it was read.",
			fits && len(f.look.Seen) > 0, func() action { return push{f.evidenceDialog()} }},
		{[]string{"r"}, "look again", "Asks everything anew. Your answers stay.", fits && f.look.Rev > 0 && f.look.Doing == "", func() action { return lookAgain{} }},
		{[]string{"tab", "down", "j"}, paths, "Puts the cursor on the next recovery.", fits && len(f.look.Paths) > 0, f.move(1)},
		{[]string{"up", "k", "shift+tab"}, "", "Puts the cursor on the recovery before.", fits && len(f.look.Paths) > 0, f.move(-1)},
		{[]string{"o"}, "runs", "Shows runs to come back to, and every recovery and rehearsal that can be begun.",
			fits && len(f.opts.List) > 0, func() action { return push{f.listDialog()} }},
		{[]string{"p"}, "practise", "Leaves for the list of rehearsals; nothing real is touched there.",
			fits && f.opts.Lesson == nil, func() action { return choose{rehearseID} }},
		{[]string{"f"}, "first aid", "Shows the verdict and all that is to be done first, in full.",
			fits && f.look.Stands, func() action { return push{f.aidDialog()} }},
		{[]string{"q"}, "leave", "Leaves. Nothing was changed, and nothing goes on.", true, f.leave},
		{[]string{"ctrl+c"}, "", "Leaves at once.", true, func() action { return leave{} }},
		{[]string{"ctrl+z"}, "", "Suspends this screen; fg in the shell brings it back.", true, func() action { return suspend{} }},
		{[]string{"?"}, "help", "Shows all keys.", fits, func() action { return push{helpDialog(r)} }},
	}
}

// rehearseID is the item that leads to the rehearsals.
const rehearseID = "rehearse"

func (f *first) ask() action {
	i := f.unanswered()
	f.answering = i >= 0
	return push{f.queryDialog(max(i, 0))}
}

// leave asks for the conclusion of a rehearsal that has none yet.
func (f *first) leave() action {
	if f.opts.Lesson != nil && f.decided == "" && f.look.Stands {
		return push{f.decideDialog(true)}
	}
	return leave{}
}

// firstDo carries out what only the first screen knows.
func (r *root) firstDo(a action) tea.Cmd {
	f := r.first
	switch a := a.(type) {
	case lookAgain:
		r.tell("Looking again; your answers stay.")
		return f.begin(r.ctx, r.opts.Clock.Now())
	case choose:
		f.chosen = a.id
		return tea.Quit
	case reply:
		answer := f.opts.Answer
		return func() tea.Msg { return lookMsg{look: answer(a.id, a.said), answer: true} }
	case conclude:
		told := f.opts.Lesson.Told(a.id)
		f.decided, f.right = a.id, told.Right
		r.dialogs = []dialog{f.toldDialog(told)}
		r.quiet.begin(r.opts.Clock.Now())
	}
	return nil
}
