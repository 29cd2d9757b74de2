package reonboard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
)

// failedPayment is a payment whose last attempt is over without a coin moved.
type failedPayment struct {
	account
	number  int
	attempt payment.Attempt
	planned payment.Amount
	free    *payment.Amount // what the wallet has unlocked now; nil: not known
}

func (a account) failed(ctx context.Context, w steps.World, d payment.Decision, n int) error {
	last, _ := d.Intent.Last(n)
	p := &purse{account: a, world: w}
	free, err := p.unlocked(ctx, a.sender)
	if err != nil {
		free = nil
	}
	return &failedPayment{account: a, number: n, attempt: last, planned: d.Intent.Planned(n), free: free}
}

// short says whether the wallet did not have enough: then the app withdraws what it cannot complete.
func (f *failedPayment) short() bool {
	return f.attempt.Failure == "withdrawn" && f.free != nil && f.free.Cmp(f.attempt.Amount) < 0 || strings.Contains(f.attempt.Reason, "out of funds")
}

// spent says that there is no further attempt: its tracking ID is not among those that the payment's actions have named.
func (f *failedPayment) spent() bool { return f.attempt.Number >= tries }

func (f *failedPayment) Error() string { return f.Failure().Error() }

func (f *failedPayment) Failure() wire.Failure {
	w := wire.Failure{Tried: fmt.Sprintf("moving payment %d of %s", f.number, f.attempt.Amount.Words())}
	reason := ""
	if f.attempt.Reason != "" {
		reason = " (" + f.attempt.Reason + ")"
	}
	switch how := f.attempt.Failure; {
	case f.short():
		w.Seen = "the wallet had too little when it came to completing it, so it was withdrawn" + reason
		w.Next = "No coin of it has moved. Pay less, or wait until rewards and merged amulets have come in and try the same amount again"
	case how == "expired":
		w.Seen = fmt.Sprintf("nobody accepted it, or the validator did not complete it, before %s: it expired", f.attempt.Expires.UTC().Format("2006-01-02 15:04 UTC"))
		w.Next = "No coin of it has moved. Find out who has to accept it, then begin a new attempt"
	case how == "rejected":
		w.Seen = "the receiver rejected it" + reason
		w.Next = "No coin of it has moved. Ask the operator of the new node why before you begin a new attempt"
	case how == payment.ByWord:
		w.Seen = "an operator said that it is over" + reason
		w.Next = "Begin a new attempt only if you are as sure as they were"
	default:
		w.Seen = "it was " + how + reason
		w.Next = "No coin of it has moved. Find out who withdrew it before you begin a new attempt"
	}
	if f.spent() {
		w.Seen = fmt.Sprintf("all %d attempts of it are used up; of the last one: %s", tries, w.Seen)
		w.Next = fmt.Sprintf("No coin of it has moved, and this run begins no further attempt. Look first that no offer of it is open, and find out why none came to its end. "+
			"Then pay it in the wallet's own screen, to %s. When it has arrived, choose to leave the action out, and to go on without its proof where that is asked, with this as the reason: Verify the arrival compares both wallets", f.to)
	}
	if f.free != nil {
		w.Detail = append(w.Detail, "the wallet has "+f.free.Words()+" unlocked")
	}
	return w
}

// lostPayment is a payment of which only a person can find out what became of it.
type lostPayment struct {
	account
	number  int
	attempt payment.Attempt // zero: nothing is stored of one
	planned payment.Amount
	why     string
}

func (l *lostPayment) Error() string { return l.Failure().Error() }

func (l *lostPayment) Failure() wire.Failure {
	return wire.Failure{Tried: fmt.Sprintf("finding out what became of payment %d", l.number), Seen: l.why,
		Next: "Nothing more is sent until it is known. Look into both wallets: their balances, transactions and open offers, and withdraw what is open. Make sure that nobody else is at it with another svrescue or a wallet's own screen"}
}

// unsentPayment is a payment whose last attempt is stored, and which no wallet knows: the run that began it stopped before it sent it.
type unsentPayment struct {
	account
	number  int
	attempt payment.Attempt
}

func (u *unsentPayment) Error() string { return u.Failure().Error() }

func (u *unsentPayment) Failure() wire.Failure {
	return wire.Failure{Tried: fmt.Sprintf("finding attempt %d of payment %d in the wallets", u.attempt.Number, u.number),
		Seen: "it was begun and is not sent: the wallet does not know its tracking ID",
		Next: "Send it: by the tracking ID that is stored it is not paid twice"}
}

func (u *unsentPayment) remedies(accept bool) []steps.Remedy {
	send := []steps.Action{againPayment{u.account, u.number, u.attempt.Number, u.attempt.Amount}}
	if accept {
		send = append(send, acceptPayment{u.account, u.number, u.attempt.Amount, u.attempt.Number})
	}
	return []steps.Remedy{{Choice: "again", Label: fmt.Sprintf("Send attempt %d now, of %s", u.attempt.Number, u.attempt.Amount.Words()), Actions: send,
		Detail: "its tracking ID is " + u.attempt.Tracking}}
}

// payAdvice are the choices for payments that are stuck before they are accepted.
func payAdvice(err error) []steps.Remedy { return advice(err, false) }

// acceptAdvice are those for payments that are stuck on their way: what is offered anew is accepted anew, where this run accepts.
func acceptAdvice(err error) []steps.Remedy { return advice(err, true) }

