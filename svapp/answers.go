package svapp

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
)

// answer is what came back over HTTP, whoever sent it.
type answer struct {
	status int
	header http.Header
	body   []byte
	token  bool            // a token was sent with the request
	known  []secret.String // what must not be shown, should the answer hold it
}

// problem classifies an answer that is not the one hoped for: status other than 2xx, or a body that no app sends. The order matters:
// what stands before an app answers with pages and texts, an app with JSON, but for its plain refusals of tokens
// (reference/apis.md 1.1, 1.2 and 11). Tried is the caller's to fill.
func (a answer) problem() *Error {
	e := &Error{Code: a.status, empty: len(a.body) == 0}
	switch {
	case a.status >= 300 && a.status < 400:
		a.redirect(e)
	case a.inTheClear():
		e.Kind, e.From, e.Seen = Untrusted, FromBefore, a.saw("the port wants TLS, and got an HTTP request to an HTTPS server")
	case a.page():
		a.byPage(e)
	default:
		if text, ok := errorText(a.body); ok {
			a.byApp(e, text)
		} else {
			a.byText(e)
		}
	}
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && after > 0 && after <= 24*3600 {
		e.RetryAfter = time.Duration(after) * time.Second
	}
	e.Next = next(e)
	return e
}

// errorText is the error of an app's error body (reference/apis.md 1).
func errorText(body []byte) (string, bool) {
	var b struct {
		Error *string `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil || b.Error == nil {
		return "", false
	}
	return *b.Error, true
}

// byApp classifies an error that the app itself reports.
func (a answer) byApp(e *Error, text string) {
	e.From, e.Seen, e.Canton = FromApp, a.saw(text), readCanton(text)
	if e.Kind = kindByCanton(e.Canton, text); e.Kind != "" {
		return
	}
	switch a.status {
	case http.StatusUnauthorized:
		e.Kind = Unauthorized
	case http.StatusForbidden:
		e.Kind = Forbidden
	case http.StatusNotFound:
		e.Kind = NotFound
	case http.StatusConflict:
		e.Kind = Conflict
	case http.StatusTooManyRequests:
		e.Kind = Throttled
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout: // also passed on from another app
		e.Kind = Unavailable
		if strings.HasPrefix(text, "The server is taking too long to respond to the request") {
			e.Kind = Busy
		}
	case http.StatusBadRequest:
		e.Kind = Invalid
		if inBoot(text) {
			e.Kind = Starting
		}
	default:
		e.Kind = Server
		if a.status >= 400 && a.status < 500 {
			e.Kind = Invalid
		}
	}
}

// inBoot recognises what a Canton node answers while its services start. The wording was not verified.
func inBoot(text string) bool {
	return strings.Contains(text, "UNIMPLEMENTED") || strings.HasPrefix(withoutGRPC(text), "Method not found")
}

// byText classifies texts that are neither a page nor an app's JSON: the app's refusals of tokens, and gateways.
func (a answer) byText(e *Error) {
	text := strings.TrimSpace(string(a.body))
	e.Seen = a.saw(a.excerpt())
	switch {
	case gatewayText(text):
		e.Kind, e.From = Ingress, FromBefore
		if a.status == http.StatusForbidden {
			e.Kind = Blocked
		} else if a.status == http.StatusNotFound {
			e.Kind = NoEndpoint
		}
	case a.status == http.StatusProxyAuthRequired:
		e.Kind, e.From = Proxy, FromBefore
	case a.status == http.StatusUnauthorized:
		e.Kind, e.From = Unauthorized, FromApp
		if scheme, _, _ := strings.Cut(a.header.Get("WWW-Authenticate"), " "); scheme == "" {
			e.From = ""
		} else if !strings.EqualFold(scheme, "Bearer") { // an app asks for a bearer token
			e.Kind, e.From = Login, FromBefore
		}
	case a.status == http.StatusForbidden:
		switch {
		case strings.Contains(text, "supplied authentication is not authorized"): // not verified
			e.Kind, e.From = Forbidden, FromApp
		case a.token:
			e.Kind = Forbidden // it cannot be told who refused
		default:
			e.Kind, e.From = Blocked, FromBefore // no app refuses who needs no token
		}
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		e.Kind = NoEndpoint // what an app answers for a route that it lacks was not verified
	case a.status == http.StatusTooManyRequests:
		e.Kind, e.From = Throttled, FromBefore
	case a.status == http.StatusBadGateway, a.status == http.StatusServiceUnavailable, a.status == http.StatusGatewayTimeout:
		e.Kind, e.From = Ingress, FromBefore // an app's own have a JSON body
	case a.status == http.StatusMisdirectedRequest:
		e.Kind, e.From = Elsewhere, FromBefore
	case a.status >= 500:
		e.Kind = Server
	case a.status >= 400:
		e.Kind = Invalid
	default:
		e.Kind = Elsewhere
	}
}

// gatewayText recognises texts of Envoy and Istio, and of the default backends of ingress controllers. Of these only the first is in
// reference/apis.md 11.
func gatewayText(text string) bool {
	for _, known := range []string{"upstream connect error or disconnect/reset before headers", "no healthy upstream", "upstream request timeout",
		"RBAC: access denied", "default backend - 404", "response 404 (backend NotFound)"} {
		if strings.HasPrefix(text, known) {
			return true
		}
	}
	return false
}

// inTheClear recognises what servers, here Go's and nginx, answer to http on a port for https.
func (a answer) inTheClear() bool {
	return a.status == http.StatusBadRequest && (bytes.Contains(a.body, []byte("HTTP request to an HTTPS server")) || bytes.Contains(a.body, []byte("plain HTTP request was sent to HTTPS port")))
}

// redirect classifies a redirect: no app answers with one. Its query is not shown, it may hold a state that logs in.
func (a answer) redirect(e *Error) {
	e.Kind, e.From = Elsewhere, FromBefore
	where, err := url.Parse(a.header.Get("Location"))
	if err != nil || where.String() == "" {
		e.Seen = a.saw("a redirect to nowhere")
		return
	}
	if loginAddress(where) {
		e.Kind = Login
	}
	to := where.Path
	if where.Host != "" {
		to = where.Scheme + "://" + where.Host + where.Path
	}
	e.Seen = a.saw("a redirect to " + to)
}

func (a answer) saw(text string) string {
	s := strconv.Itoa(a.status)
	if name := http.StatusText(a.status); name != "" && !strings.HasPrefix(text, name) {
		s += " " + name
	}
	if text == "" {
		return s + ", with an empty body"
	}
	return s + ": " + clean(text, a.known...)
}

// excerpt is the part of a body that may be shown: of JSON without an error text only the names of its fields.
func (a answer) excerpt() string {
	var object map[string]json.RawMessage
	if json.Unmarshal(a.body, &object) == nil {
		return "JSON without an error text; its fields: " + strings.Join(slices.Sorted(maps.Keys(object)), ", ")
	}
	if bytes.IndexByte(a.body, 0) >= 0 {
		return "bytes that are no text"
	}
	return string(a.body[:min(len(a.body), 4*maxSeen)])
}

const maxSeen = 300

// clean makes one line for a screen, without secrets: they are taken out before the line is cut, which could leave a half of one.
func clean(text string, known ...secret.String) string {
	return plain.Cut(hide(plain.Line(text), known...), maxSeen)
}
