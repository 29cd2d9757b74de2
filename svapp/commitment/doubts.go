package commitment

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// warnings say what should be known before the time is used.
func (t *table) warnings(a Agreement, members uint64) []string {
	all := []string{}
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if a.OneSided {
		warn("There is one report only: that the others agree is one side's word, and nothing is mutual. Get the reports of the other SVs.")
	} else if silent := t.without(); len(silent) > 0 {
		warn("No report of %s: nothing can be mutual with them.", strings.Join(silent, ", "))
	}
	if a.AgreedAt != nil {
		at := *a.AgreedAt
		all = append(all, t.mismatches(at, members)...)
		if other := t.equallyGood(at, members); other != nil {
			warn("At %v another set is as large: %s. Decide on the call which one goes on.", at, strings.Join(other, ", "))
		}
		if margin := time.Duration(a.MarginSeconds) * time.Second; margin < t.ticks.Usual {
			warn("The margin of %s is smaller than the distance between ticks, %s: the timestamp lies within the last agreed period, and not before it.", Length(margin), Length(t.ticks.Usual))
		}
	}
	if k := t.ticks; len(k.lengths) > 1 {
		var parts []string
		for _, l := range k.lengths[:min(4, len(k.lengths))] {
			parts = append(parts, fmt.Sprintf("%s (%d)", Length(l.length), l.count))
		}
		warn("The periods have different lengths: %s. A participant was catching up, or the interval was changed; ticks of different SVs may not meet.", strings.Join(parts, ", "))
	}
	if k := t.ticks; k.Usual > 0 && k.gap >= 3*k.Usual {
		warn("No period ends between %v and %v, %s instead of %s: lines are missing, participants stood still, or a clock jumped.",
			k.gapFrom, k.gapFrom+Instant(k.gap/time.Microsecond), Length(k.gap), Length(k.Usual))
	}
	all = append(all, t.jumps()...)
	all = append(all, t.remarks...)
	for _, s := range t.svs {
		if s.report != nil {
			for _, w := range s.report.Warnings {
				warn("%s: %s", s.name, w)
			}
		}
	}
	return all
}

// without are the known SVs that have sent no report.
func (t *table) without() (names []string) {
	for _, s := range t.svs {
		if s.report == nil {
			names = append(names, s.name)
		}
	}
	return names
}

// mismatches are those between known SVs, one of them a member, in periods that end at or before a time.
func (t *table) mismatches(at Instant, members uint64) (all []string) {
	type pair struct{ a, b int }
	type told struct {
		count  int
		latest Instant
	}
	for i, s := range t.svs {
		found := map[pair]told{}
		for to, set := range t.wrong[i] {
			if to > at {
				continue
			}
			for ; set != 0; set &= set - 1 {
				j := bits.TrailingZeros64(set)
				if (members>>i|members>>j)&1 == 1 {
					f := found[pair{i, j}]
					found[pair{i, j}] = told{f.count + 1, max(f.latest, to)}
				}
			}
		}
		for j, o := range t.svs {
			f, ok := found[pair{i, j}]
			if !ok {
				continue
			}
			when := fmt.Sprintf("for the period until %v", f.latest)
			if f.count > 1 {
				when = fmt.Sprintf("for %d periods, the latest until %v", f.count, f.latest)
			}
			place := "before the agreed time"
			if f.latest == at {
				place = "at the agreed time, so that they cannot both be members"
			}
			all = append(all, fmt.Sprintf("%s found a mismatch with %s %s, %s.", s.name, o.name, when, place))
		}
	}
	return all
}

// equallyGood is another set of as many SVs that could go on, if there is one.
func (t *table) equallyGood(at Instant, members uint64) []string {
	g := t.mutual(at)
	size := bits.OnesCount64(members)
	for left := members; left != 0; left &= left - 1 {
		without := slices.Clone(g)
		v := bits.TrailingZeros64(left)
		for i := range without {
			without[i] &^= 1 << v
		}
		without[v] = 0
		if set := without.clique(); bits.OnesCount64(set) == size && size > 1 {
			return t.names(set)
		}
	}
	return nil
}

// jumps are periods that cannot be with clocks that go steadily: periods of one pair that overlap. What a scan has seen of clocks is among the
// warnings of its report.
func (t *table) jumps() (all []string) {
	for _, s := range t.svs {
		if s.report == nil {
			continue
		}
		before := map[string]Entry{}
		for _, e := range s.report.Agreements {
			if b, ok := before[e.Counterparty]; ok && b.From < e.From && e.From < b.To && b.To < e.To {
				all = append(all, fmt.Sprintf("%s reports periods with %s that overlap, until %v and from %v: a clock jumped, or the logs are of two networks.", s.name, e.Counterparty, b.To, e.From))
				break
			}
			before[e.Counterparty] = e
		}
	}
	return all
}

// Length is a duration as people write it: 30 min, 1 h 30 min.
func Length(d time.Duration) string {
	if d < time.Second || d%time.Second != 0 {
		return d.String()
	}
	var parts []string
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d %= u.of
		}
	}
	return strings.Join(parts, " ")
}
