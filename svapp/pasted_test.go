package svapp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
)

func (g *guardedSV) signed(user, audience string) secret.String {
	g.provider.mu.Lock()
	defer g.provider.mu.Unlock()
	return secret.New(g.provider.sign(user, audience, ""))
}

func TestAPastedToken(t *testing.T) {
	g := newGuardedSV(t)
	for _, bad := range []string{"", "two words canary", strings.Repeat("canary", 20000)} {
		_, err := svapp.Pasted(secret.New(bad), g.clock)
		refused(t, err, svapp.Setup, "")
		if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	}
	value := g.signed("sv@clients", svAudience)
	tokens, err := svapp.Pasted(secret.New("Bearer "+value.Reveal()+"\r\n"), g.clock)
	if err != nil {
		t.Fatal(err)
	}
	app := g.with(t, svapp.TokensFor(tokens, "sv@clients", svAudience))
	if err := app.Authorized(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", tokens, tokens, svapp.TokensFor(tokens, "", "")); strings.Contains(text, "eyJ") {
		t.Error(text)
	}
	g.pass(2 * time.Hour)
	refused(t, app.Authorized(t.Context()), svapp.NoToken, "has ended")
}

// A token that the app refuses is not taken again: a person is asked for another.
func TestAPastedTokenThatIsRefused(t *testing.T) {
	g := newGuardedSV(t)
	tokens, err := svapp.Pasted(g.signed("sv@clients", svAudience), g.clock)
	if err != nil {
		t.Fatal(err)
	}
	app := g.with(t, svapp.TokensFor(tokens, "", ""))
	g.provider.rotate(t)
	refused(t, app.Authorized(t.Context()), svapp.Unauthorized, "")
	refused(t, app.Authorized(t.Context()), svapp.NoToken, "the app refused it")
}

// The token of somebody else is not given out.
func TestTokensForAUser(t *testing.T) {
	g := newGuardedSV(t)
	mine, err := svapp.Pasted(g.signed("sv@clients", svAudience), g.clock)
	if err != nil {
		t.Fatal(err)
	}
	opaque, err := svapp.Pasted(secret.New("invented-opaque-token"), g.clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tokens         svapp.Tokens
		user, audience string
		want           string
	}{{mine, "", "", ""}, {mine, "sv@clients", svAudience, ""}, {mine, "bob", "", "stands for the user sv@clients"},
		{mine, "", ledgerAudience, "wants the audience"}, {opaque, "bob", ledgerAudience, ""}} {
		_, err := svapp.TokensFor(c.tokens, c.user, c.audience).Token(t.Context(), 0)
		if c.want == "" && err == nil {
			continue
		}
		refused(t, err, svapp.NoToken, c.want)
	}
}
