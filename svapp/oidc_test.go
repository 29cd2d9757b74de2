package svapp_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

const (
	svAudience     = "https://sv.example.org"
	ledgerAudience = "https://ledger.example.org"
	clientSecret   = "canary/of+the=client"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// guardedSV is an SV app behind TLS that verifies tokens of a provider, and a client of it.
type guardedSV struct {
	provider *provider
	clock    *clocktesting.FakePassiveClock
	knows    func(string) bool // what the participant knows
	app      *httptest.Server
}

func newGuardedSV(t *testing.T) *guardedSV {
	t.Helper()
	clk := clocktesting.NewFakePassiveClock(noon)
	g := &guardedSV{provider: newProvider(t, clk), clock: clk, knows: func(s string) bool { return s == "sv@clients" }}
	g.provider.clients["sv"] = client{secret: clientSecret, audiences: []string{svAudience, ledgerAudience}}
	app := sim.App{Base: sim.SV, ID: "Acme-SV", Version: "0.5.10", Allow: g.provider.verifier(t, svAudience, func(s string) bool { return g.knows(s) })}
	g.app = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clk.Now().UTC().Format(http.TimeFormat))
		app.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(g.app.Close)
	return g
}

func (g *guardedSV) credentials() svapp.Credentials {
	return svapp.Credentials{WellKnown: g.provider.URL + "/.well-known/openid-configuration", ClientID: "sv", Secret: secret.New(clientSecret), Audience: svAudience}
}

func (g *guardedSV) client(t *testing.T, c svapp.Credentials) *svapp.SV {
	t.Helper()
	tokens, err := c.Tokens(g.provider.Client().Transport, g.clock)
	if err != nil {
		t.Fatal(err)
	}
	return g.with(t, tokens)
}

func (g *guardedSV) with(t *testing.T, tokens svapp.Tokens) *svapp.SV {
	t.Helper()
	sv, err := svapp.NewSV(svapp.Settings{Way: svapp.Way{Name: "test", Base: g.app.URL, Through: g.app.Client().Transport}, Tokens: tokens, Audience: svAudience, Clock: g.clock})
	if err != nil {
		t.Fatal(err)
	}
	return sv
}

// refused checks an error, and that nothing secret is in it in any form.
func refused(t *testing.T, err error, kind svapp.Kind, parts ...string) {
	t.Helper()
	var e *svapp.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("%s: %v", svapp.KindOf(err), err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	silent(t, err)
}

// silent fails where an error tells a secret, itself, by its parts or by what it wraps.
func silent(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, form := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, s := range []string{clientSecret, url.QueryEscape(clientSecret), base64.StdEncoding.EncodeToString([]byte(clientSecret)), "canary", "eyJ"} {
				if strings.Contains(form, s) {
					t.Errorf("a secret is shown: %s", form)
				}
			}
		}
	}
}

