package wizard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// reportScreen is the end: how it came out, each step with its time, the notes, and where the record lies.
func (r *root) reportScreen(w, h int) []string {
	v := r.view
	word, text, good := r.outcome()
	style := r.t.Attention
	if good {
		style = r.t.Proven
	}
	head := []string{style.Render(word)}
	head = append(head, r.t.Wrap(sentence(text), w)...)
	var rows []string
	for i, s := range v.Steps {
		g, gs := r.glyph(s)
		took := r.stepSpan(s)
		state := ""
		if s.State != wire.StepDone {
			state = r.stateWord(s)
		}
		line := fmt.Sprintf("%2d %s", i+1, r.t.Clean(s.Title))
		if state != "" {
			line += " " + r.t.Glyphs.Dot + " " + state
		}
		rows = append(rows, gs.Render(g)+" "+r.t.Spread(line, took, w-2))
	}
	var notes []string
	if len(v.Notes) > 0 {
		notes = append(notes, "", r.t.Title.Render("Notes (UTC)"))
		for _, n := range v.Notes {
			notes = append(notes, r.t.Clip(n.At.UTC().Format("15:04")+" "+r.t.Clean(n.By)+": "+r.t.Clean(n.Text), w))
		}
	}
	var know []string
	for _, s := range v.Steps {
		for _, f := range inOrder(s.Findings[wire.PhaseVerify]) {
			if f.Verdict != wire.Holds {
				know = append(know, r.findingLines(f, w)...)
			}
		}
	}
	if len(know) > 0 {
		know = append([]string{"", r.t.Title.Render("To know")}, know...)
	}
	if v.Ended == nil {
		head = append(head, "")
		head = append(head, r.t.Wrap(r.stood(), w)...)
		if line := r.resumeLine(); line != "" {
			head = append(head, "")
			head = append(head, r.command("Go on with: ", line, w)...)
		}
		know = nil // it is said at the end
	}
	end := []string{""}
	if v.Ended != nil {
		end = append(end, r.t.Clip("Report: svrescue report "+v.Run.ID, w))
	}
	if v.Run.Folder != "" {
		end = append(end, "Files:  "+r.t.ClipLeft(r.t.Clean(v.Run.Folder), w-8))
	}
	took := "Took " + stopwatch(elapsed(v, r.at()))
	if v.Ended == nil {
		took = stopwatch(elapsed(v, r.at())) + " since the start"
	}
	return stack(h,
		fixed(head, len(head), 0, r.cutLine(w)),
		fixed([]string{fmt.Sprintf("%s, %d of %d steps done", took, v.DoneSteps(), len(v.Steps))}, 1, 1, nil),
		fixed(know, 0, 2, r.cutMark(w, r.t.Glyphs.More+" e: all")),
		gapAt(3),
		section{want: len(rows), rank: 5, draw: func(h int) []string {
			if h >= len(rows) || h == 0 {
				return rows[:h]
			}
			left := r.t.Dim.Render(fmt.Sprintf("  %s %d more in the report", r.t.Glyphs.More, len(rows)-h+1))
			return append(slices.Clone(rows[:h-1]), left)
		}},
		fixed(notes, 0, 4, r.cutMark(w, r.t.Glyphs.More+" l: all")),
		fixed(end, len(end), 1, nil),
	)
}

// stood says where the run was when its worker ended.
func (r *root) stood() string {
	s := r.view.CurrentStep()
	if s == nil {
		return "No step had begun."
	}
	text := fmt.Sprintf("It stood at step %d of %d, %s", r.view.Current+1, len(r.view.Steps), r.t.Clean(s.Title))
	switch a := r.view.Running(); {
	case a != nil:
		text += "; under way: " + r.t.Clean(a.Title)
	case r.view.Question != nil:
		text += "; a question was open and is asked again: " + r.t.Clean(r.view.Question.Title)
	}
	return stop(text)
}

// outcome names how the run stands now that no worker acts on it; good only where all was proven.
func (r *root) outcome() (word, text string, good bool) {
	v := r.view
	if v.Ended == nil {
		if v.Parked != "" {
			return "Parked", v.Parked, false
		}
		if f := v.Halted; f != nil {
			return "The worker has stopped", stop("Tried: "+f.Tried) + " " + stop("Seen: "+f.Seen) + " " + sentence(f.Next), false
		}
		text := "It ended without a word. The last that was heard of it is " + r.silence() + " old"
		if r.view.Running() != nil {
			text += ". What it had begun is looked at again when the run is resumed, before anything is sent"
		}
		return "The worker is gone", text, false
	}
	word = map[wire.Outcome]string{wire.Recovered: "Recovered", wire.Refused: "Refused: a precondition does not hold",
		wire.Parked: "Parked", wire.Failed: "Failed", wire.Rehearsed: "Came to its end", wire.Aborted: "Aborted"}[v.Ended.Outcome]
	if word == "" {
		word = string(v.Ended.Outcome)
	}
	if v.Ended.Outcome == wire.Rehearsed && v.Run.Acting == wire.DryRun {
		word = "Dry run: nothing was changed"
	}
	return word, v.Ended.Text, v.Ended.Outcome == wire.Recovered
}

// silence is how long nothing was heard.
func (r *root) silence() string {
	if r.view.Last.IsZero() {
		return "an unknown time"
	}
	return span(max(r.now().Sub(r.view.Last), time.Duration(0)))
}

// command is what can be typed, after what leads to it: on lines of its own where it does not fit beside it. It is never cut.
func (r *root) command(lead, line string, w int) []string {
	if theme.Width(lead+line) <= w {
		return []string{r.t.Accent.Render(lead) + line}
	}
	return append([]string{r.t.Accent.Render(strings.TrimRight(lead, " "))}, r.t.Wrap(line, w)...)
}
