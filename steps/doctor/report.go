package doctor

import (
	"time"

	"canton.example/svrescue/steps/triage"
)

// Version is that of the document that a Report is as JSON.
const Version = 1

// Report is what doctor says.
type Report struct {
	Version int            `json:"version"`
	Verdict triage.Verdict `json:"verdict"` // of all that counts: holds, violated, not-determined
	// Blocked says why not even the inventory of the node could be read, from which nearly all that is not determined follows; empty: it was.
	Blocked    string      `json:"blocked,omitempty"`
	Runway     Runway      `json:"runway"`
	Conditions []Condition `json:"conditions"` // always all, in the same order
	// Notes are about acknowledgements that count for nothing: run out, or of a condition that does not exist.
	Notes []string `json:"notes"`
}

// Runway is how long, from now, a restore of the newest usable set can still be begun, should the node fall silent now.
type Runway struct {
	Known   bool          `json:"known"`
	Left    time.Duration `json:"-"`
	Seconds int64         `json:"left_seconds"` // Left, as scripts read it; 0 where it is not known
	Detail  string        `json:"detail"`
}

// Condition is one of the conditions.
type Condition struct {
	ID          string         `json:"id"`
	Title       string         `json:"title"`
	Verdict     triage.Verdict `json:"verdict"`
	Detail      string         `json:"detail"`
	Consequence string         `json:"consequence,omitempty"` // what follows if it does not hold
	Fix         string         `json:"fix,omitempty"`         // what to do, if it does not hold
	Source      string         `json:"source"`
	At          time.Time      `json:"at,omitzero"` // when it was read; absent: it was not
	// Informational conditions are facts rather than faults: they do not count.
	Informational bool `json:"informational,omitempty"`
	// Acknowledged says why it does not count, and until when.
	Acknowledged string    `json:"acknowledged,omitempty"`
	Until        time.Time `json:"until,omitzero"`
}

// Counts says whether the condition has a part in the verdict.
func (c Condition) Counts() bool { return !c.Informational && c.Acknowledged == "" }

// ExitCode is 0 where all that counts holds, 3 where something is violated, 6 where something is not determined.
func (r Report) ExitCode() int {
	switch r.Verdict {
	case triage.Violated:
		return 3
	case triage.NotDetermined:
		return 6
	}
	return 0
}

// Condition is that with the id.
func (r Report) Condition(id string) (Condition, bool) {
	for _, c := range r.Conditions {
		if c.ID == id {
			return c, true
		}
	}
	return Condition{}, false
}

// Changed are the conditions whose verdict is another than before, as they are now.
func (r Report) Changed(before Report) []Condition {
	var changed []Condition
	for _, c := range r.Conditions {
		if old, ok := before.Condition(c.ID); !ok || old.Verdict != c.Verdict || old.Counts() != c.Counts() {
			changed = append(changed, c)
		}
	}
	return changed
}
