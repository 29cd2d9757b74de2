package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/login"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// keys is a keyring and the reader that goes by it. Ways, state and token are what a test says.
type keys struct {
	steps.AppReader
	ways   []steps.LoginWay
	token  error
	device steps.Device
	fails  error // of Device
	begun  int
	kept   string
}

func (k *keys) Token(context.Context, steps.App) (svapp.Token, error) { return svapp.Token{}, k.token }
func (k *keys) Ways(context.Context, steps.App) ([]steps.LoginWay, error) {
	return k.ways, nil
}
func (k *keys) Paste(_ steps.App, token secret.String) error {
	if k.kept = token.Reveal(); k.kept == "good" {
		k.token = nil
		return nil
	}
	return errors.New("the token was not taken")
}
func (k *keys) Device(context.Context, steps.App) (steps.Device, error) {
	if k.device == (steps.Device{}) && k.fails == nil {
		k.begun++
		k.device = steps.Device{Address: "https://provider.example.com/activate", Code: "WDJB-0001", Expires: time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC)}
	}
	return k.device, k.fails
}
func (k *keys) Forget(steps.App) { k.device = steps.Device{} }

func noToken(seen string) error {
	return &svapp.Error{Kind: svapp.NoToken, Tried: "log in", Seen: seen, Next: "log in again"}
}

func newKeys() *keys {
	return &keys{token: noToken("nobody has logged in yet"), ways: []steps.LoginWay{{Login: steps.LoginClient, Refuse: "there is none"},
		{Login: steps.LoginDevice, Detail: "at the provider"}, {Login: steps.LoginPasted, Detail: "hidden"}}}
}

// one asks the questions and returns the one that is open, nil where none is.
func one(t *testing.T, k *keys, app steps.App) *wire.Question {
	t.Helper()
	open, err := login.For("login").Inputs(t.Context(), steps.World{Apps: k, Keys: k}, app)
	if err != nil || len(open) > 1 {
		t.Fatalf("%d questions: %v", len(open), err)
	}
	if len(open) == 0 {
		return nil
	}
	if !login.For("login").Is(open[0].Name) || login.For("other").Is(open[0].Name) {
		t.Errorf("%s does not belong to the login, or to another too", open[0].Name)
	}
	declared := false
	for _, a := range login.For("login").Asks() {
		declared = declared || a.Name == open[0].Name && a.Kind == open[0].Kind
	}
	if !declared {
		t.Errorf("%s is not among the declared questions", open[0].Name)
	}
	return &open[0]
}

func wallet() steps.App {
	return steps.App{Name: "the wallet", Kind: svapp.ValidatorApp, Namespace: "sv", Workload: "validator-app", User: "alice", Audience: "https://api.example.com"}
}

func TestAPastedToken(t *testing.T) {
	k, app, l := newKeys(), wallet(), login.For("login")
	q := one(t, k, app)
	if q.Kind != wire.AskChoice || q.Default != "device" || q.Choices[0].Refuse == "" || !strings.Contains(q.Text, "user alice") || !strings.Contains(q.Text, "https://api.example.com") {
		t.Errorf("%+v", q)
	}
	if err := l.Take(&app, q.Name, "by magic"); err == nil {
		t.Error("taken")
	}
	if err := l.Take(&app, q.Name, "pasted"); err != nil || app.Login != steps.LoginPasted {
		t.Fatal(err)
	}
	q = one(t, k, app)
	if q.Kind != wire.AskSecret || q.Default == "" {
		t.Errorf("%+v", q)
	}
	w := steps.World{Apps: k, Keys: k}
	if err := l.Secret(w, app, q.Name, secret.New("bad")); err == nil {
		t.Error("a bad one was taken")
	}
	if err := l.Secret(w, app, "other-token", secret.New("good")); err == nil || k.kept != "bad" {
		t.Error("one for somebody else was taken")
	}
	if err := l.Secret(w, app, q.Name, secret.New("good")); err != nil || one(t, k, app) != nil {
		t.Error(err)
	}
	k.token = noToken("it has ended at noon")
	if q = one(t, k, app); q.Kind != wire.AskSecret || !strings.Contains(q.Text, "It has ended at noon.") && !strings.Contains(q.Text, "it has ended at noon.") {
		t.Errorf("%+v", q)
	}
	if err := l.Take(&app, q.Name, q.Default); err != nil || app.Login != "" { // Enter alone
		t.Error(app.Login, err)
	}
}

