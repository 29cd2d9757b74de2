package svapp

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// Pasted takes a token that a person gave. When it ends, or an app refuses it, the error is of kind NoToken: a person has to give another. Its
// own errors are of kind Setup, and do not show what was given.
func Pasted(value secret.String, clk clock.PassiveClock) (Tokens, error) {
	t, err := readToken("what was pasted", strings.NewReader(value.Reveal()))
	if err != nil {
		return nil, err
	}
	t.From = "what was pasted"
	return &pasted{token: t, clock: clk}, nil
}

type pasted struct {
	token   Token
	clock   clock.PassiveClock
	mu      sync.Mutex
	refused bool
}

func (p *pasted) Token(context.Context, time.Duration) (Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &Error{Kind: NoToken, Tried: "take the token that was pasted", Next: "get a new one and paste it"}
	switch {
	case p.refused:
		e.Seen = "the app refused it"
	case !p.token.goodFor(p.clock.Now(), 0):
		e.Seen = "it has ended at " + p.token.Expires.UTC().Format(time.RFC3339)
	default:
		return p.token, nil
	}
	return Token{}, e
}

// renew has no other token: it remembers that this one is not taken, so that a person is asked.
func (p *pasted) renew(ctx context.Context, refused Token) (Token, error) {
	p.mu.Lock()
	p.refused = p.refused || p.token.Value == refused.Value
	p.mu.Unlock()
	return p.Token(ctx, 0)
}

// TokensFor gives out only tokens that can be those of this user and for this audience, as far as they say whom and what they are for: money is
// not to leave from another wallet than the one that is meant. Empty: whoever. The error is of kind NoToken.
func TokensFor(t Tokens, user, audience string) Tokens { return &ofUser{t, user, audience} }

type ofUser struct {
	Tokens
	user, audience string
}

func (o *ofUser) Token(ctx context.Context, good time.Duration) (Token, error) {
	t, err := o.Tokens.Token(ctx, good)
	return o.checked(t, err)
}

func (o *ofUser) renew(ctx context.Context, refused Token) (Token, error) {
	t, err := Renew(ctx, o.Tokens, refused)
	return o.checked(t, err)
}

func (o *ofUser) checked(t Token, err error) (Token, error) {
	if err != nil {
		return Token{}, err
	}
	e := &Error{Kind: NoToken, Tried: "take the token from " + t.From}
	switch {
	case o.user != "" && t.Subject != "" && t.Subject != o.user:
		e.Seen, e.Next = "it stands for the user "+t.Subject+", and "+o.user+" is meant", "log in as "+o.user
	case o.audience != "" && t.Audience != nil && !slices.Contains(t.Audience, o.audience):
		e.Seen, e.Next = "it is for "+strings.Join(t.Audience, ", ")+", and the app wants the audience "+o.audience, "get a token for the audience "+o.audience
	default:
		return t, nil
	}
	return Token{}, e
}
