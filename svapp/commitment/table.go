package commitment

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// table is who says of whom to agree, and when, for the known SVs only.
type table struct {
	svs     []sv                 // by name
	agreed  []map[Instant]uint64 // for each SV with a report: with whom it agrees at a time, a bit for each
	wrong   []map[Instant]uint64 // and with whom it has a mismatch
	others  []map[Instant]bool   // with somebody who is not known, true; and false where there is a mismatch with one
	ticks   Ticks
	remarks []string // about names
}

// sv is a known super validator.
type sv struct {
	name        string
	party       string // name of its participant
	fingerprint string // of its participant, or the start of it; empty where it is not known
	report      *Report
}

// newTable puts reports together. An error is a sentence that names what does not fit.
func newTable(reports []Named, names []string) (*table, error) {
	t := &table{}
	mine, err := oneEach(reports)
	if err != nil {
		return nil, err
	}
	if err := t.meet(mine, names); err != nil {
		return nil, err
	}
	if len(t.svs) > graphMax {
		return nil, fmt.Errorf("%d SVs are named, and no more than %d can be compared", len(t.svs), graphMax)
	}
	who, err := t.resolve()
	if err != nil {
		return nil, err
	}
	ticks := map[Instant]bool{}
	for i, s := range t.svs {
		agreed, wrong, others := map[Instant]uint64{}, map[Instant]uint64{}, map[Instant]bool{}
		t.agreed, t.wrong, t.others = append(t.agreed, agreed), append(t.wrong, wrong), append(t.others, others)
		if s.report == nil {
			continue
		}
		for _, e := range s.report.Agreements {
			if j, ok := who[e.Counterparty]; ok && j != i {
				agreed[e.To] |= 1 << j
				ticks[e.To] = true
			} else if !ok && len(t.svs) == 1 {
				others[e.To], ticks[e.To] = true, true
			}
		}
		for _, e := range s.report.Mismatches {
			if j, ok := who[e.Counterparty]; ok && j != i {
				wrong[e.To] |= 1 << j
			} else if len(t.svs) == 1 {
				others[e.To] = false
			}
		}
	}
	t.ticks = newTicks(slices.Sorted(maps.Keys(ticks)), t.periods(who))
	return t, nil
}

// oneEach drops reports that are there twice, and refuses two of one SV that differ.
func oneEach(reports []Named) ([]Named, error) {
	var kept []Named
	for _, r := range reports {
		i := slices.IndexFunc(kept, func(k Named) bool { return k.Reporter == r.Reporter })
		if i < 0 {
			kept = append(kept, r)
			continue
		}
		k := &kept[i]
		same := slices.Equal(k.Agreements, r.Agreements) && slices.Equal(k.Mismatches, r.Mismatches) &&
			(k.Participant == r.Participant || k.Participant == "" || r.Participant == "")
		if !same {
			return nil, fmt.Errorf("%s and %s are both of %s and contradict each other: ask %s which one holds, or have all its logs scanned at once into one report",
				k.File, r.File, r.Reporter, r.Reporter)
		}
		if k.Participant == "" {
			k.Participant = r.Participant
		}
	}
	return kept, nil
}

// meet makes the list of known SVs: those that are named, or those who report.
func (t *table) meet(reports []Named, names []string) error {
	for _, given := range names {
		given = strings.TrimSpace(given)
		name, fingerprint := split(strings.TrimPrefix(given, "PAR::"))
		fingerprint = strings.TrimRight(fingerprint, ".")
		if name == "" || fingerprint != "" && !isFingerprint(fingerprint) {
			return fmt.Errorf("%q is no name of an SV", given)
		}
		i := slices.IndexFunc(t.svs, func(s sv) bool { return s.name == name })
		if i < 0 {
			t.svs = append(t.svs, sv{name: name, party: name, fingerprint: fingerprint})
		} else if !compatible(t.svs[i].fingerprint, fingerprint) {
			return fmt.Errorf("two SVs are named %s, with participants %s and %s: a network has one SV of a name", name, t.svs[i].fingerprint, fingerprint)
		}
	}
	for _, r := range reports {
		i := slices.IndexFunc(t.svs, func(s sv) bool { return s.name == r.Reporter })
		if i < 0 {
			if len(names) > 0 {
				t.remarks = append(t.remarks, fmt.Sprintf("%s is of %s, who is not among the SVs that were named: it does not count.", r.File, r.Reporter))
				continue
			}
			t.svs = append(t.svs, sv{name: r.Reporter, party: r.Reporter})
			i = len(t.svs) - 1
		}
		s := &t.svs[i]
		s.report = &r.Report
		if r.Participant != "" {
			party, fingerprint := split(r.Participant)
			if s.fingerprint != "" && !compatible(s.fingerprint, fingerprint) {
				return fmt.Errorf("%s was named with participant %s, and %s says %s", s.name, s.fingerprint, r.File, fingerprint)
			}
			s.party = party
			if len(fingerprint) > len(s.fingerprint) {
				s.fingerprint = fingerprint
			}
		}
	}
	slices.SortFunc(t.svs, func(a, b sv) int { return strings.Compare(a.name, b.name) })
	for _, s := range t.svs {
		if s.report != nil {
			return nil
		}
	}
	return fmt.Errorf("none of the reports is of an SV that was named: %s", strings.Join(names, ", "))
}