func TestACode(t *testing.T) {
	k, app, l := newKeys(), wallet(), login.For("login")
	app.Login = steps.LoginDevice
	w := steps.World{Apps: k, Keys: k}
	q := one(t, k, app)
	if !strings.Contains(q.Text, "https://provider.example.com/activate") || !strings.Contains(q.Text, "WDJB-0001") || !strings.Contains(q.Text, "as alice") || !strings.Contains(q.Text, "12:10:00 UTC") {
		t.Errorf("%+v", q)
	}
	if l.Seen(t.Context(), w, app, q.Name) {
		t.Error("seen before it was confirmed")
	}
	if err := l.Take(&app, q.Name, wire.ChoiceBack); err != nil || app.Login != steps.LoginDevice || k.begun != 1 || one(t, k, app).Text != q.Text {
		t.Errorf("looking again begins another: %d, %v", k.begun, err)
	}
	k.device.Ended = "nobody confirmed the login"
	if !l.Seen(t.Context(), w, app, q.Name) {
		t.Error("that it ended is not seen")
	}
	q = one(t, k, app)
	if !strings.Contains(q.Text, "obody confirmed the login.") || l.Seen(t.Context(), w, app, q.Name) || k.begun != 1 {
		t.Errorf("%+v; begun %d times", q, k.begun)
	}
	if err := l.Take(&app, q.Name, "anew"); err != nil {
		t.Fatal(err)
	}
	q = one(t, k, app)
	if k.begun != 2 {
		t.Errorf("begun %d times", k.begun)
	}
	k.device.Done, k.token = true, nil
	if !l.Seen(t.Context(), w, app, q.Name) || one(t, k, app) != nil {
		t.Error("it was confirmed")
	}
	// Somebody else confirmed it.
	k.token = noToken("it stands for the user bob, and alice is meant")
	if q = one(t, k, app); !strings.Contains(q.Text, "user bob") {
		t.Errorf("%+v", q)
	}
	if err := l.Take(&app, q.Name, "other"); err != nil || app.Login != "" {
		t.Error(app.Login, err)
	}
}

func TestWhatCannotBeHad(t *testing.T) {
	k, app := newKeys(), wallet()
	app.Login = steps.LoginDevice
	k.fails = noToken("the provider knows no such client")
	if q := one(t, k, app); q.Kind != wire.AskChoice || q.Default != "" || !strings.Contains(q.Text, "knows no such client") {
		t.Errorf("%+v", q)
	}
	app.Login = steps.LoginClient
	k.token = &svapp.Error{Kind: svapp.Setup, Seen: "there is no client", Next: "name one"}
	if q := one(t, k, app); q.Kind != wire.AskChoice || !strings.Contains(q.Text, "there is no client. name one.") && !strings.Contains(q.Text, "There is no client. Name one.") {
		t.Errorf("%+v", q)
	}
	// A provider that is away is waited for, and nobody is asked for another login.
	away := &svapp.Error{Kind: svapp.Unreachable, Seen: "no answer"}
	for _, l := range []steps.Login{steps.LoginClient, steps.LoginDevice} {
		k, app := newKeys(), wallet()
		app.Login = l
		k.token = away
		if _, err := login.For("login").Inputs(t.Context(), steps.World{Apps: k, Keys: k}, app); !errors.Is(err, away) {
			t.Error(err)
		}
	}
	// Without a keyring, as where steps are tried alone, all ways are offered.
	open, err := login.For("login").Inputs(t.Context(), steps.World{Apps: k}, wallet())
	if err != nil || len(open) != 1 || len(open[0].Choices) != 3 || open[0].Default != "client" {
		t.Errorf("%+v, %v", open, err)
	}
}

// Where a way is closed, what opens it may be made while the question stands: one can look again, and nothing is decided by it.
func TestLookAgain(t *testing.T) {
	k, app := newKeys(), wallet()
	q := one(t, k, app)
	if last := q.Choices[len(q.Choices)-1]; last.ID != wire.ChoiceBack || last.Label != "Look again" {
		t.Fatalf("%+v", q.Choices)
	}
	if err := login.For("login").Take(&app, "login", wire.ChoiceBack); err != nil || app.Login != "" {
		t.Errorf("%q, %v", app.Login, err)
	}
	k.ways[0].Refuse = ""
	if q := one(t, k, app); len(q.Choices) != 3 || q.Default != "client" {
		t.Errorf("%+v", q)
	}
}
