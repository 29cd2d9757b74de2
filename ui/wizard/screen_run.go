package wizard

import (
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// quietAfter is how long an action may show no movement before the screen says so.
const quietAfter = 15 * time.Second

// runScreen shows the actions of a step and how far each is.
func (r *root) runScreen(s *wire.StepView, w, h int) []string {
	current := r.atCurrent() && !r.over()
	entries := make([]entry, len(s.Shown()))
	want, cursor := 0, r.list.cursor
	for i, a := range s.Shown() {
		entries[i] = r.progressEntry(i, a, w)
		want += len(entries[i].head)
		if r.list.open && i == cursor {
			want += len(entries[i].detail)
		}
		if a.State == wire.ActionRunning && r.focus != onList {
			cursor = i
		}
	}
	actions := section{min: min(want, 3), want: want, rank: 2, draw: func(h int) []string {
		return window(entries, cursor, r.list.open, h, r.outside(w))
	}}
	sections := []section{
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(r.t.Wrap(s.Summary, w), 0, 6, r.cutLine(w)),
	}
	if proof := s.Findings[wire.PhaseVerify]; len(proof) > 0 { // what was found comes before how
		sections = append(sections, gap(), fixed(r.proofLines(proof, w), 1, 2, r.cutMark(w, r.t.Glyphs.More+" e: all")))
	}
	sections = append(sections, gap(), actions)
	if s.Reason != "" {
		sections = append(sections, fixed(r.t.Wrap(sentence(s.Reason), w), 1, 3, r.cutLine(w)))
	}
	if current {
		sections = append(sections, fixed(r.betweenLines(s, w), 0, 3, r.cutLine(w)))
	}
	if current && r.layout.side.w == 0 {
		sections = append(sections, gap(), r.logTail(s.ID, w, 5))
	}
	if current && r.opts.Attach != "" && s.State == wire.StepRunning {
		sections = append(sections, gap(), fixed(r.closeLines(w), 1, 1, nil))
	}
	return stack(h, sections...)
}

// proofLines are what was found when the step was proven, with what to do about what does not simply hold.
func (r *root) proofLines(proof []wire.Finding, w int) []string {
	lines := []string{r.t.Spread(r.t.Title.Render("What was proven"), r.t.Dim.Render("e: evidence"), w)}
	for _, f := range inOrder(proof) {
		lines = append(lines, r.findingLines(f, w)...)
	}
	return lines
}

// findingLines are a finding and, where it does not simply hold, what to do about it.
func (r *root) findingLines(f wire.Finding, w int) []string {
	lines := r.findingHead(f, w)
	if f.Verdict != wire.Holds && f.Next != "" {
		for _, l := range r.t.Wrap(sentence(f.Next), w-2) {
			lines = append(lines, "  "+r.t.Accent.Render(l))
		}
	}
	return lines
}

// closeLines say that the work does not depend on this window.
func (r *root) closeLines(w int) []string {
	if r.opts.Risk != "" {
		text := "Do not log out yet: " + stop(r.opts.Risk) + " Closing this window alone is harmless."
		var lines []string
		for _, l := range clampLines(r, r.t.Wrap(text, w), 3, w) {
			lines = append(lines, r.t.Attention.Render(l))
		}
		return lines
	}
	var lines []string
	one := "You can close this window; the work goes on. Come back: " + r.opts.Attach
	if cellsOf(one) <= w {
		return []string{r.t.Dim.Render(one)}
	}
	for _, l := range []string{"You can close this window; the work goes on.", "Come back: " + r.opts.Attach} {
		lines = append(lines, r.t.Dim.Render(r.t.Clip(l, w)))
	}
	return lines
}

// betweenLines say what happens when no action runs.
func (r *root) betweenLines(s *wire.StepView, w int) []string {
	if s.State != wire.StepRunning || r.view.Running() != nil || r.retrying() != nil {
		return nil
	}
	if l := r.view.Lease; l.State == wire.LeaseAway {
		lines := r.t.Wrap(sentence(l.Sentence()), w)
		for i := range lines {
			lines[i] = r.t.Attention.Render(lines[i])
		}
		return lines
	}
	return dimmed(r, []string{r.t.Clip("Between actions: svrescue reads the world.", w)})
}

// progressEntry is one action: its state, its title, its time; a running one with what is known of its progress.
func (r *root) progressEntry(i int, a wire.ActionView, w int) entry {
	g, style := r.t.Glyphs.Pending, r.t.Dim
	word := ""
	switch a.State {
	case wire.ActionRunning:
		g, style, word = r.t.Glyphs.Now, r.t.Accent, minutes(r.at().Sub(a.Started))
		if r.over() { // how far it came is for whoever resumes to find out
			style, word = r.t.Dim, "not finished"
		}
	case wire.ActionDone:
		g, style, word = r.t.Glyphs.Done, r.t.Proven, minutes(a.Ended.Sub(a.Started))
	case wire.ActionAlready:
		g, style, word = r.t.Glyphs.Done, r.t.Proven, "was done already"
	case wire.ActionByHand:
		g, style, word = r.t.Glyphs.Done, r.t.Proven, "by hand"
	case wire.ActionFailed:
		g, style, word = r.t.Glyphs.Failed, r.t.Attention, "failed"
	case wire.ActionPartly:
		g, style, word = r.t.Glyphs.Warn, r.t.Attention, "only partly done"
	case wire.ActionUnknown:
		g, style, word = r.t.Glyphs.Unknown, r.t.Attention, "not determined"
	case wire.ActionSkipped:
		g, style, word = r.t.Glyphs.Skipped, r.t.Dim, "skipped"
	default:
		word = "waits"
		if r.view.Run.Acting == wire.DryRun || !r.atCurrent() || r.over() {
			word = "not sent"
		}
	}
	text := r.t.Clean(a.Title)
	if a.Undo {
		text = "undo: " + text
	}
	mark := "  "
	if i == r.list.cursor && r.focus == onList {
		mark = r.t.Accent.Render(r.t.Glyphs.Cursor) + " "
	}
	titles := []string{text}
	if a.State == wire.ActionRunning || i == r.list.cursor && r.focus == onList {
		titles = r.t.Wrap(text, w-5-cellsOf(word))
	}
	first := r.t.ClipMiddle(strings.Join(titles[:min(1, len(titles))], ""), w-5-cellsOf(word))
	head := []string{mark + r.t.Spread(style.Render(g)+" "+first, style.Render(word), w-2)}
	for _, l := range titles[min(1, len(titles)):] {
		head = append(head, "    "+l)
	}
	if a.State == wire.ActionRunning {
		head = append(head, r.progressLines(a, w)...)
	}
	if a.Failure != nil {
		for _, l := range r.t.Wrap(a.Failure.Seen, w-4) {
			head = append(head, "    "+r.t.Attention.Render(l))
		}
	}
	return entry{head: head, detail: r.actionDetail(a, w)}
}

// progressLines say how far a running action is: a bar where the whole is known, the things that go on side by side,
// what is waited for, and that nothing moves where nothing does.
func (r *root) progressLines(a wire.ActionView, w int) []string {
	moved := a.Moved
	if moved.IsZero() {
		moved = a.Started
	}
	bound := quietAfter
	if speed := r.view.Run.Speed; speed > 1 { // the bound is for a person who watches
		bound = time.Duration(float64(bound) * speed)
	}
	rest := r.at().Sub(moved)
	still := rest >= bound && !r.over()

	var lines []string
	p := a.Progress
	if p != nil {
		if p.Total > 0 {
			lines = append(lines, "    "+r.barLine(a, !still, w-4))
		} else if p.Done > 0 {
			lines = append(lines, "    "+r.t.Clip(amount(*p), w-4))
		}
	}
	if still {
		lines = append(lines, "    "+r.t.Attention.Render(r.t.Clip("no progress for "+span(rest), w-4)))
	}
	if p != nil {
		for _, l := range r.t.Wrap(p.Text, w-4) {
			lines = append(lines, "    "+l)
		}
		lines = append(lines, r.itemLines(p.Items, w-4)...)
	}
	return lines
}

// barLine draws the bar with what is done; speed and remaining time only while something moves, because a rate of
// before says nothing about a standstill.
func (r *root) barLine(a wire.ActionView, moving bool, w int) string {
	p := *a.Progress
	words := amount(p)
	if speed := rate(a.Rate.PerSecond(), p.Unit); moving && speed != "" && w > 40 && p.Unit == "bytes" {
		words += "  " + speed
	}
	if left, ok := a.Rate.Left(p.Total); ok && moving && left > 0 {
		words += "  " + minutes(left) + " left"
	}
	width := min(max(w-cellsOf(words)-2, 6), 24)
	return r.t.Accent.Render(r.t.Bar(p.Done, p.Total, width)) + "  " + r.t.Clip(words, w-width-2)
}

// itemLines show things that go on side by side: name, state, and why one is not done.
func (r *root) itemLines(items []wire.Item, w int) []string {
	name, state := 0, 0
	for _, it := range items {
		name, state = max(name, cellsOf(r.t.Clean(it.Name))), max(state, cellsOf(r.t.Clean(it.State)))
	}
	name = min(name, max(w/2, w-state-8)) // names that are cut look alike
	var lines []string
	said := map[string]bool{}
	for _, it := range items {
		g, style := r.t.Glyphs.Dot, r.t.Dim
		if it.Done {
			g, style = r.t.Glyphs.Done, r.t.Proven
		}
		text := r.t.Clean(it.State)
		line := style.Render(g) + " " + r.t.Pad(r.t.ClipLeft(r.t.Clean(it.Name), name), name) + "  "
		note := ""
		if it.Note != "" {
			note = r.t.Clean(it.Note)
			if cellsOf(line)+cellsOf(text)+3+cellsOf(note) <= w {
				text, note = text+"  "+r.t.Dim.Render(note), ""
			}
		}
		lines = append(lines, "    "+r.t.Clip(line+text, w))
		if note != "" && !said[note] { // what holds for several is said once
			said[note] = true
			lines = append(lines, indent(dimmed(r, clampLines(r, r.t.Wrap(note, w-2), 2, w-2)), "      ")...)
		}
	}
	return lines
}

// logTail is the end of the live log, as far as it belongs to the step.
func (r *root) logTail(step string, w, n int) section {
	var lines []string
	for i := len(r.view.Log) - 1; i >= 0 && len(lines) < n; i-- {
		e := r.view.Log[i]
		if e.Step != "" && e.Step != step {
			continue
		}
		text := e.At.UTC().Format("15:04:05") + " " + r.t.Clean(e.Text)
		lines = append(dimmed(r, r.t.Hang(text, w, 9)), lines...)
	}
	return lastOf(lines, 7)
}

// stepSpan is how long a step took, or takes so far.
func stepSpan(s wire.StepView, now time.Time) string {
	switch {
	case s.Started.IsZero():
		return ""
	case s.State == wire.StepRunning || s.State == wire.StepWaiting:
		return minutes(now.Sub(s.Started))
	case s.Ended.IsZero():
		return ""
	}
	return minutes(s.Ended.Sub(s.Started))
}
