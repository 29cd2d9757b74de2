package svapp

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

	"canton.example/svrescue/internal/secret"
)

// proxyRefused is a proxy that did not open the tunnel it was asked for.
type proxyRefused struct {
	proxy  string // its host
	status string
}

func (p *proxyRefused) Error() string { return "the proxy " + p.proxy + " answered " + p.status }

// noAnswer classifies a request that got no answer: ctx is the caller's, not the one with the client's own time limit. An error that a
// way to the app explains itself keeps its words.
func noAnswer(ctx context.Context, err error, known ...secret.String) *Error {
	var own *Error
	if errors.As(err, &own) {
		e := *own
		return (&e).without(known...)
	}
	e := &Error{Kind: Unreachable, err: ending(err)}
	var proxy *proxyRefused
	var op *net.OpError
	var netErr net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Seen = Canceled, "the wait was ended before an answer came"
	case errors.As(err, &proxy):
		e.Kind, e.From, e.Seen = Proxy, FromBefore, proxy.Error()
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Kind, e.Seen = Proxy, "the proxy of this machine cannot be reached: "+op.Err.Error()
	case badTLS(err):
		e.Kind, e.Seen = Untrusted, tlsText(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		e.Kind, e.Seen = Timeout, "no answer in time"
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Seen = "no address is known for the name " + dns.Name
	case strings.Contains(err.Error(), "malformed HTTP"): // the library has no type for it, and shows the bytes
		e.Kind, e.Seen = Elsewhere, "what answers there does not speak HTTP"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Seen = "the connection was cut before an answer"
	default:
		e.Seen = bare(err).Error()
	}
	e.Seen = clean(e.Seen, known...)
	e.Next = next(e)
	return e
}

// ending is the end of a context, if that is behind an error. Nothing else is kept of what a library says: it may hold what was
// received.
func ending(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// bare is the error without the address of the request, which the error names already.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func badTLS(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch)
}

func tlsText(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &host):
		if c := host.Certificate; c != nil {
			return fmt.Sprintf("the certificate is for %v, not for %s", append(append([]string{}, c.DNSNames...), ips(c)...), host.Host)
		}
		return "the certificate is not for " + host.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is not valid at this time: " + invalid.Detail
	case errors.As(err, &authority):
		return "the certificate is signed by an authority that this machine does not trust"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the port does not speak TLS"
	}
	return bare(err).Error()
}

func ips(c *x509.Certificate) []string {
	var all []string
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}
