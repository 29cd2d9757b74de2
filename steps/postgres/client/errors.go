package client

import (
	"errors"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/wire"
	"github.com/jackc/pgx/v5/pgconn"
)

// Kind is the class of a failure; a caller chooses its remedies by it.
type Kind string

const (
	Setup       Kind = "setup"       // the settings cannot be used
	Unreachable Kind = "unreachable" // no server answered
	Denied      Kind = "denied"      // the login was refused
	Missing     Kind = "missing"     // there is no such database
	Starting    Kind = "starting"    // the server starts, stops or recovers
	Busy        Kind = "busy"        // no connection is free
	InUse       Kind = "in use"      // others are connected to the database, or hold a lock
	Forbidden   Kind = "forbidden"   // the user may not do it
	Exists      Kind = "exists"      // the name is taken
	Full        Kind = "full"        // the disk of the server is full
	Damaged     Kind = "damaged"     // the server found its data damaged
	Slow        Kind = "slow"        // it took longer than allowed, and was not done
	Conflict    Kind = "conflict"    // the server is not as it was expected
	Lost        Kind = "lost"        // the connection broke: whether it was done is not known
	Canceled    Kind = "canceled"    // the caller gave up: whether it was done is not known
	Refused     Kind = "refused"     // this program does not send it
	Answered    Kind = "answered"    // the server answered another error
)

// Error is a failure as a sentence: what was tried, what was seen, what to do next.
type Error struct {
	Kind              Kind
	Tried, Seen, Next string
	Code              string // SQLSTATE, where the server answered
	Err               error  // the caller's context, or what opened the way to the server
}

func (e *Error) Error() string { return e.Failure().Error() }
func (e *Error) Unwrap() error { return e.Err }

// Failure is the error as it is shown.
func (e *Error) Failure() wire.Failure {
	return wire.Failure{Tried: plain.Line(e.Tried), Seen: plain.Cut(plain.Line(e.Seen), 400), Next: plain.Line(e.Next)}
}

// KindOf answers the kind of an error of this package, "" for others.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

const (
	queryCanceled   = "57014"
	objectInUse     = "55006"
	lockUnavailable = "55P03"
	deadlock        = "40P01"
	duplicate       = "42P04"
	noDatabase      = "3D000"
	noPrivilege     = "42501"
	noTable         = "42P01"
	noColumn        = "42703"
)

// answered takes over what the server said: its message and code. Detail, hint and context are left out, since they can repeat
// rows and statements.
func (e *Error) answered(answer *pgconn.PgError) {
	e.Code = answer.Code
	e.Seen = "the server answered: " + answer.Message + " (" + answer.Code + ")"
	e.Kind, e.Next = Answered, "Look at the log of the server"
	switch code := answer.Code; {
	case code == "28P01", code == "28000":
		e.Kind, e.Next = Denied, "Check the user, and that the secret holds the password of this server's data: a volume that was restored keeps its old password"
	case code == noDatabase:
		e.Kind, e.Next = Missing, "Check the name of the database"
	case code == "57P03", code == "57P01", code == "57P02":
		e.Kind, e.Next = Starting, "Wait until the server is up, then try again"
	case code == "53300":
		e.Kind, e.Next = Busy, "Stop what holds connections, then try again"
	case code == "53100":
		e.Kind, e.Next = Full, "Make the volume of the server larger, or free space on it"
	case code == objectInUse, code == lockUnavailable, code == deadlock:
		e.Kind, e.Next = InUse, "Stop what is connected to the database, then try again"
	case code == queryCanceled:
		e.Kind, e.Next = Slow, "Try again when the server is less busy"
	case code == noPrivilege:
		e.Kind, e.Next = Forbidden, "Give the user the right, or do it as the owner of the database"
	case code == duplicate:
		e.Kind, e.Next = Exists, "Look at what the database of that name is"
	case code == "XX001", code == "XX002", strings.HasPrefix(code, "58"):
		e.Kind, e.Next = Damaged, "Look at the log of the server: its data may be damaged. Restore from a backup rather than go on with it"
	}
}
