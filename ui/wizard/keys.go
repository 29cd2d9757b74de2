package wizard

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// binding is one entry of the list from which keys are taken, the footer is drawn and the help is written.
type binding struct {
	keys  []string // as Bubble Tea names them; the first is shown
	short string   // in the footer; empty: not shown there
	help  string   // a sentence
	on    bool     // works right now
	do    func() action
}

// label is how the key is written for a person.
func (b binding) label(g theme.Glyphs) string {
	switch b.keys[0] {
	case "up":
		return g.UpDown
	case "pgdown":
		return "pgup/pgdn"
	case "1":
		return "1-9"
	case " ":
		return "space"
	}
	return b.keys[0]
}

// keys is the list for the screen itself; a dialog on top has its own. The order is that of the footer.
func (r *root) keys() []binding {
	if r.first != nil {
		return r.first.keys(r)
	}
	typing, free := r.typing(), !r.typing()
	asked := r.ask != nil && !r.ask.sent && r.answerable()
	answer := asked && free && r.focus == onAnswer
	live := !r.over() && r.link.state == linked && r.link.watching == "" && r.view.Run.ID != ""
	run := r.view.Run.ID != "" && !r.layout.tooSmall
	current := r.atCurrent()
	step := r.step()
	confirm := asked && free && r.view.Question.Kind == wire.AskConfirm && r.offers(wire.ChoiceYes) != nil
	return []binding{
		{[]string{"enter"}, "send", "Sends the typed text, if it is complete.", typing && asked,
			r.submit},
		{[]string{"tab", "esc"}, "other keys",
			"Leaves the text field, so that single letters are keys again; tab comes back.", typing, r.next},
		{[]string{"t"}, "try now", "Tries at once what failed, instead of waiting.", free && r.canHurry(),
			func() action { return say{wire.Message{Kind: wire.SayNow}} }},
		{[]string{"x"}, "stop trying", "Tries it no more, and asks what to do instead.", free && r.canHurry(),
			func() action { return say{wire.Message{Kind: wire.SayStop}} }},
		{[]string{"p"}, "park", "Ends the worker; the run can be resumed. Asks first.", free && live && r.canHurry(),
			func() action { return push{r.parkDialog()} }},
		{[]string{"enter"}, "choose", "Takes the choice under the cursor.", answer, r.submit},
		{[]string{"y"}, "yes", "Confirms: sends what is shown.", confirm,
			func() action { return r.choose(*r.offers(wire.ChoiceYes)) }},
		{[]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, "", "Moves the cursor to that choice.", answer, nil},
		{[]string{"enter", " "}, "open", "Opens or closes the line under the cursor: commands, evidence, what is lost.",
			free && run && r.focus == onList && r.list.len > 0, r.toggle},
		{[]string{"enter"}, "back to the run", "Shows the step the run stands at again.",
			free && run && !current && r.focus != onList, r.back},
		{[]string{"esc"}, r.escWord(), "Goes back to the question or the current step.",
			free && run && r.focus != onAnswer && (asked || !current), r.back},
		{[]string{"up", "down", "k", "j"}, r.arrowWord(), "Moves in the part that has the cursor: steps, answer or plan.",
			run && r.canMove(), nil},
		{[]string{"pgdown", "pgup"}, "", "Moves by five lines in the plan, the findings or the actions.",
			run && r.list.len > 0, nil},
		{[]string{"tab"}, r.nextWord(), "Puts the cursor into the next part: answer, plan, steps.",
			free && run && r.next1(1) != r.focus, r.next},
		{[]string{"shift+tab"}, "", "Puts the cursor into the part before.",
			free && run && r.next1(-1) != r.focus, func() action { r.focus = r.next1(-1); return none{} }},
		{[]string{"]", "["}, "", "Shows the next or the previous step, wherever the cursor is.",
			free && run && len(r.view.Steps) > 1, nil},
		{[]string{"r"}, "look again", "Reads the world once more and shows the step anew; changes nothing.",
			free && r.canLook(), func() action { return r.choose(*r.offers(wire.ChoiceBack)) }},
		{[]string{"r"}, "try again", "Tries the connection once more.",
			r.link.state == refused, func() action { return again{} }},
		{[]string{"o"}, "other answers", "Shows the other ways to answer the question.",
			free && asked && r.rare(), func() action { return push{r.otherDialog()} }},
		{[]string{"h"}, "by hand", "You act yourself; svrescue watches until the world shows it.",
			free && r.offers(wire.ChoiceByHand) != nil, func() action { return push{r.byHandDialog()} }},
		{[]string{"c"}, "commands", "Shows the plan as commands a person could type, and offers them to the clipboard.",
			free && run && step != nil && len(step.Shown()) > 0, r.commands},
		{[]string{"p"}, "park", "Ends the worker after the running action; the run can be resumed. Asks first.",
			free && run && live && !r.canHurry(), func() action { return push{r.parkDialog()} }},
		{[]string{"n"}, "note", "Adds a line to the timeline and the report.",
			free && run && live, func() action { return push{r.noteDialog()} }},
		{[]string{"q"}, "leave", "", free && r.over(), r.leave}, // what there is left to do
		{[]string{"s"}, "status", "Shows a short status for the incident chat and offers it to the clipboard.",
			free && run, r.statusCopy},
		{[]string{"f"}, "card", "Shows the parameter card of the call with its fingerprint, and offers it to the clipboard.",
			free && run && r.view.Card != nil, r.cardCopy},
		{[]string{"l"}, "log", "Shows the timeline and the live log.",
			free && run, func() action { return push{newLogDialog()} }},
		{[]string{"v"}, "path", "Shows the whole path: what each step may do, whether it can be taken back, where it stands.",
			free && run && len(r.view.Steps) > 0, func() action { return push{pathDialog(r)} }},
		{[]string{"w"}, "why", "Shows everything written about the step and the question, in full.",
			free && run && step != nil, func() action { return push{whyDialog(r)} }},
		{[]string{"e"}, "evidence", "Shows every finding of the step with what was looked at, and when.",
			free && run && step != nil && len(step.Findings) > 0, func() action { return push{evidenceDialog(r)} }},
		{[]string{"q"}, "leave", "Leaves this screen. It never answers a question, and the worker goes on.", free && !r.over(), r.leave},
		{[]string{"ctrl+c"}, "", "Asks whether to leave or to park; pressed again it parks. It never answers a question.", free, r.interrupt},
		{[]string{"ctrl+c"}, "leave or park", "", typing, r.interrupt},
		{[]string{"ctrl+z"}, "", "Suspends this screen; fg in the shell brings it back.", true,
			func() action { return suspend{} }},
		{[]string{"?"}, "help", "Shows all keys.", free && !r.layout.tooSmall, func() action { return push{helpDialog(r)} }},
	}
}

