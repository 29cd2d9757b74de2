package wizard

import (
	"fmt"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// View draws the screen. It changes nothing but the scroll positions of dialogs, which depend on the size.
func (r *root) View() string {
	l := r.layout
	if l.tooSmall {
		return r.tooSmall()
	}
	rows := make([]string, 0, l.h)
	rows = append(rows, r.header()...)
	rows = append(rows, r.body()...)
	rows = append(rows, r.noticeLine(), r.footer())
	return strings.Join(rows, "\n")
}

// body is what lies between header and notice, exactly as high as the layout says.
func (r *root) body() []string {
	l := r.layout
	d := r.top()
	if d == nil {
		return r.screen(l.body.h)
	}
	if n := d.lines(r, l.body.w); n > 0 {
		n = min(n, l.body.h)
		under := l.body.h - n
		var rows []string
		if under > 0 {
			rows = r.screen(l.body.h)[:under]
		}
		return append(rows, fill(d.draw(r, l.body.w, n), n)...)
	}
	return fill(d.draw(r, l.body.w, l.body.h), l.body.h)
}

// screen draws the steps beside the step on screen, and what belongs to it beside that.
func (r *root) screen(h int) []string {
	l := r.layout
	if r.first != nil {
		return r.firstScreen(h)
	}
	if r.link.state == connecting || r.link.state == refused || r.view.Run.ID == "" {
		return fill(r.linkScreen(l.body.w-2), h)
	}
	strip := r.retryLines(l.body.w - 2)
	strip = strip[:min(len(strip), max(l.main.h-6, 0))]
	h, l.main.h, l.steps.h, l.side.h = h-len(strip), l.main.h-len(strip), max(l.steps.h-len(strip), 0), max(l.side.h-len(strip), 0)
	for i := range strip {
		strip[i] = " " + strip[i]
	}
	var rows []string
	if l.crumb.h > 0 {
		rows = append(rows, r.crumb(l.crumb.w))
		for _, line := range fill(r.drawPanel(l.main.w, l.main.h), l.main.h) {
			rows = append(rows, " "+line)
		}
		return append(rows, strip...)
	}
	steps := fill(r.stepList(l.steps.w-2, l.steps.h), h)
	main := fill(r.drawPanel(l.main.w, l.main.h), h)
	var side []string
	if l.side.w > 0 {
		side = fill(r.side(l.side.w-2, l.side.h), h)
	}
	for i := range h {
		line := " " + r.t.Pad(steps[i], l.steps.w-1)
		if side == nil {
			line += r.t.Clip(main[i], l.main.w)
		} else {
			line += r.t.Pad(main[i], l.main.w) + " " + r.t.Dim.Render(r.t.Glyphs.Pipe) + " " + r.t.Clip(side[i], l.side.w-2)
		}
		rows = append(rows, line)
	}
	return append(rows, strip...)
}

// panel is what the part beside the steps shows.
type panel int

const (
	panelBefore   panel = iota // no step has begun
	panelRead                  // a step that has nothing to show but its prose
	panelRun                   // actions and how far they are
	panelConfirm               // actions before they are sent, and the question
	panelBoard                 // findings, and the question if there is one
	panelQuestion              // a question about neither
	panelFailure               // what went wrong, and what can be done
	panelReport                // the end
)

// panel decides what is shown: the report at the end, the question if one is open, else what happens or happened.
func (r *root) panel() panel {
	s := r.step()
	q := r.view.Question
	switch {
	case r.shown < 0 && r.over():
		return panelReport
	case s == nil:
		return panelBefore
	case q == nil || !r.atCurrent():
		switch {
		case len(s.Shown()) > 0:
			return panelRun
		case len(boardOf(s)) > 0:
			return panelBoard
		}
		return panelRead
	case q.Kind == wire.AskRemedy && q.Error != nil:
		return panelFailure
	case len(s.Shown()) > 0 && (q.Kind == wire.AskConfirm || q.Kind == wire.AskWord || q.Kind == wire.AskTick || r.byHand()):
		return panelConfirm
	case q.Kind != wire.AskChoice && q.Kind != wire.AskText && q.Kind != wire.AskSecret && len(boardOf(s)) > 0:
		return panelBoard
	}
	return panelQuestion
}

func (r *root) drawPanel(w, h int) []string {
	s := r.step()
	switch r.panel() {
	case panelBefore:
		return r.beforeScreen(w, h)
	case panelRun:
		return r.runScreen(s, w, h)
	case panelConfirm:
		return r.confirmScreen(s, w, h)
	case panelBoard:
		return r.boardScreen(s, w, h)
	case panelQuestion:
		return r.questionScreen(s, w, h)
	case panelFailure:
		return r.failureScreen(s, w, h)
	case panelReport:
		return r.reportScreen(w, h)
	}
	return r.readScreen(s, w, h)
}

// listKey names what the list on screen is about, so that its cursor is not carried over to another one.
func (r *root) listKey() string {
	if s := r.step(); s != nil {
		return fmt.Sprint(s.ID, r.panel())
	}
	return ""
}

// listLen is how many lines of the step on screen can be opened.
func (r *root) listLen() int {
	if r.view.Run.ID == "" {
		return 0
	}
	switch r.panel() {
	case panelRun, panelConfirm:
		return len(r.step().Shown())
	case panelBoard:
		return len(boardOf(r.step()))
	}
	return 0
}

// noticeLine is a rule, or one sentence: what a key did, what the engine refused, that the worker is gone.
func (r *root) noticeLine() string {
	text := r.notice
	if text != "" && r.opts.Clock.Now().Sub(r.noticeAt) > noticeSpan {
		text = ""
	}
	if text == "" {
		right := ""
		if n := r.view.Viewers; n > 1 && !r.over() {
			right = fmt.Sprintf("%d screens watch this run", n)
		}
		return r.provenLine(right)
	}
	return r.t.Attention.Render(r.t.Clip(" "+r.t.Clean(text), r.layout.w))
}

// provenLine is the rule above the keys. It says what the step before the one on screen has proven, or that a question
// is open elsewhere.
func (r *root) provenLine(right string) string {
	w := r.layout.w
	if r.view.Question != nil && !r.atCurrent() && !r.over() && r.top() == nil {
		text := r.t.Accent.Render(r.t.Clip(fmt.Sprintf("A question is open at step %d; enter goes there", r.view.Current+1), w-6))
		rule := r.t.Dim.Render(r.t.Glyphs.Rule + r.t.Glyphs.Rule)
		return rule + " " + text + " " + r.t.Dim.Render(r.t.Line("", right, max(w-4-cellsOf(text), 0)))
	}
	i := r.index() - 1
	for i >= 0 && r.view.Steps[i].State != wire.StepDone && r.view.Steps[i].State != wire.StepByHand {
		i--
	}
	if i < 0 || r.top() != nil || !r.atCurrent() || r.over() {
		return r.t.Dim.Render(r.t.Line("", right, w))
	}
	s := r.view.Steps[i]
	findings := inOrder(s.Findings[wire.PhaseVerify])
	if len(findings) == 0 {
		return r.t.Dim.Render(r.t.Line("", right, w))
	}
	sign, style := r.glyph(s)
	text := fmt.Sprintf("%d %s: %s", i+1, r.t.Clean(s.Title), r.t.Clean(findings[0].Text))
	tail := ""
	if n := len(findings) - 1; n > 0 {
		tail = fmt.Sprintf(", and %d more", n)
	}
	room := w - 6 - cellsOf(tail)
	if right != "" {
		room -= cellsOf(right) + 5
	}
	rule := r.t.Glyphs.Rule
	line := r.t.Dim.Render(rule+rule) + " " + style.Render(sign) + " " + r.t.Clip(text, room) + r.t.Dim.Render(tail) + " "
	return line + r.t.Dim.Render(r.t.Line("", right, max(w-cellsOf(line), 0)))
}

// footer names the keys that work now, as many as fit, and always the help.
func (r *root) footer() string {
	w := r.layout.w - 2
	if r.hasty() {
		return " " + r.t.Dim.Render(r.t.Clip(r.t.Glyphs.More+" this has just come into sight; keys count in a moment", w))
	}
	if r.top() == nil && r.fresh() {
		return " " + r.t.Dim.Render(r.t.Clip(r.t.Glyphs.More+" the question has just come into sight; keys count in a moment", w))
	}
	last := ""
	var items []string
	for _, b := range r.active() {
		if !b.on || b.short == "" {
			continue
		}
		item := r.t.Accent.Render(b.label(r.t.Glyphs)) + " " + b.short
		if b.short == "help" {
			last = item
			continue
		}
		items = append(items, item)
	}
	line := ""
	for _, item := range items {
		next := line
		if next != "" {
			next += "  "
		}
		next += item
		if r.cells(next, last) > w {
			break
		}
		line = next
	}
	if last != "" {
		line += "  " + last
	}
	return " " + r.t.Clip(strings.TrimLeft(line, " "), w)
}

func (r *root) cells(line, last string) int {
	n := cellsOf(line)
	if last != "" {
		n += 2 + cellsOf(last)
	}
	return n
}

// tooSmall says what size is needed; the state of the run stays in sight, answers are not taken.
func (r *root) tooSmall() string {
	w, h := max(r.layout.w, 1), max(r.layout.h, 1)
	lines := []string{}
	add := func(text string) { lines = append(lines, r.t.Wrap(text, w)...) }
	if r.view.Run.ID != "" {
		add(badge(r.view.Run) + " " + r.view.Subject.Word())
		add(standing(r.known(), r.at()))
	} else if r.first == nil {
		add("Connecting.")
	} else if r.first.look.Stands {
		add(r.first.look.Headline + ".")
	}
	add(fmt.Sprintf("This terminal is too small: %d x %d cells. At least %d x %d are needed; until then no question can be "+
		"answered here.", r.layout.w, r.layout.h, minWidth, minHeight))
	if r.opts.Attach != "" && r.view.Run.ID != "" && !r.over() {
		add("ctrl+c leaves; the work goes on.")
	} else {
		add("ctrl+c leaves.")
	}
	return strings.Join(fill(lines, h)[:h], "\n")
}

// position says which part of a longer text is in sight.
func (r *root) position(from, to, all int) string {
	return fmt.Sprintf("%d-%d of %d", from, to, all)
}

// outside says how much of a list is out of sight.
func (r *root) outside(w int) func(before, after int) string {
	return func(before, after int) string {
		return r.t.Dim.Render(r.t.Clip("   "+r.t.Glyphs.More+" "+hidden(before, after), w))
	}
}

// hidden says how many lines of a list are out of sight.
func hidden(before, after int) string {
	switch {
	case before == 0 && after == 0: // of the only one that is drawn
		return "the rest of it does not fit"
	case before == 0:
		return fmt.Sprintf("%d more below", after)
	case after == 0:
		return fmt.Sprintf("%d more above", before)
	}
	return fmt.Sprintf("%d above, %d below", before, after)
}

// fill makes lines exactly h long.
func fill(lines []string, h int) []string {
	if len(lines) > h {
		return lines[:h]
	}
	out := make([]string, h)
	copy(out, lines)
	return out
}
