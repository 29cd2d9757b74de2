package svapp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// Device is a client of an identity provider at which a person logs in by confirming a code in a browser on any machine (RFC 8628): for
// terminals from which no browser can be opened. Whether the providers that SVs use allow it to a client is theirs to say.
type Device struct {
	WellKnown string // address of the provider's discovery document
	ClientID  string
	Secret    secret.String // empty: the client is a public one
	Audience  string        // of the API that is called
	Scope     string        // sent only if it is not empty; some providers give a refresh token for offline_access alone
}

// DeviceLogin is one login. Its code and its tokens are in memory only. It is safe for concurrent use.
type DeviceLogin struct {
	// Address is where UserCode is entered; Complete has the code in it, where the provider has such an address.
	Address, Complete, UserCode string
	// Ends is when the code is good no longer.
	Ends time.Time

	provider *provider     // its turn guards what follows
	code     secret.String // what is exchanged for the token
	every    time.Duration // between two questions whether it was confirmed
	next     time.Time
	token    granted
	trouble  *Error // the last try told nothing
	ended    *Error // there will be no token, or no other one
}

const (
	defaultEvery = 5 * time.Second // where the provider does not say (RFC 8628, 3.2)
	slower       = 5 * time.Second // what slow_down adds (RFC 8628, 3.5)
	mostEvery    = time.Minute
	defaultLife  = 5 * time.Minute // of a code whose end was not told, against the RFC
)

// Begin asks for a code. Its errors are those of a source of tokens.
func (d Device) Begin(caller context.Context, through http.RoundTripper, clk clock.PassiveClock) (*DeviceLogin, error) {
	if d.ClientID == "" {
		return nil, setup(prepare, "no client is named at which a person may log in by a code", "name oidc.device.client")
	}
	p, err := Credentials{WellKnown: d.WellKnown, ClientID: d.ClientID, Secret: d.Secret, Audience: d.Audience, Scope: d.Scope}.provider(through, clk)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(caller, askTime)
	defer cancel()
	if problem := p.discovered(ctx, caller); problem != nil {
		return nil, p.failed(problem)
	}
	if p.endpoints.Device == "" {
		return nil, p.failed(&Error{Kind: NoToken, Seen: "its discovery document names no address for logins by a code", Next: "log in another way, or have it allowed at the identity provider"})
	}
	return p.begin(ctx, caller)
}

// begin asks for the code (RFC 8628, 3.1 and 3.2).
func (p *provider) begin(ctx, caller context.Context) (*DeviceLogin, error) {
	c := p.credentials
	form := url.Values{"client_id": {c.ClientID}, "audience": {c.Audience}}
	if c.Scope != "" {
		form.Set("scope", c.Scope)
	}
	if !c.Secret.Empty() {
		form.Set("client_secret", c.Secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoints.Device, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, p.failed(noAnswer(caller, err, c.Secret))
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	now := p.clock.Now()
	back, problem := p.send(caller, r)
	if problem != nil {
		return nil, p.failed(noCode(problem, back))
	}
	var a struct {
		Device   string  `json:"device_code,omitempty"`
		User     string  `json:"user_code,omitempty"`
		Address  string  `json:"verification_uri,omitempty"`
		Other    string  `json:"verification_url,omitempty"` // as some write it
		Complete string  `json:"verification_uri_complete,omitempty"`
		Life     float64 `json:"expires_in,omitempty"`
		Every    float64 `json:"interval,omitempty"`
	}
	if problem := back.take(&a); problem != nil {
		return nil, p.failed(problem)
	}
	l := &DeviceLogin{provider: p, code: secret.New(a.Device), UserCode: clean(a.User), Address: browsed(a.Address), Complete: browsed(a.Complete),
		Ends: now.Add(defaultLife), every: defaultEvery}
	if l.Address == "" {
		l.Address = browsed(a.Other)
	}
	if a.Device == "" || l.UserCode == "" || len(l.UserCode) > 100 || l.Address == "" {
		return nil, p.failed(&Error{Kind: Malformed, Seen: "an answer without a code, or without an https address to enter it at"})
	}
	if a.Life > 0 && a.Life < 1e6 {
		l.Ends = now.Add(time.Duration(a.Life) * time.Second)
	}
	if a.Every > 0 && a.Every < 1e4 {
		l.every = time.Duration(a.Every) * time.Second
	}
	l.next = now.Add(l.every)
	return l, nil
}

// noCode says more about a refusal by which no code was given.
func noCode(e *Error, back answer) *Error {
	var a struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}
	if back.status < 400 || back.status >= 500 || back.status == http.StatusTooManyRequests || json.Unmarshal(back.body, &a) != nil || a.Error == "" {
		return e
	}
	return &Error{Kind: NoToken, Code: back.status, Seen: back.saw(a.Error + ": " + a.Description),
		Next: "check the client (oidc.device.client), and that the identity provider lets it log people in by a code"}
}

// browsed is an address that a person may be sent to: cleaned, and https. Others are as none.
func browsed(address string) string {
	at, err := url.Parse(address)
	if err != nil || !mayCarrySecrets(at) || len(address) > 500 {
		return ""
	}
	return clean(at.String())
}

// Poll asks whether the login was confirmed, unless it is too soon to ask again. No error and false: not yet. An error of kind NoToken says that
// nothing will come of it: it was refused, or the code has ended. What passes by itself is no error; Trouble has it.
func (l *DeviceLogin) Poll(ctx context.Context) (confirmed bool, err error) {
	p := l.provider
	if err := p.wait(ctx); err != nil {
		return false, err
	}
	defer p.done()
	now := p.clock.Now()
	switch {
	case !l.token.Value.Empty():
		return true, nil
	case l.ended != nil:
		return false, l.ended
	case !now.Before(l.Ends):
		return false, l.end(&Error{Kind: NoToken, Seen: "nobody confirmed the login before its code ended", Next: "get another code"})
	case now.Before(l.next):
		return false, nil
	}
	t, problem := p.grant(ctx, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {l.code.Reveal()}})
	l.trouble = nil
	switch {
	case problem == nil:
		l.take(t)
		return true, nil
	case ctx.Err() != nil:
		return false, p.failed(noAnswer(ctx, ctx.Err()))
	case problem.code == "authorization_pending":
	case problem.code == "slow_down":
		l.every += slower
	case problem.code == "expired_token":
		return false, l.end(&Error{Kind: NoToken, Code: problem.Code, Seen: "nobody confirmed the login before its code ended", Next: "get another code"})
	case problem.code == "access_denied":
		return false, l.end(&Error{Kind: NoToken, Code: problem.Code, Seen: "the login was refused in the browser, or by the identity provider", Next: "get another code, or log in another way"})
	case problem.Kind == NoToken:
		return false, l.end(problem.Error)
	default: // no answer, or none that says anything of this login: asked less often
		l.trouble = problem.Error.without(l.code)
		l.every = min(2*l.every, mostEvery)
	}
	l.next = p.clock.Now().Add(l.every)
	return false, nil
}

