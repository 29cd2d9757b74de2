package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/commitment"
	"canton.example/svrescue/ui/command/config"
	"canton.example/svrescue/ui/theme"
	"github.com/spf13/cobra"
)

func (p *program) commitmentsAgreeCommand() *cobra.Command {
	var o commitment.AgreeOptions
	margin := ""
	c := &cobra.Command{Use: "agree REPORT...", Short: "Find the time that the reports of several SVs agree on",
		Example: "  svrescue commitments agree acme.json beta.json gamma.json\n" +
			"  svrescue commitments agree --svs Acme-SV,Beta-SV,Gamma-SV,Delta-SV --margin 45m *.json\n" +
			"  svrescue commitments agree --format json *.json | jq -r .timestamp",
		Long: "Takes the reports that the SVs have made with svrescue commitments scan, and finds the latest time at which more than two thirds\n" +
			"of the known SVs agree, each with each: both sides of every pair report the agreement, and neither a mismatch. The timestamp\n" +
			"is that time less the margin. Every transaction after it is lost, and an SV that is left out must re-onboard or borrow a\n" +
			"dump from a member. Beside it stands upstream's own rule: the earliest of the SVs' latest agreed times.\n\n" +
			"REPORT is a file, or - for standard input. The known SVs are those that --svs names, or without it those who report: name them\n" +
			"all, or a quorum of few counts as one. A name may carry the id of its participant, Beta-SV::1220c0ffee12.\n\n" +
			"The fingerprint is nine digits over the values: read it out on the call. Whoever has the same has the same values.\n\n" +
			"Exit codes: 0 there is a time; 2 a REPORT is no report, reports contradict each other, or the command line is wrong;\n" +
			"3 refused: there is no quorum, and what there is is shown.",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("commitments agree needs the reports of SVs, as svrescue commitments scan makes them. See: svrescue commitments agree --help")
			}
			var ok bool
			if o.Margin, ok = config.ParseLength(margin); !ok || o.Margin <= 0 {
				return usage("--margin is a length of time like 15m, more than 0, and not %q", margin)
			}
			return p.agreeCommitments(args, o)
		},
	}
	c.Flags().StringSliceVar(&o.SVs, "svs", nil, "names of all SVs of the network, separated by commas (default: those who report)")
	c.Flags().StringVar(&margin, "margin", "15m", "how far before the agreed time the timestamp is")
	return c
}

func (p *program) agreeCommitments(args []string, o commitment.AgreeOptions) error {
	var reports []commitment.Named
	for _, path := range args {
		r, err := p.readReport(path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	a, err := commitment.Agree(reports, o)
	if err != nil {
		return usage("%s", plain.Line(err.Error()))
	}
	for i, w := range a.Warnings {
		a.Warnings[i] = plain.Line(w)
	}
	if p.json() {
		err = p.printDocument(a)
	} else {
		err = p.print(p.agreeText(a))
	}
	if err == nil && a.AgreedAt == nil {
		err = told(exitRefused)
	}
	return err
}

func (p *program) readReport(path string) (commitment.Named, error) {
	name := plain.Line(path)
	var from io.Reader = p.In
	if path == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(path)
		var at *os.PathError
		switch {
		case notThere(err):
			return commitment.Named{}, usage("there is no report %s", name)
		case errors.As(err, &at):
			return commitment.Named{}, usage("the report %s cannot be read: %v", name, at.Err)
		case err != nil:
			return commitment.Named{}, err
		}
		defer file.Close()
		from = file
	}
	r, err := commitment.ReadReport(from)
	if err != nil {
		return commitment.Named{}, usage("%s is no report of svrescue commitments scan: %s", name, plain.Line(err.Error()))
	}
	return commitment.Named{File: name, Report: r}, nil
}

// agreeText is the conclusion, and what it stands on.
func (p *program) agreeText(a commitment.Agreement) []byte {
	b := &page{theme: theme.New(p.theme)}
	b.WriteString("Reports\n")
	names := 14
	for _, l := range a.Latest {
		names = min(36, max(names, theme.Width(l.Name)))
	}
	for _, l := range a.Latest {
		switch {
		case !l.Reported:
			b.cells(names, l.Name, "no report")
		case l.At == nil:
			b.cells(names, l.Name, "agrees with no known SV")
		default:
			b.cells(names, l.Name, fmt.Sprintf("agreed until %v", *l.At))
		}
	}
	if a.AgreedAt != nil {
		b.WriteString("\nConclusion\n")
		b.row("timestamp", fmt.Sprintf("%v", *a.Timestamp))
		b.row("agreed at", fmt.Sprintf("%v, %s after it", *a.AgreedAt, commitment.Length(time.Duration(a.MarginSeconds)*time.Second)))
		b.row("members", fmt.Sprintf("%d of %d known SVs, needed are %d: %s", len(a.Members), a.Quorum.Known, a.Quorum.Needed, strings.Join(a.Members, ", ")))
		if a.OneSided {
			b.row("one-sided", "one report only: no other SV has confirmed any of this")
		}
		b.row("fingerprint", a.Fingerprint+"  (read it out: whoever has the same has the same values)")
		b.row("lost", "every transaction after the timestamp")
		if len(a.LeftOut) > 0 {
			b.WriteString("\nLeft out: must re-onboard, or borrow a dump from a member\n")
			for _, l := range a.LeftOut {
				if l.Latest == nil {
					b.cells(names, l.Name, "no agreed time is known")
				} else {
					b.cells(names, l.Name, fmt.Sprintf("agreed until %v", *l.Latest))
				}
			}
		}
	} else {
		b.WriteString("\nConclusion\n")
		b.row("no quorum", fmt.Sprintf("at no time do %d of the %d known SVs agree, each with each; there is no timestamp", a.Quorum.Needed, a.Quorum.Known))
	}
	if len(a.Candidates) > 1 || a.AgreedAt == nil && len(a.Candidates) > 0 {
		b.WriteString("\nThe choices: who agrees at which time\n")
		for _, c := range a.Candidates {
			note := ""
			if len(c.Members) < a.Quorum.Needed {
				note = " (no quorum)"
			} else if c.AgreedAt == *a.AgreedAt {
				note = " (the conclusion)"
			}
			b.put(2, fmt.Sprintf("%v: %d of %d%s", c.AgreedAt, len(c.Members), a.Quorum.Known, note))
			b.put(4, strings.Join(c.Members, ", "))
		}
	}
	b.WriteString("\nUpstream's own rule\n")
	if a.Minimum != nil {
		b.put(2, fmt.Sprintf("%v is the earliest of the SVs' latest agreed times. Take it where lines were lost, or where periods of the SVs do not meet, if the call decides so.", *a.Minimum))
	} else {
		b.put(2, "No SV has an agreed time.")
	}
	title := "What is missing for a later time"
	if a.AgreedAt == nil {
		title = "What is missing"
	}
	b.list(title, a.Missing)
	b.list("Mind", a.Warnings)
	return b.Bytes()
}
