package command

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/ui/theme"
)

// reportWidth is how wide a report is, whatever the terminal: it is mailed and pasted.
const reportWidth = 80

// text is the report for people: what it comes to first, then what is violated with what to do, what is not determined with what is missing, what
// holds in one line each, and facts apart.
func (d *doctoring) text(head string, r doctor.Report) string {
	t := theme.New(theme.Detect(d.Env, d.flags.noColor || d.flags.output != "" || !isTerminal(d.Out)))
	w := &reportText{theme: t}
	w.line(t.Title.Render(t.Clean(head)))
	w.line("")
	w.verdict(r)
	w.section("Violated", r, func(c doctor.Condition) bool { return c.Counts() && c.Verdict == triage.Violated }, w.whole)
	open := w.whole
	if r.Blocked != "" { // the same reason, twenty times, hides it
		open = func(c doctor.Condition, _ bool) { w.titled(c) }
	}
	w.section("Not determined", r, func(c doctor.Condition) bool { return c.Counts() && c.Verdict == triage.NotDetermined }, open)
	w.section("Acknowledged: these do not count until the day that is named", r, func(c doctor.Condition) bool { return c.Acknowledged != "" }, w.acknowledged)
	w.section("Facts, which are no faults", r, func(c doctor.Condition) bool {
		return c.Informational && c.Acknowledged == "" && (r.Blocked == "" || c.Verdict != triage.NotDetermined)
	}, w.fact)
	w.section("Holds", r, func(c doctor.Condition) bool { return c.Counts() && c.Verdict == triage.Holds }, w.short)
	return w.b.String()
}

type reportText struct {
	b     strings.Builder
	theme theme.Theme
}

func (w *reportText) line(text string) { w.b.WriteString(strings.TrimRight(text, " ") + "\n") }

// para is a text with something before its first line, and the others below it.
func (w *reportText) para(lead, text string) {
	for i, line := range w.theme.Hang(lead+text, reportWidth, theme.Width(lead)) {
		if i == 0 { // Wrap takes away leading spaces
			line = lead + strings.TrimPrefix(line, strings.TrimLeft(lead, " "))
		}
		w.line(line)
	}
}

func (w *reportText) verdict(r doctor.Report) {
	route, _ := r.Condition("recovery-route")
	mark, says, style := w.theme.Glyphs.Unknown, "NOT KNOWN whether this node could be recovered today", w.theme.Attention
	switch route.Verdict {
	case triage.Holds:
		mark, says, style = w.theme.Glyphs.Done, "This node COULD BE RECOVERED today", w.theme.Proven
	case triage.Violated:
		mark, says, style = w.theme.Glyphs.Failed, "This node COULD NOT BE RECOVERED today", w.theme.Danger
	}
	w.line(style.Render(mark + " " + says))
	if r.Blocked != "" {
		w.para("  ", r.Blocked)
		w.para("  ", "Cure that first: nearly all that is not determined follows from it. svrescue triage says more.")
	}
	if r.Blocked == "" || route.Verdict != triage.NotDetermined {
		w.para("  ", route.Detail)
	}
	if r.Blocked == "" || r.Runway.Known {
		w.para("  ", "Runway: "+r.Runway.Detail)
	}
	count := map[triage.Verdict]int{}
	all := 0
	for _, c := range r.Conditions {
		if c.Counts() {
			count[c.Verdict]++
			all++
		}
	}
	switch {
	case r.Verdict == triage.Holds:
		w.para("  ", fmt.Sprintf("All %d conditions that count hold.", all))
	default:
		w.para("  ", fmt.Sprintf("Of %d conditions that count, %d are violated, %d are not determined, %d hold.", all, count[triage.Violated], count[triage.NotDetermined], count[triage.Holds]))
	}
	for _, note := range r.Notes {
		w.para("  ", note)
	}
	if c, some := first(r); some && r.Blocked == "" {
		w.para("  ", "First: "+c.Fix)
	}
}

