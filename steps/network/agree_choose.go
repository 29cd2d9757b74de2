package network

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// How a timestamp was come to.
const (
	basisAgreed  = "agreed"  // a time at which SVs agree, each with each, less the margin
	basisMinimum = "minimum" // the earliest of the SVs' latest agreed times, less the margin: upstream's own rule
	basisTyped   = "typed"   // the call decided it
)

// nextQuestion shows what the reports say together, and asks what comes next.
func nextQuestion(w steps.World, f Facts) ([]wire.Question, error) {
	reports, err := f.reports(w.Files)
	if err != nil {
		return nil, err
	}
	q := wire.Question{Name: "next", Kind: wire.AskChoice, Title: "Add a report, or choose the time?"}
	add := wire.Choice{ID: "add", Label: "Add the report of another SV", Detail: "Pasted, or from a file."}
	if waiting := f.waiting(); len(waiting) > 0 {
		add.Detail = "Waiting for " + strings.Join(waiting, ", ") + " since " + minute(f.Report.Made) + " UTC."
	}
	typed := wire.Choice{ID: basisTyped, Label: "Enter a timestamp that the call decided", Detail: "It is taken as it is; what this node can prove of it is looked at before it is used."}
	var remove []wire.Choice
	if len(f.Agree.Reports) > 0 {
		remove = append(remove, wire.Choice{ID: "remove", Label: "Remove a report", Detail: "Asks which; one that is added anew takes the place of the one before by itself."})
	}
	agreement, err := commitment.Agree(reports, f.options())
	if err != nil { // reports that contradict each other, or names that can be two participants
		q.Text = "The reports do not go together: " + plain.Line(err.Error()) + ". Remove the one that is wrong, or add it anew."
		q.Choices = append(append([]wire.Choice{add}, remove...), typed)
		return []wire.Question{q}, nil
	}
	matrix, err := commitment.Compare(reports, f.options(), tableTicks)
	if err != nil {
		return nil, err
	}
	q.Text = conclusion(f, agreement) + "\n\n" + table(matrix, f.Report.Reporter, agreement.AgreedAt)
	if len(agreement.Warnings) > 0 {
		q.Text += "\n\nMind: " + plain.Line(strings.Join(agreement.Warnings, " "))
	}
	q.Choices = append(q.Choices, add)
	last := latestSeen(reports)
	for _, c := range agreement.Candidates {
		q.Choices = append(q.Choices, candidate(f, agreement, c, last))
	}
	if m := agreement.Minimum; m != nil {
		q.Choices = append(q.Choices, wire.Choice{ID: basisMinimum + ":" + m.String(), Label: "Upstream's own rule: " + stampOf(f, *m), Reason: true,
			Detail: fmt.Sprintf("%v, the earliest of the SVs' latest agreed times, less the margin. For when lines were lost, or periods of the SVs do not meet. %s", *m, lost(f, *m, last))})
	}
	q.Choices = append(append(q.Choices, typed), remove...)
	return []wire.Question{q}, nil
}

// removeQuestion asks which report goes.
func removeQuestion(f Facts) wire.Question {
	q := wire.Question{Name: "remove", Kind: wire.AskChoice, Title: "Which report shall be removed?", Choices: []wire.Choice{{ID: "back", Label: "None"}}}
	for _, p := range f.Agree.Reports {
		q.Choices = append(q.Choices, wire.Choice{ID: p.SV, Label: "That of " + p.SV, Detail: reportText(p)})
	}
	return q
}

func reportText(p Packed) string {
	if p.Latest == nil {
		return "It has no agreement; " + p.From + "."
	}
	return fmt.Sprintf("Agreed until %v; %s.", commitment.InstantOf(*p.Latest), p.From)
}

