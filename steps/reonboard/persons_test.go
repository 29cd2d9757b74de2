package reonboard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// A transfer of the token standard whose fate nothing shows is not sent again: a person says what became of it, and both answers are taken.
func TestTokenStandardAsks(t *testing.T) {
	for choice, offers := range map[string]int{"over": 2, "arrived": 1} {
		b := newBank(60, 40)
		b.classic = false
		inRig(t, b, func(r *rig) {
			lost := false
			r.meets = func(call string, done bool) error {
				if call == "transfer" && !done && !lost {
					lost = true
					return &svapp.Error{Kind: svapp.Timeout, Tried: "pay", Seen: "no answer"}
				}
				return nil
			}
			r.choose = func(err error) string {
				var asks *lostPayment
				var over *failedPayment
				switch {
				case errors.As(err, &asks):
					return choice
				case errors.As(err, &over):
					return "again"
				}
				return wire.ChoiceRetry
			}
			if _, err := r.all(r.Context(), 0); choice == "over" && err != nil {
				r.Fatal(err)
			}
			if len(r.offers) != offers {
				r.Errorf("%s: %d transfers", choice, len(r.offers))
			}
			for _, call := range r.calls {
				if choice == "over" && strings.HasPrefix(call, "transfer") && strings.HasSuffix(call, "-1-1") && call != r.calls[0] {
					r.Errorf("%s was sent again", call)
				}
			}
		})
	}
}

// A validator that was installed anew does not know what was sent: nothing is sent by it before a person has looked.
func TestForgottenPaymentsAreNotPaidAgain(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		path := New().Steps
		for _, s := range path {
			if s.ID == "reonboard/test-accept" {
				break
			}
			if mine(s.ID) {
				if _, err := r.play(r.Context(), s); err != nil {
					r.Fatal(err)
				}
			}
		}
		r.offers[0].forgotten, r.offers[0].Status = true, "completed" // the log is gone, and the list has nothing any more
		var met error
		r.choose = func(err error) string { met = err; return "" }
		_, err := r.all(r.Context(), 2)
		var lost *lostPayment
		if err == nil || !errors.As(met, &lost) {
			r.Fatalf("it went on: %v", err)
		}
		if len(r.offers) != 1 {
			r.Errorf("%d offers", len(r.offers))
		}
		if advice := walletChoices(acceptAdvice(met)); advice != "over, arrived" {
			r.Errorf("the choices are %s", advice)
		}
	})
}

// A run that stopped after it had stored a new attempt, and before it sent it, sends it when a person says so; whoever only accepts does not.
func TestAnAttemptThatWasNotSentIsSent(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		r.meets = func(call string, after bool) error { // the first that is accepted is rejected before
			if o := r.offers; call == "accept" && !after && len(o) == 1 {
				o[0].Status, o[0].Failure = "failed", "rejected"
			}
			return nil
		}
		unsent := 0
		r.choose = func(err error) string {
			var failed *failedPayment
			var begun *unsentPayment
			switch {
			case errors.As(err, &failed):
				next := againPayment{failed.account, failed.number, failed.attempt.Number + 1, failed.planned}
				h := r.hands(next)
				if err := next.payer(r.world, &h).Again(r.Context(), next.number, next.attempt, next.amount); err != nil {
					r.Fatal(err)
				}
				return wire.ChoiceRetry
			case errors.As(err, &begun):
				if unsent++; len(r.offers) != 1 {
					r.Errorf("%d offers before anybody said to send it", len(r.offers))
				}
				return "again"
			}
			r.Fatal(err)
			return ""
		}
		if _, err := r.all(r.Context(), 0); err != nil {
			r.Fatal(err)
		}
		if unsent != 1 || len(r.offers) != 3 {
			r.Errorf("asked %d times, %d offers", unsent, len(r.offers))
		}
		r.arrivedOnce(r.total())
	})
}

func walletChoices(all []steps.Remedy) string {
	var names []string
	for _, x := range all {
		names = append(names, x.Choice)
	}
	return strings.Join(names, ", ")
}

