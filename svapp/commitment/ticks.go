package commitment

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Ticks are the times at which periods end.
type Ticks struct {
	all     []Instant     // in order, each once
	Usual   time.Duration // the distance that is seen most often; 0 where there are fewer than two ticks
	gap     time.Duration // the longest distance
	gapFrom Instant
	lengths []lengthCount // of periods, the frequent ones first
}

type lengthCount struct {
	length time.Duration
	count  int
}

// firstPeriod ends where time begins for Canton, so that its length says nothing.
const firstPeriod = Instant(-62135596800e6)

func newTicks(all []Instant, periods map[period]int) Ticks {
	t := Ticks{all: all}
	distances := map[time.Duration]int{}
	for i := 1; i < len(all); i++ {
		d := micros(all[i] - all[i-1])
		distances[d]++
		if d > t.gap {
			t.gap, t.gapFrom = d, all[i-1]
		}
	}
	most := 0
	for _, d := range slices.Sorted(maps.Keys(distances)) {
		if distances[d] > most {
			t.Usual, most = d, distances[d]
		}
	}
	lengths := map[time.Duration]int{}
	for p, n := range periods {
		if p.from != firstPeriod {
			lengths[micros(p.to-p.from)] += n
		}
	}
	for length, n := range lengths {
		t.lengths = append(t.lengths, lengthCount{length, n})
	}
	slices.SortFunc(t.lengths, func(a, b lengthCount) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.length, b.length))
	})
	if t.Usual == 0 && len(t.lengths) > 0 {
		t.Usual = t.lengths[0].length
	}
	return t
}

func micros(i Instant) time.Duration { return time.Duration(i) * time.Microsecond }

// periods counts the periods of agreements between known SVs; of all, where one SV alone is known.
func (t *table) periods(who map[string]int) map[period]int {
	all := map[period]int{}
	for _, s := range t.svs {
		if s.report == nil {
			continue
		}
		for _, e := range s.report.Agreements {
			if _, ok := who[e.Counterparty]; ok || len(t.svs) == 1 {
				all[period{e.From, e.To}]++
			}
		}
	}
	return all
}