// active is the list that keys are taken from now: the dialog on top, or the screen.
func (r *root) active() []binding {
	if d := r.top(); d != nil {
		return append(d.keys(), binding{[]string{"ctrl+c"}, "", "", true, r.interrupt},
			binding{[]string{"ctrl+z"}, "", "", true, func() action { return suspend{} }})
	}
	return r.keys()
}

// typing says that letters go into the answer field.
func (r *root) typing() bool {
	return r.ask != nil && r.ask.typed() && !r.ask.sent && r.focus == onAnswer && r.answerable()
}

// waiting says that a question is on the screen and does not take keys yet.
func (r *root) waiting() bool {
	return r.ask != nil && r.answerable() && !r.quiet.ready(r.opts.Clock.Now())
}

// fresh says that the question has come up and no key counts yet.
func (r *root) fresh() bool { return r.waiting() && !r.ask.seen }

// key takes one key press.
func (r *root) key(msg tea.KeyMsg) tea.Cmd {
	now := r.opts.Clock.Now()
	if msg.Type == tea.KeyRunes && len(msg.Runes) > 1 && !msg.Paste {
		// Keys that arrived together are still keys of their own.
		var cmds []tea.Cmd
		for _, c := range msg.Runes {
			cmds = append(cmds, r.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{c}, Alt: msg.Alt}), r.settle())
		}
		return tea.Batch(cmds...)
	}
	name := msg.String()
	if r.hasty() && name != "ctrl+c" && name != "ctrl+z" {
		r.quiet.key(now)
		return nil
	}
	early := r.waiting()
	swallow := early && !r.ask.seen && name != "ctrl+c" && name != "ctrl+z"
	r.quiet.key(now)
	if swallow {
		return nil
	}
	r.notice = ""
	if early && now.Sub(r.quiet.shown) < settle && r.gives(name) {
		r.tell("Too soon after the screen changed: nothing was sent. Press " + name + " again.")
		return nil
	}
	// A name may hold any letter: what is a key elsewhere is text where text is typed.
	letter := r.top() == nil && r.typing() && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace)
	for _, b := range r.active() {
		if b.on && !letter && slices.Contains(b.keys, name) {
			if b.do != nil {
				return r.do(b.do())
			}
			r.move(name)
			return nil
		}
	}
	if d, ok := r.top().(typist); ok {
		d.typed(msg)
	} else if r.top() == nil && r.typing() {
		r.ask.problem = ""
		r.ask.field.typed(msg)
	}
	return nil
}

