package commitment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Agreement is on which moment SVs can recover their network: the document of `svrescue commitments agree`. Without a quorum, Timestamp and
// AgreedAt are nil, there are no members, and the candidates are what there is.
type Agreement struct {
	Version       int         `json:"version"`        // 1
	Timestamp     *Instant    `json:"timestamp"`      // AgreedAt less the margin: what the data snapshots are taken of
	AgreedAt      *Instant    `json:"agreed_at"`      // the end of the latest period for which a quorum agrees, each with each
	MarginSeconds int64       `json:"margin_seconds"` //
	Members       []string    `json:"members"`        // who agrees, by name
	LeftOut       []LeftOut   `json:"left_out"`       // the other known SVs
	Quorum        Quorum      `json:"quorum"`
	OneSided      bool        `json:"one_sided"`         // there is one report, so that nobody has confirmed it
	Minimum       *Instant    `json:"minimum_of_latest"` // by upstream's own rule: the earliest of the SVs' latest agreed times
	Candidates    []Candidate `json:"candidates"`
	Warnings      []string    `json:"warnings"`
	Fingerprint   string      `json:"fingerprint"` // of timestamp, agreed time, margin, members and known SVs; empty without a quorum

	Ticks   Ticks    `json:"-"`
	Latest  []Latest `json:"-"` // of every known SV
	Missing []string `json:"-"` // what stands in the way of a later time, or of any; sentences
}

// LeftOut is an SV that does not agree at that time.
type LeftOut struct {
	Name   string   `json:"name"`
	Latest *Instant `json:"latest_agreed_at"` // with any known SV, by its own report; nil without one
}

// Quorum is how many of how many known SVs must agree: more than two thirds.
type Quorum struct {
	Needed int `json:"needed"`
	Known  int `json:"known"`
}

// Candidate is a time at which more SVs agree than at any later one, each with each.
type Candidate struct {
	AgreedAt Instant  `json:"agreed_at"`
	Members  []string `json:"members"`
}

// Latest is until when an SV agreed with any other known one, by its own report; nil where it has no report, or says nothing.
type Latest struct {
	Name     string
	Reported bool
	At       *Instant
}

// Named is a report and where it was read.
type Named struct {
	File string
	Report
}

// DefaultMargin is how far before the agreed time upstream's documentation goes back (reference/deployment.md 10.2).
const DefaultMargin = 15 * time.Minute

// AgreeOptions say who counts.
type AgreeOptions struct {
	SVs    []string      // the known SVs: names, or ids like "Beta-SV::1220c0ffee12"; empty: those who report
	Margin time.Duration // whole seconds, more than 0
}

// Agree finds the latest time at which a set of SVs, every pair of them mutual, is a quorum. A time is mutual between two SVs if each
// one's report has the other at the end of a period, and neither has a mismatch with the other there. The errors are sentences about what
// was put in: reports that contradict each other, names that can be two participants.
func Agree(reports []Named, o AgreeOptions) (Agreement, error) {
	if o.Margin < time.Second || o.Margin%time.Second != 0 {
		return Agreement{}, fmt.Errorf("the margin must be at least one second, in whole seconds, and not %v", o.Margin)
	}
	t, err := newTable(reports, o.SVs)
	if err != nil {
		return Agreement{}, err
	}
	known := len(t.svs)
	a := Agreement{Version: 1, MarginSeconds: int64(o.Margin / time.Second), Members: []string{}, LeftOut: []LeftOut{}, Candidates: []Candidate{},
		Quorum: Quorum{Needed: known*2/3 + 1, Known: known}, OneSided: t.oneSided(), Ticks: t.ticks}
	var members uint64
	best := min(1, known-1) // a set of one has agreed with nobody, unless there is only one
	for _, at := range slices.Backward(t.ticks.all) {
		set := t.largest(at)
		size := bits.OnesCount64(set)
		if size <= best {
			continue
		}
		best = size
		a.Candidates = append(a.Candidates, Candidate{at, t.names(set)})
		if size >= a.Quorum.Needed && a.AgreedAt == nil {
			members, a.AgreedAt, a.Members = set, &at, t.names(set)
		}
		if size == known {
			break
		}
	}
	for i, s := range t.svs {
		latest := t.latest(i)
		a.Latest = append(a.Latest, Latest{s.name, s.report != nil, latest})
		if members>>i&1 == 0 {
			a.LeftOut = append(a.LeftOut, LeftOut{s.name, latest})
		}
		if latest != nil && (a.Minimum == nil || *latest < *a.Minimum) {
			a.Minimum = latest
		}
	}
	if a.AgreedAt != nil {
		stamp := *a.AgreedAt - Instant(o.Margin/time.Microsecond)
		a.Timestamp = &stamp
		a.Fingerprint = a.fingerprint(t)
	}
	a.Missing = t.missing(a)
	a.Warnings = t.warnings(a, members)
	return a, nil
}

