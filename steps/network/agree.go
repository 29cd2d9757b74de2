package network

import (
	"context"
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

// maxSVs is how many SVs can be compared: more than any network has, and one letter for each.
const maxSVs = 52

func agree() steps.Step[Facts] {
	asks := []steps.Ask{
		{Name: "svs", Kind: wire.AskText, Help: "names of all SVs of the network, separated by commas"},
		{Name: "margin", Kind: wire.AskText, Help: "how far before the agreed time the timestamp is, like 15m"},
		{Name: "next", Kind: wire.AskChoice, Help: "add: the report of another SV; remove: one of them; at:TIME: the time at which the SVs agree; minimum:TIME; typed: a timestamp that the call decided"},
		{Name: "report", Kind: wire.AskText, Help: "the report of another SV, pasted, or its file; back: none"},
		{Name: "remove", Kind: wire.AskChoice, Help: "the SV whose report is removed; back: none"},
		{Name: "timestamp", Kind: wire.AskText, Help: "the timestamp that the call decided"},
		{Name: "decided-who", Kind: wire.AskText, Help: "who decided on the timestamp"},
		{Name: "decided-where", Kind: wire.AskText, Help: "the call or the channel where that was decided"},
		{Name: "decided-when", Kind: wire.AskText, Help: "when, in UTC"},
	}
	for _, v := range values {
		asks = append(asks, steps.Ask{Name: v.ask, Kind: wire.AskText, Help: v.help})
	}
	return steps.Step[Facts]{
		ID: "network/agree", Title: "Agree on the values", Effect: wire.Observe,
		Summary: "Brings the reports of the SVs together, settles the timestamp and the other values that all must use alike, and compares the cards.",
		Asks: append(asks, steps.Ask{Name: "card", Kind: wire.AskChoice, Help: "settle: the card is right; theirs:SV: compare with the card of another SV; values: other values"},
			steps.Ask{Name: "their-card", Kind: wire.AskText, Help: "the card of another SV, pasted, or its fingerprint; back: none"}),
		Inputs: agreeInputs,
		Take:   takeAgree,
		Forget: func(f *Facts) {
			f.Card = nil
			f.Agree = Agreeing{SVs: f.Agree.SVs, Margin: f.Agree.Margin, Reports: f.Agree.Reports, Values: f.Agree.Values}
		},
		Verify: settle,
	}
}

func agreeInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	a := f.Agree
	one := func(q wire.Question, err error) ([]wire.Question, error) { return []wire.Question{q}, err }
	switch {
	case f.Report == nil:
		return nil, &steps.Problem{Tried: "bringing the reports of the SVs together", Seen: "there is no report of this SV", Next: "Go through the step Own report first"}
	case len(a.SVs) == 0:
		return one(askSVs(ctx, w, f), ctx.Err())
	case a.Margin == "":
		return one(wire.Question{Name: "margin", Kind: wire.AskText, Title: "How far before the agreed time shall the timestamp be?", Default: "15m",
			Text: "The documentation goes back about 15 minutes, since validators need a later transaction to export cleanly. Where periods are longer than that, " +
				"15 minutes stay within the last one. All SVs must use the same."}, nil)
	case a.Adding == "report":
		return one(wire.Question{Name: "report", Kind: wire.AskText, Title: "The report of another SV: paste it, or name its file", Default: f.nextReport(),
			Text: "What svrescue commitments scan wrote there. Pasted, it begins with {. On a screen of lines (--linear), put it into a file. back: none."}, nil)
	case a.Adding == "remove":
		return one(removeQuestion(f), nil)
	case a.Adding == "timestamp":
		return one(wire.Question{Name: "timestamp", Kind: wire.AskText, Title: "Which timestamp did the call decide on?",
			Text: "In UTC, like 2026-01-11T08:15:00Z. It is taken as it is, without a margin. What this node can prove of it is looked at before it is used. back: none."}, nil)
	case a.Timestamp.IsZero():
		return nextQuestion(w, f)
	}
	if q := a.Decided.question("decided-", "on "+card.Stamp(a.Timestamp), f.Declared, w.Clock.Now()); q != nil {
		return one(*q, nil)
	}
	for _, v := range values {
		if a.Values[v.name] == "" {
			return one(v.question(f), nil)
		}
	}
	if strings.HasPrefix(a.Adding, theirs) {
		return one(theirQuestion(strings.TrimPrefix(a.Adding, theirs)), nil)
	}
	if !a.Settle {
		return one(cardQuestion(f), nil)
	}
	return nil, nil
}

