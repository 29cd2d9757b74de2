package network

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/commitment"
)

const (
	tableTicks = 5  // columns of the table
	tableName  = 14 // cells for a name, with its letter 17
)

// table shows the SVs against the latest ticks, and who agreed with whom at one of them: the agreed time, if there is one among them, else the
// one at which most agree each with each. It fits 60 columns for as many SVs as
// there are letters.
func table(m commitment.Matrix, own string, agreed *commitment.Instant) string {
	if len(m.Ticks) == 0 {
		return "No report has an agreement with a known SV."
	}
	var b strings.Builder
	ticks := slices.Clone(m.Ticks)
	slices.Reverse(ticks)
	fmt.Fprintf(&b, "%-17s", "agree with")
	for _, t := range ticks {
		fmt.Fprintf(&b, " %6s", t.At.Time().Format("15:04"))
	}
	for i, name := range m.SVs {
		label := plain.Cut(name, tableName)
		if name == own {
			label = plain.Cut(name, tableName-1) + "*"
		}
		fmt.Fprintf(&b, "\n%c %-15s", letter(i), label)
		for _, t := range ticks {
			fmt.Fprintf(&b, " %6s", cell(m, t, i))
		}
	}
	last := ticks[len(ticks)-1]
	fmt.Fprintf(&b, "\nUntil %v. Cells: with how many others it agrees, both sides say so; m: a mismatch; -: no report. *: this SV.", last.At)
	at, ok := widest(m)
	for _, t := range m.Ticks {
		if agreed != nil && t.At == *agreed {
			at, ok = t, true
		}
	}
	if ok {
		b.WriteString("\n\n" + pairs(m, at))
	}
	return b.String()
}

func cell(m commitment.Matrix, t commitment.Tick, sv int) string {
	if !m.Reported[sv] {
		return "-"
	}
	text := fmt.Sprint(t.Count(sv))
	if t.Mismatched(sv) {
		text += "m"
	}
	return text
}

// widest is the latest of the ticks at which the largest set agrees.
func widest(m commitment.Matrix) (commitment.Tick, bool) {
	var best commitment.Tick
	for _, t := range m.Ticks {
		if len(t.Largest) > len(best.Largest) {
			best = t
		}
	}
	return best, len(best.Largest) > 0
}

// pairs is who agreed with whom at a tick.
func pairs(m commitment.Matrix, t commitment.Tick) string {
	var b strings.Builder
	fmt.Fprintf(&b, "At %s ", t.At.Time().Format("15:04"))
	for i := range m.SVs {
		fmt.Fprintf(&b, " %c", letter(i))
	}
	for i := range m.SVs {
		mark := " "
		if slices.Contains(t.Largest, i) {
			mark = "="
		}
		fmt.Fprintf(&b, "\n%c%s       ", letter(i), mark)
		for j := range m.SVs {
			sign := map[commitment.Pair]string{commitment.None: ".", commitment.OneSided: "?", commitment.Mutual: "+", commitment.Mismatch: "m"}[t.Pairs[i][j]]
			if i == j {
				sign = " "
			}
			b.WriteString(" " + sign)
		}
	}
	b.WriteString("\n+: both sides say that they agree; ?: one side; m: mismatch; =: in the largest set in which each agrees with each.")
	return b.String()
}

// letter stands for an SV in the table of pairs.
func letter(i int) rune {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if i < len(letters) {
		return rune(letters[i])
	}
	return '?'
}
