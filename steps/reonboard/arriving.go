package reonboard

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	// acceptPatience is how long an offer may take to reach the receiver's wallet.
	acceptPatience = 5 * time.Minute
	// personPatience is how long somebody elsewhere may take before the operator is asked whether to wait on.
	personPatience = 24 * time.Hour
	// personLook is how often it is looked for what a person does.
	personLook = time.Minute
	// completePatience is how long the sender's automation may take.
	completePatience = 30 * time.Minute
)

// acceptPayment accepts one payment in the receiver's wallet: the one whose tracking ID or contract, amount and sender all fit, and no other.
type acceptPayment struct {
	account
	number int
	amount payment.Amount
	again  int // the attempt, where it was offered anew; 0: as planned
}

func (p acceptPayment) Key() string {
	if p.again > 0 {
		return fmt.Sprintf("accept %d, attempt %d", p.number, p.again)
	}
	return fmt.Sprintf("accept %d", p.number)
}
func (p acceptPayment) Effect() wire.Effect { return wire.Repeatable } // a contract is accepted once, whoever tries how often
func (p acceptPayment) Refs() []steps.Ref {
	return append(p.keeps(), p.wallet(p.receiver, "accept", p.number)...)
}

func (p acceptPayment) Show() wire.Preview {
	after := "accepted; the coins move when the recovery validator has completed it"
	if p.kind == payment.ByTransfer {
		after = "accepted; the coins are there"
	}
	return wire.Preview{Title: fmt.Sprintf("%s: %s from %s", p.Key(), p.amount.Words(), p.from), Before: "offered", After: after,
		Commands: []string{"POST /api/validator/v0/wallet/" + p.path() + "/CONTRACT/accept, in the wallet of " + p.receiver.Name}}
}

func (p acceptPayment) path() string {
	if p.kind == payment.ByTransfer {
		return "token-standard/transfers"
	}
	return "transfer-offers"
}

func (p acceptPayment) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: p.Key(), Verdict: wire.Undetermined, Text: p.Key() + " can be tried only when it is offered"}}, nil
}

func (p acceptPayment) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return p.standing(ctx, w, p.number, p.enough)
}

func (p acceptPayment) enough(s payment.State) bool { return reaches(s, p.far()) }

func (a account) far() payment.State {
	if a.kind == payment.ByTransfer {
		return payment.Completed
	}
	return payment.Accepted
}

func (p acceptPayment) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	payer, last := p.payer(h.World, &h), ""
	err := steps.Poll(ctx, h, look, acceptPatience, p.Key()+" in the wallet of "+p.receiver.Name, report, func(ctx context.Context) (wire.Progress, bool, error) {
		d, err := payer.Look(ctx, p.number)
		if err == nil && d.Next == payment.Store { // to send is not for who accepts
			d, err = payer.Advance(ctx, p.number)
		}
		if err != nil {
			return wire.Progress{}, false, err
		}
		last = d.Why
		progress, done, err := p.progress(ctx, h.World, d, p.number, p.far())
		if err != nil || done {
			return progress, done, err
		}
		if last, _ := d.Intent.Last(p.number); last.State != payment.Created {
			return progress, false, nil
		}
		contract, err := p.find(ctx, h.World, d.Intent)
		if err != nil {
			return progress, false, err
		}
		if contract == "" {
			last = "the receiver's wallet does not show it yet"
			progress.Text += "; " + last
			return progress, false, nil
		}
		accept := h.Wallets.AcceptOffer
		if p.kind == payment.ByTransfer {
			accept = h.Wallets.AcceptTransfer
		}
		switch err := accept(ctx, p.receiver, contract); svapp.KindOf(err) {
		case "", svapp.Conflict, svapp.NotFound: // refused: accepted before, rejected or expired meanwhile. The next look tells
			return progress, false, nil
		default:
			return progress, false, err
		}
	})
	return waited(err, last, "Look whether both nodes are connected to the network, or accept it in the wallet's own screen")
}

