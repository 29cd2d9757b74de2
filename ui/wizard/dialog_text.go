package wizard

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// commands opens the plan of the step as commands and offers them to the clipboard.
func (r *root) commands() action {
	text := harmlessText(commandText(r.step()))
	p := &pager{title: "The same by hand: " + r.step().Title}
	p.text = func(r *root, w int) []string {
		lines := r.t.Wrap("Sent to the terminal's clipboard, if it allows that; else copy them with the mouse. Secrets stand as $NAME.", w)
		lines = append(lines, "")
		for _, l := range strings.Split(text, "\n") {
			if strings.HasPrefix(l, "#") {
				lines = append(lines, dimmed(r, r.t.Hang(l, w, 2))...)
				continue
			}
			lines = append(lines, hard(r.t.Clean(l), w)...)
		}
		return lines
	}
	send := copyOut{text: text, what: "The commands were"}
	p.extra = []binding{{[]string{"c"}, "copy again", "Sends the commands to the terminal's clipboard, if it allows that.",
		true, func() action { return send }}}
	return both{push{p}, send}
}

// harmlessText is text that may be pasted: without control characters, and with every other character as it is.
func harmlessText(text string) string { return strings.Join(theme.Theme{}.Paragraphs(text), "\n") }

// commandText is the plan as a script that a person can read: a comment for each action, then what they could type.
func commandText(s *wire.StepView) string {
	var b strings.Builder
	for i, a := range s.Shown() {
		undo := ""
		if a.Undo {
			undo = ", takes the step back"
		}
		fmt.Fprintf(&b, "# %d %s (%s%s)\n", i+1, a.Title, a.Effect.Words(), undo)
		for _, c := range a.Commands {
			b.WriteString(c + "\n")
		}
		if len(a.Commands) == 0 {
			b.WriteString("# there is no command a person could type for this\n")
		}
	}
	if s.Later != "" {
		b.WriteString("# " + s.Later + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// statusCopy offers the short status to the clipboard at once, and shows it with the longer one.
func (r *root) statusCopy() action {
	short := strings.Join(strings.Fields(harmlessText(ShortStatus(r.known(), r.opts.Clock.Now()))), " ")
	long := harmlessText(StatusText(r.known(), r.opts.Clock.Now()))
	p := &pager{title: "Status for the incident chat"}
	p.text = func(r *root, w int) []string {
		lines := append(r.t.Wrap(short, w), "")
		lines = append(lines, dimmed(r, r.t.Wrap("Sent to the terminal's clipboard, if it allows that; else copy it with the "+
			"mouse. It was written when this opened. a sends this instead:", w))...)
		lines = append(lines, "")
		for _, l := range strings.Split(long, "\n") {
			lines = append(lines, r.t.Wrap(l, w)...)
		}
		return lines
	}
	send, all := copyOut{text: short, what: "The status was"}, copyOut{text: long, what: "The long status was"}
	p.extra = []binding{
		{[]string{"c"}, "copy again", "Sends the status to the terminal's clipboard, if it allows that.", true, func() action { return send }},
		{[]string{"a"}, "copy all", "Sends the longer status instead.", true, func() action { return all }},
	}
	return both{push{p}, send}
}

// whyDialog shows all that is written about the step and the question, uncut.
func whyDialog(r *root) dialog {
	s := r.step()
	title, id := s.Title, s.ID
	return &pager{title: "All about: " + title, text: func(r *root, w int) []string {
		s := r.view.Step(id)
		var lines []string
		part := func(head, text string) {
			if text == "" {
				return
			}
			if len(lines) > 0 {
				lines = append(lines, "")
			}
			for _, l := range r.t.Wrap(head, w) {
				lines = append(lines, r.t.Title.Render(l))
			}
			lines = append(lines, r.t.Wrap(text, w)...)
		}
		if q := r.view.Question; q != nil && q.Step == id {
			part("The open question: "+r.t.Clean(q.Title), q.Text)
			if q.Text == "" {
				part("The open question", q.Title)
			}
			if f := q.Error; f != nil {
				part("Tried", sentence(f.Tried))
				part("Seen", sentence(f.Seen))
				part("What to do", sentence(f.Next))
				part("The last lines", strings.Join(f.Detail, "\n"))
			}
			for _, c := range q.Choices {
				part(r.t.Clean(c.Label), sentence(strings.TrimSpace(c.Detail+" "+refusal(c))))
			}
		}
		for _, a := range s.Shown() {
			if p := a.Progress; a.State == wire.ActionRunning && p != nil {
				text := []string{a.Title, p.Text}
				for _, it := range p.Items {
					text = append(text, strings.TrimSuffix(it.Name+": "+it.State+". "+stop(it.Note), ". "))
				}
				part("Running now", strings.Join(slices.DeleteFunc(text, onlySpace), "\n"))
			}
		}
		part("What it does", s.Summary)
		part("Why", s.Why)
		part("Effect", effectSentence(*s))
		part("Can it be undone?", undoSentence(*s))
		part("Planned later", s.Later)
		return lines
	}}
}

// pathDialog shows every step of the path with what it may do and where it stands.
func pathDialog(r *root) dialog {
	return &pager{title: r.view.Run.Title, text: func(r *root, w int) []string {
		lines := append(r.actingLines(w), "")
		for i, s := range r.view.Steps {
			g, style := r.glyph(s)
			state := ""
			if s.State != wire.StepPending {
				state = r.t.Dim.Render(strings.TrimRight("  "+r.stateWord(s)+" "+r.stepSpan(s), " "))
			}
			head := fmt.Sprintf("%2d %s", i+1, r.t.Clean(s.Title))
			if i == r.view.Current && !r.over() {
				head = r.t.Accent.Render(head)
			}
			lines = append(lines, r.t.Spread(style.Render(g)+" "+head+state, r.effectStyle(s.Worst).Render(s.Worst.Words()), w))
			lines = append(lines, indent(dimmed(r, r.t.Wrap(strings.TrimSpace(s.Summary+" "+undoClause(s)), w-5)), "     ")...)
		}
		return lines
	}}
}

// undoClause says in a few words whether a step that changes something can be taken back.
func undoClause(s wire.StepView) string {
	switch {
	case s.Worst.Rank() == 0:
		return ""
	case s.Undo == "yes":
		return "Can be taken back."
	case s.Undo == "" || s.Undo == "no":
		return "Cannot be taken back."
	}
	return "Cannot be taken back: " + stop(s.Undo)
}

func refusal(c wire.Choice) string {
	if c.Refuse == "" {
		return ""
	}
	return "Cannot be chosen: " + stop(c.Refuse)
}

// evidenceDialog shows every finding of the step with its sources.
func evidenceDialog(r *root) dialog {
	id := r.step().ID
	return &pager{title: "Evidence: " + r.step().Title, text: func(r *root, w int) []string {
		return r.evidenceLines(r.view.Step(id), w)
	}}
}

// evidenceLines writes the findings of a step, the last phase first.
func (r *root) evidenceLines(s *wire.StepView, w int) []string {
	var lines []string
	for _, phase := range phases {
		findings := s.Findings[phase]
		if len(findings) == 0 {
			continue
		}
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, r.t.Title.Render(phaseWord(phase)))
		for _, f := range inOrder(findings) {
			lines = append(lines, r.findingHead(f, w)...)
			lines = append(lines, r.findingDetail(f, w)...)
		}
	}
	if len(lines) == 0 {
		lines = []string{r.t.Dim.Render("Nothing was looked at in this step yet.")}
	}
	return lines
}

// helpDialog shows every key of the screen with its sentence; those that work now come first.
func helpDialog(r *root) dialog {
	now := r.keys()
	return &pager{title: "Keys", text: func(r *root, w int) []string {
		var on, off []string
		for _, b := range now {
			if b.help == "" || b.keys[0] == "?" {
				continue
			}
			lines := r.helpLine(b, w)
			if b.on {
				on = append(on, lines...)
			} else {
				off = append(off, dimmed(r, lines)...)
			}
		}
		lines := append([]string{r.t.Title.Render("They work now")}, on...)
		lines = append(lines, "", r.t.Title.Render("They work at other times"))
		lines = append(lines, off...)
		lines = append(lines, "", r.t.Title.Render("Signs"))
		return append(lines, r.legend(w)...)
	}}
}

func (r *root) helpLine(b binding, w int) []string {
	const column = 14
	var out []string
	for i, l := range r.t.Wrap(b.help, w-column) {
		head := ""
		if i == 0 {
			head = b.label(r.t.Glyphs)
			if len(b.keys) > 1 && head == b.keys[0] {
				head = strings.Join(b.keys, ", ")
			}
		}
		out = append(out, r.t.Pad(head, column)+l)
	}
	return out
}

func (r *root) legend(w int) []string {
	g := r.t.Glyphs
	var out []string
	signs := [][2]string{
		{g.Done, "done and proven"}, {g.Now, "here the run stands"}, {g.Warn, "done, with something to know; or undone"},
		{g.Skipped, "skipped"}, {g.Failed, "failed, or does not hold"}, {g.Planned, "only shown, nothing was changed"},
		{g.Unknown, "not determined"},
		{g.Observe + " " + g.Repeatable + " " + g.Once + " " + g.Destroy,
			"an action that reads only, changes, may be sent only once, destroys"},
	}
	if r.first != nil {
		signs = [][2]string{{g.Done, "holds"}, {g.Failed, "does not hold"}, {g.More, "still asked"}, {g.Unknown, "not determined"}, {g.Skipped, "not there, and need not be"},
			{g.Now, "the recovery that is recommended"}, {g.Cursor, "the recovery under the cursor"}}
	}
	for _, l := range signs {
		for i, line := range r.t.Wrap(l[1], w-14) {
			if i > 0 {
				l[0] = ""
			}
			out = append(out, r.t.Pad(l[0], 14)+line)
		}
	}
	return out
}

func dimmed(r *root, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = r.t.Dim.Render(l)
	}
	return out
}
