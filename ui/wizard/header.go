package wizard

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// noticeSpan is how long a notice stays when no key is pressed.
const noticeSpan = 20 * time.Second

func cellsOf(text string) int { return theme.Width(text) }

// header says in two lines what this is: real or not, which node, where, for how long; path, run, operator.
func (r *root) header() []string {
	if r.first != nil {
		return r.firstHeader()
	}
	run, w := r.view.Run, r.layout.w
	if run.ID == "" {
		return []string{r.t.Spread(" "+r.t.Title.Render("svrescue"), "", w), r.t.Dim.Render(r.t.Line("", "", w))}
	}
	style, word := r.t.Badge, badge(run)
	if word == "LIVE" {
		style = r.t.Live
	}
	right := stopwatch(elapsed(r.view, r.at()))
	if run.Speed > 0 && run.Speed != 1 {
		right = fmt.Sprintf("time x%g  %s", run.Speed, right)
	}
	if r.link.watching != "" {
		right = "only watching  " + right
	}
	right += " "
	left := " " + style.Render(" "+word+" ") + " "
	subject, where := r.t.Clean(r.view.Subject.Word()), r.t.Clean(place(r.view.Subject))
	if subject == "" {
		subject, where = "node not known yet", ""
	}
	room := w - cellsOf(left) - cellsOf(right) - 2
	if where != "" && cellsOf(subject)+3+cellsOf(where) > room {
		if gap := room - cellsOf(subject) - 3; gap >= 12 {
			where = r.t.Clip(where, gap)
		} else {
			where = ""
		}
	}
	first := left + r.t.Title.Render(subject)
	if where != "" {
		first += "   " + where
	}
	dot := " " + r.t.Glyphs.Dot + " "
	title, end := r.t.Clean(run.Path)+dot+r.t.Clean(run.ID), ""
	if r.view.Card != nil {
		end = dot + r.t.Clean(r.view.Card.Word())
	}
	if run.Scenario != "" {
		title += dot + r.t.Clean(run.Scenario)
	}
	who := r.t.Clean(run.Operator)
	if run.Host != "" {
		who += " on " + r.t.Clean(run.Host)
	}
	holds, quiet := r.holds()
	if holds != "" {
		holds = " " + r.t.Glyphs.Dot + " " + holds
	}
	if cellsOf(title)+cellsOf(end)+cellsOf(who)+cellsOf(holds)+10 > w {
		who = r.t.Clean(run.Operator)
	}
	if end != "" && cellsOf(title)+cellsOf(end)+cellsOf(who)+cellsOf(holds)+10 > w { // all operators look for the card, nobody for the id of the run
		title = r.t.Clean(run.Path)
	}
	title += end
	return []string{r.t.Spread(first, right, w), quiet.Render(r.t.Line(title, who+holds, w))}
}

// holds says in a word or two how the node is held, and how that is drawn: quietly while all is well. That something fails and is tried
// again goes before: it stands here over every dialog.
func (r *root) holds() (string, theme.Style) {
	if r.retrying() != nil {
		return "trying again", r.t.Attention
	}
	switch l := r.view.Lease; l.State {
	case wire.LeaseHeld:
		return "Lease", r.t.Dim
	case wire.LeaseAway:
		return "writes pause", r.t.Attention
	case wire.LeaseLocal:
		return "no Lease", r.t.Attention
	case wire.LeaseForeign:
		return "held by " + r.t.Clean(l.Holder.Name()), r.t.Attention
	}
	return "", r.t.Dim
}

// glyph is the state of a step in one cell, with its meaning in colour. Green is for what was proven: a step that is done
// but whose proof holds something to know gets the warning sign.
func (r *root) glyph(s wire.StepView) (string, theme.Style) {
	g := r.t.Glyphs
	switch s.State {
	case wire.StepRunning, wire.StepWaiting:
		return g.Now, r.t.Accent
	case wire.StepDone, wire.StepByHand:
		if wire.WorstVerdict(s.Findings[wire.PhaseVerify]) != wire.Holds {
			return g.Warn, r.t.Attention
		}
		return g.Done, r.t.Proven
	case wire.StepSkipped:
		return g.Skipped, r.t.Attention
	case wire.StepPlanned:
		return g.Planned, r.t.Dim
	case wire.StepFailed:
		return g.Failed, r.t.Attention
	case wire.StepUndone:
		return g.Warn, r.t.Attention
	}
	return g.Pending, r.t.Dim
}

