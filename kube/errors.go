package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind is the class of a failure; a caller chooses its remedies by it.
type Kind string

const (
	Unreachable   Kind = "unreachable"    // no answer: name, address, TLS, connection
	Unauthorized  Kind = "unauthorized"   // the credentials are missing, wrong or expired
	Forbidden     Kind = "forbidden"      // the credentials are good, the permission is missing
	NotFound      Kind = "not found"      // the object, or the kind of object, does not exist
	Conflict      Kind = "conflict"       // a precondition did not hold: somebody else changed the object
	AlreadyExists Kind = "already exists" // a creation met an object of that name
	Invalid       Kind = "invalid"        // the server, or a webhook, takes exception to the content
	Gone          Kind = "gone"           // the version asked for is no longer kept
	Throttled     Kind = "throttled"      // the server asks for patience
	Server        Kind = "server"         // the server, or a proxy before it, failed
	Timeout       Kind = "timeout"        // no answer in time: whether a write was done is not known
	Canceled      Kind = "canceled"       // the caller gave up waiting: whether a write was done is not known
	Refused       Kind = "refused"        // the guard of this program did not send it
	Paused        Kind = "paused"         // the run does not hold its node at this moment: it was not sent
	Failed        Kind = "failed"         // a command in a pod ran and ended with another exit code than 0
	Setup         Kind = "setup"          // the kubeconfig or its context cannot be used
	Unknown       Kind = "unknown"
)

// Error is a failure as a sentence: what was tried, what was seen, what to do next. The parts are clean text of one line each.
type Error struct {
	Kind       Kind          `json:"kind"`
	Tried      string        `json:"tried"` // fits after "tried to"
	Seen       string        `json:"seen"`
	Next       string        `json:"next"`
	Code       int           `json:"code,omitempty"`       // HTTP status, if there was an answer
	Access     *Access       `json:"access,omitempty"`     // what was asked for, if it was one request
	RetryAfter time.Duration `json:"retryAfter,omitempty"` // nanoseconds; if the server named a time
	err        error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("tried to %s, saw: %s", e.Tried, e.Seen)
	if e.Next != "" {
		s += "; next: " + e.Next
	}
	return s
}

func (e *Error) Unwrap() error { return e.err }

// KindOf answers the kind of any error; Unknown for those that are not from a cluster, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return classify(err)
}

// IsTransient says whether the same request may succeed later without anybody doing anything. A write that failed with Timeout,
// Server or Unreachable may have been done all the same: look before sending it again.
func IsTransient(err error) bool {
	switch KindOf(err) {
	case Throttled, Server, Timeout:
		return true
	case Unreachable:
		return !badTLS(err) && !unknownHost(err)
	}
	return false
}

// RetryAfter is how long the server asked to wait before the next try; 0 where it named no time.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// Explain turns any error into an *Error; nil stays nil.
func Explain(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.problem()
	}
	return explain("talk to the cluster", nil, err)
}

// failed wraps the error of one request; nil stays nil.
func failed(a Access, err error) error {
	if err == nil {
		return nil
	}
	return explain(a.sentence(), &a, err)
}

func explain(tried string, a *Access, err error) *Error {
	e := &Error{Kind: classify(err), Tried: tried, Access: a, err: err}
	e.Seen = seen(e.Kind, err)
	if s := status(err); s != nil {
		e.Code = int(s.Code)
		if s.Details != nil {
			e.RetryAfter = time.Duration(s.Details.RetryAfterSeconds) * time.Second
		}
	}
	e.Next = next(e.Kind, a, err)
	return e
}

func status(err error) *metav1.Status {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		st := s.Status()
		return &st
	}
	return nil
}

func classify(err error) Kind {
	var shown *NotShown
	var paused *NotHeld
	var exit *ExitError
	var netErr net.Error
	switch s := status(err); {
	case errors.As(err, &shown):
		return Refused
	case errors.As(err, &paused):
		return Paused
	case errors.As(err, &exit):
		return Failed
	case s != nil:
		return classifyStatus(s)
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.As(err, &netErr) && netErr.Timeout():
		return Timeout
	case strings.Contains(err.Error(), "client rate limiter"):
		// The limiter of client-go gives up early when the deadline would pass first, with an error of its own.
		return Timeout
	case noCredentials(err):
		return Unauthorized
	}
	var u *url.Error
	var op *net.OpError
	if errors.As(err, &u) || errors.As(err, &op) || badTLS(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errCut) {
		return Unreachable
	}
	return Unknown
}

