package svapp

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

func page(title string) string {
	return "<!DOCTYPE html><html><head><title>" + title + "</title></head><body>x</body></html>"
}

// What the apps and what stands before them answer (reference/apis.md 1.1, 1.2 and 11).
func TestAnswers(t *testing.T) {
	const bearer = `WWW-Authenticate: Bearer realm="sv"`
	for _, c := range []struct {
		name      string
		code      int
		body      string
		headers   []string
		token     bool
		kind      Kind
		from      Source
		transient bool
		seen      string
	}{
		// The app's own.
		{"not found", 404, `{"error":"CometBFT is not configured."}`, nil, false, NotFound, FromApp, false, "CometBFT is not configured."},
		{"conflict", 409, `{"error":"CreateTransferOffer duplicate command"}`, nil, true, Conflict, FromApp, false, "duplicate"},
		{"aborted", 429, "{\n  \"error\" : \"contention\"\n}", nil, true, Throttled, FromApp, true, "contention"},
		{"unavailable", 503, `{"error":"io exception"}`, nil, true, Unavailable, FromApp, true, "io exception"},
		{"unavailable as Java prints it", 503, `{"error":"UNAVAILABLE: io exception"}`, nil, true, Unavailable, FromApp, true, "io exception"},
		{"passed on from another app", 502, `{"error":"x"}`, nil, true, Unavailable, FromApp, true, "502"},
		{"failed precondition", 400, `{"error":"no"}`, nil, true, Invalid, FromApp, false, "no"},
		{"in boot", 400, `{"error":"UNIMPLEMENTED: Method not found: com.digitalasset.canton.X"}`, nil, true, Starting, FromApp, true, "Method not found"},
		{"in boot, without the name", 400, `{"error":"Method not found: com.digitalasset.canton.X"}`, nil, true, Starting, FromApp, true, "Method not found"},
		{"internal", 500, `{"error":"An unexpected error occurred."}`, nil, true, Server, FromApp, false, "unexpected"},
		{"its own timeout", 503, `{"error":"The server is taking too long to respond to the request at http://sv.sv.example/api/sv/x"}`, nil, true, Busy, FromApp, true, "too long"},
		{"X too late", 429, `{"error":"INVALID_ACS_SNAPSHOT_TIMESTAMP(2,9d2c7be1): The participant does not yet support serving an ACS snapshot at the requested timestamp 2026-01-11T09:00:00Z on domain global-domain::1220dd00"}`, nil, true, TooLate, FromApp, true, "not yet support"},
		{"X pruned", 400, `{"error":"UNAVAILABLE_ACS_SNAPSHOT(9,9d2c7be1): The participant does not support serving an ACS snapshot"}`, nil, true, Pruned, FromApp, false, "does not support"},
		{"X race", 503, `{"error":"INCONSISTENT_ACS_SNAPSHOT(1,9d2c7be1): The ACS snapshot for x cannot be returned because it contains inconsistencies."}`, nil, true, Unavailable, FromApp, true, "inconsistencies"},
		{"Y too late", 500, `{"error":"INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR(12,9d2c7be1): No ledger offset found (using force flag = false): Not all events have been processed fully and/or published to the Ledger API DB"}`, nil, true, TooLate, FromApp, true, "Not all events"},
		{"Y pruned", 500, `{"error":"INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR(12,9d2c7be1): x: The participant does not yet have a ledger offset before or at the requested timestamp: 2026"}`, nil, true, Pruned, FromApp, false, "ledger offset"},
		{"Y for another reason", 500, `{"error":"INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR(12,9d2c7be1): no ledger end"}`, nil, true, Server, FromApp, false, "ledger end"},
		{"no sequencer", 500, `{"error":"Could not prepare SynchronizerNodeIdentitiesDump because domain node is not configured"}`, nil, true, Server, FromApp, false, "not configured"},
		{"an identity that is not approved", 401, `{"error":"Could not approve SV Identity because of reason: x"}`, nil, false, Unauthorized, FromApp, false, "not approve"},
		// Its refusals of tokens, which are no JSON.
		{"bad token", 401, "The supplied authentication is invalid", []string{bearer}, true, Unauthorized, FromApp, false, "supplied authentication"},
		{"no token", 401, "", []string{bearer}, false, Unauthorized, FromApp, false, "empty body"},
		{"401 from who knows", 401, "no", nil, true, Unauthorized, "", false, "no"},
		{"not allowed", 403, "The supplied authentication is not authorized to access this resource", nil, true, Forbidden, FromApp, false, "not authorized"},
		{"not allowed, by whom it cannot be told", 403, "Forbidden", nil, true, Forbidden, "", false, "403"},
		// What stands before it.
		{"no token was sent, so no app refused", 403, "denied", nil, false, Blocked, FromBefore, false, "denied"},
		{"allow list of nginx", 403, strings.ReplaceAll(nginx, "502 Bad Gateway", "403 Forbidden"), []string{"Content-Type: text/html"}, true, Blocked, FromBefore, false, "403 Forbidden"},
		{"allow list of Istio", 403, "RBAC: access denied", nil, true, Blocked, FromBefore, false, "RBAC"},
		{"nginx without its backend", 502, nginx, []string{"Content-Type: text/html"}, true, Ingress, FromBefore, true, "a web page titled 502 Bad Gateway"},
		{"Envoy without its backend", 503, "upstream connect error or disconnect/reset before headers. reset reason: connection failure", nil, true, Ingress, FromBefore, true, "upstream"},
		{"Envoy's patience", 504, "upstream request timeout", nil, true, Ingress, FromBefore, true, "504"},
		{"a gateway without a word", 502, "", nil, true, Ingress, FromBefore, true, "empty"},
		{"a page for 500", 500, page("Oops"), nil, true, Ingress, FromBefore, true, "Oops"},
		{"a password of the ingress", 401, "no", []string{`WWW-Authenticate: Basic realm="x"`}, true, Login, FromBefore, false, "401"},
		{"a login page", 200, page("Sign in to Example"), []string{"Content-Type: text/html"}, false, Login, FromBefore, false, "Sign in"},
		{"a login page without a name", 200, `<html><form><input type="password" name=p></form></html>`, nil, false, Login, FromBefore, false, "a web page"},
		{"a redirect to a login", 302, "", []string{"Location: https://login.example.org/oauth2/authorize?client_id=a&state=" + canary}, false, Login, FromBefore, false, "https://login.example.org/oauth2/authorize"},
		{"a redirect elsewhere", 301, "", []string{"Location: https://other.example.org/"}, false, Elsewhere, FromBefore, false, "https://other.example.org/"},
		{"a redirect to nowhere", 302, "", nil, false, Elsewhere, FromBefore, false, "nowhere"},
		{"the web interface", 200, page("Canton Network Scan"), nil, false, Elsewhere, FromBefore, false, "Canton Network Scan"},
		{"no route, as a page", 404, page("404"), nil, false, NoEndpoint, FromBefore, false, "404"},
		{"no route", 404, "The requested resource could not be found.", nil, false, NoEndpoint, "", false, "404"},
		{"no such method", 405, "HTTP method not allowed, supported methods: GET", nil, false, NoEndpoint, "", false, "405"},
		{"no route of a backend", 404, "default backend - 404", nil, false, NoEndpoint, FromBefore, false, "default backend"},
		{"a rate limiter", 429, "slow down", []string{"Retry-After: 7"}, false, Throttled, FromBefore, true, "slow down"},
		{"the proxy's password", 407, "", nil, false, Proxy, FromBefore, false, "407"},
		{"another program's JSON", 500, `{"message":"` + canary + `","code":1}`, nil, true, Server, "", false, "its fields: code, message"},
		{"teapot", 418, "x", nil, false, Invalid, "", false, "418"},
		// What must not reach a screen.
		{"escapes", 500, `{"error":"a\u001b[31mb\u202ec\nd"}`, nil, true, Server, FromApp, false, "abc d"},
		{"markup in an error", 500, `{"error":"<b>x</b>"}`, nil, true, Server, FromApp, false, "<b>x</b>"},
		{"long", 500, `{"error":"` + strings.Repeat("x", 10000) + `"}`, nil, true, Server, FromApp, false, "xxx"},
		{"bytes", 500, "\x00\x01\x02", nil, true, Server, "", false, "no text"},
		{"echo of the token", 400, `{"error":"bad header: Bearer ` + canary + `"}`, nil, true, Invalid, FromApp, false, "bad header"},
		{"echo of the token, escaped", 500, "tok=canary-3f9aQ%2F%2Bz%3DS3cret", nil, true, Server, "", false, "tok="},
		{"echo that the cut would halve", 500, strings.Repeat("y", maxSeen-20) + canary, nil, true, Server, "", false, "yyy"},
		{"echo of a JWT", 500, `{"error":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2ln was refused"}`, nil, true, Server, FromApp, false, "(secret) was refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := NewSV(Settings{Way: way(says(c.code, c.body, c.headers...)), Tokens: fixedToken(t, canary)})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Authorized(t.Context())
			if !c.token {
				_, err = s.Version(t.Context())
			}
			e := checkSentence(t, err)
			if e.Kind != c.kind || e.From != c.from || IsTransient(err) != c.transient || Reached(err) != (c.from == FromApp) {
				t.Errorf("%s from %q, transient %v", e.Kind, e.From, IsTransient(err))
			}
			if !strings.Contains(e.Seen, c.seen) || e.Code != c.code {
				t.Errorf("%d, %s", e.Code, e.Seen)
			}
			if c.code == 429 && len(c.headers) > 0 && e.RetryAfter != 7*time.Second {
				t.Errorf("retry after %s", e.RetryAfter)
			}
		})
	}
}

