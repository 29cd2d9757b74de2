package svapp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// Credentials are those of a machine client at an identity provider (reference/apis.md 8.2 and 8.3).
type Credentials struct {
	// WellKnown is the address of the provider's discovery document, as key url of the app's secret has it.
	WellKnown string
	ClientID  string
	Secret    secret.String
	// Audience is that of the API which is called. The audience in the app's secret is the ledger's, and need not be the same.
	Audience string
	Scope    string // sent only if it is not empty
	// Basic sends the client's secret in a header instead of the form, for providers that want it so.
	Basic bool
}

// Tokens is a source of tokens for these credentials. A token is kept in memory and given out until it would expire within the time
// asked for; providers count what they issue. through sends to the provider; Out.Transport makes one.
func (c Credentials) Tokens(through http.RoundTripper, clk clock.PassiveClock) (Tokens, error) {
	if c.ClientID == "" || c.Secret.Empty() {
		return nil, setup(prepare, "the client has no id or no secret", "name both")
	}
	return c.provider(through, clk)
}

const prepare = "prepare to get tokens"

// provider is the one of these credentials. A client without a secret is a public one.
func (c Credentials) provider(through http.RoundTripper, clk clock.PassiveClock) (*provider, error) {
	at, err := url.Parse(c.WellKnown)
	switch {
	case c.Audience == "":
		return nil, setup(prepare, "no audience is named", "name the audience of the app that is called: it is in the values of the app, at auth.audience")
	case err != nil || at.Host == "" || at.User != nil:
		return nil, setup(prepare, "the address of the identity provider is no address", "write it as https://provider/.well-known/openid-configuration")
	case !mayCarrySecrets(at):
		return nil, setup(prepare, "the address of the identity provider is not https", "use its https address: the secret of the client is sent there")
	}
	if clk == nil {
		clk = clock.RealClock{}
	}
	h := &http.Client{Transport: through, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &provider{credentials: c, at: at, http: h, clock: clk, turn: make(chan struct{}, 1)}, nil
}

// mayCarrySecrets says whether what is sent to an address, or typed there, can be read by nobody else.
func mayCarrySecrets(at *url.URL) bool {
	return at.Host != "" && at.User == nil && (at.Scheme == "https" || at.Scheme == "http" && loopback(at.Hostname()))
}

// provider gets tokens, one request at a time.
type provider struct {
	credentials Credentials
	at          *url.URL
	http        *http.Client
	clock       clock.PassiveClock
	turn        chan struct{} // holds a value while somebody asks; guards what follows
	endpoints   endpoints     // once they are known
	token       Token
	got         time.Time
}

const (
	early     = 30 * time.Second // a token is not used so shortly before its end
	askTime   = 20 * time.Second // for each request to a provider
	renewedAt = time.Minute      // a token is not asked for anew more often, however often it is refused
)

func (p *provider) Token(ctx context.Context, good time.Duration) (Token, error) {
	if err := p.wait(ctx); err != nil {
		return Token{}, err
	}
	defer p.done()
	need := good + early
	if life := p.token.Expires.Sub(p.got); need > life/2 {
		need = life / 2 // one that never lives as long as it is needed is used for half its life
	}
	if !p.token.Value.Empty() && p.token.goodFor(p.clock.Now(), need) {
		return p.token, nil
	}
	return p.get(ctx)
}

// renew answers another token than the refused one, unless that is new: then another would be refused as well.
func (p *provider) renew(ctx context.Context, refused Token) (Token, error) {
	if err := p.wait(ctx); err != nil {
		return Token{}, err
	}
	defer p.done()
	if p.token.Value != refused.Value || p.clock.Now().Sub(p.got) < renewedAt {
		return p.token, nil
	}
	return p.get(ctx)
}

func (p *provider) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return p.failed(noAnswer(ctx, ctx.Err()))
	}
}

func (p *provider) done() { <-p.turn }

func (p *provider) get(caller context.Context) (Token, error) {
	t, problem := p.grant(caller, url.Values{"audience": {p.credentials.Audience}})
	if problem != nil {
		return Token{}, p.failed(problem.Error)
	}
	p.token, p.got = t.Token, t.got
	return p.token, nil
}

// granted is what a provider gave.
type granted struct {
	Token
	got     time.Time
	refresh secret.String // empty: none
}

// notGranted is why it gave nothing; code is the one of RFC 6749 or RFC 8628, if it named one.
type notGranted struct {
	*Error
	code string
}

// grant asks for a token: that of the client, or, where more says so, of another kind of grant.
func (p *provider) grant(caller context.Context, more url.Values) (granted, *notGranted) {
	ctx, cancel := context.WithTimeout(caller, askTime)
	defer cancel()
	if problem := p.discovered(ctx, caller); problem != nil {
		return granted{}, &notGranted{Error: problem}
	}
	c := p.credentials
	config := clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.Secret.Reveal(), TokenURL: p.endpoints.Token,
		EndpointParams: more, AuthStyle: oauth2.AuthStyleInParams}
	if c.Scope != "" && !more.Has("device_code") {
		config.Scopes = strings.Fields(c.Scope)
	}
	if c.Basic {
		config.AuthStyle = oauth2.AuthStyleInHeader
	}
	now := p.clock.Now()
	got, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, p.http)) // the library takes its client from there
	if err != nil {
		n := &notGranted{Error: p.refusal(caller, err)}
		if r := (*oauth2.RetrieveError)(nil); errors.As(err, &r) {
			n.code = r.ErrorCode
		}
		return granted{}, n
	}
	t := granted{Token: newToken(secret.New(got.AccessToken), "client "+c.ClientID+" of "+p.at.Host), got: now}
	if !strings.EqualFold(got.Type(), "Bearer") {
		return granted{}, &notGranted{Error: &Error{Kind: NoToken, From: FromProvider, Seen: "a token of the kind " + clean(got.Type(), c.Secret, t.Value) + ", not a bearer token", Next: "check the client at the identity provider"}}
	}
	// The library counts from the clock of the machine; what counts here is the one that was passed.
	if life := lifetime(got); life > 0 {
		t.Expires = now.Add(life)
	}
	if got.RefreshToken != "" {
		t.refresh = secret.New(got.RefreshToken)
	}
	return t, nil
}

