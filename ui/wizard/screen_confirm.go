package wizard

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"canton.example/svrescue/steps/wire"
)

// Evidence gets old while a person thinks: amber from the first bound, red and "look again" from the second.
const (
	agesAt  = time.Minute
	staleAt = 5 * time.Minute
)

// confirmScreen shows a step before it is sent: why, what will be sent, what cannot be undone, how old the evidence is,
// and the question.
func (r *root) confirmScreen(s *wire.StepView, w, h int) []string {
	why := s.Why
	if why == "" {
		why = s.Summary
	}
	answer := r.answerBox(w, r.answerLines(h))
	q := r.view.Question
	if r.byHand() {
		return stack(h,
			fixed(r.heading(s, w), 1, 0, nil),
			fixed(r.questionText(*q, w), 1, 3, r.cutLine(w)),
			gap(),
			r.planSection(s, w),
			gap(),
			needed(r.logTail(s.ID, w, 2)),
			gapAt(2),
			urgent(fixed(answer, len(answer), 1, nil)),
		)
	}
	lost := clampLines(r, r.lostLines(s, w), 3, w)
	return stack(h,
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(r.t.Wrap(why, w), 2, 5, r.cutLine(w)),
		fixed(r.questionText(*q, w), 1, 3, r.cutLine(w)),
		gap(),
		r.planSection(s, w),
		gap(),
		urgent(fixed(lost, 1, 2, r.cutLine(w))),
		fixed(r.ageLine(s, w), 1, 2, nil),
		gapAt(2),
		urgent(fixed(answer, len(answer), 1, nil)),
	)
}

// needed gives a section its room before lists get theirs.
func needed(s section) section { s.min, s.rank = s.want, 2; return s }

func urgent(s section) section { s.urgent = true; return s }

// answerLines is how many lines the answer may take of h: few while the operator reads, and where there are few.
func (r *root) answerLines(h int) int {
	switch {
	case h < 10:
		return 2
	case r.focus == onList:
		return 3
	}
	return max(h/2, 5)
}

// cutLine marks a line after which text was cut, and says which key shows all of it.
func (r *root) cutLine(w int) func(string) string { return r.cutMark(w, r.t.Glyphs.More+" w: all") }

func (r *root) cutMark(w int, mark string) func(string) string {
	return func(last string) string {
		if room := w - cellsOf(mark) - 1; cellsOf(last) > room {
			last = strings.TrimRight(ansi.Truncate(last, room, ""), " ")
		}
		return last + " " + r.t.Dim.Render(mark)
	}
}

func clampLines(r *root, lines []string, n, w int) []string {
	if len(lines) <= n {
		return lines
	}
	if n <= 0 {
		return nil
	}
	return fixed(lines, n, 0, r.cutLine(w)).draw(n)
}

// planSection is the numbered list of what will be sent; the entry under the cursor opens.
func (r *root) planSection(s *wire.StepView, w int) section {
	build := func(whole func(here bool) bool) (entries []entry, size int) {
		for i, a := range s.Shown() {
			here := i == r.list.cursor
			e := r.actionEntry(i, a, w, whole(here))
			entries, size = append(entries, e), size+len(e.head)
			if here && r.list.open {
				size += len(e.detail)
			}
		}
		return entries, size
	}
	entries, size := build(func(bool) bool { return true })
	title, later := r.planTitle(s, w), r.t.Wrap(s.Later, w)
	want := 1 + size + len(later)
	return section{min: min(want, 3), want: want, rank: 4, urgent: true, draw: func(h int) []string {
		lines := []string{title}
		if h-1 <= len(later) {
			later = nil
		}
		if h < want { // long titles give way; the one under the cursor stays whole
			entries, _ = build(func(here bool) bool { return here && h > 5 })
		}
		lines = append(lines, window(entries, r.list.cursor, r.list.open, h-1-len(later), r.outside(w))...)
		return append(lines, dimmed(r, later)...)
	}}
}

func (r *root) planTitle(s *wire.StepView, w int) string {
	title := "Will be sent"
	switch {
	case r.view.Run.Acting == wire.DryRun:
		title = "Would be sent; this is a dry run and changes nothing"
	case r.view.Run.Acting == wire.Checklist:
		title = "To be done by you; svrescue sends nothing"
	case r.byHand():
		title = "To be done by you"
	case s.Undoing:
		title = "Will be sent to take the step back"
	}
	return r.t.Spread(r.t.Title.Render(title), r.t.Dim.Render(fmt.Sprintf("%d of %d", r.list.cursor+1, len(s.Shown()))), w)
}

// actionEntry is one action: what is sent, and opened its commands, before and after, what is lost, what it may touch.
func (r *root) actionEntry(i int, a wire.ActionView, w int, whole bool) entry {
	mark := "  "
	here := i == r.list.cursor && (r.focus == onList || r.typing())
	if here {
		mark = r.t.Accent.Render(r.t.Glyphs.Cursor) + " "
	}
	text := r.t.Clean(a.Title)
	style := r.t.Plain
	if here && r.focus == onList {
		style = r.t.Selected
	}
	titles := []string{r.t.ClipMiddle(text, w-7)}
	if whole {
		titles = r.t.Wrap(text, w-7)
	}
	e := entry{detail: r.actionDetail(a, w)}
	for k, l := range titles {
		front := "       "
		if k == 0 {
			front = mark + fmt.Sprintf("%2d ", i+1) + r.effectGlyph(a.Effect) + " "
		}
		e.head = append(e.head, front+style.Render(l))
	}
	return e
}