// resolve finds for every counterparty in the reports which known SV it is. Others, such as validators, are nobody.
func (t *table) resolve() (map[string]int, error) {
	who := map[string]int{}
	seen := make([]string, len(t.svs)) // for an SV of which only the name is known: the fingerprint that it was taken for
	strangers := map[string]bool{}
	for _, s := range t.svs {
		if s.report == nil {
			continue
		}
		for _, e := range slices.Concat(s.report.Agreements, s.report.Mismatches) {
			if _, ok := who[e.Counterparty]; ok || strangers[e.Counterparty] {
				continue
			}
			name, fingerprint := split(e.Counterparty)
			found, namesake := -1, -1
			for i, other := range t.svs {
				switch {
				case other.party != name:
				case !compatible(other.fingerprint, fingerprint):
					namesake = i
				case found >= 0:
					return nil, fmt.Errorf("%s in the report of %s can be the participant of %s or of %s: the fingerprint is shortened too much to tell %s from %s",
						e.Counterparty, s.name, t.svs[found].name, other.name, t.svs[found].id(), other.id())
				default:
					found = i
				}
			}
			if found < 0 {
				if strangers[e.Counterparty] = true; namesake >= 0 {
					t.remarks = append(t.remarks, fmt.Sprintf("%s in the report of %s is not the participant of %s, %s: it does not count.", e.Counterparty, s.name, t.svs[namesake].name, t.svs[namesake].id()))
				}
				continue
			}
			who[e.Counterparty] = found
			if t.svs[found].fingerprint != "" {
				continue
			}
			if !compatible(seen[found], fingerprint) {
				return nil, fmt.Errorf("the reports name two participants %s::%s and %s::%s, and either can be that of %s: name it with its id, like --svs %s::%s",
					name, seen[found], name, fingerprint, t.svs[found].name, t.svs[found].name, fingerprint)
			}
			if len(fingerprint) > len(seen[found]) {
				seen[found] = fingerprint
			}
		}
	}
	return who, nil
}

func (s sv) id() string { return s.party + "::" + cmp.Or(s.fingerprint, "?") }

// oneSided says that a single report is all there is.
func (t *table) oneSided() bool {
	n := 0
	for _, s := range t.svs {
		if s.report != nil {
			n++
		}
	}
	return n == 1
}

// mutual is who agrees with whom at a time. Of a single report it is who agrees with the reporter; what they say of each other is not known
// and taken for granted.
func (t *table) mutual(at Instant) graph {
	g := make(graph, len(t.svs))
	if t.oneSided() {
		i := slices.IndexFunc(t.svs, func(s sv) bool { return s.report != nil })
		group := t.agreed[i][at]&^t.wrong[i][at] | 1<<i
		for a := range g {
			for b := range a {
				if group>>a&1 == 1 && group>>b&1 == 1 {
					g.connect(a, b)
				}
			}
		}
		return g
	}
	for a := range g {
		for b := range a {
			if t.agreed[a][at]>>b&1 == 1 && t.agreed[b][at]>>a&1 == 1 && (t.wrong[a][at]>>b|t.wrong[b][at]>>a)&1 == 0 {
				g.connect(a, b)
			}
		}
	}
	return g
}

// largest is a largest set of which every pair agrees at a time. Where one SV alone is known, that is itself, if it agrees with somebody and has
// no mismatch then.
func (t *table) largest(at Instant) uint64 {
	if len(t.svs) == 1 && !t.others[0][at] {
		return 0
	}
	return t.mutual(at).clique()
}

// latest is until when an SV agrees with any known one, by its own report; with anybody, where nobody else is known.
func (t *table) latest(i int) *Instant {
	for _, at := range slices.Backward(t.ticks.all) {
		if t.agreed[i][at]&^t.wrong[i][at] != 0 || t.others[i][at] {
			return &at
		}
	}
	return nil
}

func (t *table) names(set uint64) []string {
	names := []string{}
	for i, s := range t.svs {
		if set>>i&1 == 1 {
			names = append(names, s.name)
		}
	}
	return names
}
