package svapp_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
)

// people lets people log in by a code, with a public client "wallet-ui" or a confidential one.
func (g *guardedSV) people(secret string) {
	g.provider.clients["wallet-ui"] = client{secret: secret, audiences: []string{svAudience}, users: true}
	g.knows = func(s string) bool { return s == "alice" }
}

func (g *guardedSV) device(with string) svapp.Device {
	d := svapp.Device{WellKnown: g.provider.URL + "/.well-known/openid-configuration", ClientID: "wallet-ui", Audience: svAudience}
	if with != "" {
		d.Secret = secret.New(with)
	}
	return d
}

func (g *guardedSV) begin(t *testing.T, with string) *svapp.DeviceLogin {
	t.Helper()
	l, err := g.device(with).Begin(t.Context(), g.provider.Client().Transport, g.clock)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (g *guardedSV) pass(d time.Duration) { g.clock.SetTime(g.clock.Now().Add(d)) }

func TestALoginByACode(t *testing.T) {
	for _, with := range []string{"", clientSecret} {
		g := newGuardedSV(t)
		g.people(with)
		l := g.begin(t, with)
		if l.UserCode != "WDJB-0001" || l.Address != g.provider.URL+"/activate" || !strings.HasSuffix(l.Complete, "?user_code=WDJB-0001") || !l.Ends.Equal(noon.Add(10*time.Minute)) {
			t.Errorf("shown: %s at %s (%s) until %s", l.UserCode, l.Address, l.Complete, l.Ends)
		}
		if _, err := l.Token(t.Context(), 0); svapp.KindOf(err) != svapp.NoToken {
			t.Errorf("a token before it was confirmed: %v", err)
		}
		for range 12 { // asked every second, the provider is asked every five
			if ok, err := l.Poll(t.Context()); ok || err != nil {
				t.Fatal(ok, err)
			}
			g.pass(time.Second)
		}
		if g.provider.logins.polls != 2 {
			t.Errorf("the provider was asked %d times", g.provider.logins.polls)
		}
		g.provider.confirm(l.UserCode, "alice")
		g.pass(5 * time.Second)
		if ok, err := l.Poll(t.Context()); !ok || err != nil {
			t.Fatal(ok, err)
		}
		token, err := l.Token(t.Context(), 0)
		if err != nil || token.Subject != "alice" || !token.Expires.Equal(g.clock.Now().Add(time.Hour)) {
			t.Errorf("%+v, %v", token, err)
		}
		if err := g.with(t, l).Authorized(t.Context()); err != nil {
			t.Error(err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", l, l, l, token); strings.Contains(text, "canary") {
			t.Errorf("printed as %s", text)
		}
	}
}

func TestALoginByACodeThatComesToNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(g *guardedSV, l *svapp.DeviceLogin)
		want string
	}{
		{"refused", func(g *guardedSV, l *svapp.DeviceLogin) { g.provider.confirm(l.UserCode, "") }, "refused in the browser"},
		{"nobody came", func(g *guardedSV, _ *svapp.DeviceLogin) { g.pass(11 * time.Minute) }, "nobody confirmed"},
		{"the provider says that it ended", func(g *guardedSV, _ *svapp.DeviceLogin) {
			for _, d := range g.provider.logins.all {
				d.ends = g.clock.Now()
			}
		}, "nobody confirmed"},
		{"the provider forgot it", func(g *guardedSV, _ *svapp.DeviceLogin) { clear(g.provider.logins.all) }, "invalid_grant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuardedSV(t)
			g.people("")
			l := g.begin(t, "")
			c.do(g, l)
			g.pass(5 * time.Second)
			for range 2 { // it stays so, and nobody is asked again
				ok, err := l.Poll(t.Context())
				refused(t, err, svapp.NoToken, c.want)
				if ok || strings.Contains(err.Error(), "canary") {
					t.Error(ok, err)
				}
				g.pass(time.Minute)
			}
			if g.provider.logins.polls > 1 {
				t.Errorf("asked %d times", g.provider.logins.polls)
			}
		})
	}
}

// Whoever is told to slow down does, and one that is away is asked less and less often, without the login being lost.
func TestAskingForALoginSlowly(t *testing.T) {
	g := newGuardedSV(t)
	g.people("")
	l := g.begin(t, "")
	g.provider.logins.slow = 1
	polled := func() int {
		t.Helper()
		if ok, err := l.Poll(t.Context()); ok || err != nil {
			t.Fatal(ok, err)
		}
		return g.provider.logins.polls
	}
	g.pass(5 * time.Second)
	polled() // slow_down: ten seconds from now on
	for _, c := range []struct {
		pass time.Duration
		want int
	}{{5 * time.Second, 1}, {4 * time.Second, 1}, {time.Second, 2}, {9 * time.Second, 2}, {time.Second, 3}} {
		g.pass(c.pass)
		if n := polled(); n != c.want {
			t.Errorf("asked %d times, not %d", n, c.want)
		}
	}
	g.provider.answer = func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "try later", http.StatusServiceUnavailable)
	}
	forms := len(g.provider.forms)
	for range 60 { // one minute
		g.pass(time.Second)
		polled()
	}
	if n := len(g.provider.forms) - forms; n != 2 || l.Trouble(t.Context()) == "" {
		t.Errorf("asked %d times while it was away; %q", n, l.Trouble(t.Context()))
	}
	g.provider.answer = nil
	g.provider.confirm(l.UserCode, "alice")
	g.pass(time.Minute)
	if ok, err := l.Poll(t.Context()); !ok || err != nil || l.Trouble(t.Context()) != "" {
		t.Error(ok, err)
	}
}