// fingerprint is nine digits, which can be read out on a call in any language. Whoever agrees on the same values has the same.
func (a Agreement) fingerprint(t *table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "commitments 1\n%v\n%v\n%d\n%v\n", *a.Timestamp, *a.AgreedAt, a.MarginSeconds, a.OneSided)
	for _, name := range a.Members {
		fmt.Fprintf(&b, "member %s\n", name)
	}
	for _, s := range t.svs {
		fmt.Fprintf(&b, "known %s\n", s.name)
	}
	sum := sha256.Sum256([]byte(b.String()))
	n := binary.BigEndian.Uint64(sum[:]) % 1e9
	return fmt.Sprintf("%03d-%03d-%03d", n/1e6, n/1e3%1e3, n%1e3)
}

// missing says what stands in the way of times later than the agreed one, the latest first; or of the best that there is.
func (t *table) missing(a Agreement) (all []string) {
	const most = 3
	for _, at := range slices.Backward(t.ticks.all) {
		if a.AgreedAt != nil && at <= *a.AgreedAt || len(all) == most {
			break
		}
		all = append(all, t.standing(at, t.mutual(at), t.largest(at), a.Quorum.Needed))
	}
	return all
}

// standing is why the quorum is not reached at a time.
func (t *table) standing(at Instant, g graph, set uint64, needed int) string {
	var why []string
	for i, s := range t.svs {
		if set>>i&1 == 1 && bits.OnesCount64(set) > 1 {
			continue
		}
		if s.report == nil && t.oneSided() {
			why = append(why, s.name+" does not agree by the only report")
			continue
		} else if s.report == nil {
			why = append(why, s.name+" has sent no report")
			continue
		}
		var mismatched, unsaid, unheard []string
		for j, o := range t.svs {
			if i == j || o.report == nil || g[i]>>j&1 == 1 || set>>j&1 == 0 && bits.OnesCount64(set) > 1 {
				continue
			}
			reached := t.latest(j)
			switch {
			case (t.wrong[i][at]>>j|t.wrong[j][at]>>i)&1 == 1:
				mismatched = append(mismatched, o.name)
			case reached == nil || *reached < at: // that is told of itself
			case t.agreed[i][at]>>j&1 == 0:
				unsaid = append(unsaid, o.name)
			default:
				unheard = append(unheard, o.name)
			}
		}
		latest := t.latest(i)
		switch {
		case len(mismatched) > 0:
		case latest == nil:
			why = append(why, fmt.Sprintf("the report of %s has no agreement with a known SV", s.name))
			continue
		case *latest < at:
			why = append(why, fmt.Sprintf("%s agreed until %v only", s.name, *latest))
			continue
		}
		if len(mismatched) > 0 {
			why = append(why, fmt.Sprintf("%s and %s have a mismatch", s.name, strings.Join(mismatched, ", ")))
		}
		if len(unsaid) > 0 {
			why = append(why, fmt.Sprintf("%s does not report to agree with %s", s.name, strings.Join(unsaid, ", ")))
		}
		if len(unheard) > 0 {
			why = append(why, fmt.Sprintf("%s does not report to agree with %s", strings.Join(unheard, ", "), s.name))
		}
	}
	has := "nobody agrees with anybody"
	if n := bits.OnesCount64(set); n > 1 {
		has = fmt.Sprintf("%d agree (%s)", n, strings.Join(t.names(set), ", "))
	}
	return fmt.Sprintf("%v: %s, needed are %d; %s.", at, has, needed, strings.Join(why, "; "))
}