func TestCantonCode(t *testing.T) {
	for text, want := range map[string]*CantonCode{
		"INVALID_ARGUMENT_REPAIR(8,9d2c7be1): x":                                          {Name: "INVALID_ARGUMENT_REPAIR", Category: 8, Correlation: "9d2c7be1"},
		"io.grpc.StatusRuntimeException: ABORTED: INVALID_ACS_SNAPSHOT_TIMESTAMP(2,0): x": {Name: "INVALID_ACS_SNAPSHOT_TIMESTAMP", Category: 2, Correlation: "0"},
		"a text with CODE(1,2): inside":                                                   nil,
		"UNAVAILABLE: io exception":                                                       nil,
		"":                                                                                nil,
	} {
		got := readCanton(text)
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// An app that refuses keeps its reasons to itself; what is known of the token is said instead.
func TestRefusalsAreExplained(t *testing.T) {
	refused := says(401, "The supplied authentication is invalid", `WWW-Authenticate: Bearer realm="x"`)
	late := says(401, "The supplied authentication is invalid", `WWW-Authenticate: Bearer realm="x"`, "Date: "+noon.Add(5*time.Minute).Format(http.TimeFormat))
	forbidden := says(403, "The supplied authentication is not authorized to access this resource")
	for _, c := range []struct {
		name     string
		answer   over
		claims   string
		audience string
		next     string
	}{
		{"expired", refused, `{"aud":"sv","sub":"u","exp":1772366399}`, "sv", "expired at 2026-03-01T11:59:59Z"},
		{"the ledger's audience", refused, `{"aud":["ledger"],"sub":"u"}`, "sv", "for the audience sv: the token from the test is for ledger"},
		{"no audience known", refused, `{"aud":"ledger","sub":"u"}`, "", "which is ledger"},
		{"clocks", late, `{"aud":"sv","sub":"u"}`, "sv", "is 5m0s ahead of that of this machine"},
		{"not a JWT", refused, ``, "sv", "get a token"},
		{"not allowed", forbidden, `{"aud":"sv","sub":"auth0|7"}`, "sv", "participant first: while it is down every token is refused so; else the user auth0|7"},
		{"not allowed, user not known", forbidden, ``, "sv", "participant first"},
	} {
		value := canary
		if c.claims != "" {
			value = "eyJhbGciOiJub25lIn0." + encode(c.claims) + ".x"
		}
		s, err := NewSV(Settings{Way: way(c.answer), Tokens: fixedToken(t, value), Audience: c.audience, Clock: fakeClock(noon)})
		if err != nil {
			t.Fatal(err)
		}
		e := checkSentence(t, s.Authorized(t.Context()))
		if !strings.Contains(e.Next, c.next) || strings.Contains(e.Error(), value) {
			t.Errorf("%s: %s", c.name, e.Next)
		}
	}
}

// Nothing that a server can send makes the classifier fail or show what it must not.
func FuzzAnswers(f *testing.F) {
	f.Add(502, nginx, "text/html", "")
	f.Add(500, `{"error":"INVALID_ACS_SNAPSHOT_TIMESTAMP(2,9d2c7be1): x"}`, "application/json", "")
	f.Add(302, "", "", "https://login.example.org/?state="+canary)
	f.Add(403, "RBAC: access denied", "text/plain", "")
	f.Add(200, `{"version":"0.5.10","commit_ts":"x"}`, "", "")
	f.Add(400, "\x1b]0;x\x07"+canary, "text/plain", "")
	f.Add(500, `{"a":"`+canary+`","error":null}`, "", "")
	f.Add(404, "<title>"+canary+"</title><html>", "text/html", "//"+canary)
	f.Fuzz(func(t *testing.T, code int, body, kind, location string) {
		if code < 200 || code > 599 {
			t.Skip()
		}
		s, err := NewSV(Settings{Way: way(says(code, body, "Content-Type: "+kind, "Location: "+location, `WWW-Authenticate: `+kind)), Tokens: fixedToken(t, canary)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Authorized(t.Context()); err != nil {
			e, ok := err.(*Error)
			if !ok || e.Kind == "" || e.Seen == "" || e.Next == "" || strings.ContainsAny(e.Error(), "\x1b\n\r\a") || len(e.Seen) > 8*maxSeen {
				t.Errorf("%#v", err)
			}
			if strings.Contains(e.Error(), canary) {
				t.Errorf("the token is shown: %s", e)
			}
		}
	})
}
