package wizard

import (
	"fmt"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// questionScreen asks something that no plan and no finding belongs to: an input, or a tick.
func (r *root) questionScreen(s *wire.StepView, w, h int) []string {
	q := *r.view.Question
	answer := r.answerBox(w, max(h-4, 5))
	var why []string
	if q.Text == "" || q.Kind == wire.AskTick {
		why = r.t.Wrap(s.Why, w)
		if len(why) == 0 {
			why = r.t.Wrap(s.Summary, w)
		}
	}
	return stack(h,
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(why, 0, 5, r.cutLine(w)),
		fixed(r.questionText(q, w), 1, 2, r.cutLine(w)),
		gapAt(2),
		fixed(answer, len(answer), 1, nil),
	)
}

// questionText is what the question says beyond its title.
func (r *root) questionText(q wire.Question, w int) []string { return r.t.Wrap(q.Text, w) }

// answerBox is where the question is answered: its title, the lines or the field, and what is missing. It takes at most
// h lines.
func (r *root) answerBox(w, h int) []string {
	q, a := *r.view.Question, r.ask
	lines := []string{r.t.Title.Render(r.t.Clip(r.t.Clean(q.Title), w))}
	if theTitle := r.t.Wrap(q.Title, w); len(theTitle) > 1 && len(theTitle) < 4 {
		lines = lines[:0]
		for _, l := range theTitle {
			lines = append(lines, r.t.Title.Render(l))
		}
	}
	if r.link.watching != "" {
		return append(lines, dimmed(r, r.t.Wrap("It is answered elsewhere: "+stop(r.link.watching), w))...)
	}
	if h < 3 || q.Kind == wire.AskWord {
		lines = nil // the step above and the choices say it; the field's label is the title
	}
	if a == nil { // between the event and the next message
		return lines
	}
	if a.sent {
		return append(lines, r.t.Dim.Render(r.t.Clip("Sent; the worker has not taken it yet.", w)))
	}
	switch q.Kind {
	case wire.AskWord:
		lines = append(lines, r.fieldLines(r.wordLabel(q), "", w)...)
	case wire.AskSecret:
		hint := "paste it; it stays hidden"
		if q.Default != "" {
			hint = "paste it, hidden; enter alone: " + q.Default
		}
		lines = append(lines, r.fieldLines("", hint, w)...)
	case wire.AskText:
		hint, below := r.defaultHint(q.Default, w)
		if a.field.value() != "" {
			below = nil // enter takes what was typed
		}
		lines = append(lines, r.fieldLines("", hint, w)...)
		lines = append(lines, clampLines(r, below, max(h-len(lines), 1), w)...)
	default:
		lines = append(lines, r.optionLines(w, max(h-len(lines), 2))...)
	}
	if a.problem != "" {
		for _, l := range r.t.Wrap(a.problem, w) {
			lines = append(lines, r.t.Attention.Render(l))
		}
	}
	return lines
}

// defaultHint says in the field what enter alone takes, and below it where that does not fit: nobody takes what cannot be read.
func (r *root) defaultHint(value string, w int) (hint string, below []string) {
	if value == "" {
		return "", nil
	}
	const label = "enter alone takes"
	if hint = label + ": " + value; cellsOf(hint) < w {
		return hint, nil
	}
	for _, l := range r.t.Wrap(value, w) {
		below = append(below, r.t.Dim.Render(l))
	}
	return label + ":", below
}

// wordLabel says what must be typed; the title of the question where it says that itself.
func (r *root) wordLabel(q wire.Question) string {
	if q.Word != "" && strings.HasPrefix(q.Title, "Type "+q.Word) {
		return r.t.Clean(q.Title) + ": "
	}
	return "Type " + r.t.Clean(q.Word) + " to go on: "
}

// fieldLines draw the text field behind its label, or below it where there is no room; where the field has not the
// cursor they say how to get there.
func (r *root) fieldLines(label, hint string, w int) []string {
	style := r.t.Accent
	if r.fresh() || !r.typing() {
		style = r.t.Plain
	}
	var lines []string
	if w-cellsOf(label) < 16 {
		for _, l := range r.t.Wrap(label, w) {
			lines = append(lines, style.Render(l))
		}
		label = "> "
	}
	line := style.Render(label)
	switch {
	case r.fresh():
		line += r.t.Dim.Render(r.t.Glyphs.More)
	case !r.typing():
		line = r.t.Clip(line+r.t.Clean(r.ask.field.shown())+r.t.Dim.Render(" (esc to type)"), w)
	default:
		line += r.ask.field.draw(r.t, w-cellsOf(label), hint)
	}
	return append(lines, line)
}

// optionLines are the choices; the one under the cursor says what it means.
func (r *root) optionLines(w, h int) []string {
	a := r.ask
	detail := r.optionDetail(a.options[a.cursor], w)
	all, things := len(a.options), len(a.options)
	for i, o := range a.options {
		lines := len(r.optionDetail(o, w)) + len(r.refusedLines(o, w))
		all += lines
		if i == a.cursor || !o.ways() {
			things += lines
		}
	}
	compare := a.kind == wire.AskChoice && !r.byHand() && min(all, things) <= h // things to choose from are told apart by their details
	if len(a.options)+len(detail) > h {
		detail = clampLines(r, detail, min(max(h-len(a.options), 0), 1), w)
	}
	var entries []entry
	for i, o := range a.options {
		head := []string{r.optionLine(i, o, i == a.cursor, w)}
		if i == a.cursor {
			head = append(head, detail...)
		} else if compare && o.Refuse != "" {
			head = []string{r.t.Dim.Render(r.t.Clip("  - "+r.t.Clean(o.Label), w))}
			head = append(append(head, r.optionDetail(o, w)...), r.refusedLines(o, w)...)
		} else if compare && (all <= h || !o.ways()) {
			head = append(head, r.optionDetail(o, w)...)
		}
		entries = append(entries, entry{head: head})
	}
	return window(entries, a.cursor, false, h, r.outside(w))
}

// optionLine draws one choice: a refused one dim, with its reason; the one under the cursor marked and reversed.
func (r *root) optionLine(i int, o option, here bool, w int) string {
	label := r.t.Clean(o.Label)
	if o.Refuse != "" {
		return r.t.Dim.Render(r.t.Clip(fmt.Sprintf("  - %s: %s", label, r.t.Clean(o.Refuse)), w))
	}
	if o.Reason {
		label += " (asks why)"
	}
	if o.Effect.Rank() > 0 {
		label += " (" + o.Effect.Words() + ")"
	}
	mark := "  "
	number := fmt.Sprintf("%d ", i+1)
	text := r.t.Clip(label, w-4)
	if !here {
		return mark + r.t.Dim.Render(number) + text
	}
	if r.top() == nil && r.fresh() {
		return r.t.Dim.Render(r.t.Pad(r.t.Glyphs.More, 2) + number + text)
	}
	mark = r.t.Accent.Render(r.t.Glyphs.Cursor) + " "
	if r.top() == nil && r.focus != onAnswer {
		return mark + number + text
	}
	return mark + number + r.t.Selected.Render(text)
}

// refusedLines say why an option cannot be taken.
func (r *root) refusedLines(o option, w int) []string {
	if o.Refuse == "" {
		return nil
	}
	return indent(r.t.Wrap("Cannot be chosen: "+stop(o.Refuse), w-4), "    ")
}

func (r *root) optionDetail(o option, w int) []string {
	var lines []string
	for _, l := range r.t.Wrap(o.Detail, w-4) {
		lines = append(lines, "    "+r.t.Dim.Render(l))
	}
	return lines
}

// failureScreen shows what was tried, what was seen and what to do next, then the choices.
func (r *root) failureScreen(s *wire.StepView, w, h int) []string {
	q := *r.view.Question
	f := *q.Error
	part := func(label, text string, style func(string) string) []string {
		var lines []string
		for i, l := range r.t.Wrap(text, w-7) {
			head := "       "
			if i == 0 {
				head = r.t.Title.Render(r.t.Pad(label, 7))
			}
			lines = append(lines, head+style(l))
		}
		return lines
	}
	var detail []string
	for _, d := range f.Detail {
		detail = append(detail, indent(dimmed(r, r.t.Hang(d, w-2, 4)), "  ")...)
	}
	answer := r.answerBox(w, max(h/2, 6))
	return stack(h,
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(part("Tried", f.Tried, r.t.Plain.Render), 1, 4, r.cutLine(w)),
		fixed(part("Seen", f.Seen, r.t.Attention.Render), 1, 3, r.cutLine(w)),
		fixed(part("Next", sentence(f.Next), r.t.Plain.Render), 1, 2, r.cutLine(w)),
		lastOf(detail, 6),
		fixed(r.questionText(q, w), 0, 4, r.cutLine(w)),
		gapAt(2),
		fixed(answer, len(answer), 1, nil),
	)
}

// lastOf is a section that keeps the end of its lines: of a log the last lines matter.
func lastOf(lines []string, rank int) section {
	return section{want: len(lines), rank: rank, draw: func(h int) []string {
		return lines[max(len(lines)-h, 0):]
	}}
}

// hard cuts text into pieces of at most w cells without touching its spaces: a command copied from the screen is still
// that command.
func hard(text string, w int) []string {
	var lines []string
	var b strings.Builder
	used := 0
	for _, c := range text {
		n := cellsOf(string(c))
		if used+n > w {
			lines = append(lines, b.String())
			b.Reset()
			used = 0
		}
		b.WriteRune(c)
		used += n
	}
	return append(lines, b.String())
}