// canLook says that going back means looking again, and not leaving an undo or ending the watch over a person's work.
func (r *root) canLook() bool {
	s := r.view.CurrentStep()
	return r.offers(wire.ChoiceBack) != nil && !r.byHand() && (s == nil || !s.Undoing)
}

// gives says that a key would answer the question.
func (r *root) gives(name string) bool {
	switch name {
	case "enter":
		return r.top() == nil && r.focus == onAnswer
	case "y", "r":
		return r.top() == nil && !r.typing()
	}
	return false
}

// rare says that the question has answers that are not among the lines on the screen.
func (r *root) rare() bool {
	if r.ask.typed() {
		return len(others(*r.view.Question)) > 0
	}
	return slices.ContainsFunc(r.ask.options, func(o option) bool { return o.more })
}

// move carries out the keys that only move a cursor.
func (r *root) move(name string) {
	by := map[string]int{"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -5, "pgdown": 5}[name]
	switch {
	case name == "]":
		r.show(r.index() + 1)
	case name == "[":
		r.show(r.index() - 1)
	case strings.Contains("123456789", name):
		r.ask.pick(int(name[0] - '0'))
	case by == 5 || by == -5, r.focus == onList, r.typing():
		r.list.move(by)
	case r.focus == onAnswer && r.ask != nil:
		r.ask.move(by)
	default:
		r.show(r.index() + by)
	}
}

// show turns the screen to a step; the one the run stands at is followed again.
func (r *root) show(i int) {
	i = min(max(i, 0), len(r.view.Steps)-1)
	r.shown = i
	if i == r.view.Current {
		r.shown = -1
	} else if r.focus == onAnswer {
		r.focus = onSteps
	}
}

func (r *root) back() action {
	r.shown, r.focus = -1, onSteps
	if r.ask != nil {
		r.focus = onAnswer
	}
	return none{}
}

func (r *root) toggle() action {
	r.list.open = !r.list.open
	return none{}
}

func (r *root) next() action {
	r.focus = r.next1(1)
	return none{}
}

// next1 is the part of the screen that tab goes to.
func (r *root) next1(by int) focus {
	for i := 1; i <= 3; i++ {
		f := focus((int(r.focus) + i*by + 6) % 3)
		switch f {
		case onSteps:
			return f
		case onAnswer:
			if r.ask != nil && !r.ask.sent && r.atCurrent() {
				return f
			}
		case onList:
			if r.list.len > 0 {
				return f
			}
		}
	}
	return r.focus
}

func (r *root) nextWord() string {
	if f := r.next1(1); f != onList {
		return map[focus]string{onSteps: "steps", onAnswer: "answer"}[f]
	}
	return map[panel]string{panelConfirm: "plan", panelRun: "actions", panelBoard: "findings"}[r.panel()]
}

// escWord keeps the footer from naming two keys for the same thing.
func (r *root) escWord() string {
	if !r.atCurrent() && r.focus != onList {
		return ""
	}
	return "back"
}

func (r *root) canMove() bool {
	switch {
	case r.typing(), r.focus == onList:
		return r.list.len > 0
	case r.focus == onAnswer:
		return r.ask != nil && !r.ask.sent && len(r.ask.options) > 1
	}
	return len(r.view.Steps) > 1
}

func (r *root) arrowWord() string {
	switch {
	case r.typing(), r.focus == onList:
		return "read"
	case r.focus == onAnswer:
		return "move"
	}
	return "steps"
}

// leave asks only where leaving would end the work: a run without a worker of its own.
func (r *root) leave() action {
	if r.opts.Attach == "" && r.view.Run.ID != "" && !r.over() {
		if c, open := r.top().(*chooser); !open || !c.quits {
			return push{r.quitDialog()}
		}
	}
	return leave{}
}

// interrupt is ctrl+c: it asks, and pressed again it parks the run. It answers nothing, and what is being sent is finished. Where there
// is nothing to park, or no room to ask, it leaves.
func (r *root) interrupt() action {
	c, open := r.top().(*chooser)
	switch {
	case open && c.parks:
		return finish{say{wire.Message{Kind: wire.SayPark}}}
	case open && c.quits, r.over(), r.link.state != linked, r.link.watching != "", r.view.Run.ID == "", r.layout.tooSmall:
		return r.leave()
	}
	return push{r.interruptDialog()}
}
