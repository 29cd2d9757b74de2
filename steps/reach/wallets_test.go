package reach

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
)

func change(verb, object string) steps.WalletChange {
	return steps.WalletChange{Namespace: "recovery", Workload: "validator-app", Verb: verb, Object: object}
}

func toBePaid(id string) svapp.Payment {
	return svapp.Payment{Receiver: "acme::1220aa", Amount: "1.5", TrackingID: id, Expires: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
}

// calls are all that a wallet can change, about offer 00aa or the payment svrescue-1.
func calls(ctx context.Context, w *Wallets, app steps.App) map[string]func() error {
	return map[string]func() error{
		"offer": func() error { _, err := w.Offer(ctx, app, toBePaid("svrescue-1")); return err },
		"transfer": func() error {
			_, err := w.Transfer(ctx, app, toBePaid("svrescue-1"))
			return err
		},
		"accept offer":      func() error { return w.AcceptOffer(ctx, app, "00aa") },
		"reject offer":      func() error { return w.RejectOffer(ctx, app, "00aa") },
		"withdraw offer":    func() error { return w.WithdrawOffer(ctx, app, "00aa") },
		"accept transfer":   func() error { return w.AcceptTransfer(ctx, app, "00aa") },
		"withdraw transfer": func() error { return w.WithdrawTransfer(ctx, app, "00aa") },
	}
}

// Only what a reference covers is sent, and once.
func TestMoneyMovesOnlyAsItWasShown(t *testing.T) {
	other := change("offer", "svrescue-1")
	other.Namespace = "elsewhere"
	for _, c := range []struct {
		name    string
		allowed []steps.WalletChange
		sent    string // verbs of the calls that pass
	}{
		{"nothing", nil, ""},
		{"an offer", []steps.WalletChange{change("offer", "svrescue-1")}, "offer"},
		{"a transfer", []steps.WalletChange{change("transfer", "svrescue-1")}, "transfer"},
		{"another payment", []steps.WalletChange{change("offer", "svrescue-10"), change("transfer", "svrescue")}, ""},
		{"another wallet", []steps.WalletChange{other}, ""},
		{"a contract", []steps.WalletChange{change("accept", "00aa")}, "accept offer,accept transfer"},
		{"another contract", []steps.WalletChange{change("accept", "00ab"), change("withdraw", "00ab")}, ""},
		{"what a payment has become", []steps.WalletChange{change("withdraw", "svrescue-1")}, "withdraw offer,withdraw transfer"},
		{"what another payment has become", []steps.WalletChange{change("withdraw", "svrescue-2"), change("reject", "svrescue-11")}, ""},
		{"no object", []steps.WalletChange{change("accept", ""), change("offer", "")}, ""},
	} {
		w := newPurse(t)
		w.offers = `{"offers":[{"template_id":"t","contract_id":"00aa","created_event_blob":"","created_at":"","payload":{"transfer":{"meta":{"values":{"reason":"SV recovery svrescue-1"}}}}},
			{"template_id":"t","contract_id":"00ac","created_event_blob":"","created_at":"","payload":{"trackingId":"svrescue-2"}}]}`
		a := w.estate().apps(t, AppOptions{Keys: clients()})
		for verb, call := range calls(t.Context(), a.Wallets(nil, c.allowed, false), recovery()) {
			w.changes = nil
			err := call()
			want := 0
			if strings.Contains(","+c.sent+",", ","+verb+",") {
				want = 1
			}
			var refused *NotShownMoney
			if len(w.changes) != want || (err == nil) != (want == 1) || err != nil && !errors.As(err, &refused) {
				t.Errorf("%s: %s sent %q: %v", c.name, verb, w.changes, err)
			}
		}
	}
}

func everything() []steps.WalletChange {
	return []steps.WalletChange{change("offer", "svrescue-1"), change("transfer", "svrescue-1"), change("accept", "00aa"), change("reject", "00aa"), change("withdraw", "00aa")}
}

// A dry run sends nothing, nor does one whose node somebody else has taken over; an error of the app is not met with another try.
func TestMoneyThatStays(t *testing.T) {
	w := newPurse(t)
	a := w.estate().apps(t, AppOptions{Keys: clients()})
	for verb, call := range calls(t.Context(), a.Wallets(nil, everything(), true), recovery()) {
		if err := call(); err != nil || len(w.changes) != 0 {
			t.Errorf("a dry run: %s sent %q: %v", verb, w.changes, err)
		}
	}
	taken, asked := errors.New("somebody else holds the node"), 0
	held := func() error { asked++; return taken }
	for verb, call := range calls(t.Context(), a.Wallets(held, everything(), false), recovery()) {
		if err := call(); !errors.Is(err, taken) || len(w.changes) != 0 {
			t.Errorf("%s sent %q: %v", verb, w.changes, err)
		}
	}
	if asked != 7 {
		t.Errorf("asked %d times whether the node is held", asked)
	}
	for _, status := range []int{400, 404, 409, 429, 500, 503} {
		w.answer = status
		for verb, call := range calls(t.Context(), a.Wallets(nil, everything(), false), recovery()) {
			w.changes = nil
			if err := call(); err == nil || len(w.changes) != 1 {
				t.Errorf("%d: %s sent %d times: %v", status, verb, len(w.changes), err)
			}
		}
	}
}

// Money does not leave the wallet of somebody else, nor without a login.
func TestMoneyOfAnother(t *testing.T) {
	w := newPurse(t)
	a := w.estate().apps(t, AppOptions{Keys: clients()})
	for name, change := range map[string]func(*steps.App){
		"another user": func(app *steps.App) { app.User = "alice" }, "another audience": func(app *steps.App) { app.Audience = "https://other.example.com" },
		"no login": func(app *steps.App) { app.Login = "" }, "nothing pasted": func(app *steps.App) { app.Login = steps.LoginPasted },
		"nobody confirmed": func(app *steps.App) { app.Login = steps.LoginDevice },
	} {
		app := recovery()
		change(&app)
		for verb, call := range calls(t.Context(), a.Wallets(nil, everything(), false), app) {
			if err := call(); svapp.KindOf(err) != svapp.NoToken || len(w.changes) != 0 || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("%s: %s sent %q: %v", name, verb, w.changes, err)
			}
		}
		if name != "no login" {
			if _, err := balance(t, a, app); svapp.KindOf(err) != svapp.NoToken {
				t.Errorf("%s: its balance was read: %v", name, err)
			}
		}
	}
}