// Trouble is why the last question whether it was confirmed came to nothing; empty where it was answered.
func (l *DeviceLogin) Trouble(ctx context.Context) string {
	if l.provider.wait(ctx) != nil {
		return ""
	}
	defer l.provider.done()
	if l.trouble == nil {
		return ""
	}
	return l.trouble.Seen
}

func (l *DeviceLogin) take(t granted) {
	t.From = "the login by a code, at " + l.provider.at.Host
	l.token, l.code = t, secret.String{}
}

// end closes the login; the turn is held.
func (l *DeviceLogin) end(e *Error) error {
	l.ended, _ = l.provider.failed(e.without(l.code)).(*Error)
	l.code = secret.String{}
	return l.ended
}

// Token is the one that the person who confirmed the login stands behind. Before it ends another is got for it, where the provider gave
// something for that.
func (l *DeviceLogin) Token(ctx context.Context, good time.Duration) (Token, error) {
	p := l.provider
	if err := p.wait(ctx); err != nil {
		return Token{}, err
	}
	defer p.done()
	now := p.clock.Now()
	need := good + early
	if life := l.token.Expires.Sub(l.token.got); need > life/2 {
		need = life / 2
	}
	switch {
	case l.token.Value.Empty() && l.ended != nil:
		return Token{}, l.ended
	case l.token.Value.Empty():
		return Token{}, p.failed(&Error{Kind: NoToken, Seen: "the login was not confirmed yet", Next: "confirm it in the browser"})
	case l.ended == nil && l.token.goodFor(now, need):
		return l.token.Token, nil
	case !l.token.refresh.Empty():
		return l.refresh(ctx)
	case l.ended == nil && l.token.goodFor(now, 0): // short, and all that there is
		return l.token.Token, nil
	case l.ended != nil:
		return Token{}, l.ended
	}
	return Token{}, p.failed(&Error{Kind: NoToken, Seen: "the login has ended at " + l.token.Expires.UTC().Format(time.RFC3339), Next: "log in again"})
}

// renew answers another token than the refused one, where the provider gives one; else the login is over.
func (l *DeviceLogin) renew(ctx context.Context, refused Token) (Token, error) {
	p := l.provider
	if err := p.wait(ctx); err != nil {
		return Token{}, err
	}
	defer p.done()
	switch {
	case l.token.Value != refused.Value || p.clock.Now().Sub(l.token.got) < renewedAt && !l.token.refresh.Empty():
		return l.token.Token, nil
	case !l.token.refresh.Empty():
		return l.refresh(ctx)
	}
	return Token{}, l.end(&Error{Kind: NoToken, Seen: "the app refused the token of this login", Next: "log in again, as the user that the app knows"})
}

// refresh gets another token for the login; the turn is held.
func (l *DeviceLogin) refresh(ctx context.Context) (Token, error) {
	with := l.token.refresh
	t, problem := l.provider.grant(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {with.Reveal()}})
	if problem != nil {
		if problem.Kind == NoToken { // it is over, and asking again would not change that
			l.token.refresh = secret.String{}
			return Token{}, l.end(&Error{Kind: NoToken, Code: problem.Code, Seen: "the login is over: " + hide(problem.Seen, with), Next: "log in again"})
		}
		return Token{}, l.provider.failed(problem.Error.without(with))
	}
	if t.refresh.Empty() { // it stays good
		t.refresh = with
	}
	l.take(t)
	return t.Token, nil
}
