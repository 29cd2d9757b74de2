package svapp

import (
	"errors"
	"strings"
)

// SnapshotCause is why there is no snapshot, in the terms of the recovery.
type SnapshotCause string

const (
	SnapshotTooLate   SnapshotCause = "too-late"  // the participant has not got as far as the time
	SnapshotPruned    SnapshotCause = "pruned"    // the participant has nothing of the time any more, or never had
	SnapshotNotExact  SnapshotCause = "not-exact" // most likely: nothing happened exactly at the time
	SnapshotGoesOn    SnapshotCause = "goes-on"   // the export may go on in the app, though nobody waits for it
	SnapshotAway      SnapshotCause = "away"      // a node behind the app does not answer, or starts, or prunes
	SnapshotThrottled SnapshotCause = "throttled" // somebody asks for patience
	SnapshotGone      SnapshotCause = "gone"      // the release has no such endpoint
	SnapshotLogin     SnapshotCause = "login"     // the token is not taken
	SnapshotWay       SnapshotCause = "way"       // the way does not lead to the app
	SnapshotFailed    SnapshotCause = "failed"    // the app failed, or does not take the request
	SnapshotNotAsked  SnapshotCause = "not-asked" // nothing was sent, or nobody waited
)

// SnapshotRefusal is what a failed try means (reference/apis.md 3.4), by the code of Canton and not by the status: 400, 429 and 500 each mean
// two things, by the generation.
type SnapshotRefusal struct {
	Cause SnapshotCause
	// Generation is X or Y of reference/apis.md 3.4 where the code tells it; else empty.
	Generation string
	// Call is what to say to the other SVs: one sentence.
	Call string
	// Again says that the same request may be answered later, and Why what is waited for.
	Again bool
	Why   string
	// Tries is how often at most it is worth asking; 0: as long as there is patience.
	Tries int
	// Force says that the generation does not answer for this time without it.
	Force bool
}

// Refusal classifies an error of Snapshot.
func (q SnapshotQuery) Refusal(err error) SnapshotRefusal {
	var e *Error
	if !errors.As(err, &e) {
		return SnapshotRefusal{Cause: SnapshotFailed, Call: "We have no snapshot: what our SV app answered was not one."}
	}
	t := q.Time()
	r := SnapshotRefusal{Generation: generationOf(e.Canton)}
	switch e.Kind {
	case Unreachable, Timeout, Ingress, Cut:
		if e.unsent {
			r.Cause, r.Again = SnapshotAway, true
			r.Call = "We have no snapshot yet: we do not reach our SV app. The time is not the reason."
			r.Why = "the SV app is not reached"
			return r
		}
	}
	switch e.Kind {
	case TooLate:
		r.Cause, r.Again, r.Tries = SnapshotTooLate, true, 6
		r.Call = "We need a time before " + t + ": our participant has not got as far."
		r.Why = "the participant may still get to " + t
	case Pruned:
		r.Cause = SnapshotPruned
		r.Call = "We need a time after " + t + ": our participant has no state of it any more."
	case Busy, Timeout, Cut, Ingress, Unreachable:
		r.Cause, r.Again = SnapshotGoesOn, true
		r.Call = "We are not done with the snapshot of " + t + ": it takes our SV app longer than somebody waits for it. The time is not the reason."
		r.Why = "the export may still go on in the app, which does not stop it when nobody waits any more, and a second one would double its load"
	case Unavailable:
		r.Cause, r.Again = SnapshotAway, true
		r.Call = "We have no snapshot yet: our participant or our sequencer does not answer. The time is not the reason."
		r.Why = "the participant or the sequencer does not answer"
		if e.Canton != nil && e.Canton.Name == "INCONSISTENT_ACS_SNAPSHOT" {
			r.Call = "We have no snapshot yet: our participant pruned while it exported, and we ask again for the same time."
			r.Why = "the participant pruned while it exported"
		}
	case Starting:
		r.Cause, r.Again, r.Tries = SnapshotAway, true, 6
		r.Call = "We have no snapshot yet: one of our nodes is starting. The time is not the reason."
		r.Why = "a node behind the app is starting"
	case Throttled:
		r.Cause, r.Again = SnapshotThrottled, true
		r.Call = "We have no snapshot yet: something before our SV app limits requests. The time is not the reason."
		r.Why = "something asks for patience"
	case NoEndpoint:
		r.Cause = SnapshotGone
		r.Call = "We get no snapshot from our SV app: it answers that there is no such endpoint, as releases from 0.6.2 on do."
	case Unauthorized, NoToken:
		r.Cause, r.Call = SnapshotLogin, "We have no snapshot yet: our SV app does not take our token. The time is not the reason."
	case Forbidden:
		r.Cause, r.Call = SnapshotLogin, "We have no snapshot yet: our token is refused, which is also so while a participant is down. The time is not the reason."
	case Invalid, Server, NotFound, Conflict:
		q.byCode(e, &r)
	case Canceled, Setup:
		r.Cause, r.Call = SnapshotNotAsked, "We have not asked our SV app to the end. The time is not the reason."
	default:
		r.Cause, r.Call = SnapshotWay, "We have no snapshot yet: we do not reach our SV app. The time is not the reason."
	}
	return r
}