// first is what to see to before all else: that there is a way to recover, then what is violated. Conditions are told in the order of what hangs
// on them.
func first(r doctor.Report) (doctor.Condition, bool) {
	if route, ok := r.Condition("recovery-route"); ok && route.Counts() && route.Verdict != triage.Holds {
		return route, true
	}
	for _, v := range []triage.Verdict{triage.Violated, triage.NotDetermined} {
		for _, c := range r.Conditions {
			if c.Counts() && c.Verdict == v {
				return c, true
			}
		}
	}
	return doctor.Condition{}, false
}

// section writes the conditions that belong to it. What follows and what to do is said once for those next to each other of which the same is said.
func (w *reportText) section(title string, r doctor.Report, belongs func(doctor.Condition) bool, write func(c doctor.Condition, last bool)) {
	var all []doctor.Condition
	for _, c := range r.Conditions {
		if belongs(c) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return
	}
	w.line("")
	w.line(w.theme.Title.Render(title))
	for i, c := range all {
		write(c, i+1 == len(all) || all[i+1].Consequence != c.Consequence || all[i+1].Fix != c.Fix)
	}
}

func (w *reportText) mark(v triage.Verdict) string {
	switch v {
	case triage.Holds:
		return w.theme.Proven.Render(w.theme.Glyphs.Done)
	case triage.Violated:
		return w.theme.Attention.Render(w.theme.Glyphs.Failed)
	}
	return w.theme.Attention.Render(w.theme.Glyphs.Unknown)
}

// titled is the line that a condition begins with. Its colour stands before the text that is broken into lines.
func (w *reportText) titled(c doctor.Condition) {
	for i, line := range w.theme.Wrap(c.ID+": "+c.Title, reportWidth-2) {
		lead := "  "
		if i == 0 {
			lead = w.mark(c.Verdict) + " "
		}
		w.line(lead + line)
	}
}

func (w *reportText) whole(c doctor.Condition, last bool) {
	w.titled(c)
	if c.ID != "recovery-route" { // that stands at the top
		w.para("    ", c.Detail)
	}
	if last {
		w.para("    ", "So: "+c.Consequence)
		w.para("    ", "Do: "+c.Fix)
	}
}

func (w *reportText) acknowledged(c doctor.Condition, _ bool) {
	w.titled(c)
	w.para("    ", c.Detail)
	w.para("    ", "Acknowledged until "+triage.Moment(c.Until)+": "+c.Acknowledged)
}

func (w *reportText) fact(c doctor.Condition, _ bool) {
	text := c.Detail
	if c.Verdict == triage.Violated {
		text = triage.Sentences(text, c.Consequence)
	}
	w.para(w.theme.Glyphs.Dot+" ", c.ID+": "+text)
}

func (w *reportText) short(c doctor.Condition, _ bool) {
	line := w.theme.Clip(c.ID+": "+w.theme.Clean(c.Detail), reportWidth-2)
	w.line(w.mark(c.Verdict) + " " + line)
}

// changed is one line for a condition that is not what it was, as a log has it.
func changed(at time.Time, c doctor.Condition) string {
	state := strings.ReplaceAll(string(c.Verdict), "-", " ")
	if c.Acknowledged != "" {
		state += ", acknowledged"
	}
	return fmt.Sprintf("%s  %-14s  %s: %s", at.UTC().Format("2006-01-02 15:04:05 MST"), state, c.ID, c.Detail)
}

func (p *program) listDays() error {
	if p.json() {
		type line struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		}
		lines := []line{}
		for _, d := range rehearsal.Days() {
			lines = append(lines, line{ID: d.ID, Title: d.Title})
		}
		return p.printDocument(struct {
			Version int    `json:"version"`
			Days    []line `json:"days"`
		}{1, lines})
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DAY\tTITLE\tTEACHES")
	for _, d := range rehearsal.Days() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", d.ID, d.Title, d.Teaches)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(&b, "Each incident of svrescue triage --rehearse list is one too.")
	return p.print(b.Bytes())
}
