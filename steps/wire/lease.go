package wire

import (
	"fmt"
	"time"
)

// LeaseState says how the node of a run is held against other operators.
type LeaseState string

const (
	LeaseNone    LeaseState = ""        // not taken: nothing was to be changed yet, or the run is over
	LeaseHeld    LeaseState = "held"    // by this run
	LeaseAway    LeaseState = "away"    // it could not be taken or renewed in time (Why): writes pause since Since
	LeaseLocal   LeaseState = "local"   // it cannot be taken at all (Why): only the lock on the run folder holds
	LeaseForeign LeaseState = "foreign" // by somebody else (Holder), or it was taken away (Why): nothing is sent
)

// LeaseSpan is how long a holder must be seen not to renew before somebody else may take over.
const LeaseSpan = 30 * time.Second

// Lease is how the node of a run is held.
type Lease struct {
	State  LeaseState    `json:"state,omitempty"`
	Since  time.Time     `json:"since,omitzero"`   // held and away: since when
	Why    string        `json:"why,omitempty"`    // a sentence without its stop; held: who released it before
	Holder Holder        `json:"holder,omitzero"`  // who holds it
	Silent time.Duration `json:"silent,omitempty"` // foreign: for how long we saw no renewal, by our clock; nanoseconds
}

// Sentence tells what a person must know of it, without its stop; empty where there is nothing.
func (l Lease) Sentence() string {
	switch l.State {
	case LeaseHeld:
		if l.Why != "" {
			return "this run holds the node; " + l.Why
		}
		return "this run holds the node; a Lease keeps other operators away"
	case LeaseAway:
		return fmt.Sprintf("writes pause since %s UTC, because the Lease of the node cannot be renewed (%s); they go on by themselves when it can, unless somebody else has taken the node over by then",
			l.Since.UTC().Format("15:04:05"), l.Why)
	case LeaseLocal:
		return "No Lease: " + l.Why + "; only the lock on this run holds, and nobody else is kept away from the node"
	case LeaseForeign:
		if l.Why != "" {
			return l.Why
		}
		return l.Holder.Sentence()
	}
	return ""
}

// Holder is who holds a node. Its times are those of the holder's clock.
type Holder struct {
	Operator string    `json:"operator,omitempty"`
	Host     string    `json:"host,omitempty"`
	Run      string    `json:"run,omitempty"`
	Step     string    `json:"step,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Renewed  time.Time `json:"renewed,omitzero"`
}

// Name is what is typed to take over.
func (h Holder) Name() string { return h.Operator }

// String is who and where, such as "bob on ops2".
func (h Holder) String() string {
	if h.Host == "" {
		return h.Operator
	}
	return h.Operator + " on " + h.Host
}

// Sentence tells all that is known of the holder.
func (h Holder) Sentence() string {
	s := h.String() + " holds this node"
	if h.Run != "" {
		s += " with run " + h.Run
	}
	if h.Step != "" {
		s += ", at step " + h.Step
	}
	if !h.Since.IsZero() {
		s += ", since " + stamp(h.Since)
	}
	if !h.Renewed.IsZero() {
		s += fmt.Sprintf("; last heartbeat %s (times of %s's clock)", stamp(h.Renewed), h.Operator)
	}
	return s
}

// Watch is how the holder's run is looked at.
func (h Holder) Watch() string {
	if h.Run == "" {
		return ""
	}
	return "svrescue attach " + h.Run
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
