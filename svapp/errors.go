package svapp

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of a failure; a caller chooses its remedies by it.
type Kind string

// Nobody answered, or only something on the way.
const (
	Unreachable Kind = "unreachable" // no answer: name, address, port, a connection that was cut. It does not mean that the app is down
	Untrusted   Kind = "untrusted"   // TLS: the certificate is not trusted, expired or for another name, or the port speaks no TLS
	Proxy       Kind = "proxy"       // the HTTP proxy of this machine refused or failed
	Timeout     Kind = "timeout"     // no answer in time
	Canceled    Kind = "canceled"    // the caller gave up waiting
	Ingress     Kind = "ingress"     // the ingress answered that it has nothing healthy behind it, or failed
	Blocked     Kind = "blocked"     // the ingress refused this machine: most often its IP allow list
	Login       Kind = "login"       // a login page, or a redirect to one, stands before the app
	Elsewhere   Kind = "elsewhere"   // something else answers at this address
	NoEndpoint  Kind = "no endpoint" // no route: this release does not have the endpoint, or the ingress does not pass it on
)

// The app answered.
const (
	Unauthorized Kind = "unauthorized" // 401: the token is missing, expired, wrongly signed or for another audience
	Forbidden    Kind = "forbidden"    // 403: the token's user lacks a right, or the participant could not be asked
	NotFound     Kind = "not found"    // the thing does not exist
	Conflict     Kind = "conflict"     // it exists already, or a rule of the ledger refused it
	Invalid      Kind = "invalid"      // the request does not fit
	Starting     Kind = "starting"     // a node behind the app is still in boot
	Throttled    Kind = "throttled"    // asked for patience
	Unavailable  Kind = "unavailable"  // a node behind the app does not answer
	Busy         Kind = "busy"         // the app gave up waiting for its own work, which may go on
	TooLate      Kind = "too late"     // a snapshot for a time that the participant has not reached yet
	Pruned       Kind = "pruned"       // a snapshot for a time that the participant no longer, or never, had
	Server       Kind = "server"       // the app failed; its log has the cause
	Malformed    Kind = "malformed"    // an answer without the shape it must have
	Cut          Kind = "cut"          // an answer that ended early
	TooLarge     Kind = "too large"    // an answer over the bound
)

// Nothing was sent to the app.
const (
	NoToken Kind = "no token" // none is configured, or the identity provider refused one
	Setup   Kind = "setup"    // the configuration cannot be used
	Unknown Kind = "unknown"
)

// Source is who gave the answer that an error is about.
type Source string

const (
	FromApp      Source = "app"
	FromBefore   Source = "before the app"    // an ingress, a gateway, a proxy, a login page
	FromProvider Source = "identity provider" // where tokens come from
)

// Error is a failure as a sentence: what was tried, what was seen, what to do next. The parts are clean text of one line each, without
// tokens, secrets and markup.
type Error struct {
	Kind       Kind          `json:"kind"`
	From       Source        `json:"from,omitempty"` // empty: nobody answered, or it cannot be told who
	Tried      string        `json:"tried"`          // fits after "tried to"
	Seen       string        `json:"seen"`
	Next       string        `json:"next"`
	Code       int           `json:"code,omitempty"`       // HTTP status, if there was an answer
	Canton     *CantonCode   `json:"canton,omitempty"`     // the code that the node behind the app gave, if any
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // nanoseconds; if a time was named
	empty      bool          // the answer had no body
	unsent     bool          // the request did not leave, where that was looked at
	err        error         // the end of a context, or nil: errors of libraries hold what was received
}

func (e *Error) Error() string {
	s := fmt.Sprintf("tried to %s, saw: %s", e.Tried, e.Seen)
	if e.Next != "" {
		s += "; next: " + e.Next
	}
	return s
}

func (e *Error) Unwrap() error { return e.err }

// KindOf answers the kind of any error; Unknown for those that are not from this package, and "" for nil.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	}
	return Unknown
}

// IsTransient says whether the same read may succeed later without anybody doing anything (reference/apis.md 11). TooLate is one of
// them, within bounds: a participant that has stopped never gets there. Forbidden is not, although a participant that is down
// answers so: look at it first.
func IsTransient(err error) bool {
	switch KindOf(err) {
	case Unreachable, Timeout, Ingress, Starting, Throttled, Unavailable, Busy, TooLate, Cut:
		return true
	}
	return false
}

// Reached says whether the app itself answered, be it with an error. Where it is false, nothing is known about the app.
func Reached(err error) bool {
	var e *Error
	return err == nil || errors.As(err, &e) && e.From == FromApp
}

// absent says that the app itself answered that the thing asked for does not exist.
func absent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == NotFound && e.From == FromApp
}

func setup(tried, seen, next string) *Error {
	return &Error{Kind: Setup, Tried: tried, Seen: seen, Next: next}
}
