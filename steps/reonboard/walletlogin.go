package reonboard

import (
	"cmp"
	"context"
	"fmt"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/login"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// walletLogin is the login to one wallet, in whichever step needs it: what its questions are called, which app it is as far as that is known, and
// where the facts keep how one logs in.
type walletLogin struct {
	login.Questions
	app func(Facts) steps.App
	at  func(*Facts) *steps.App
	// users are those that the wallet was given to.
	users func(Facts) []string
}

// toValidator is the login to the recovery validator's wallet, toFresh that to the fresh SV's.
func toValidator() walletLogin {
	return walletLogin{login.For("validator-wallet"), Facts.validatorWallet, func(f *Facts) *steps.App { return &f.Validator.App }, func(f Facts) []string { return f.Validator.Wallet }}
}

func toFresh() walletLogin {
	return walletLogin{login.For("fresh-wallet"), Facts.freshWallet, func(f *Facts) *steps.App { return &f.Fresh.Wallet }, func(f Facts) []string { return f.Fresh.Users }}
}

// validatorWallet is the wallet of the recovery validator; without a namespace where it is not known yet.
func (f Facts) validatorWallet() steps.App {
	v := f.Validator
	if v.App.Namespace != "" && v.App.Namespace == v.Namespace {
		return v.App
	}
	app := steps.App{Name: "the recovery validator", Kind: svapp.ValidatorApp, Namespace: v.Namespace, Workload: validatorWorkload,
		Login: v.App.Login, Audience: v.Audience, Secret: ledgerSecret}
	f.Hints.RecoveryValidator.Put(&app)
	return forUser(app, v.Wallet)
}

// freshWallet is the wallet of the fresh SV; without a namespace where it is not known yet.
func (f Facts) freshWallet() steps.App {
	if f.Fresh.Wallet.Namespace != "" && f.Fresh.Wallet.Namespace == f.Fresh.Namespace {
		return f.Fresh.Wallet
	}
	app := steps.App{Name: "the fresh SV's wallet", Kind: svapp.ValidatorApp, Namespace: f.Fresh.Namespace, Workload: validatorWorkload,
		Login: f.Fresh.Wallet.Login, Audience: f.Fresh.Audience, Secret: ledgerSecret}
	f.Hints.FreshWallet.Put(&app)
	app.Host = cmp.Or(app.Host, f.Hints.Hosts.Validator) // the fresh SV takes over the hosts of the lost one
	return forUser(app, f.Fresh.Users)
}

// forUser is an app with the user that its token must stand for: the first that its wallet was given to. The client of the app stands for the
// app's own user, who is none of them and has the same party; the steps look at the party.
func forUser(app steps.App, users []string) steps.App {
	switch {
	case app.Login == steps.LoginClient:
		app.User = ""
	case len(users) > 0:
		app.User = users[0]
	}
	return app
}

// loggedIn is a step that asks for what logs in to these wallets, before its own questions. It asks for none that is not known yet, as in a dry
// run.
func loggedIn(s steps.Step[Facts], wallets ...walletLogin) steps.Step[Facts] {
	inputs, take, hidden, seen, forget := s.Inputs, s.Take, s.Secret, s.Seen, s.Forget
	of := func(ask string) *walletLogin {
		for i := range wallets {
			if wallets[i].Is(ask) {
				return &wallets[i]
			}
		}
		return nil
	}
	for _, l := range wallets {
		s.Asks = append(s.Asks[:len(s.Asks):len(s.Asks)], l.Asks()...)
	}
	s.Inputs = func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
		for _, l := range wallets {
			if app := l.app(f); app.Namespace != "" && w.Apps != nil {
				if open, err := l.Inputs(ctx, w, app); err != nil || len(open) > 0 {
					return open, err
				}
			}
		}
		if inputs == nil {
			return nil, nil
		}
		return inputs(ctx, w, f)
	}
	s.Take = func(f *Facts, ask, value string) error {
		switch l := of(ask); {
		case l != nil:
			app := l.at(f)
			if err := l.Take(app, ask, value); err != nil {
				return err
			}
			*app = forUser(*app, l.users(*f))
			return nil
		case take == nil:
			return fmt.Errorf("nothing is asked by the name %q", ask)
		}
		return take(f, ask, value)
	}
	s.Secret = func(ctx context.Context, w steps.World, f Facts, ask string, value secret.String) error {
		switch l := of(ask); {
		case l != nil:
			return l.Secret(w, l.app(f), ask, value)
		case hidden == nil:
			return fmt.Errorf("nothing hidden is asked by the name %q", ask)
		}
		return hidden(ctx, w, f, ask, value)
	}
	s.Seen = func(ctx context.Context, w steps.World, f Facts, ask string) bool {
		if l := of(ask); l != nil {
			return l.Seen(ctx, w, l.app(f), ask)
		}
		return seen != nil && seen(ctx, w, f, ask)
	}
	s.Forget = func(f *Facts) {
		for _, l := range wallets {
			l.Forget(l.at(f))
		}
		if forget != nil {
			forget(f)
		}
	}
	return s
}

// wallet is what the wallet of an app says of itself.
type wallet struct {
	User         svapp.WalletUser
	Balance      svapp.Balance
	Free, Locked []svapp.Amulet
}

// readWallet reads a wallet whole. A user without a wallet is an error that says so.
func readWallet(ctx context.Context, w steps.World, app steps.App) (all wallet, err error) {
	err = w.Apps.Validator(ctx, app, func(v *svapp.Validator) error {
		user, is, err := v.WalletUser(ctx)
		if err != nil {
			return err
		}
		all.User = user
		if !is {
			return noWallet(app)
		}
		var hasBalance, hasAmulets bool
		if all.Balance, hasBalance, err = v.Balance(ctx); err != nil {
			return err
		}
		if all.Free, all.Locked, hasAmulets, err = v.Amulets(ctx); err != nil {
			return err
		}
		if !hasBalance || !hasAmulets {
			return noWallet(app)
		}
		return nil
	})
	return all, err
}

func noWallet(app steps.App) error {
	return &steps.Problem{Tried: "reading the wallet of " + app.Name, Seen: "the user of this login has no wallet there",
		Next: "Log in as the user whose party owns the coins: the operator's, which the validator was installed with; or wait, where the app has just started"}
}