func (r *root) actionDetail(a wire.ActionView, w int) []string {
	const in = 7
	var lines []string
	add := func(label, text string, render func(string) string) {
		if text == "" {
			return
		}
		for _, l := range r.t.Hang(label+text, w-in, 2) {
			lines = append(lines, strings.Repeat(" ", in)+render(l))
		}
	}
	for _, c := range a.Commands {
		add("$ ", c, r.t.Plain.Render)
	}
	switch {
	case a.Before != "" && a.After != "":
		add("", a.Before+" "+r.t.Glyphs.Arrow+" "+a.After, r.t.Accent.Render)
	case a.After != "":
		add("then: ", a.After, r.t.Accent.Render)
	case a.Before != "":
		add("now: ", a.Before, r.t.Plain.Render)
	}
	add("lost: ", a.Lost, r.t.Danger.Render)
	add("touches: ", strings.Join(a.Refs, ", "), r.t.Dim.Render)
	if len(lines) == 0 {
		add("", "Nothing more is known of it.", r.t.Dim.Render)
	}
	return lines
}

// lostLines say what cannot be undone: what the actions lose, and why the step has no way back.
func (r *root) lostLines(s *wire.StepView, w int) []string {
	text, danger := lostSentence(*s)
	style := r.t.Plain
	if danger {
		style = r.t.Danger
	}
	const label = "Cannot be undone: "
	var lines []string
	for i, l := range r.t.Wrap(label+text, w) {
		if i == 0 && strings.HasPrefix(l, strings.TrimSpace(label)) {
			rest := strings.TrimPrefix(l, strings.TrimSpace(label))
			lines = append(lines, r.t.Title.Render(strings.TrimSpace(label))+style.Render(rest))
			continue
		}
		lines = append(lines, style.Render(l))
	}
	return lines
}

// lostSentence joins what is lost with why there is no undo; danger says that something is lost for good.
func lostSentence(s wire.StepView) (text string, danger bool) {
	var lost []string
	for _, a := range s.Shown() {
		if a.Lost != "" {
			lost = append(lost, strings.TrimRight(a.Lost, "."))
		}
	}
	if len(lost) > 0 {
		text = strings.Join(lost, "; ") + "."
	}
	if s.Undoing {
		if text == "" {
			return "nothing; the step can be sent again.", false
		}
		return text, true
	}
	switch s.Undo {
	case "no":
		return strings.TrimSpace(text + " the step has no way back."), true
	case "yes":
		if text == "" {
			return "nothing; it can be taken back.", false
		}
		return text + " The rest can be taken back.", true
	case "":
		return strings.TrimSpace(text + " whether the step can be taken back is not known."), text != ""
	}
	if text == "" {
		return stop(s.Undo), false
	}
	return text + " " + sentence(s.Undo), true
}

// undoSentence answers whether a step can be taken back.
func undoSentence(s wire.StepView) string {
	switch s.Undo {
	case "yes":
		return "Yes."
	case "":
		return "Not known."
	case "no":
		return "No."
	}
	return "No: " + stop(s.Undo)
}

// effectSentence says what the step may do to the world.
func effectSentence(s wire.StepView) string {
	switch s.Worst {
	case wire.Repeatable:
		return "It changes things; sending it again does no harm. You confirm once."
	case wire.Once:
		return "Something in it must happen exactly once; a key in the journal and the cluster sees to that. You confirm first."
	case wire.Destroy:
		return "It destroys something. You type the name of the node before anything is sent."
	}
	return "It reads only and never asks for a confirmation."
}

// ageLine says what the confirmation stands on and how old that is.
func (r *root) ageLine(s *wire.StepView, w int) []string {
	var oldest time.Time
	n := 0
	looked := []wire.Phase{wire.PhaseCheck, wire.PhaseTrial} // a second look belongs to an earlier confirmation
	if len(s.Findings[wire.PhaseCheck]) == 0 {
		looked = append(looked, wire.PhaseRecheck)
	}
	for _, phase := range looked {
		for _, f := range s.Findings[phase] {
			for _, e := range f.Evidence {
				n++
				if !e.At.IsZero() && (oldest.IsZero() || e.At.Before(oldest)) {
					oldest = e.At
				}
			}
		}
	}
	switch {
	case n == 0 && r.view.Run.Acting == wire.Checklist:
		return nil
	case n == 0 && r.view.DoneSteps() > 0:
		return []string{r.t.Clip("Evidence: what the steps before it have found.", w)}
	case n == 0:
		return []string{r.t.Attention.Render(r.t.Clip("Evidence: none was recorded for this step.", w))}
	case oldest.IsZero():
		return []string{r.t.Clip(fmt.Sprintf("Evidence: %s, read nobody knows when (e shows them)", count(n, "reading")), w)}
	}
	age := r.now().Sub(oldest)
	text := fmt.Sprintf("Evidence: %s, oldest %s ago", count(n, "reading"), span(age))
	// Rehearsals run faster than a person reads; the bounds are for the person.
	reading := age
	if speed := r.view.Run.Speed; speed > 1 {
		reading = time.Duration(float64(age) / speed)
	}
	switch {
	case reading >= staleAt:
		if r.canLook() {
			text += "; r look again"
			if cellsOf(text) > w {
				text = "Evidence is " + span(age) + " old; r look again"
			}
		}
		return []string{r.t.Danger.Render(r.t.Clip(text, w))}
	case reading >= agesAt:
		return []string{r.t.Attention.Render(r.t.Clip(text, w))}
	}
	return []string{r.t.Clip(text, w)}
}
