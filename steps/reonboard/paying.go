package reonboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
)

const (
	// look is how often a wallet is asked.
	look = 5 * time.Second
	// sendPatience is how long a payment may be under way to the wallet before the operator is asked.
	sendPatience = 5 * time.Minute
	// tries bounds the attempts of one payment. Their tracking IDs are known before the first is sent, so an action may name them all.
	tries = 5
)

// keepIntent stores what will be paid, before anything is.
type keepIntent struct {
	account
	payments payment.Plan
}

func (k keepIntent) Key() string         { return "store the plan of payments" }
func (k keepIntent) Effect() wire.Effect { return wire.Repeatable }
func (k keepIntent) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessKeepConfigMap(k.namespace, k.name())...)
}

func (k keepIntent) intent(w steps.World) payment.Intent {
	return payment.New(k.from, k.to, k.kind, k.payments, k.payer(w, nil).Mark())
}

func (k keepIntent) Show() wire.Preview {
	var each []string
	for _, p := range k.payments.Payments {
		each = append(each, fmt.Sprintf("payment %d of %s (%s)", p.Number, p.Amount.Words(), payment.Tracking(k.from, k.to, p.Number, 1)))
	}
	p := wire.Preview{Title: k.Key() + " in configmap/" + k.name(), Before: "not stored",
		After: "stored where every operator sees it, so that nobody pays twice: " + strings.Join(each, ", ")}
	in := payment.New(k.from, k.to, k.kind, k.payments, payment.Mark{Run: k.run}) // without the time, which is another one whenever it is shown
	if command, err := kube.CommandCreateConfigMap(k.where, intentMap(k.namespace, k.name(), in)); err == nil {
		p.Commands = []string{command}
	}
	return p
}

func (k keepIntent) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, found, err := h.World.Kube.ConfigMap(ctx, k.namespace, k.name()); err != nil || found {
		return nil, err
	}
	if _, err := h.Kube.CreateConfigMap(ctx, intentMap(k.namespace, k.name(), k.intent(h.World))); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: k.Key(), Verdict: wire.Holds, Text: "the server would store the plan"}}, nil
}

func (k keepIntent) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	in, _, found, err := k.book(w, nil).Load(ctx)
	source := "configmap/" + k.name()
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found:
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "not there"}}, nil
	case in.Hash != k.payments.Hash():
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "another plan, of run " + in.Made.Run}}, nil // Do says so
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "stored by run " + in.Made.Run}}, nil
}

func (k keepIntent) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	book := k.book(h.World, &h)
	in, _, found, err := book.Load(ctx)
	if err == nil && !found {
		if err = book.Save(ctx, k.intent(h.World), ""); errors.Is(err, payment.ErrChanged) {
			in, _, found, err = book.Load(ctx)
		}
	}
	if err != nil {
		return err
	}
	if found && in.Hash != k.payments.Hash() {
		return &steps.Problem{Tried: k.Key(), Seen: fmt.Sprintf("configmap %s/%s holds another plan already, which run %s stored at %s", k.namespace, k.name(), in.Made.Run, in.Made.At.UTC().Format("2006-01-02 15:04 UTC")),
			Next: "Nothing was paid. Do the step transfer-plan again: it goes on with what is stored"}
	}
	return nil
}

// sendPayment offers one payment to the receiver, by the tracking ID that is stored.
type sendPayment struct {
	account
	number int
	amount payment.Amount // as planned; an attempt may be of less
}

func (s sendPayment) Key() string         { return fmt.Sprintf("pay %d", s.number) }
func (s sendPayment) Effect() wire.Effect { return wire.Once }
func (s sendPayment) Refs() []steps.Ref   { return append(s.keeps(), s.sends(s.number)...) }

// keeps is what storing needs.
func (a account) keeps() []steps.Ref {
	return steps.KubeRefs(kube.AccessKeepConfigMap(a.namespace, a.name())...)
}

// sends are the attempts of a payment that may be sent.
func (a account) sends(number int) []steps.Ref {
	verb := "offer"
	if a.kind == payment.ByTransfer {
		verb = "transfer"
	}
	return a.wallet(a.sender, verb, number)
}

func (a account) wallet(app steps.App, verb string, number int) []steps.Ref {
	var all []steps.WalletChange
	for k := 1; k <= tries; k++ {
		all = append(all, steps.WalletChange{Namespace: app.Namespace, Workload: app.Workload, Verb: verb, Object: payment.Tracking(a.from, a.to, number, k)})
	}
	return steps.WalletRefs(all...)
}

