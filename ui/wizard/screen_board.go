package wizard

import (
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// phases in which findings are made, the latest first.
var phases = []wire.Phase{wire.PhaseVerify, wire.PhaseTrial, wire.PhaseRecheck, wire.PhaseCheck}

func phaseWord(p wire.Phase) string {
	switch p {
	case wire.PhaseCheck:
		return "Before the plan"
	case wire.PhaseRecheck:
		return "After the confirmation"
	case wire.PhaseTrial:
		return "Tried without changing anything"
	case wire.PhaseVerify:
		return "Proof from the world"
	}
	return string(p)
}

// verdicts in the order of a board: what stops first.
var verdicts = []wire.Verdict{wire.Violated, wire.Undetermined, wire.Attention, wire.Holds}

func verdictWord(v wire.Verdict) string {
	switch v {
	case wire.Violated:
		return "does not hold"
	case wire.Undetermined:
		return "not determined"
	case wire.Attention:
		return "attention"
	}
	return "holds"
}

// inOrder sorts findings by how much they matter; within a verdict their order stays.
func inOrder(findings []wire.Finding) []wire.Finding {
	out := slices.Clone(findings)
	slices.SortStableFunc(out, func(a, b wire.Finding) int {
		return slices.Index(verdicts, a.Verdict) - slices.Index(verdicts, b.Verdict)
	})
	return out
}

// boardOf are the findings that a board of the step shows: those of the latest phase that has any.
func boardOf(s *wire.StepView) []wire.Finding {
	for _, p := range phases {
		if f := s.Findings[p]; len(f) > 0 {
			return inOrder(f)
		}
	}
	return nil
}

// boardScreen shows findings by verdict, what stops first, each to be opened; below it the question, if one is open.
func (r *root) boardScreen(s *wire.StepView, w, h int) []string {
	findings := boardOf(s)
	var answer []string
	if r.view.Question != nil && r.atCurrent() {
		answer = append([]string{""}, r.answerBox(w, r.answerLines(h))...)
	}
	var text []string
	if r.view.Question != nil && r.atCurrent() {
		text = r.questionText(*r.view.Question, w)
	}
	kinds := map[wire.Verdict]bool{}
	for _, f := range findings {
		kinds[f.Verdict] = true
	}
	build := func(most int) (entries []entry, size int) {
		for i, f := range findings {
			head := r.findingLines(f, w-2)
			detail := r.findingEvidence(f, w-2)
			if len(head) > most {
				detail = r.findingDetail(f, w-2)
				head = append(head[:most-1], r.t.Clip(head[most-1]+r.t.Glyphs.More, w-2))
			}
			for k := range head {
				mark := "  "
				if k == 0 && i == r.list.cursor && r.focus == onList {
					mark = r.t.Accent.Render(r.t.Glyphs.Cursor) + " "
				}
				head[k] = mark + head[k]
			}
			if len(kinds) > 1 && (i == 0 || findings[i-1].Verdict != f.Verdict) {
				_, group := r.verdictSign(f.Verdict)
				head = append([]string{group.Render(verdictWord(f.Verdict))}, head...)
			}
			e := entry{head: head, detail: indent(detail, "  ")}
			entries = append(entries, e)
			size += len(e.head)
			if r.list.open && i == r.list.cursor {
				size += len(e.detail)
			}
		}
		return entries, size
	}
	entries, size := build(99)
	board := section{min: min(size, 4), want: size, rank: 3, draw: func(h int) []string {
		for most, got := 6, size; got > h && most >= 3; most-- { // long sentences give way; one key opens them
			entries, got = build(most)
		}
		return window(entries, r.list.cursor, r.list.open, h, r.outside(w))
	}}
	return stack(h,
		fixed(r.heading(s, w), 1, 0, nil),
		fixed(r.countLines(findings, w), 1, 1, nil),
		fixed(r.t.Wrap(s.Summary, w), 0, 6, r.cutLine(w)),
		gap(),
		board,
		fixed(text, 0, 4, r.cutLine(w)),
		fixed(answer, len(answer), 1, nil),
	)
}

// countLines count the verdicts.
func (r *root) countLines(findings []wire.Finding, w int) []string {
	var lines []string
	line := ""
	for _, v := range verdicts {
		n := 0
		for _, f := range findings {
			if f.Verdict == v {
				n++
			}
		}
		if n == 0 {
			continue
		}
		sign, style := r.verdictSign(v)
		word := verdictWord(v)
		if n > 1 && v == wire.Violated {
			word = "do not hold"
		} else if n > 1 && v == wire.Holds {
			word = "hold"
		}
		item := style.Render(fmt.Sprintf("%s %d %s", sign, n, word))
		if line != "" && cellsOf(line)+3+cellsOf(item) > w {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += "   "
		}
		line += item
	}
	return append(lines, r.t.Clip(line, w))
}

func (r *root) verdictSign(v wire.Verdict) (string, theme.Style) {
	switch v {
	case wire.Violated:
		return r.t.Glyphs.Failed, r.t.Attention
	case wire.Undetermined:
		return r.t.Glyphs.Unknown, r.t.Attention
	case wire.Attention:
		return r.t.Glyphs.Warn, r.t.Attention
	}
	return r.t.Glyphs.Done, r.t.Proven
}

// findingHead is the sentence of a finding behind its sign.
func (r *root) findingHead(f wire.Finding, w int) []string {
	sign, style := r.verdictSign(f.Verdict)
	var lines []string
	for i, l := range r.t.Wrap(f.Text, w-2) {
		head := "  "
		if i == 0 {
			head = style.Render(sign) + " "
		}
		lines = append(lines, head+l)
	}
	return lines
}

// findingDetail is what was looked at and what to do about it.
func (r *root) findingDetail(f wire.Finding, w int) []string {
	lines := r.findingEvidence(f, w)
	if f.Next != "" {
		for _, l := range r.t.Hang("Next: "+stop(f.Next), w-4, 6) {
			lines = append(lines, "    "+r.t.Accent.Render(l))
		}
	}
	return lines
}

// findingEvidence is what was looked at.
func (r *root) findingEvidence(f wire.Finding, w int) []string {
	var lines []string
	for _, e := range f.Evidence {
		for _, l := range r.t.Hang(e.Source+": "+e.Seen+r.seenAgo(e.At), w-4, 2) {
			lines = append(lines, "    "+r.t.Dim.Render(l))
		}
	}
	if len(f.Evidence) == 0 {
		lines = append(lines, "    "+r.t.Dim.Render("no evidence was recorded"))
	}
	return lines
}

func (r *root) seenAgo(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " (" + span(r.now().Sub(at)) + " ago)"
}

func indent(lines []string, by string) []string {
	for i := range lines {
		lines[i] = by + lines[i]
	}
	return lines
}