func classifyStatus(s *metav1.Status) Kind {
	switch s.Reason {
	case metav1.StatusReasonUnauthorized:
		return Unauthorized
	case metav1.StatusReasonForbidden:
		return Forbidden
	case metav1.StatusReasonNotFound:
		return NotFound
	case metav1.StatusReasonAlreadyExists:
		return AlreadyExists
	case metav1.StatusReasonConflict:
		return Conflict
	case metav1.StatusReasonGone, metav1.StatusReasonExpired:
		return Gone
	case metav1.StatusReasonInvalid:
		if testFailed(s.Message) {
			return Conflict
		}
		return Invalid
	case metav1.StatusReasonBadRequest, metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonNotAcceptable,
		metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnsupportedMediaType:
		return Invalid
	case metav1.StatusReasonTooManyRequests:
		return Throttled
	case metav1.StatusReasonServerTimeout, metav1.StatusReasonTimeout:
		return Timeout
	}
	switch c := int(s.Code); {
	case c == http.StatusGatewayTimeout, c == http.StatusRequestTimeout:
		return Timeout
	case c == http.StatusTooManyRequests:
		return Throttled
	case c == http.StatusNotFound:
		return NotFound
	case c >= 500:
		return Server
	case c >= 400:
		return Invalid
	}
	return Unknown
}

// testFailed recognises a JSON patch whose test operation did not hold. The server answers it as invalid, and keeps to itself which it
// was: of all its answers of this kind this text alone names no object.
func testFailed(message string) bool {
	return strings.HasPrefix(message, "the server rejected our request due to an error in our request")
}

func badTLS(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record)
}

func unknownHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

const maxSeen = 400

func seen(k Kind, err error) string {
	if s := status(err); s != nil {
		m := s.Message
		if k == Conflict && testFailed(m) {
			return fmt.Sprintf("%d: the object is not the one that was read, or a value in it has changed", s.Code)
		}
		// client-go puts the body of an answer that is no Status into the details.
		if s.Details != nil && strings.Contains(m, "unknown") {
			for _, c := range s.Details.Causes {
				if c.Type == metav1.CauseTypeUnexpectedServerResponse && c.Message != "" && c.Message != "unknown" {
					m += ": " + c.Message
				}
			}
		}
		if s.Code != 0 {
			return fmt.Sprintf("%d %s", s.Code, clean(m, maxSeen))
		}
		return clean(m, maxSeen)
	}
	var u *url.Error
	if errors.As(err, &u) {
		var shown *NotShown
		if errors.As(err, &shown) {
			return clean(shown.Error(), maxSeen)
		}
		var paused *NotHeld
		if errors.As(err, &paused) {
			return clean(paused.Error(), maxSeen)
		}
		where := ""
		if p, perr := url.Parse(u.URL); perr == nil && p.Host != "" {
			where = " (" + p.Scheme + "://" + p.Host + ")"
		}
		return clean(u.Err.Error()+where, maxSeen)
	}
	if k == Timeout && errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return clean(err.Error(), maxSeen)
}

func next(k Kind, a *Access, err error) string {
	switch k {
	case Unreachable:
		switch {
		case badTLS(err):
			return "compare the address and certificate-authority of the cluster in the kubeconfig with the server's certificate"
		case unknownHost(err):
			return "check the server's name in the kubeconfig, the name resolution and the VPN of this machine"
		}
		return "check the VPN or tunnel to the cluster and the server's address in the kubeconfig, then try again"
	case Unauthorized:
		return "log in to the cluster again (the token or certificate in the kubeconfig is missing, wrong or expired)"
	case Forbidden:
		if a != nil {
			return "have a cluster administrator grant \"" + a.String() + "\", or let somebody who has it run the command"
		}
		return "ask a cluster administrator for the permission"
	case NotFound:
		if a != nil && a.Group == groupSnapshot && a.Name == "" {
			return "install the VolumeSnapshot definitions and controller, or use backups that are not volume snapshots"
		}
		return "check the name, the namespace and the kubeconfig context"
	case Conflict:
		return "look at the object again: it changed after it was read; then decide anew"
	case AlreadyExists:
		return "look at the object that has this name already"
	case Invalid:
		return "read the server's reason; if a webhook or policy refused it, its owner has to allow it"
	case Gone:
		return "read the list again from the start"
	case Throttled:
		return "wait a moment and try again"
	case Server:
		return "try again; if it stays, look at the health of the API server and of proxies and webhooks before it"
	case Timeout, Canceled:
		if a != nil && a.writes() {
			return "look whether it was done before sending it again"
		}
		return "try again; if it stays, check the network to the cluster"
	case Refused:
		return "report this as a defect of the program; nothing was sent"
	case Paused:
		return "it is sent when the run holds the node again"
	}
	return "keep this message for the report"
}

// IsMissing is an error that makes a picture poorer, not wrong: a right or a kind of object that is not there.
func IsMissing(err error) bool {
	return KindOf(err) == Forbidden || KindOf(err) == NotFound
}