func TestALoginIsRenewed(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		g := newGuardedSV(t)
		g.people("")
		g.provider.logins.rotate = rotate
		l := g.begin(t, "")
		g.provider.confirm(l.UserCode, "alice")
		g.pass(5 * time.Second)
		if ok, err := l.Poll(t.Context()); !ok {
			t.Fatal(err)
		}
		app := g.with(t, l)
		g.provider.rotate(t) // the app refuses what was signed before
		g.pass(2 * time.Minute)
		if err := app.Authorized(t.Context()); err != nil || len(g.provider.issued) != 2 {
			t.Errorf("not renewed after a refusal: %v", err)
		}
		for range 3 {
			g.pass(50 * time.Minute)
			if err := app.Authorized(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		clear(g.provider.logins.refresh)
		g.pass(2 * time.Hour)
		err := app.Authorized(t.Context())
		refused(t, err, svapp.NoToken, "log in again")
		if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
		asked := len(g.provider.forms)
		if err := app.Authorized(t.Context()); svapp.KindOf(err) != svapp.NoToken || len(g.provider.forms) != asked {
			t.Errorf("asked again after it was over: %v", err)
		}
	}
}

// Without anything to renew it with, a login is over when its token ends, or is refused.
func TestALoginThatCannotBeRenewed(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		g := newGuardedSV(t)
		g.people("")
		g.provider.logins.none = true
		l := g.begin(t, "")
		g.provider.confirm(l.UserCode, "alice")
		g.pass(5 * time.Second)
		if ok, err := l.Poll(t.Context()); !ok {
			t.Fatal(err)
		}
		app := g.with(t, l)
		if refuse {
			g.provider.rotate(t)
			refused(t, app.Authorized(t.Context()), svapp.Unauthorized, "") // what follows says that it is over
		} else {
			g.pass(59 * time.Minute)
			if err := app.Authorized(t.Context()); err != nil {
				t.Fatalf("it is good for a minute still: %v", err)
			}
			g.pass(2 * time.Minute)
		}
		_, err := l.Token(t.Context(), 0)
		refused(t, err, svapp.NoToken, "log in again")
	}
}

func TestBeginningALogin(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*guardedSV, *svapp.Device)
		kind   svapp.Kind
		want   string
	}{
		{"no client", func(_ *guardedSV, d *svapp.Device) { d.ClientID = "" }, svapp.Setup, "oidc.device.client"},
		{"no audience", func(_ *guardedSV, d *svapp.Device) { d.Audience = "" }, svapp.Setup, "audience"},
		{"http", func(_ *guardedSV, d *svapp.Device) { d.WellKnown = "http://provider.example.com/x" }, svapp.Setup, "https"},
		{"another secret", func(_ *guardedSV, d *svapp.Device) { d.Secret = secret.New("another-canary") }, svapp.NoToken, "invalid_client"},
		{"not allowed", func(g *guardedSV, _ *svapp.Device) {
			g.provider.clients["wallet-ui"] = client{audiences: []string{svAudience}}
		}, svapp.NoToken, "grant type not allowed"},
		{"another audience", func(_ *guardedSV, d *svapp.Device) { d.Audience = "https://other.example.com" }, svapp.NoToken, "access_denied"},
		{"away", func(g *guardedSV, _ *svapp.Device) { g.provider.Close() }, svapp.Unreachable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuardedSV(t)
			g.people("")
			d := g.device("")
			c.change(g, &d)
			_, err := d.Begin(t.Context(), g.provider.Client().Transport, g.clock)
			refused(t, err, c.kind, c.want)
			if strings.Contains(err.Error(), "canary") {
				t.Error(err)
			}
		})
	}
}

// A provider without such logins, one that sends people to an address that others can read along, and one that gives no code.
func TestProvidersThatGiveNoCode(t *testing.T) {
	for want, document := range map[string]string{
		"names no address for logins by a code": `{"token_endpoint":"URL/token"}`,
		"is not https":                          `{"token_endpoint":"URL/token","device_authorization_endpoint":"http://example.com/device"}`,
		"without a code":                        `{"token_endpoint":"URL/token","device_authorization_endpoint":"URL/none"}`,
		"https address to enter it at":          `{"token_endpoint":"URL/token","device_authorization_endpoint":"URL/http"}`,
	} {
		g := newGuardedSV(t)
		answers := map[string]string{"/d": document, "/none": `{"verification_uri":"https://example.com"}`,
			"/http": `{"device_code":"device-code-canary","user_code":"A","verification_uri":"http://example.com/enter"}`}
		g.provider.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, strings.ReplaceAll(answers[r.URL.Path], "URL", g.provider.URL))
		})
		d := g.device("")
		d.WellKnown = g.provider.URL + "/d"
		_, err := d.Begin(t.Context(), g.provider.Client().Transport, g.clock)
		var e *svapp.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
