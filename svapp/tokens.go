package svapp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/secret"
)

// Tokens gives the tokens that requests carry.
type Tokens interface {
	// Token answers one that is good for the given time still, where that can be had. Its errors are *Error.
	Token(ctx context.Context, good time.Duration) (Token, error)
}

// renewer is a source that can get another token in place of one that was refused.
type renewer interface {
	renew(ctx context.Context, refused Token) (Token, error)
}

// Renewer is a source that somebody else makes of others, and that can get another token in place of one that was refused.
type Renewer interface {
	Renew(ctx context.Context, refused Token) (Token, error)
}

// Renew answers another token of a source than the one that was refused; the same, where it has no other.
func Renew(ctx context.Context, of Tokens, refused Token) (Token, error) {
	switch r := of.(type) {
	case renewer:
		return r.renew(ctx, refused)
	case Renewer:
		return r.Renew(ctx, refused)
	}
	return refused, nil
}

// Token is a bearer token with what is known of it. It is kept in memory only; every printed form of Value is a placeholder.
type Token struct {
	Value    secret.String `json:"value"`
	From     string        `json:"from"`               // for the screen: "file /run/token", "client abc of https://…"
	Expires  time.Time     `json:"expires,omitzero"`   // zero: not known
	Subject  string        `json:"subject,omitempty"`  // the user of the ledger that it stands for, as the token itself claims
	Audience []string      `json:"audience,omitempty"` // as the token itself claims
}

// claims are what a JWT says of itself, unproven: good for explaining a refusal, never for trusting anything.
type claims struct {
	Subject  string      `json:"sub"`
	Audience audience    `json:"aud"`
	Expires  json.Number `json:"exp"`
}

// audience is one text or a list of them (reference/apis.md 8.1).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*a = all
	return err
}

// newToken reads what a token claims, where it is a JWT.
func newToken(value secret.String, from string) Token {
	t := Token{Value: value, From: from}
	parts := strings.Split(value.Reveal(), ".")
	if len(parts) != 3 {
		return t
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return t
	}
	var c claims
	if json.Unmarshal(data, &c) != nil {
		return t
	}
	t.Subject = clean(c.Subject)
	for _, one := range c.Audience {
		t.Audience = append(t.Audience, clean(one))
	}
	if f, err := c.Expires.Float64(); err == nil && f > 0 && f < 1<<40 {
		t.Expires = time.Unix(int64(f), 0).UTC()
	}
	return t
}

// goodFor says whether the token will be good for a while after now.
func (t Token) goodFor(now time.Time, d time.Duration) bool {
	return t.Expires.IsZero() || t.Expires.Sub(now) > d
}

// explainToken says more about a refusal than the app, which keeps the reason to itself (reference/apis.md 1.2 and 8.1).
func (c *Client) explainToken(e *Error, a ask, t Token) {
	if !a.token || t.Value.Empty() {
		return
	}
	now := c.settings.Clock.Now()
	who := "the token from " + t.From
	switch e.Kind {
	case Unauthorized:
		switch wanted := c.settings.Audience; {
		case !t.goodFor(now, 0):
			e.Next = fmt.Sprintf("get a new token: %s expired at %s", who, t.Expires.Format(time.RFC3339))
		case wanted != "" && t.Audience != nil && !slices.Contains(t.Audience, wanted):
			e.Next = fmt.Sprintf("get a token for the audience %s: %s is for %s", wanted, who, strings.Join(t.Audience, ", "))
		case c.skewed():
			e.Next = fmt.Sprintf("set the clocks right: the clock of %s is %s %s that of this machine, and tokens are valid by the clock", c.app, c.Skew().Abs().Round(time.Second), ahead(c.Skew()))
		case t.Audience != nil:
			e.Next = fmt.Sprintf("compare the audience that %s wants with the one of %s, which is %s; else its identity provider is another one. The log of the app has the reason", c.app, who, strings.Join(t.Audience, ", "))
		}
	case Forbidden:
		if t.Subject == "" {
			return
		}
		e.Next = fmt.Sprintf("look at the participant first: while it is down every token is refused so; else the user %s (%s) is missing there, may not act as the party, or lacks participant admin. The log of the app tells which", t.Subject, who)
	}
}

func (c *Client) skewed() bool { return c.Skew().Abs() > time.Minute }

func ahead(d time.Duration) string {
	if d > 0 {
		return "ahead of"
	}
	return "behind"
}
