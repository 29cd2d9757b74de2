package svapp

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// Logins gets the tokens for the node's apps: one that was referred to, else those of the client whose id and secret were referred to, else
// those of the client in the Secret of the app in the cluster. Tokens are kept in memory, and each is asked for once for all who need it.
type Logins struct {
	// Token, ClientID and ClientSecret are references; empty: not said.
	Token, ClientID, ClientSecret secret.Reference
	// WellKnown is the address of the provider's discovery document; empty: the one in the Secret.
	WellKnown string
	// Basic sends the client's secret in a header instead of the form.
	Basic  bool
	Places secret.Places
	// Through sends to the provider; Out.Transport makes one.
	Through http.RoundTripper
	Clock   clock.PassiveClock

	mu   sync.Mutex
	made map[string]Tokens // by Secret and audience
	read map[secret.Reference]secret.String
}

// FromSecret reads a key of the Secret that an app keeps its client in (reference/deployment.md 3.7): url, client-id and client-secret, or
// token where tokens are fixed. Name is that of the Secret. A key that is not there is no error.
type FromSecret struct {
	Name string
	Key  func(ctx context.Context, key string) (value secret.String, has bool, err error)
}

// Tokens is the source for an app with that audience, which must not be that of the Secret: that is the ledger's. Its errors are *Error.
func (l *Logins) Tokens(ctx context.Context, audience string, from FromSecret) (Tokens, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := from.Name + " " + audience
	if t := l.made[id]; t != nil {
		return t, nil
	}
	t, err := l.make(ctx, audience, from)
	if err != nil {
		return nil, err
	}
	if l.made == nil {
		l.made = map[string]Tokens{}
	}
	l.made[id] = t
	return t, nil
}

func (l *Logins) make(ctx context.Context, audience string, from FromSecret) (Tokens, error) {
	const tried = "find out with what to log in"
	switch {
	case l.Token != "":
		return l.referred()
	case (l.ClientID == "") != (l.ClientSecret == ""):
		return nil, setup(tried, "of the client, only one of id and secret is named", "name oidc.client.id and oidc.client.secret, or neither of them")
	}
	c := Credentials{WellKnown: l.WellKnown, Audience: audience, Basic: l.Basic}
	if l.ClientID != "" {
		id, err := l.value(l.ClientID)
		if err != nil {
			return nil, err
		}
		if c.Secret, err = l.value(l.ClientSecret); err != nil {
			return nil, err
		}
		c.ClientID = id.Reveal()
		return l.provided(c)
	}
	values := map[string]secret.String{}
	for _, key := range []string{"token", "client-id", "client-secret", "url"} {
		value, has, err := from.Key(ctx, key)
		switch {
		case err != nil:
			return nil, setup("read key "+key+" of Secret "+from.Name, clean(err.Error()), "get the right to read it, or refer to a client or a token in the configuration (oidc)")
		case has && key == "token":
			return TokenFrom("key token of Secret "+from.Name, strings.NewReader(value.Reveal()))
		case has:
			values[key] = value
		}
	}
	if values["client-id"].Empty() || values["client-secret"].Empty() {
		return nil, setup(tried, "there is no client in Secret "+from.Name+", and none is named in the configuration", "name oidc.client.id and oidc.client.secret, or oidc.token, as references")
	}
	c.ClientID, c.Secret = strings.TrimSpace(values["client-id"].Reveal()), secret.New(strings.TrimSpace(values["client-secret"].Reveal()))
	if c.WellKnown == "" {
		c.WellKnown = strings.TrimSpace(values["url"].Reveal())
	}
	return l.provided(c)
}

func (l *Logins) provided(c Credentials) (Tokens, error) { return c.Tokens(l.Through, l.Clock) }

// referred is the token that was referred to. A file is read again when its token ends; what came by the environment or by standard input
// stays what it was.
func (l *Logins) referred() (Tokens, error) {
	if path, ok := l.Token.File(); ok {
		return TokenFromFile(path, func() (io.ReadCloser, error) { return l.Places.Open(path) }, l.Clock), nil
	}
	value, err := l.value(l.Token)
	if err != nil {
		return nil, err
	}
	return TokenFrom(l.Token.Name(), strings.NewReader(value.Reveal()))
}

// value reads a reference once: standard input has nothing more the second time.
func (l *Logins) value(r secret.Reference) (secret.String, error) {
	if v, ok := l.read[r]; ok {
		return v, nil
	}
	v, err := l.Places.Read(r)
	if err != nil {
		return v, setup("read "+r.Name(), clean(err.Error()), "put it there, or name another place")
	}
	if l.read == nil {
		l.read = map[secret.Reference]secret.String{}
	}
	l.read[r] = v
	return v, nil
}
