package reonboard

import (
	"context"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// walletLogins are the questions that are open before a wallet can be asked: none where its login needs no person.
func walletLogins(ctx context.Context, w steps.World, apps ...steps.App) ([]wire.Question, error) {
	for _, app := range apps {
		if _, err := w.Apps.Token(ctx, app); svapp.KindOf(err) == svapp.NoToken {
			return nil, &steps.Problem{Tried: "logging in to " + app.Name, Seen: steps.FailureOf("", err).Seen, Err: err,
				Next: "Give a token for it, or a client that may ask for one, and look again"}
		}
	}
	return nil, nil
}

// takeWalletLogin takes an answer to one of them.
func takeWalletLogin(_ *Facts, ask, _ string) error {
	return fmt.Errorf("nothing is asked by the name %q", ask)
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
