package svapp_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
)

// appSecret is the Secret of an app, by its keys.
type appSecret map[string]string

func (s appSecret) from() svapp.FromSecret {
	return svapp.FromSecret{Name: "splice-app-sv-ledger-api-auth", Key: func(_ context.Context, key string) (secret.String, bool, error) {
		if s == nil {
			return secret.String{}, false, errors.New("secrets is forbidden")
		}
		v, has := s[key]
		return secret.New(v), has, nil
	}}
}

func (g *guardedSV) login(env map[string]string) *svapp.Logins {
	return &svapp.Logins{Through: g.provider.Client().Transport, Clock: g.clock, Places: secret.Places{Getenv: func(name string) string { return env[name] },
		Open: func(path string) (io.ReadCloser, error) { return os.Open(path) }, Stdin: strings.NewReader(env["stdin"])}}
}

func (g *guardedSV) with1(t *testing.T, l *svapp.Logins, s appSecret) error {
	t.Helper()
	tokens, err := l.Tokens(t.Context(), svAudience, s.from())
	if err != nil {
		return err
	}
	return g.with(t, tokens).Authorized(t.Context())
}

// The client of the app's Secret is used with the audience of the app, not with the Secret's own.
func TestLoginByTheSecretOfTheApp(t *testing.T) {
	g := newGuardedSV(t)
	l := g.login(nil)
	s := appSecret{"client-id": "sv", "client-secret": clientSecret + "\n", "url": g.credentials().WellKnown, "audience": ledgerAudience}
	for range 3 {
		if err := g.with1(t, l, s); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.provider.tokens(); n != 1 || g.provider.issued[0] != svAudience {
		t.Errorf("%d tokens for %v", n, g.provider.issued)
	}
}

func TestLoginByReferences(t *testing.T) {
	g := newGuardedSV(t)
	l := g.login(map[string]string{"ID": "sv", "stdin": clientSecret})
	l.ClientID, l.ClientSecret, l.WellKnown = "env:ID", secret.Stdin, g.credentials().WellKnown
	if err := g.with1(t, l, nil); err != nil {
		t.Fatal(err)
	}
	// A second audience of the same client reads standard input no more.
	if _, err := l.Tokens(t.Context(), ledgerAudience, appSecret(nil).from()); err != nil {
		t.Error(err)
	}
	g.provider.mu.Lock()
	token := g.provider.sign("sv@clients", svAudience, "")
	g.provider.mu.Unlock()
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range []secret.Reference{"env:T", "stdin", secret.Reference("file:" + file)} {
		l := g.login(map[string]string{"T": token, "stdin": token})
		l.Token = r
		if err := g.with1(t, l, nil); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
	fixed := g.login(nil)
	if err := g.with1(t, fixed, appSecret{"token": token}); err != nil {
		t.Errorf("a fixed token in the Secret: %v", err)
	}
}

func TestLoginTellsWhatIsMissing(t *testing.T) {
	g := newGuardedSV(t)
	refused(t, g.with1(t, g.login(nil), nil), svapp.Setup, "key token of Secret splice-app-sv-ledger-api-auth", "secrets is forbidden", "get the right to read it")
	refused(t, g.with1(t, g.login(nil), appSecret{"client-id": "sv"}), svapp.Setup, "no client in Secret", "oidc.client.id")
	half := g.login(nil)
	half.ClientID = "env:ID"
	refused(t, g.with1(t, half, nil), svapp.Setup, "only one of id and secret")
	empty := g.login(nil)
	empty.Token = "env:NOTHING"
	refused(t, g.with1(t, empty, nil), svapp.Setup, "the environment variable NOTHING", "nothing in it")
	wrong := g.login(map[string]string{"ID": "sv", "S": "canary-wrong"})
	wrong.ClientID, wrong.ClientSecret, wrong.WellKnown = "env:ID", "env:S", g.credentials().WellKnown
	refused(t, g.with1(t, wrong, nil), svapp.NoToken, "does not accept them")
	old := g.login(nil)
	g.provider.mu.Lock()
	token := g.provider.sign("sv@clients", svAudience, "")
	g.provider.mu.Unlock()
	g.clock.SetTime(noon.Add(2 * time.Hour))
	refused(t, g.with1(t, old, appSecret{"token": token}), svapp.Unauthorized, "expired at")
}