func (s sendPayment) Show() wire.Preview {
	p := wire.Preview{Title: fmt.Sprintf("%s: offer %s to %s", s.Key(), s.amount.Words(), s.to), Before: "in the wallet of " + s.sender.Name,
		After: fmt.Sprintf("offered under tracking ID %s, good for %d days; no coin moves before it is accepted", payment.Tracking(s.from, s.to, s.number, 1), int(s.validity.Hours()/24)),
		Commands: []string{fmt.Sprintf(`POST /api/validator/v0/wallet/transfer-offers {"receiver_party_id":%q,"amount":%q,"expires_at":MICROSECONDS,"tracking_id":%q}`,
			s.to, s.amount, payment.Tracking(s.from, s.to, s.number, 1))}}
	if s.kind == payment.ByTransfer {
		p.After = fmt.Sprintf("started under tracking ID %s, good for %d days; the coins move when the receiver accepts, or at once where the receiver has a preapproval", payment.Tracking(s.from, s.to, s.number, 1), int(s.validity.Hours()/24))
		p.Commands[0] = strings.Replace(p.Commands[0], "transfer-offers", "token-standard/transfers", 1)
	}
	return p
}

func (s sendPayment) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Undetermined, Text: "a wallet has no way to try a payment: " + s.Key() + " is known when it is sent"}}, nil
}

func (s sendPayment) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return s.standing(ctx, w, s.number, func(state payment.State) bool { return state.Known() && state != payment.Failed })
}

// standing probes a payment: done where its last attempt is as far as wanted. What the world shows counts, stored or not.
func (a account) standing(ctx context.Context, w steps.World, n int, enough func(payment.State) bool) (wire.ActionState, []wire.Evidence, error) {
	d, err := a.payer(w, nil).Look(ctx, n)
	switch {
	case errors.Is(err, payment.ErrNone):
		return wire.ActionPending, []wire.Evidence{{Source: "configmap/" + a.name(), Seen: "not there"}}, nil
	case err != nil:
		return wire.ActionUnknown, nil, err
	}
	evidence := []wire.Evidence{{Source: fmt.Sprintf("payment %d", n), Seen: d.Why}}
	last, _ := d.Intent.Last(n)
	switch {
	case enough(last.State):
		return wire.ActionDone, evidence, nil
	case d.Next == payment.Ask:
		return wire.ActionUnknown, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (s sendPayment) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return s.until(ctx, h, s.number, "the wallet to take "+s.Key(), sendPatience, payment.Created, report)
}

// until takes a payment on until its last attempt is that far. One that is over without a coin moved is *failedPayment; one of which only a person
// can find out is *lostPayment.
func (a account) until(ctx context.Context, h steps.Hands, n int, what string, patience time.Duration, far payment.State, report func(wire.Progress)) error {
	payer, last := a.payer(h.World, &h), ""
	err := steps.Poll(ctx, h, look, patience, what, report, func(ctx context.Context) (wire.Progress, bool, error) {
		d, err := payer.Advance(ctx, n)
		if err != nil {
			return wire.Progress{}, false, err
		}
		last = d.Why
		return a.progress(ctx, h.World, d, n, far)
	})
	return waited(err, last, "Wait longer, or look into the log of "+a.sender.Name+"; what is sent again has the same tracking ID, so it is not paid twice")
}

// waited says of a wait that ran out of patience what was last seen, and what to do.
func waited(err error, last, next string) error {
	if waiting, ok := errors.AsType[*steps.StillWaiting](err); ok {
		waiting.Next = next
		if last != "" {
			waiting.Detail = []string{"at last: " + last}
		}
	}
	return err
}

// progress is how a payment stands, and whether that is far enough.
func (a account) progress(ctx context.Context, w steps.World, d payment.Decision, n int, far payment.State) (wire.Progress, bool, error) {
	last, _ := d.Intent.Last(n)
	p := wire.Progress{Text: fmt.Sprintf("payment %d: %s", n, d.Why)}
	switch {
	case d.Next == payment.NewAttempt:
		return p, false, a.failed(ctx, w, d, n)
	case d.Next == payment.Send: // of who looks alone: whoever may send has sent it
		return p, false, &unsentPayment{account: a, number: n, attempt: last}
	case d.Next == payment.Ask:
		return p, false, &lostPayment{account: a, number: n, attempt: last, planned: d.Intent.Planned(n), why: d.Why}
	}
	return p, last.State == payment.Completed || last.State != payment.Failed && reaches(last.State, far) && d.Next != payment.Look, nil
}

// reaches says whether a state is as far as another.
func reaches(state, far payment.State) bool {
	switch far {
	case payment.Created:
		return state.Known()
	case payment.Accepted:
		return state == payment.Accepted || state == payment.Completed
	}
	return state == payment.Completed
}