// The categories of Canton that are told apart here; their numbers were not verified (reference/apis.md 1.1).
const (
	wrongAlways = 8 // the request can never be answered
	wrongNow    = 9 // not in the present state
)

// byCode tells what neither the status nor a known code does.
func (q SnapshotQuery) byCode(e *Error, r *SnapshotRefusal) {
	t := q.Time()
	r.Cause = SnapshotFailed
	r.Call = "We have no snapshot: our SV app failed. Its log tells why, and whether it is the time is not determined."
	switch {
	case e.Kind == NotFound:
		r.Call = "We have no snapshot: our SV app does not know the rules of the DSO, so it has not read the ledger. The time is not the reason."
	case e.Canton == nil && e.Kind == Invalid:
		r.Call = "We have no snapshot: our SV app does not take the request. Whether it is the time is not determined."
	case e.Canton == nil:
	case e.Canton.Name == "INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR":
		r.Call = "We have no snapshot: our participant finds no state for " + t + ", and whether it is too early or too late is not determined."
	case e.Canton.Name == "CONTRACT_SERIALIZATION_ERROR":
		r.Call = "We have no snapshot: our participant cannot write one of its contracts. Its log tells more; the time is not the reason."
	case e.Canton.Category == wrongAlways:
		r.Call = "We have no snapshot: our participant does not take the request. Whether it is the time is not determined."
	case e.Canton.Category == wrongNow && e.Kind == Invalid && strings.Contains(strings.ToLower(e.Seen), "pruned"):
		r.Cause, r.Generation = SnapshotPruned, "Y"
		r.Call = "We need a time after " + t + ": our participant says that it is pruned."
	case e.Canton.Category == wrongNow && e.Kind == Invalid && !q.Force:
		// The name of the code was not read; in one copy of generation Y every time is refused so at which nothing happened.
		r.Cause, r.Generation, r.Force = SnapshotNotExact, "Y", true
		r.Call = "Our release most likely answers only for times at which something happened: we ask again for " + t + " with force, once we have proof that we were past it."
	}
}

// generationOf is that of a code that only one of the two has.
func generationOf(c *CantonCode) string {
	if c == nil {
		return ""
	}
	switch c.Name {
	case "INVALID_ACS_SNAPSHOT_TIMESTAMP", "UNAVAILABLE_ACS_SNAPSHOT", "INCONSISTENT_ACS_SNAPSHOT", "CONTRACT_SERIALIZATION_ERROR", "INVALID_ARGUMENT_REPAIR":
		return "X"
	case "INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR":
		return "Y"
	}
	return ""
}
