package commitment

import "slices"

// Matrix is who agreed with whom at the latest ticks.
type Matrix struct {
	SVs      []string // the known ones, by name
	Reported []bool   // whether there is a report of each
	Ticks    []Tick   // the latest first
}

// Tick is one time at which periods end. Pairs is [SV][SV]; the diagonal is None.
type Tick struct {
	At      Instant
	Pairs   [][]Pair
	Largest []int // a largest set of SVs of which every pair agrees, if there is one of more than one
}

// Pair is what two SVs say of each other.
type Pair int

const (
	None     Pair = iota
	OneSided      // one of the two says that they agree
	Mutual        // both say so, and neither has a mismatch
	Mismatch      // one of them found a mismatch
)

// Count is with how many others an SV agrees mutually.
func (t Tick) Count(sv int) (n int) {
	for _, p := range t.Pairs[sv] {
		if p == Mutual {
			n++
		}
	}
	return n
}

// Mismatched says whether an SV has a mismatch with anybody.
func (t Tick) Mismatched(sv int) bool { return slices.Contains(t.Pairs[sv], Mismatch) }

// Compare makes the matrix of at most the given number of ticks. Its errors are those of Agree.
func Compare(reports []Named, o AgreeOptions, ticks int) (Matrix, error) {
	t, err := newTable(reports, o.SVs)
	if err != nil {
		return Matrix{}, err
	}
	var m Matrix
	for _, s := range t.svs {
		m.SVs, m.Reported = append(m.SVs, s.name), append(m.Reported, s.report != nil)
	}
	for _, at := range slices.Backward(t.ticks.all) {
		if len(m.Ticks) == ticks {
			break
		}
		tick := Tick{At: at, Pairs: make([][]Pair, len(t.svs))}
		for a := range t.svs {
			tick.Pairs[a] = make([]Pair, len(t.svs))
			for b := range t.svs {
				if a != b {
					tick.Pairs[a][b] = t.pair(a, b, at)
				}
			}
		}
		if largest := t.largest(at); !t.oneSided() && largest&(largest-1) != 0 {
			for i := range t.svs {
				if largest>>i&1 == 1 {
					tick.Largest = append(tick.Largest, i)
				}
			}
		}
		m.Ticks = append(m.Ticks, tick)
	}
	return m, nil
}

// Members are a largest set of SVs of which every pair agrees at a time; none where nobody agrees with anybody. Its errors are those of Agree.
func Members(reports []Named, o AgreeOptions, at Instant) ([]string, error) {
	t, err := newTable(reports, o.SVs)
	if err != nil {
		return nil, err
	}
	set := t.largest(at)
	if set&(set-1) == 0 && len(t.svs) > 1 { // a set of one has agreed with nobody
		return nil, nil
	}
	return t.names(set), nil
}

func (t *table) pair(a, b int, at Instant) Pair {
	here, there := t.agreed[a][at]>>b&1 == 1, t.agreed[b][at]>>a&1 == 1
	switch {
	case (t.wrong[a][at]>>b|t.wrong[b][at]>>a)&1 == 1:
		return Mismatch
	case here && there:
		return Mutual
	case here || there:
		return OneSided
	}
	return None
}
