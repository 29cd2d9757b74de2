package reach

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
)

// Wallets move money, only as far as it was allowed: a call is covered by a reference with its verb, namespace and workload whose object is the
// tracking ID of the payment, or the contract that is settled.
//
// The contract of an offer is known only when it was made, while references are written when the step is planned. So a reference may name the
// tracking ID of what is to be settled instead, as steps.WalletChange says. Then the contract is looked up in the list of the wallet right before
// it is settled: it is covered where its payload carries that tracking ID, as a text or as a word of its description (svapp.Contract.Mentions).
// What is not listed so is not settled: such a reference has to name the contract itself.
//
// Each call is sent once, and nothing is sent in a dry run.
type Wallets struct {
	apps    *Apps
	allowed []steps.WalletChange
	dryRun  bool
	held    func() error // asked before each change; nil: nothing has to be held
}

var _ steps.WalletWriter = (*Wallets)(nil)

// Wallets makes a writer of these changes.
func (a *Apps) Wallets(held func() error, allowed []steps.WalletChange, dryRun bool) *Wallets {
	return &Wallets{apps: a, allowed: slices.Clone(allowed), dryRun: dryRun, held: held}
}

// NotShownMoney is the refusal of a change by a wallet that is not among what was shown: it was never sent. It is a defect of the program, or
// what is to be settled cannot be told from what else lies in the wallet.
type NotShownMoney struct{ Change steps.WalletChange }

func (e *NotShownMoney) Error() string {
	return fmt.Sprintf("not sent: %s (it is not among what was shown)", e.Change)
}

// kinds of what a wallet settles, as where its contracts are listed.
type kind int

const (
	offers kind = iota
	transfers
)

// pay sends a payment.
func (w *Wallets) pay(ctx context.Context, app steps.App, verb string, p svapp.Payment, send func(context.Context, *svapp.Payer) error) error {
	change := steps.WalletChange{Namespace: app.Namespace, Workload: app.Workload, Verb: verb, Object: p.TrackingID}
	if p.TrackingID == "" || !slices.Contains(w.allowed, change) {
		return &NotShownMoney{change}
	}
	return w.send(ctx, app, func(s svapp.Settings) error { return w.last(ctx, s, send) })
}

// settle accepts, rejects or withdraws what was paid.
func (w *Wallets) settle(ctx context.Context, app steps.App, of kind, verb, contract string, send func(context.Context, *svapp.Payer) error) error {
	change := steps.WalletChange{Namespace: app.Namespace, Workload: app.Workload, Verb: verb, Object: contract}
	var tracked []string // tracking IDs, or contracts
	for _, c := range w.allowed {
		if c.Namespace == change.Namespace && c.Workload == change.Workload && c.Verb == verb && c.Object != "" {
			tracked = append(tracked, c.Object)
		}
	}
	if contract == "" || len(tracked) == 0 {
		return &NotShownMoney{change}
	}
	return w.send(ctx, app, func(s svapp.Settings) error {
		if !slices.Contains(tracked, contract) {
			ours, err := covered(ctx, s, of, contract, tracked)
			if err != nil {
				return err
			}
			if !ours {
				return &NotShownMoney{change}
			}
		}
		return w.last(ctx, s, send)
	})
}

// send does something over one way to the wallet; nothing in a dry run.
func (w *Wallets) send(ctx context.Context, app steps.App, do func(svapp.Settings) error) error {
	if w.dryRun {
		return nil
	}
	return w.apps.with(ctx, app, svapp.ValidatorApp, func(s svapp.Settings) error {
		if _, err := s.Tokens.Token(ctx, goodFor); err != nil { // whose wallet it is has to be known before anything is sent
			return err
		}
		return do(s)
	})
}

// last asks whether the node is held still, and sends.
func (w *Wallets) last(ctx context.Context, s svapp.Settings, send func(context.Context, *svapp.Payer) error) error {
	payer, err := svapp.NewPayer(s)
	if err != nil {
		return err
	}
	if w.held != nil {
		if err := w.held(); err != nil {
			return err
		}
	}
	return send(ctx, payer)
}

// covered says whether a contract of the wallet is what one of these tracking IDs stands for.
func covered(ctx context.Context, s svapp.Settings, of kind, contract string, tracked []string) (bool, error) {
	v, err := svapp.NewValidator(s)
	if err != nil {
		return false, err
	}
	list := v.Offers
	if of == transfers {
		list = v.Transfers
	}
	all, _, err := list(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(c svapp.Contract) bool {
		return c.ContractID == contract && slices.ContainsFunc(tracked, c.Mentions)
	}), nil
}

// Offer makes a transfer offer.
func (w *Wallets) Offer(ctx context.Context, app steps.App, p svapp.Payment) (contract string, err error) {
	err = w.pay(ctx, app, "offer", p, func(ctx context.Context, payer *svapp.Payer) (err error) {
		contract, err = payer.Offer(ctx, p)
		return err
	})
	return contract, err
}

// Transfer starts a transfer by the token standard.
func (w *Wallets) Transfer(ctx context.Context, app steps.App, p svapp.Payment) (done svapp.Transferred, err error) {
	err = w.pay(ctx, app, "transfer", p, func(ctx context.Context, payer *svapp.Payer) (err error) {
		done, err = payer.Transfer(ctx, p)
		return err
	})
	return done, err
}

// AcceptOffer accepts an offer that the wallet received.
func (w *Wallets) AcceptOffer(ctx context.Context, app steps.App, contract string) error {
	return w.settle(ctx, app, offers, "accept", contract, func(ctx context.Context, p *svapp.Payer) error { return p.AcceptOffer(ctx, contract) })
}

// RejectOffer rejects an offer that the wallet received.
func (w *Wallets) RejectOffer(ctx context.Context, app steps.App, contract string) error {
	return w.settle(ctx, app, offers, "reject", contract, func(ctx context.Context, p *svapp.Payer) error { return p.RejectOffer(ctx, contract) })
}

// WithdrawOffer takes back an offer that the wallet made.
func (w *Wallets) WithdrawOffer(ctx context.Context, app steps.App, contract string) error {
	return w.settle(ctx, app, offers, "withdraw", contract, func(ctx context.Context, p *svapp.Payer) error { return p.WithdrawOffer(ctx, contract) })
}

// AcceptTransfer accepts a transfer by the token standard.
func (w *Wallets) AcceptTransfer(ctx context.Context, app steps.App, contract string) error {
	return w.settle(ctx, app, transfers, "accept", contract, func(ctx context.Context, p *svapp.Payer) error { return p.AcceptTransfer(ctx, contract) })
}

// WithdrawTransfer takes back a transfer by the token standard that is not accepted.
func (w *Wallets) WithdrawTransfer(ctx context.Context, app steps.App, contract string) error {
	return w.settle(ctx, app, transfers, "withdraw", contract, func(ctx context.Context, p *svapp.Payer) error { return p.WithdrawTransfer(ctx, contract) })
}
