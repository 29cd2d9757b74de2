package reach

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/login"
	"canton.example/svrescue/svapp"
	clocktesting "k8s.io/utils/clock/testing"
)

// codes is an identity provider at which people log in by a code; it says what it is told to say.
type codes struct {
	*httptest.Server
	mu     sync.Mutex
	answer string // of the token endpoint
	status int
	polls  int
	begun  []string // secret and audience of who asked for a code
}

func newCodes(t *testing.T) *codes {
	t.Helper()
	c := &codes{status: 400, answer: `{"error":"authorization_pending"}`}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/well-known":
			fmt.Fprintf(w, `{"token_endpoint":"%s/token","device_authorization_endpoint":"%s/code"}`, c.URL, c.URL)
		case "/code":
			c.begun = append(c.begun, r.PostFormValue("client_secret")+" "+r.PostFormValue("audience"))
			fmt.Fprintf(w, `{"device_code":"canary-of-a-code","user_code":"WDJB-%d","verification_uri":"%s/activate","expires_in":600,"interval":5}`, len(c.begun), c.URL)
		case "/token":
			c.polls++
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.answer)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// The address of the provider is that of the app's Secret, a code is asked for once, and the token opens the wallet of the one who confirmed it.
func TestALoginByACodeOpensAWallet(t *testing.T) {
	w, provider := newPurse(t), newCodes(t)
	e := w.estate()
	e.secrets = map[string]string{"recovery/splice-app-validator-ledger-api-auth/url": provider.URL + "/well-known"}
	a := e.apps(t, AppOptions{Keys: KeyOptions{Device: svapp.Device{ClientID: "terminal"}, Through: http.DefaultTransport,
		DeviceSecret: func() (secret.String, error) { return secret.New("s"), nil }}})
	clk, _ := a.options.Clock.(*clocktesting.FakeClock)
	app := recovery()
	app.Login, app.User = steps.LoginDevice, "alice"
	world, questions := steps.World{Apps: a, Keys: a.Keys()}, login.For("wallet")
	ask := func() (title, text string) {
		t.Helper()
		open, err := questions.Inputs(t.Context(), world, app)
		if err != nil || len(open) > 1 {
			t.Fatal(open, err)
		}
		if len(open) == 0 {
			return "", ""
		}
		return open[0].Title, open[0].Text
	}
	if _, text := ask(); !strings.Contains(text, "WDJB-1") || strings.Contains(text, "canary") {
		t.Error(text)
	}
	for range 20 {
		clk.Step(time.Second)
		if questions.Seen(t.Context(), world, app, "wallet-device") {
			t.Fatal("seen")
		}
	}
	if provider.polls != 4 || len(provider.begun) != 1 || provider.begun[0] != "s "+walletAudience {
		t.Errorf("asked %d times; %q", provider.polls, provider.begun)
	}
	confirmed := func(user string) {
		provider.mu.Lock()
		defer provider.mu.Unlock()
		provider.status, provider.answer = 200, `{"access_token":"`+jwt(user, walletAudience, clk.Now().Add(time.Hour))+`","token_type":"Bearer","expires_in":3600}`
	}
	confirmed("bob")
	clk.Step(10 * time.Second)
	if !questions.Seen(t.Context(), world, app, "wallet-device") {
		t.Fatal("not seen")
	}
	if title, text := ask(); !strings.Contains(text, "user bob") || !strings.Contains(title, "again") {
		t.Errorf("%s: %s", title, text)
	}
	if _, err := balance(t, a, app); svapp.KindOf(err) != svapp.NoToken {
		t.Errorf("the wallet was opened for bob: %v", err)
	}
	provider.status, provider.answer = 400, `{"error":"authorization_pending"}`
	if _, text := ask(); !strings.Contains(text, "WDJB-2") {
		t.Error(text)
	}
	confirmed("alice")
	clk.Step(10 * time.Second)
	if !questions.Seen(t.Context(), world, app, "wallet-device") {
		t.Fatal("not seen")
	}
	if title, _ := ask(); title != "" {
		t.Error(title)
	}
	if got, err := balance(t, a, app); err != nil || got != "12.0000000000" {
		t.Error(got, err)
	}
	clk.Step(2 * time.Hour)
	if title, text := ask(); !strings.Contains(text, "has ended") {
		t.Errorf("%s: %s", title, text)
	}
	if text := fmt.Sprintf("%v %+v", a.Keys(), a.Keys().devices); strings.Contains(text, "canary") || strings.Contains(text, "eyJ") {
		t.Error("printed")
	}
}