// find looks for the offer in the receiver's wallet; "": it is not there.
func (p acceptPayment) find(ctx context.Context, w steps.World, in payment.Intent) (contract string, err error) {
	err = w.Apps.Validator(ctx, p.receiver, func(v *svapp.Validator) error {
		user, is, err := v.WalletUser(ctx)
		switch {
		case err != nil:
			return err
		case !is:
			return noWallet(p.receiver)
		case user.Party != p.to:
			return &steps.Problem{Tried: p.Key(), Seen: "the wallet of " + p.receiver.Name + " is now of " + user.Party + ", not of " + p.to, Next: "Log in as the user that the plan was made with"}
		}
		list := v.Offers
		if p.kind == payment.ByTransfer {
			list = v.Transfers
		}
		all, is, err := list(ctx)
		switch {
		case err != nil:
			return err
		case !is:
			return noWallet(p.receiver)
		}
		_, contract = listed(all, in, p.number)
		return nil
	})
	return contract, err
}

// waitPayment waits until a payment is that far: for somebody who accepts it elsewhere, or for the recovery validator's automation. It reads only, so
// it can be left at any time.
type waitPayment struct {
	account
	number   int
	far      payment.State
	patience time.Duration
	who      string // who has to do what, as an instruction
}

func (p waitPayment) Key() string         { return fmt.Sprintf("wait until %d is %s", p.number, p.far) }
func (p waitPayment) Effect() wire.Effect { return wire.Observe }
func (p waitPayment) Refs() []steps.Ref   { return nil }

func (p waitPayment) Show() wire.Preview {
	return wire.Preview{Title: p.Key(), After: p.who, Commands: []string{"POST /api/validator/v0/wallet/transfer-offers/" + payment.Tracking(p.from, p.to, p.number, 1) + "/status"}}
}

func (p waitPayment) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (p waitPayment) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return p.standing(ctx, w, p.number, func(s payment.State) bool { return reaches(s, p.far) })
}

func (p waitPayment) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	payer, last, interval := p.payer(h.World, nil), "", look
	if p.patience >= personPatience {
		interval = personLook
	}
	err := steps.Poll(ctx, h, interval, p.patience, fmt.Sprintf("payment %d to be %s", p.number, p.far), report, func(ctx context.Context) (wire.Progress, bool, error) {
		d, err := payer.Look(ctx, p.number)
		if err != nil {
			return wire.Progress{}, false, err
		}
		last = d.Why
		if d.Next == payment.Store { // somebody stores it afterwards; a failure is told now
			if last, ok := d.Intent.Last(p.number); ok && last.State == payment.Failed {
				d.Next = payment.NewAttempt
			}
		}
		return p.progress(ctx, h.World, d, p.number, p.far)
	})
	return waited(err, last, "Wait until "+p.who+". Keep the recovery validator running until then")
}

// recordArrival stores that a payment has arrived.
type recordArrival struct {
	account
	number int
}

func (p recordArrival) Key() string         { return fmt.Sprintf("record that %d has arrived", p.number) }
func (p recordArrival) Effect() wire.Effect { return wire.Repeatable }
func (p recordArrival) Refs() []steps.Ref   { return p.keeps() }

func (p recordArrival) Show() wire.Preview {
	return wire.Preview{Title: p.Key(), Before: "the wallet alone tells it", After: "it stands in configmap/" + p.name()}
}

func (p recordArrival) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: p.Key(), Verdict: wire.Undetermined, Text: p.Key() + " can be tried only when it has"}}, nil
}

// Probe goes by what is stored: what the wallet tells is not what this is about.
func (p recordArrival) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	in, _, found, err := p.payer(w, nil).Book.Load(ctx)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	source := "configmap/" + p.name()
	if last, ok := in.Last(p.number); found && ok && last.State == payment.Completed {
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "completed"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "not recorded"}}, nil
}

func (p recordArrival) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return p.until(ctx, h, p.number, p.Key(), completePatience, payment.Completed, report)
}