func advice(err error, accept bool) []steps.Remedy {
	var failed *failedPayment
	var lost *lostPayment
	var unsent *unsentPayment
	switch {
	case errors.As(err, &unsent):
		return unsent.remedies(accept && unsent.here)
	case errors.As(err, &failed):
		return failed.remedies(accept && failed.here)
	case errors.As(err, &lost):
		if lost.attempt.Number == 0 { // nothing is stored of what the wallet knows
			lost.attempt = payment.Attempt{Number: 1, Tracking: payment.Tracking(lost.from, lost.to, lost.number, 1), Amount: lost.planned}
		}
		arrived := settlePayment{lost.account, lost.number, lost.attempt, true}
		over := settlePayment{lost.account, lost.number, lost.attempt, false}
		return []steps.Remedy{
			{Choice: "over", Label: "It did not arrive, and never will", Actions: []steps.Action{over},
				Detail: "only if both wallets show that no coin of it moved and that nothing of it is open, and no other operator is at it: if you are wrong, it is paid twice"},
			{Choice: "arrived", Label: "It arrived", Actions: []steps.Action{arrived}, Detail: "only if the receiver's wallet shows it"},
		}
	}
	return nil
}

func (f *failedPayment) remedies(accept bool) []steps.Remedy {
	if f.spent() {
		return nil
	}
	next := f.attempt.Number + 1
	begin := func(amount payment.Amount) []steps.Action {
		all := []steps.Action{againPayment{f.account, f.number, next, amount}}
		if accept {
			all = append(all, acceptPayment{f.account, f.number, amount, next})
		}
		return all
	}
	same := steps.Remedy{Choice: "again", Label: "Begin a new attempt with " + f.planned.Words(), Actions: begin(f.planned),
		Detail: fmt.Sprintf("the one before is proven to be over; the new one has a tracking ID of its own, %s", payment.Tracking(f.from, f.to, f.number, next))}
	if f.free == nil || f.free.Cmp(f.planned) >= 0 {
		return []steps.Remedy{same}
	}
	less := f.free.Sub(f.free.Share(100)) // a hundredth stays for what made the amount too much
	if !less.Payable() {
		return []steps.Remedy{same}
	}
	return []steps.Remedy{same, {Choice: "less", Label: "Begin a new attempt with " + less.Words(), Actions: begin(less),
		Detail: "what the wallet has, less a hundredth for fees; the rest stays in it"}}
}

// againPayment begins a new attempt and offers it.
type againPayment struct {
	account
	number, attempt int
	amount          payment.Amount
}

func (p againPayment) Key() string {
	return fmt.Sprintf("pay %d again, attempt %d of %s", p.number, p.attempt, p.amount.Words())
}
func (p againPayment) Effect() wire.Effect { return wire.Once }
func (p againPayment) Refs() []steps.Ref   { return append(p.keeps(), p.sends(p.number)...) }

func (p againPayment) Show() wire.Preview {
	return wire.Preview{Title: p.Key(), Before: fmt.Sprintf("attempt %d is over, and no coin of it has moved", p.attempt-1),
		After: fmt.Sprintf("%s offered to %s under tracking ID %s, good for %d days", p.amount.Words(), p.to, payment.Tracking(p.from, p.to, p.number, p.attempt), int(p.validity.Hours()/24))}
}

func (p againPayment) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (p againPayment) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	d, err := p.payer(w, nil).Look(ctx, p.number)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	last, _ := d.Intent.Last(p.number)
	evidence := []wire.Evidence{{Source: fmt.Sprintf("payment %d, attempt %d", p.number, last.Number), Seen: d.Why}}
	switch {
	case last.Number > p.attempt || last.Number == p.attempt && last.State.Known():
		return wire.ActionDone, evidence, nil
	case d.Next == payment.Ask:
		return wire.ActionUnknown, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (p againPayment) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	if err := p.payer(h.World, &h).Again(ctx, p.number, p.attempt, p.amount); err != nil {
		return err
	}
	return p.until(ctx, h, p.number, "the wallet to take "+p.Key(), sendPatience, payment.Created, report)
}

// settlePayment records a person's word.
type settlePayment struct {
	account
	number  int
	attempt payment.Attempt
	arrived bool
}

func (p settlePayment) Key() string {
	if p.arrived {
		return fmt.Sprintf("record the word that %d has arrived", p.number)
	}
	return fmt.Sprintf("record the word that attempt %d of %d is over", p.attempt.Number, p.number)
}

// Effect: a wrong word that nothing arrived pays twice, so the operator types the name of the node before it counts.
func (p settlePayment) Effect() wire.Effect {
	if p.arrived {
		return wire.Repeatable
	}
	return wire.Destroy
}

func (p settlePayment) Refs() []steps.Ref { return p.keeps() }

func (p settlePayment) Show() wire.Preview {
	s := wire.Preview{Title: p.Key(), Before: "not known", After: fmt.Sprintf("payment %d of %s counts as arrived", p.number, p.attempt.Amount.Words())}
	if !p.arrived {
		s.After = fmt.Sprintf("attempt %d (%s) counts as over, and a new one may begin", p.attempt.Number, p.attempt.Tracking)
		s.Lost = "the proof that it is not paid twice: from here on it is your word"
	}
	return s
}

func (p settlePayment) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (p settlePayment) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	in, _, _, err := p.payer(w, nil).Book.Load(ctx)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	last, ok := in.Last(p.number)
	if ok && (last.Number > p.attempt.Number || last.State.Over()) {
		return wire.ActionDone, []wire.Evidence{{Source: "configmap/" + p.name(), Seen: string(last.State)}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "configmap/" + p.name(), Seen: "open"}}, nil
}

func (p settlePayment) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return p.payer(h.World, &h).Settle(ctx, p.number, p.attempt.Number, p.arrived, "said by an operator in run "+p.run)
}