func lifetime(t *oauth2.Token) time.Duration {
	var seconds float64
	switch v := t.Extra("expires_in").(type) {
	case float64:
		seconds = v
	case int64: // from an answer that is a form
		seconds = float64(v)
	case string:
		seconds, _ = strconv.ParseFloat(v, 64)
	}
	if seconds <= 0 || seconds > 1e8 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// endpoints are the provider's, as its discovery document has them.
type endpoints struct {
	Token  string `json:"token_endpoint"`
	Device string `json:"device_authorization_endpoint,omitempty"` // empty: nobody can log in by a code there
}

// discovered asks where tokens come from, once.
func (p *provider) discovered(ctx, caller context.Context) *Error {
	if p.endpoints.Token != "" {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.at.String(), nil)
	if err != nil {
		return noAnswer(caller, err)
	}
	back, problem := p.send(caller, r)
	if problem != nil {
		return problem
	}
	var d endpoints
	if problem := back.take(&d); problem != nil {
		return problem
	}
	for _, address := range []string{d.Token, cmp.Or(d.Device, d.Token)} {
		if at, err := url.Parse(address); err != nil || !mayCarrySecrets(at) {
			return &Error{Kind: Malformed, Seen: "an address for tokens that is not https", Next: "check the address of the identity provider: the secret of the client would be sent there"}
		}
	}
	p.endpoints = d
	return nil
}

// send sends a request to the provider; an answer other than 200 is a problem.
func (p *provider) send(caller context.Context, r *http.Request) (answer, *Error) {
	got, err := p.http.Do(r)
	if err != nil {
		return answer{}, noAnswer(caller, err, p.credentials.Secret)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, 1<<20))
	back := answer{status: got.StatusCode, header: got.Header, body: body, known: []secret.String{p.credentials.Secret}}
	if got.StatusCode != http.StatusOK {
		return back, back.problem()
	}
	if err != nil {
		return back, noAnswer(caller, err, p.credentials.Secret)
	}
	return back, nil
}

// refusal explains why the provider gave no token. The error of the library holds the whole answer, so nothing of it is kept but the
// parts that RFC 6749 defines, without what is secret.
func (p *provider) refusal(caller context.Context, err error) *Error {
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) || r.Response == nil {
		if e := noAnswer(caller, err, p.credentials.Secret); e.Kind != Unreachable || transportError(err) {
			return e
		}
		return &Error{Kind: Malformed, Seen: "an answer without a token", Next: "check the address of the identity provider"}
	}
	back := answer{status: r.Response.StatusCode, header: r.Response.Header, body: r.Body, known: []secret.String{p.credentials.Secret}}
	c := p.credentials
	e := &Error{Kind: NoToken, Code: back.status, Next: "check the client's id and secret, and that the identity provider lets the client have tokens for the audience " + c.Audience}
	switch {
	case r.ErrorCode == "" && (back.page() || back.status >= 300 && back.status < 400 || back.status >= 500 || back.status == http.StatusTooManyRequests):
		return back.problem()
	case r.ErrorCode == "":
		e.Seen = back.saw("no reason was given")
	default:
		e.Seen = back.saw(r.ErrorCode + ": " + r.ErrorDescription)
	}
	switch {
	case back.status == http.StatusTooManyRequests:
		e.Kind, e.Next = Throttled, "wait: the identity provider limits how many tokens it issues"
	case back.status >= 500, r.ErrorCode == "server_error", r.ErrorCode == "temporarily_unavailable":
		e.Kind, e.Next = Unavailable, "try again; if it stays, look at the identity provider"
	case r.ErrorCode == "invalid_client":
		e.Next = "check the id and the secret of the client: the identity provider does not accept them"
	case r.ErrorCode == "access_denied", r.ErrorCode == "unauthorized_client", r.ErrorCode == "invalid_target", back.status == http.StatusForbidden:
		e.Next = "have the client authorised for the audience " + c.Audience + " at the identity provider; the audience in the secret of an app is the ledger's"
	case r.ErrorCode == "invalid_scope":
		e.Next = "check the scope: the identity provider does not know it for this audience"
	}
	return e
}

// transportError says whether nothing came back at all, as opposed to something that is no token.
func transportError(err error) bool {
	var u *url.Error
	var syntax *json.SyntaxError
	return errors.As(err, &u) && !errors.As(err, &syntax)
}

// failed is the error of a source of tokens.
func (p *provider) failed(e *Error) error {
	e.From = FromProvider
	switch e.Kind {
	case Elsewhere, NoEndpoint, Malformed, TooLarge, Login, NotFound:
		e.Kind, e.Next = NoToken, "check the address of the identity provider: the key url of the app's secret has it"
	case Unauthorized, Forbidden, Conflict, Invalid, Starting:
		e.Kind, e.Next = NoToken, "check the address of the identity provider, and the client there"
	case Server, Ingress, Busy:
		e.Kind, e.Next = Unavailable, "try again; if it stays, look at the identity provider"
	}
	e.Tried = "get a token for the audience " + p.credentials.Audience + " from " + p.at.Host
	return e.without(p.credentials.Secret)
}