// What is kept for one wallet opens no other.
func TestTheKeyringKeepsLoginsApart(t *testing.T) {
	w := newPurse(t)
	a := w.estate().apps(t, AppOptions{Keys: clients()})
	app := recovery()
	app.Login, app.User = steps.LoginPasted, "bob"
	soon := time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)
	for _, bad := range []string{"two words", jwt("alice", walletAudience, soon), jwt("bob", "https://other.example.com", soon), jwt("bob", walletAudience, soon.Add(-2*time.Hour))} {
		if err := a.Keys().Paste(app, secret.New(bad)); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), bad) {
			t.Errorf("kept, or told: %v", err)
		}
	}
	if err := a.Keys().Paste(app, secret.New(jwt("bob", walletAudience, soon))); err != nil {
		t.Fatal(err)
	}
	token, err := a.Token(t.Context(), app)
	if err != nil || token.Subject != "bob" || !token.Expires.Equal(soon) || !token.Value.Empty() {
		t.Errorf("%+v, %v", token, err)
	}
	for name, change := range map[string]func(*steps.App){"namespace": func(app *steps.App) { app.Namespace = "sv" }, "workload": func(app *steps.App) { app.Workload = "b" },
		"user": func(app *steps.App) { app.User = "" }, "audience": func(app *steps.App) { app.Audience = "" }, "app": func(app *steps.App) { app.Kind = svapp.SVApp }} {
		other := app
		change(&other)
		if _, err := a.Token(t.Context(), other); svapp.KindOf(err) != svapp.NoToken {
			t.Errorf("another %s: %v", name, err)
		}
	}
	// One that the app does not take is not taken again, and a person is asked.
	w.token = "another"
	if _, err := balance(t, a, app); svapp.KindOf(err) != svapp.Unauthorized {
		t.Error(err)
	}
	if _, err := a.Token(t.Context(), app); svapp.KindOf(err) != svapp.NoToken || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	a.Keys().Forget(app)
	if _, err := a.Token(t.Context(), app); svapp.KindOf(err) != svapp.NoToken || !strings.Contains(err.Error(), "no token was pasted") {
		t.Error(err)
	}
}

func TestWaysToLogIn(t *testing.T) {
	w := newPurse(t)
	for _, c := range []struct {
		name string
		keys KeyOptions
		bare bool
		want string // of client, device and pasted: what they take, or why not
	}{
		{"nothing", KeyOptions{}, false, "-this run has no client to log in with; -no client for that is configured (oidc.device.client)"},
		{"the Secret", clients(), false, "the client in Secret recovery/splice-app-validator-ledger-api-auth; -no client for that"},
		{"no Secret", clients(), true, "-no client is configured (oidc.client), and there is none in Secret recovery/splice-app-validator-ledger-api-auth; -no"},
		{"configured", KeyOptions{Clients: &svapp.Logins{ClientID: "env:A", ClientSecret: "env:B"}, Device: svapp.Device{ClientID: "terminal"}}, true,
			"the client that the configuration names (oidc.client); at the identity provider, with the client terminal"},
	} {
		e := w.estate()
		if c.bare {
			e.secrets = nil
		}
		ways, err := e.apps(t, AppOptions{Keys: c.keys}).Keys().Ways(t.Context(), recovery())
		var text []string
		for _, way := range ways {
			if way.Refuse != "" {
				way.Detail = "-" + way.Refuse
			}
			text = append(text, way.Detail)
		}
		if got := strings.Join(text, "; "); err != nil || len(ways) != 3 || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s (%v)", c.name, got, err)
		}
	}
}