// Two operators with two programs at the same time: each payment is offered once.
func TestTwoOperatorsAtOnce(t *testing.T) {
	b := newBank(60, 40)
	total := b.total()
	inRig(t, b, func(r *rig) {
		other := *r
		errs := make(chan error, 2)
		for _, one := range []*rig{r, &other} {
			go func() {
				for range 50 { // who meets the other's change looks again
					_, err := one.all(one.Context(), 0)
					if err == nil {
						errs <- nil
						return
					}
					time.Sleep(time.Second)
				}
				errs <- errors.New("it does not come to its end")
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				r.Error(err)
			}
		}
		r.arrivedOnce(total)
		if len(r.offers) != 2 {
			r.Errorf("%d offers", len(r.offers))
		}
	})
}

// A payment that a person has offered with the command that was shown counts as sent, and is not sent again.
func TestOfferedByHand(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		ctx := r.Context()
		if _, err := r.play(ctx, transferPlan()); err != nil {
			r.Fatal(err)
		}
		keep := keepIntent{accountOf(r.facts), *r.facts.Transfers.Plan}
		if err := keep.Do(ctx, r.hands(keep), func(wire.Progress) {}); err != nil {
			r.Fatal(err)
		}
		r.offers = append(r.offers, &bankOffer{Tracking: payment.Tracking(oldParty, newParty, 1, 1), From: oldParty, To: newParty, Contract: "00ffhand", Amount: payment.Coins(1),
			Expires: time.Now().Add(time.Hour), Status: "created"})
		send := sendPayment{accountOf(r.facts), 1, payment.Coins(1)}
		if state, seen, err := send.Probe(ctx, r.world); err != nil || state != wire.ActionDone {
			r.Fatalf("%s, %v, %v", state, seen, err)
		}
		if _, err := r.all(ctx, 0); err != nil {
			r.Fatal(err)
		}
		r.arrivedOnce(r.total())
		if len(r.offers) != 2 {
			r.Errorf("%d offers", len(r.offers))
		}
	})
}

// Where somebody has removed what was stored, what was paid is not paid again: a person says what the wallet cannot.
func TestRemovedRecordPaysNothingTwice(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		ctx := r.Context()
		if _, err := r.all(ctx, 0); err != nil {
			r.Fatal(err)
		}
		plan := r.facts.Transfers.Plan
		r.coins[oldParty] = []payment.Amount{payment.Coins(60), payment.Coins(40)} // enough to pay again
		name := accountOf(r.facts).name()
		m, _, err := r.world.Kube.ConfigMap(ctx, "validator", name)
		if err != nil {
			r.Fatal(err)
		}
		place := kube.Place{Version: "v1", Resource: "configmaps", Namespaced: true}
		if err := r.world.Kube.Hands([]kube.Access{place.Access("delete", "validator", name)}, false).Remove(ctx, place, "validator", name, m.UID); err != nil {
			r.Fatal(err)
		}
		asked := 0
		r.choose = func(err error) string {
			var lost *lostPayment
			if errors.As(err, &lost) {
				asked++
				return "arrived"
			}
			return ""
		}
		for _, s := range []steps.Step[Facts]{testTransfer(), testAccept(), transfer(), accept()} {
			if _, err := r.play(ctx, s); err != nil {
				r.Fatal(err)
			}
		}
		if len(r.offers) != len(plan.Payments) || asked != len(plan.Payments) {
			r.Errorf("%d offers, asked %d times", len(r.offers), asked)
		}
	})
}

// A wait that runs out of patience says what was last seen and what to do, for whoever accepts elsewhere.
func TestWaitingForSomebody(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		r.facts.Transfers.Accepts = acceptsOperator
		ctx := r.Context()
		for _, s := range []steps.Step[Facts]{transferPlan(), testTransfer()} {
			if _, err := r.play(ctx, s); err != nil {
				r.Fatal(err)
			}
		}
		_, err := r.play(ctx, testAccept())
		var waiting *steps.StillWaiting
		if !errors.As(err, &waiting) || !strings.Contains(waiting.Next, "the fresh SV") || len(waiting.Detail) == 0 || !strings.Contains(waiting.Detail[0], "has to accept") {
			r.Fatalf("got %v", err)
		}
		if waiting.Waited < 24*time.Hour || waiting.Waited > 25*time.Hour {
			r.Errorf("it waited %s", waiting.Waited)
		}
		r.offers[0].Status = "accepted"
		soon, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if _, err := r.all(soon, 0); err == nil {
			r.Error("the rest arrived, and nobody accepted it") // its offers wait as the test did
		}
		if r.offers[0].Status != "completed" {
			r.Errorf("the test payment is %s", r.offers[0].Status)
		}
	})
}