func TestClientCredentials(t *testing.T) {
	g := newGuardedSV(t)
	sv := g.client(t, g.credentials())
	for range 5 {
		if err := sv.Authorized(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.provider.tokens(); n != 1 || g.provider.discos != 2 { // the verifier reads the discovery document as well
		t.Errorf("%d tokens, %d discoveries", n, g.provider.discos)
	}
	form := g.provider.forms[0]
	if form["audience"] != svAudience || form["client_id"] != "sv" || form["grant_type"] != "client_credentials" {
		t.Errorf("%v", form)
	}
	if _, ok := form["scope"]; ok {
		t.Error("an empty scope was sent")
	}
	// Shortly before its end, counted by the request that it is needed for, a token is not used any more.
	g.clock.SetTime(noon.Add(59*time.Minute + 15*time.Second))
	if err := sv.Authorized(t.Context()); err != nil || g.provider.tokens() != 2 {
		t.Errorf("%v; %d tokens", err, g.provider.tokens())
	}
}

// The audience in an app's secret is the ledger's: a token for it is refused by the SV app, and that is said.
func TestTheLedgersAudienceIsRefused(t *testing.T) {
	g := newGuardedSV(t)
	c := g.credentials()
	c.Audience = ledgerAudience
	refused(t, g.client(t, c).Authorized(t.Context()), svapp.Unauthorized, "get a token for the audience "+svAudience, "is for "+ledgerAudience)
	if n := g.provider.tokens(); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
}

func TestKeysRotate(t *testing.T) {
	g := newGuardedSV(t)
	sv := g.client(t, g.credentials())
	if err := sv.Authorized(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The provider withdraws the key at once. The app keeps its copy of the keys until it meets a token of a new one, and a token that is
	// refused is replaced by itself, but not more often than once a minute.
	g.provider.rotate(t)
	g.clock.SetTime(noon.Add(2 * time.Minute))
	fresh := g.client(t, g.credentials())
	if err := fresh.Authorized(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The app's library answers by the new keys a moment before it forgets the old ones.
	for deadline := time.Now().Add(10 * time.Second); g.provider.tokens() < 3 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if err := sv.Authorized(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.provider.tokens(); n != 3 {
		t.Errorf("%d tokens", n)
	}
}

// A token that nobody accepts must not use up what the provider grants.
func TestRefusalsDoNotAskForTokensForever(t *testing.T) {
	g := newGuardedSV(t)
	other := newProvider(t, g.clock)
	other.clients["sv"] = client{secret: clientSecret, audiences: []string{svAudience}}
	c := g.credentials()
	c.WellKnown = other.URL + "/.well-known/openid-configuration"
	tokens, err := c.Tokens(other.Client().Transport, g.clock)
	if err != nil {
		t.Fatal(err)
	}
	sv := g.with(t, tokens)
	for i := range 20 {
		g.clock.SetTime(noon.Add(time.Duration(i) * 10 * time.Second))
		refused(t, sv.Authorized(t.Context()), svapp.Unauthorized, "its identity provider is another one")
	}
	if n := other.tokens(); n > 5 { // one, and one a minute
		t.Errorf("%d tokens in three minutes", n)
	}
}

func TestRights(t *testing.T) {
	g := newGuardedSV(t)
	sv := g.client(t, g.credentials())
	g.knows = func(string) bool { return false } // no such user, or the participant is down: the app answers alike
	refused(t, sv.Authorized(t.Context()), svapp.Forbidden, "look at the participant first", "sv@clients")
	if n := g.provider.tokens(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// A token that somebody signed who is not the provider.
func TestForgedTokens(t *testing.T) {
	g := newGuardedSV(t)
	other := newProvider(t, g.clock)
	other.keys[0].KeyID = g.provider.keys[0].KeyID
	for name, forged := range map[string]string{
		"another key of the same name": other.sign("sv@clients", svAudience, ""),
		"no signature":                 base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"sv@clients","aud":"`+svAudience+`"}`)) + ".",
		"the unsafe mode":              sim.UnsafeToken("unsafe", svAudience, "sv@clients", time.Time{}),
	} {
		tokens, err := svapp.TokenFrom("standard input", strings.NewReader(forged))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.with(t, tokens).Authorized(t.Context()); svapp.KindOf(err) != svapp.Unauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	own := g.provider.sign("sv@clients", svAudience, "")
	tokens, err := svapp.TokenFrom("standard input", strings.NewReader(own))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.with(t, tokens).Authorized(t.Context()); err != nil {
		t.Error(err)
	}
	g.clock.SetTime(noon.Add(time.Hour + time.Second))
	refused(t, g.with(t, tokens).Authorized(t.Context()), svapp.Unauthorized, "the token from standard input expired at 2026-03-01T13:00:00Z")
}

func TestProvidersThatRefuse(t *testing.T) {
	text := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*svapp.Credentials)
		answer http.HandlerFunc
		kind   svapp.Kind
		seen   string
	}{
		{"wrong secret, which it sends back", func(c *svapp.Credentials) { c.Secret = secret.New(clientSecret + "canary") }, nil, svapp.NoToken, "check the id and the secret"},
		{"unknown client", func(c *svapp.Credentials) { c.ClientID = "nobody" }, nil, svapp.NoToken, "invalid_client"},
		{"audience of another API", func(c *svapp.Credentials) { c.Audience = "https://other.example.org" }, nil, svapp.NoToken, "authorised for the audience https://other.example.org"},
		{"a header where it wants a form", func(c *svapp.Credentials) { c.Basic = true }, nil, svapp.NoToken, "invalid_client"},
		{"no such provider", func(c *svapp.Credentials) { c.WellKnown = strings.Replace(c.WellKnown, "openid-configuration", "x", 1) }, nil, svapp.NoToken, "address of the identity provider"},
		{"a text instead of an error", nil, text(400, "text/plain", "secret "+clientSecret+" refused"), svapp.NoToken, "no reason"},
		{"a page", nil, text(502, "text/html", "<html><title>502 Bad Gateway</title>"+clientSecret), svapp.Unavailable, "502 Bad Gateway"},
		{"too many tokens", nil, text(429, "application/json", `{"error":"too_many_requests","error_description":"`+clientSecret+`"}`), svapp.Throttled, "limits how many"},
		{"an echo that is cut in the middle of the secret", nil, text(400, "application/json", `{"error":"invalid_request","error_description":"`+strings.Repeat("y", 270)+clientSecret+`"}`), svapp.NoToken, "yyy"},
		{"out of order", nil, text(500, "application/json", `{"error":"server_error"}`), svapp.Unavailable, "try again"},
		{"no token in it", nil, text(200, "application/json", `{"token_type":"Bearer","note":"`+clientSecret+`"}`), svapp.NoToken, "without a token"},
		{"not JSON", nil, text(200, "application/json", clientSecret), svapp.NoToken, "without a token"},
		{"an error with status 200", nil, text(200, "application/json", `{"error":"access_denied","error_description":"`+url.QueryEscape(clientSecret)+`"}`), svapp.NoToken, "access_denied"},
		{"another kind of token", nil, text(200, "application/json", `{"access_token":"`+clientSecret+`","token_type":"mac"}`), svapp.NoToken, "not a bearer token"},
		{"a redirect, which would take the secret along", nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example.org/token")
			w.WriteHeader(307)
		}, svapp.NoToken, "https://elsewhere.example.org/token"},
		{"cut", nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, svapp.Unreachable, "cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuardedSV(t)
			g.provider.answer = c.answer
			credentials := g.credentials()
			if c.change != nil {
				c.change(&credentials)
			}
			err := g.client(t, credentials).Authorized(t.Context())
			refused(t, err, c.kind, c.seen)
			var e *svapp.Error
			if errors.As(err, &e); e.From != svapp.FromProvider {
				t.Errorf("from %q", e.From)
			}
			if svapp.Reached(err) {
				t.Error("it counts as an answer of the app")
			}
		})
	}
}

func TestBasicAndScope(t *testing.T) {
	g := newGuardedSV(t)
	g.provider.clients["sv"] = client{secret: clientSecret, audiences: []string{svAudience}, basic: true}
	c := g.credentials()
	c.Basic, c.Scope = true, "daml_ledger_api"
	// Whoever sends the secret in a header encodes it first (RFC 6749 2.3.1); the provider of this test takes it as it comes.
	g.provider.clients["sv"] = client{secret: url.QueryEscape(clientSecret), audiences: []string{svAudience}, basic: true}
	if err := g.client(t, c).Authorized(t.Context()); err != nil {
		t.Fatal(err)
	}
	if form := g.provider.forms[0]; form["scope"] != "daml_ledger_api" || form["client_secret"] != "" {
		t.Errorf("%v", form)
	}
}

// A provider whose tokens live shorter than a long request is not asked for one at every call.
func TestShortTokens(t *testing.T) {
	g := newGuardedSV(t)
	g.provider.life = 40 * time.Second
	sv := g.client(t, g.credentials())
	for i := range 4 {
		g.clock.SetTime(noon.Add(time.Duration(i) * 5 * time.Second))
		if err := sv.Authorized(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.provider.tokens(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

func TestCredentialsThatCannotBe(t *testing.T) {
	good := svapp.Credentials{WellKnown: "https://id.example.org/.well-known/openid-configuration", ClientID: "sv", Secret: secret.New(clientSecret), Audience: svAudience}
	for name, change := range map[string]func(*svapp.Credentials){
		"no id":           func(c *svapp.Credentials) { c.ClientID = "" },
		"no secret":       func(c *svapp.Credentials) { c.Secret = secret.String{} },
		"no audience":     func(c *svapp.Credentials) { c.Audience = "" },
		"no address":      func(c *svapp.Credentials) { c.WellKnown = "id.example.org" },
		"in the clear":    func(c *svapp.Credentials) { c.WellKnown = "http://id.example.org/x" },
		"with a password": func(c *svapp.Credentials) { c.WellKnown = "https://u:canary@id.example.org/x" },
	} {
		c := good
		change(&c)
		_, err := c.Tokens(http.DefaultTransport, clocktesting.NewFakePassiveClock(noon))
		t.Run(name, func(t *testing.T) { refused(t, err, svapp.Setup) })
	}
	tokens, err := good.Tokens(http.DefaultTransport, clocktesting.NewFakePassiveClock(noon))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", tokens, tokens, tokens, struct{ T svapp.Tokens }{tokens}); strings.Contains(s, "canary") {
		t.Errorf("a printed form shows the secret: %s", s)
	}
}
