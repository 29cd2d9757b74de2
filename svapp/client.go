package svapp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// App is one of the apps, by its base path (reference/apis.md 1).
type App string

const (
	SVApp        App = "/api/sv"
	ScanApp      App = "/api/scan"
	ValidatorApp App = "/api/validator" // the wallet's too
)

func (a App) String() string {
	switch a {
	case SVApp:
		return "the SV app"
	case ScanApp:
		return "scan"
	case ValidatorApp:
		return "the validator app"
	}
	return "the app at " + string(a)
}

// Settings are what a client of an app is made of.
type Settings struct {
	Way Way
	// Tokens is asked for the endpoints that need one, and for no others; nil: there is none.
	Tokens Tokens
	// Audience is the one this app wants, if it is known; it explains refusals.
	Audience string
	Clock    clock.PassiveClock // nil: the real clock
	// Timeout is for each request with its answer; 0: 30 s.
	Timeout time.Duration
	// MaxBody is the bound of an answer after it was unpacked; 0: 32 MiB.
	MaxBody   int64
	UserAgent string // such as "svrescue/1.0.0"
}

// Client asks one app through one way. It only reads. It is safe for concurrent use.
type Client struct {
	app      App
	settings Settings
	base     *url.URL
	http     *http.Client
	skew     atomic.Int64 // nanoseconds; the app's clock minus ours at the last answer
}

// SV asks the SV app, Scan a scan, Validator a validator app with its wallet.
type (
	SV        struct{ *Client }
	Scan      struct{ *Client }
	Validator struct{ *Client }
)

// NewSV makes a client of an SV app. It sends nothing. Its errors are of kind Setup.
func NewSV(s Settings) (*SV, error) {
	c, err := newClient(SVApp, s)
	if err != nil {
		return nil, err
	}
	return &SV{c}, nil
}

// NewScan makes a client of a scan. It sends nothing. Its errors are of kind Setup.
func NewScan(s Settings) (*Scan, error) {
	c, err := newClient(ScanApp, s)
	if err != nil {
		return nil, err
	}
	return &Scan{c}, nil
}

// NewValidator makes a client of a validator app and the wallet of the token's user. It sends nothing. Its errors are of kind Setup.
func NewValidator(s Settings) (*Validator, error) {
	c, err := newClient(ValidatorApp, s)
	if err != nil {
		return nil, err
	}
	return &Validator{c}, nil
}

func newClient(app App, s Settings) (*Client, error) {
	base, problem := s.Way.check()
	if problem != nil {
		return nil, problem
	}
	if s.Clock == nil {
		s.Clock = clock.RealClock{}
	}
	s.Timeout = cmp.Or(s.Timeout, 30*time.Second)
	s.MaxBody = cmp.Or(s.MaxBody, 32<<20)
	s.UserAgent = cmp.Or(s.UserAgent, "svrescue")
	// A redirect is never followed: no app sends one, and it could carry a token elsewhere.
	h := &http.Client{Transport: s.Way.Through, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{app: app, settings: s, base: base, http: h}, nil
}

// Way is the name of the way, for the screen.
func (c *Client) Way() string { return c.settings.Way.Name }

// Skew is the app's clock minus ours at its last answer, good to some seconds; 0 before the first.
func (c *Client) Skew() time.Duration { return time.Duration(c.skew.Load()) }

// ask is one question to an app.
type ask struct {
	what   string // fits after "tried to": "read the version"
	method string // GET where empty
	path   string // without the app's; segments are escaped already
	query  url.Values
	body   any  // sent as JSON
	token  bool // the endpoint needs one
	into   any  // pointer to the struct that the answer fills; nil: its body does not matter
}

// do asks for an answer that is kept in memory. All errors are *Error.
func (c *Client) do(ctx context.Context, a ask) error {
	return c.attempt(ctx, a, func(t Token) *Error { return c.once(ctx, a, t) })
}

// attempt sends, and sends once more with a new token where a token that was kept for a while is refused. All errors are *Error.
func (c *Client) attempt(ctx context.Context, a ask, send func(Token) *Error) error {
	tried := a.what + " from " + c.app.String() + " (" + c.settings.Way.Name + ")"
	token, problem := c.tokenFor(ctx, a)
	if problem == nil {
		problem = send(token)
	}
	if problem != nil && problem.Kind == Unauthorized && a.token {
		if renewed, ok := c.renewed(ctx, token); ok {
			token, problem = renewed, send(renewed)
		}
	}
	if problem == nil {
		return nil
	}
	problem.Tried = tried
	c.explainToken(problem, a, token)
	return problem.without(token.Value)
}

func (c *Client) tokenFor(ctx context.Context, a ask) (Token, *Error) {
	switch {
	case !a.token:
		return Token{}, nil
	case c.settings.Tokens == nil:
		e := &Error{Kind: NoToken, Seen: "the endpoint needs a token, and none is configured"}
		e.Next = next(e)
		return Token{}, e
	case !c.settings.Way.mayCarryTokens(c.base):
		return Token{}, &Error{Kind: Setup, Seen: "the address is http, so that others could read the token on its way", Next: "use the https address, or a tunnel to the app"}
	}
	t, err := c.settings.Tokens.Token(ctx, c.settings.Timeout)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			own := *e
			if own.Seen != "" && own.Tried != "" {
				own.Seen = own.Tried + ": " + own.Seen
			}
			return Token{}, &own
		}
		return Token{}, noAnswer(ctx, err)
	}
	return t, nil
}

// renewed answers another token than the one that was refused, if there can be one.
func (c *Client) renewed(ctx context.Context, refused Token) (Token, bool) {
	if c.settings.Tokens == nil {
		return Token{}, false
	}
	t, err := Renew(ctx, c.settings.Tokens, refused)
	return t, err == nil && t.Value != refused.Value
}

// once sends one request and reads its answer, both within the time of the settings.
func (c *Client) once(caller context.Context, a ask, token Token) *Error {
	ctx, cancel := context.WithTimeout(caller, c.settings.Timeout)
	defer cancel()
	r, problem := c.request(ctx, a, token)
	if problem != nil {
		return problem
	}
	got, err := c.http.Do(r)
	if err != nil {
		return noAnswer(caller, err, token.Value)
	}
	defer got.Body.Close()
	c.noteClock(got.Header)
	body, err := c.read(got)
	back := answer{status: got.StatusCode, header: got.Header, body: body, token: !token.Value.Empty(), known: []secret.String{token.Value}}
	if got.StatusCode < 200 || got.StatusCode > 299 {
		return back.problem() // what was read of the body tells enough
	}
	if err != nil {
		return c.unread(caller, back, err)
	}
	return back.take(a.into)
}

// at is the address of a path of the app.
func (c *Client) at(path string, query url.Values) string {
	address := strings.TrimRight(c.base.String(), "/") + string(c.app) + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

func (c *Client) noteClock(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew.Store(int64(at.Sub(c.settings.Clock.Now())))
	}
}