// askSVs proposes the SVs that this node's scan knows; without it the names are typed.
func askSVs(ctx context.Context, w steps.World, f Facts) wire.Question {
	q := wire.Question{Name: "svs", Kind: wire.AskText, Title: "Which SVs does the network have?",
		Text: "The names of all, separated by commas, also of those that do not take part: the quorum is counted of all of them. A name may carry the id of its participant, Beta-SV::1220c0ffee12."}
	if len(f.Hints.SVs) > 0 {
		q.Default = strings.Join(f.Hints.SVs, ", ")
		return q
	}
	dso, _, err := ownScan(ctx, w, *f.Node)
	if err != nil {
		q.Text += " This node's scan does not list them: " + plain.Cut(plain.Line(why(err)), 160) + "."
		return q
	}
	var names []string
	for _, m := range dso.SVs {
		if m.Name != "" {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	q.Default = strings.Join(names, ", ")
	q.Text += " The proposal is what this node's scan lists."
	return q
}

func takeAgree(f *Facts, ask, value string) error {
	a := f.Agree // what its maps and lists point to is not changed
	value = strings.TrimSpace(value)
	err := func() error {
		switch ask {
		case "svs":
			return a.takeSVs(value, f.Report.Reporter)
		case "margin":
			d, err := time.ParseDuration(value)
			if err != nil || d < time.Second || d%time.Second != 0 || d > 7*24*time.Hour {
				return fmt.Errorf("%q is no length of time: write it as 15m or 1h30m, in whole seconds", plain.Cut(plain.Line(value), 40))
			}
			a.Margin = value
			return nil
		case "next":
			return a.choose(value)
		case "report":
			if a.Adding = ""; value == "back" {
				return nil
			}
			p, err := takeReport(value, f.Report.Reporter)
			if err != nil {
				return err
			}
			a.Reports = append(slices.DeleteFunc(slices.Clone(a.Reports), func(k Packed) bool { return k.SV == p.SV }), p)
			slices.SortFunc(a.Reports, func(x, y Packed) int { return strings.Compare(x.SV, y.SV) })
			return nil
		case "remove":
			a.Adding = ""
			a.Reports = slices.DeleteFunc(slices.Clone(a.Reports), func(p Packed) bool { return p.SV == value })
			return nil
		case "timestamp":
			if value == "back" {
				a.Adding = ""
				return nil
			}
			at, err := parseMoment(value)
			if err != nil {
				return err
			}
			a.Adding, a.Timestamp, a.AgreedAt, a.Basis = "", at.Truncate(time.Microsecond), nil, basisTyped
			return nil
		case "card":
			return a.takeCard(value)
		case "their-card":
			return a.takeTheirs(value, *f)
		}
		if rest, ok := strings.CutPrefix(ask, "decided-"); ok {
			_, err := a.Decided.take(rest, value)
			return err
		}
		return a.takeValue(ask, value, *f)
	}()
	if err == nil {
		f.Agree = a
	}
	return err
}

func (a *Agreeing) takeSVs(value, own string) error {
	var svs []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(plain.Line(name)); name == "" {
			continue
		}
		if slices.Contains(svs, name) {
			return fmt.Errorf("%s is named twice", name)
		}
		svs = append(svs, name)
	}
	named := slices.ContainsFunc(svs, func(s string) bool { return bare(s) == own })
	switch {
	case own != "" && !named:
		return fmt.Errorf("%s, this SV itself, must be among them", own)
	case len(svs) < 2 || len(svs) > maxSVs:
		return fmt.Errorf("name all SVs of the network: from 2 to %d", maxSVs)
	}
	a.SVs = svs
	return nil
}

// bare is the name of an SV without the id of its participant.
func bare(sv string) string {
	name, _, _ := strings.Cut(sv, "::")
	return strings.TrimPrefix(name, "PAR::")
}

func (a Agreeing) names() (names []string) {
	for _, s := range a.SVs {
		names = append(names, bare(s))
	}
	return names
}

// reports are the own one and those of the others.
func (f Facts) reports(files steps.FileReader) ([]commitment.Named, error) {
	own, digest, err := readReport(files)
	if err != nil || digest != f.Report.SHA256 {
		return nil, &steps.Problem{Tried: "reading the own report", Seen: "artifacts/" + ReportFile + " in the run folder is not what was made", Next: "Make it again in the step Own report", Err: err}
	}
	all := []commitment.Named{{File: "the own report", Report: own}}
	for _, p := range f.Agree.Reports {
		r, err := p.report()
		if err != nil {
			return nil, fmt.Errorf("the report of %s cannot be read from the journal: %w", p.SV, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// nextReport is the first of the files that were named in advance and that is not added yet; empty: there is none.
func (f Facts) nextReport() string {
	for _, file := range f.Hints.Reports {
		if p, err := takeReport(file, f.Report.Reporter); err == nil && slices.Contains(f.waiting(), p.SV) {
			return file
		}
	}
	return ""
}

// waiting are the SVs of which there is no report.
func (f Facts) waiting() (names []string) {
	for _, name := range f.Agree.names() {
		if name != f.Report.Reporter && !slices.ContainsFunc(f.Agree.Reports, func(p Packed) bool { return p.SV == name }) {
			names = append(names, name)
		}
	}
	return names
}

func (f Facts) options() commitment.AgreeOptions {
	margin, _ := time.ParseDuration(f.Agree.Margin)
	return commitment.AgreeOptions{SVs: f.Agree.SVs, Margin: margin}
}
