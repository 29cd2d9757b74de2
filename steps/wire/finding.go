package wire

import "time"

// Verdict is what a finding says of its condition. There is no fourth: missing evidence is never "holds".
type Verdict string

const (
	Holds        Verdict = "holds"
	Violated     Verdict = "violated"
	Undetermined Verdict = "undetermined"
	// Attention holds, but the operator should know of it.
	Attention Verdict = "attention"
)

// Finding is a condition, what was found of it, and from where that is known.
type Finding struct {
	ID      string  `json:"id"`             // stable within its step, for example "order"
	Verdict Verdict `json:"verdict"`        //
	Text    string  `json:"text"`           // one sentence
	Next    string  `json:"next,omitempty"` // what to do about it, for anything but holds
	// Waive says, of a violated finding that the operator may override with a reason, what that means.
	Waive    string     `json:"waive,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Evidence is one thing that was looked at.
type Evidence struct {
	Source string `json:"source"` // what was read: "pvc sv/participant-pg-data-0", a file, an address
	Seen   string `json:"seen"`   // what it said
	// At is when it was read. A step leaves it out of what it has read in this look; the engine puts in when that began.
	At time.Time `json:"at,omitzero"`
}

// Waivable says whether everything that stands in the way may be overridden by the operator, with a reason: what is not
// determined, and what is violated but says so.
func Waivable(findings []Finding) bool {
	for _, f := range findings {
		if f.Verdict == Violated && f.Waive == "" {
			return false
		}
	}
	return true
}

// WorstVerdict is Violated if any finding is, else Undetermined if any is, else Attention, else Holds.
func WorstVerdict(findings []Finding) Verdict {
	worst := Holds
	rank := map[Verdict]int{Holds: 0, Attention: 1, Undetermined: 2, Violated: 3}
	for _, f := range findings {
		if rank[f.Verdict] > rank[worst] {
			worst = f.Verdict
		}
	}
	return worst
}