// stepList draws the path: state, number, title. The step on screen is marked; the one the run stands at is in sight.
func (r *root) stepList(w, h int) []string {
	at := r.index()
	var rows []entry
	for i, s := range r.view.Steps {
		g, style := r.glyph(s)
		mark := " "
		if i == at {
			mark = r.t.Glyphs.Cursor
		}
		text := r.t.Clip(fmt.Sprintf("%2d %s", i+1, r.t.Clean(s.Title)), w-4)
		switch {
		case i == at && r.focus == onSteps:
			text = r.t.Selected.Render(r.t.Pad(text, w-4))
		case i == r.view.Current && !r.over():
			text = r.t.Accent.Render(text)
		case s.State == wire.StepPending:
			text = r.t.Dim.Render(text)
		}
		rows = append(rows, entry{head: []string{mark + style.Render(g) + " " + text}})
	}
	return window(rows, max(at, 0), false, h, r.outside(w))
}

// crumb is the path in one line, for narrow screens.
func (r *root) crumb(w int) string {
	s, i := r.step(), r.index()
	if s == nil {
		return r.t.Clip(" "+count(len(r.view.Steps), "step")+", none begun", w)
	}
	g, style := r.glyph(*s)
	text := fmt.Sprintf("step %d of %d %s %s", i+1, len(r.view.Steps), r.t.Glyphs.Dot, r.t.Clean(s.Title))
	word, ws := r.headWord(s)
	right := ws.Render(word)
	if !r.atCurrent() && r.view.Current >= 0 {
		right += r.t.Dim.Render(fmt.Sprintf(" %s the run is at %d", r.t.Glyphs.Dot, r.view.Current+1))
	}
	if r.focus == onSteps {
		text = r.t.Selected.Render(text)
	}
	return r.t.Spread(" "+style.Render(strings.TrimSpace(g)+" ")+text, right+" ", w)
}

// headWord says of the step on screen what matters most: what it will do to the world where that is asked about, else
// where it stands.
func (r *root) headWord(s *wire.StepView) (string, theme.Style) {
	switch r.panel() {
	case panelConfirm, panelQuestion:
		return s.Worst.Words(), r.effectStyle(s.Worst)
	case panelFailure:
		return "needs a decision", r.t.Attention
	}
	style := r.t.Dim
	if r.atCurrent() && !r.over() {
		style = r.t.Accent
	}
	word := r.stateWord(*s)
	if d := r.stepSpan(*s); d != "" {
		word += " " + d
	}
	if s.State == wire.StepRunning {
		if done, all := actionsDone(s); all > 1 && done > 0 {
			word += fmt.Sprintf(", %d of %d done", done, all)
		}
	}
	return word, style
}

// actionsDone counts the actions of the plan that is being sent.
func actionsDone(s *wire.StepView) (done, all int) {
	for _, a := range s.Shown() {
		all++
		switch a.State {
		case wire.ActionPending, wire.ActionRunning, wire.ActionFailed:
		default:
			done++
		}
	}
	return done, all
}

// heading is the first line of a step: number, title and the word for it. On narrow screens the line above the step says
// the same.
func (r *root) heading(s *wire.StepView, w int) []string {
	if r.layout.crumb.h > 0 {
		return nil
	}
	word, style := r.headWord(s)
	i := 0
	for n := range r.view.Steps {
		if r.view.Steps[n].ID == s.ID {
			i = n + 1
		}
	}
	title := fmt.Sprintf("%d %s %s", i, r.t.Glyphs.Dot, r.t.Clean(s.Title))
	return []string{r.t.Spread(r.t.Title.Render(r.t.Clip(title, w-cellsOf(word)-2)), style.Render(word), w)}
}

// effectStyle is red for what destroys, amber for what happens once, plain for the rest.
func (r *root) effectStyle(e wire.Effect) theme.Style {
	switch e {
	case wire.Destroy:
		return r.t.Danger
	case wire.Once:
		return r.t.Attention
	case wire.Repeatable:
		return r.t.Plain
	}
	return r.t.Dim
}

func (r *root) effectGlyph(e wire.Effect) string {
	g := map[wire.Effect]string{wire.Destroy: r.t.Glyphs.Destroy, wire.Once: r.t.Glyphs.Once,
		wire.Repeatable: r.t.Glyphs.Repeatable}[e]
	if g == "" {
		g = r.t.Glyphs.Observe
	}
	return r.effectStyle(e).Render(g)
}
