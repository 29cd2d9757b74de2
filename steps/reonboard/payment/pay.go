package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"canton.example/svrescue/svapp"
)

// Book keeps one intent where every operator sees it.
type Book interface {
	// Load answers what is stored and its version; not found where nothing is. What cannot be read as an intent is an error.
	Load(context.Context) (in Intent, version string, found bool, err error)
	// Save stores in place of the version; "" makes the first. ErrChanged says that another version is there, and nothing was stored. After any
	// other error it is not known whether it was.
	Save(ctx context.Context, in Intent, version string) error
}

// ErrChanged says that somebody else has stored something meanwhile.
var ErrChanged = errors.New("somebody else has changed the stored intent meanwhile")

// Purse is the sender's wallet, with what can be seen of the receiver's.
type Purse interface {
	// Look looks for the tracking ID that counts for payment n now.
	Look(ctx context.Context, in Intent, n int) (Observation, error)
	// Send sends an attempt once. Errors are *svapp.Error.
	Send(ctx context.Context, in Intent, a Attempt) (Sent, error)
}

// Sent is what the wallet answered.
type Sent struct {
	Contract string
	Arrived  bool // the coins have moved at once
}

// Payer pays by what is stored.
type Payer struct {
	Book     Book
	Purse    Purse
	Mark     func() Mark
	Validity time.Duration
}

// ErrNone says that no intent is stored.
var ErrNone = errors.New("no intent of payments is stored")

// Look decides about payment n, and changes nothing.
func (p Payer) Look(ctx context.Context, n int) (Decision, error) {
	d, _, err := p.look(ctx, n)
	return d, err
}

func (p Payer) look(ctx context.Context, n int) (d Decision, version string, err error) {
	in, version, found, err := p.Book.Load(ctx)
	switch {
	case err != nil:
		return d, "", err
	case !found:
		return d, "", ErrNone
	}
	o, err := p.Purse.Look(ctx, in, n)
	if err != nil {
		return d, "", err
	}
	return Decide(in, n, o, Begin{p.Validity, p.Mark()}), version, nil
}

// Advance takes the next step of payment n and answers what it was. It may be called again after anything, by anybody, at the same time as by
// somebody else.
func (p Payer) Advance(ctx context.Context, n int) (Decision, error) {
	d, version, err := p.look(ctx, n)
	if err != nil {
		return d, err
	}
	switch d.Next {
	case Store:
		changed, err := p.save(ctx, d.Intent, version)
		if err != nil || changed {
			return Decision{Next: Look, Why: ErrChanged.Error(), Intent: d.Intent}, err
		}
		a, _ := d.Intent.Last(n)
		if d.Intent.Kind == ByTransfer && a.State == Sending { // it can be sent now, or never without a person
			return p.send(ctx, d.Intent, n, a)
		}
	case Send:
		a, _ := d.Intent.Last(n)
		return p.send(ctx, d.Intent, n, a)
	}
	return d, nil
}

// send sends what is stored, and stores what came of it. Where that is not known, the next look tells.
func (p Payer) send(ctx context.Context, in Intent, n int, a Attempt) (Decision, error) {
	sent, err := p.Purse.Send(ctx, in, a)
	look := Decision{Next: Look, Why: "it was sent", Intent: in}
	switch svapp.KindOf(err) {
	case "":
	case svapp.Conflict: // this tracking ID was taken before; or a rule of the ledger refused it, and then a look finds nothing
		look.Why = "the wallet has met its tracking ID before, or a rule of the ledger refused it"
		return look, nil
	case svapp.Throttled:
		look.Why = "the wallet is at it"
		return look, nil
	default:
		return look, err
	}
	if sent.Contract == "" && !sent.Arrived {
		return look, nil
	}
	// What is stored may have changed meanwhile; what is not recorded here a look will show, for an offer.
	now, version, found, err := p.Book.Load(ctx)
	if err != nil || !found {
		return look, err
	}
	if last, ok := now.Last(n); !ok || last.Tracking != a.Tracking || last.State != Sending {
		return look, nil
	}
	next := now.seen(n, func(x *Attempt) {
		x.State, x.Contract, x.Seen = Created, sent.Contract, p.Mark()
		if sent.Arrived {
			x.State = Completed
		}
	})
	if _, err := p.save(ctx, next, version); err != nil {
		return look, err
	}
	return look, nil
}

// save says whether somebody else was faster.
func (p Payer) save(ctx context.Context, in Intent, version string) (changed bool, err error) {
	err = p.Book.Save(ctx, in, version)
	if errors.Is(err, ErrChanged) {
		return true, nil
	}
	return false, err
}

// Again begins attempt number attempt of payment n, where the one before it is proven to be over. Where it has begun already, it does nothing. Of
// an offer nothing is sent yet. An amount of 0 stands for the planned one.
func (p Payer) Again(ctx context.Context, n, attempt int, amount Amount) error {
	d, version, err := p.look(ctx, n)
	if err != nil {
		return err
	}
	last, _ := d.Intent.Last(n)
	switch {
	case last.Number >= attempt:
		return nil
	case d.Next != NewAttempt || last.Number != attempt-1:
		return fmt.Errorf("attempt %d of payment %d cannot begin: %s", attempt, n, d.Why)
	}
	if !amount.Positive() {
		amount = d.Intent.Planned(n)
	}
	o, err := p.Purse.Look(ctx, d.Intent, n)
	if err != nil {
		return err
	}
	next, err := d.Intent.begun(n, o.attempt(amount, Begin{p.Validity, p.Mark()}), o.Lost != "")
	if err != nil {
		return err
	}
	if err := p.Book.Save(ctx, next, version); err != nil || next.Kind == ByOffer {
		return err
	}
	a, _ := next.Last(n)
	_, err = p.send(ctx, next, n, a)
	return err
}

// Settle records a person's word on an attempt of which only a person can find out whether the coins have moved. Where it is over already, it does
// nothing.
func (p Payer) Settle(ctx context.Context, n, attempt int, arrived bool, why string) error {
	d, version, err := p.look(ctx, n)
	if err != nil {
		return err
	}
	last, is := d.Intent.Last(n)
	switch {
	case is && (last.Number > attempt || last.State.Over()):
		return nil
	case d.Next != Ask || !d.Intent.Has(n):
		return fmt.Errorf("payment %d needs no word of a person: %s", n, d.Why)
	}
	in := d.Intent
	if !is { // nothing is stored of what the wallet knows
		o, err := p.Purse.Look(ctx, in, n)
		if err != nil {
			return err
		}
		if in, err = in.begun(n, o.attempt(in.Planned(n), Begin{p.Validity, p.Mark()}), o.Lost != ""); err != nil {
			return err
		}
	}
	return p.Book.Save(ctx, in.seen(n, func(x *Attempt) {
		x.State, x.Failure, x.Reason, x.Seen = Failed, ByWord, why, p.Mark()
		if arrived {
			x.State = Completed
		}
	}), version)
}
