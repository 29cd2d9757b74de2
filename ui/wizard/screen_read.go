package wizard

import (
	"fmt"
	"time"

	"canton.example/svrescue/steps/wire"
)

// linkScreen says what is being done before there is a run to show, and what came of it.
func (r *root) linkScreen(w int) []string {
	var lines []string
	add := func(text string) {
		for _, l := range r.t.Wrap(text, w) {
			lines = append(lines, " "+l)
		}
	}
	lines = append(lines, "")
	doing := r.opts.Doing
	if doing == "" {
		doing = "connecting to the worker of the run"
	}
	since := r.opts.Clock.Now().Sub(r.link.began)
	switch r.link.state {
	case connecting:
		add(sentence(doing))
		if since >= 2*time.Second {
			lines = append(lines, " "+r.t.Dim.Render("for "+span(since)+"; nothing has been changed by this screen"))
		}
	case refused:
		add("There is no connection to the run.")
		lines = append(lines, "")
		add(sentence(r.link.err.Error()))
		lines = append(lines, "")
		add("r tries again, q leaves. Nothing has been sent.")
	case gone:
		add("The worker closed the connection before it said what the run is. Nothing has been sent from here.")
	default:
		add("Connected. Waiting for the first record of the run.")
		if since >= 5*time.Second {
			lines = append(lines, " "+r.t.Dim.Render("for "+span(since)))
		}
	}
	return lines
}

// beforeScreen is the overview while no step has begun.
func (r *root) beforeScreen(w, h int) []string {
	run := r.view.Run
	lines := []string{r.t.Title.Render(r.t.Clip(r.t.Clean(run.Title), w)), ""}
	changes := 0
	for _, s := range r.view.Steps {
		if s.Effect.Rank() > 0 {
			changes++
		}
	}
	text := fmt.Sprintf("%s, of which %d may change something. Every change is shown before it is sent, and asked about. "+
		"Choose a step with up and down to read what it does.", count(len(r.view.Steps), "step"), changes)
	var path []string
	for i, s := range r.view.Steps {
		path = append(path, r.t.Spread(r.t.Clip(fmt.Sprintf("%2d %s", i+1, r.t.Clean(s.Summary)), w-12),
			r.effectStyle(s.Effect).Render(s.Effect.Words()), w))
	}
	return stack(h,
		fixed(lines, 1, 0, nil),
		fixed(r.t.Wrap(text, w), 2, 2, r.cutLine(w)),
		gap(),
		fixed(r.actingLines(w), 1, 1, nil),
		gap(),
		fixed(path, 0, 3, r.cutMark(w, r.t.Glyphs.More+" more")),
	)
}

// actingLines say what the words in the header mean.
func (r *root) actingLines(w int) []string {
	text := "LIVE: what is confirmed is sent to the real node."
	switch run := r.view.Run; {
	case run.Acting == wire.DryRun:
		text = "DRY RUN: everything is read and tried, nothing is changed."
	case run.Acting == wire.Checklist:
		text = "CHECKLIST: you act, svrescue keeps time and notes and sends nothing."
	case run.World == wire.Simulated:
		text = "SIMULATED: the network is built in; nothing real is touched."
	}
	return r.t.Wrap(text, w)
}

// readScreen is a step as prose: what it does, why, what it means for the world, whether there is a way back.
func (r *root) readScreen(s *wire.StepView, w, h int) []string {
	var facts []string
	fact := func(label, text string, render func(string) string) {
		for i, l := range r.t.Wrap(text, w-8) {
			head := ""
			if i == 0 {
				head = label
			}
			facts = append(facts, r.t.Title.Render(r.t.Pad(head, 8))+render(l))
		}
	}
	fact("Effect", effectSentence(*s), r.effectStyle(s.Worst).Render)
	fact("Undo", undoSentence(*s), r.t.Plain.Render)
	var reason, open []string
	if s.Reason != "" {
		reason = r.t.Wrap(sentence(s.Reason), w)
	}
	if r.atCurrent() && s.State == wire.StepRunning {
		open = dimmed(r, r.t.Wrap("svrescue reads the world for this step; nothing has been sent in it yet.", w))
	}
	sections := []section{
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(r.t.Wrap(s.Summary, w), 1, 2, r.cutLine(w)),
		gap(),
		fixed(r.t.Wrap(s.Why, w), 1, 4, r.cutLine(w)),
		gap(),
		fixed(facts, 2, 3, nil),
		gap(),
		fixed(reason, 1, 2, r.cutLine(w)),
		fixed(open, len(open), 1, nil),
	}
	if r.atCurrent() && s.State == wire.StepRunning {
		if r.layout.side.w == 0 {
			sections = append(sections, gap(), r.logTail(s.ID, w, 4))
		}
		if r.opts.Attach != "" && !r.over() {
			sections = append(sections, gap(), fixed(r.closeLines(w), 0, 5, nil))
		}
	}
	return stack(h, sections...)
}

// side is the column that wide screens have: what the question stands on, or the live log.
func (r *root) side(w, h int) []string {
	s := r.step()
	if s == nil {
		return nil
	}
	if r.panel() == panelRun || r.panel() == panelReport || len(s.Findings) == 0 {
		entries, title := r.view.Log, "Live log (UTC)"
		if len(entries) == 0 || r.over() {
			entries, title = r.view.Timeline, "Timeline (UTC)"
		}
		var lines []string
		for i := len(entries) - 1; i >= 0 && len(lines) < h; i-- {
			lines = append(r.entryLines(entries[i], w), lines...)
		}
		lines = lines[max(len(lines)-h+1, 0):]
		return append([]string{r.t.Title.Render(title)}, lines...)
	}
	return append([]string{r.t.Title.Render("Evidence")}, r.evidenceLines(s, w)...)
}