// candidate is a time at which SVs agree, and what choosing it means.
func candidate(f Facts, a commitment.Agreement, c commitment.Candidate, last commitment.Instant) wire.Choice {
	choice := wire.Choice{ID: "at:" + c.AgreedAt.String(), Label: fmt.Sprintf("Use %s: %d of %d SVs", stampOf(f, c.AgreedAt), len(c.Members), a.Quorum.Known)}
	says := []string{fmt.Sprintf("They agree at %v.", c.AgreedAt)}
	if left := f.leftOut(c.Members); len(left) > 0 {
		says = append(says, "Left out, to re-onboard or to borrow a dump: "+strings.Join(left, ", ")+".")
	}
	says = append(says, lost(f, c.AgreedAt, last))
	switch {
	case len(c.Members) < a.Quorum.Needed:
		choice.Reason = true
		says = append([]string{fmt.Sprintf("No quorum: needed are %d.", a.Quorum.Needed)}, says...)
	case a.OneSided:
		choice.Reason = true
		says = append([]string{"One report only: nobody has confirmed it."}, says...)
	}
	choice.Detail = strings.Join(says, " ")
	return choice
}

// leftOut are the known SVs that are not among the members.
func (f Facts) leftOut(members []string) []string {
	return slices.DeleteFunc(f.Agree.names(), func(name string) bool { return slices.Contains(members, name) })
}

func stamp(f Facts, agreed commitment.Instant) commitment.Instant {
	return agreed - commitment.Instant(f.options().Margin/time.Microsecond)
}

func stampOf(f Facts, agreed commitment.Instant) string { return stamp(f, agreed).String() }

// latestSeen is the latest time that any report tells of: the network ran until then at least.
func latestSeen(reports []commitment.Named) (last commitment.Instant) {
	for _, r := range reports {
		for _, e := range slices.Concat(r.Agreements, r.Mismatches) {
			last = max(last, e.To)
		}
	}
	return last
}

// lost says how much is lost at least. When the network ended nobody knows exactly.
func lost(f Facts, agreed, last commitment.Instant) string {
	d := time.Duration(max(last, agreed)-stamp(f, agreed)) * time.Microsecond
	return fmt.Sprintf("Lost are the transactions of %d minutes at least, until %v, and all after that.", int64(d/time.Minute), max(last, agreed))
}

// conclusion is what the reports say together, in short.
func conclusion(f Facts, a commitment.Agreement) string {
	reported := 1 + len(f.Agree.Reports)
	text := fmt.Sprintf("Reports: %d of %d SVs. ", reported, a.Quorum.Known)
	if a.AgreedAt == nil {
		return text + fmt.Sprintf("At no time do %d of them, which is the quorum, agree each with each.", a.Quorum.Needed)
	}
	text += fmt.Sprintf("The latest time at which a quorum agrees each with each is %v, %d SVs, needed are %d; less the margin of %s that is %v.",
		*a.AgreedAt, len(a.Members), a.Quorum.Needed, f.Agree.Margin, *a.Timestamp)
	if a.OneSided {
		text += " But there is one report only, and nobody has confirmed it."
	}
	return text
}

// choose takes what comes next.
func (a *Agreeing) choose(value string) error {
	kind, rest, _ := strings.Cut(value, ":")
	switch kind {
	case "add":
		a.Adding = "report"
		return nil
	case basisTyped:
		a.Adding = "timestamp"
		return nil
	case "remove":
		a.Adding = "remove"
		return nil
	case "at", basisMinimum:
		at, err := time.Parse(time.RFC3339Nano, rest)
		if err != nil {
			return fmt.Errorf("%q is no time", plain.Line(rest))
		}
		margin, err := time.ParseDuration(a.Margin)
		if err != nil {
			return err
		}
		a.Timestamp, a.AgreedAt, a.Basis = at.Add(-margin).UTC(), &at, basisAgreed
		if kind == basisMinimum {
			a.Basis = basisMinimum
		}
		return nil
	}
	return fmt.Errorf("%q is no choice", plain.Line(value))
}

// basisText says how the timestamp was come to.
func (a Agreeing) basisText() string {
	switch a.Basis {
	case basisAgreed:
		return fmt.Sprintf("%s before %s, when SVs agree each with each", a.Margin, card.Stamp(*a.AgreedAt))
	case basisMinimum:
		return fmt.Sprintf("%s before %s, the earliest of the SVs' latest agreed times", a.Margin, card.Stamp(*a.AgreedAt))
	}
	return "as the call decided it"
}
