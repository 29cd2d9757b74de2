package reonboard

import (
	"context"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
)

// testAccept brings the test payment to its end.
func testAccept() steps.Step[Facts] {
	return acceptStep("reonboard/test-accept", "Accept the test payment", "Accepts the test payment in the fresh SV's wallet, and waits until its coins have moved.", testOf)
}

// accept brings the rest to its end, one payment after the other: each leaves the amulets that the next one is counted on.
func accept() steps.Step[Facts] {
	return acceptStep("reonboard/accept", "Accept the rest", "Accepts the other payments in the fresh SV's wallet, one after the other, and waits until their coins have moved.", restOf)
}

func acceptStep(id, title, summary string, round func(payment.Plan) []payment.Planned) steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: id, Title: title, Effect: wire.Repeatable, Summary: summary,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needPlan(f); err != nil {
				return nil, err
			}
			a := accountOf(f)
			var actions []steps.Action
			for _, p := range round(*f.Transfers.Plan) {
				actions = append(actions, a.arrive(p)...)
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := standings(ctx, w, *f, round(*f.Transfers.Plan), payment.Completed)
			if err != nil || wire.WorstVerdict(found) != wire.Holds {
				return found, err
			}
			in, _, is, err := accountOf(*f).payer(w, nil).Book.Load(ctx)
			if err != nil || !is {
				return found, err
			}
			f.Transfers.Moved = in.Moved().String()
			for _, p := range in.Payments {
				if last, ok := in.Last(p.Number); ok && last.State == payment.Completed && last.Seen.At.After(f.Transfers.At) {
					f.Transfers.At = last.Seen.At
				}
			}
			return found, nil
		},
		Stays:    "coins that have arrived are not sent back",
		Remedies: acceptAdvice,
	}
}

// arrive are the actions that bring one payment from its offer to its arrival.
func (a account) arrive(p payment.Planned) []steps.Action {
	var actions []steps.Action
	if a.here {
		actions = append(actions, acceptPayment{a, p.Number, p.Amount, 0})
	} else {
		actions = append(actions, waitPayment{a, p.Number, a.far(), personPatience,
			fmt.Sprintf("somebody accepts %s from %s in the wallet of %s, on its own screen; nothing else is to be accepted there", p.Amount.Words(), partyWords(a.from), a.receiver.Name)})
	}
	if a.kind == payment.ByOffer {
		actions = append(actions, waitPayment{a, p.Number, payment.Completed, completePatience,
			"the recovery validator completes it by itself; acceptance alone has moved nothing"})
	}
	return append(actions, recordArrival{a, p.Number})
}
