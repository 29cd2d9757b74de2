package command

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/commitment"
	"canton.example/svrescue/ui/theme"
)

// page writes text for people, 80 columns wide.
type page struct {
	bytes.Buffer
	theme theme.Theme
}

// put writes a paragraph whose lines begin with indent blanks.
func (b *page) put(indent int, text string) {
	for _, line := range b.theme.Wrap(plain.Line(text), 80-indent) {
		fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", indent), line)
	}
}

// row writes a name and a text, whose further lines stand under its first.
func (b *page) row(name, text string) { b.cells(14, name, text) }

// cells is row with names of up to so many cells.
func (b *page) cells(width int, name, text string) {
	name = b.theme.ClipMiddle(plain.Line(name), width)
	for _, line := range b.theme.Wrap(plain.Line(text), 80-width-4) {
		fmt.Fprintf(b, "  %s  %s\n", b.theme.Pad(name, width), line)
		name = ""
	}
}

func (b *page) list(title string, all []string) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, one := range all {
		for i, line := range b.theme.Wrap(plain.Line(one), 76) {
			mark := "- "
			if i > 0 {
				mark = "  "
			}
			fmt.Fprintf(b, "  %s%s\n", mark, line)
		}
	}
}

func countText(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// partners are how many counterparties are listed; the report has all.
const partners = 40

// scanText is what a scan has found.
func (p *program) scanText(r commitment.Result) []byte {
	b := &page{theme: theme.New(p.theme)}
	of := "a participant"
	if r.Reporter != "" {
		of = r.Reporter
	}
	b.put(0, "Commitments in the logs of "+of)
	b.WriteString("\nRead\n")
	b.row("logs", fmt.Sprintf("%d, unpacked %s in %s", r.Scanned.Files, bytesText(r.Scanned.Bytes), countText(r.Lines, "line")))
	if r.Scanned.From != nil {
		b.row("from, to", fmt.Sprintf("%v, %v", *r.Scanned.From, *r.Scanned.To))
	} else {
		b.row("from, to", "not known: no line says its time with a zone")
	}
	b.WriteString("\nLines about commitments\n")
	for _, k := range r.Kinds {
		fmt.Fprintf(b, "  %10d  %s\n", k.Lines, k.Kind)
	}
	if len(r.Kinds) == 0 {
		b.WriteString("  none\n")
	}
	partnersText(b, "Agreed until", r.Agreements)
	partnersText(b, "Mismatches, the latest until", r.Mismatches)
	b.list("Mind", r.Warnings)
	b.WriteString("\n")
	switch {
	case len(r.Agreements) > 0:
		last := r.Agreements[len(r.Agreements)-1].To
		n := 0
		for _, e := range r.Agreements {
			if e.To == last {
				n++
			}
		}
		b.put(0, fmt.Sprintf("The latest agreed time is %v, with %d of those above.", last, n))
	case r.Silent():
		b.put(0, "Not determined: nothing in these logs says of any commitment whether it agrees.")
	default:
		b.put(0, "No agreement was found.")
	}
	switch {
	case p.flags.output != "" && r.Silent():
		b.put(0, fmt.Sprintf("The report is in %s; as it is it proves nothing to the other SVs.", p.flags.output))
	case p.flags.output != "" && r.Reporter == "":
		b.put(0, fmt.Sprintf("The report is in %s. It does not say whose it is: make it again with --as NAME before you send it.", p.flags.output))
	case p.flags.output != "":
		b.put(0, fmt.Sprintf("The report is in %s: send it to the other SVs.", p.flags.output))
	default:
		b.put(0, "Next: write the report with --as NAME -o FILE, and send it to the other SVs.")
	}
	return b.Bytes()
}

// partnersText lists until when there was agreement, or a mismatch, with each counterparty, the latest first.
func partnersText(b *page, title string, entries []commitment.Entry) {
	if len(entries) == 0 {
		return
	}
	type partner struct {
		name   string
		latest commitment.Instant
		count  int
	}
	var all []partner
	at := map[string]int{}
	for _, e := range entries {
		i, ok := at[e.Counterparty]
		if !ok {
			i, at[e.Counterparty] = len(all), len(all)
			all = append(all, partner{name: e.Counterparty})
		}
		all[i].latest = max(all[i].latest, e.To)
		all[i].count++
	}
	slices.SortFunc(all, func(x, y partner) int {
		return cmp.Or(cmp.Compare(y.latest, x.latest), strings.Compare(x.name, y.name))
	})
	fmt.Fprintf(b, "\n%s\n", title)
	for _, one := range all[:min(len(all), partners)] {
		fmt.Fprintf(b, "  %s  %6d x  %s\n", b.theme.Pad(fmt.Sprint(one.latest), 27), one.count, b.theme.ClipMiddle(plain.Line(one.name), 38))
	}
	if more := len(all) - partners; more > 0 {
		b.put(2, fmt.Sprintf("and %d more, who agreed no longer than these; the report has all", more))
	}
}
