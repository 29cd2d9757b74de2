package reonboard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// endLength is how many characters of the receiver's party the operator types.
const endLength = 8

// testTransfer sends the first payment alone.
func testTransfer() steps.Step[Facts] {
	s := sendStep("reonboard/test-transfer", "Send the test payment", "Stores the plan in the cluster, and offers the small first payment to the fresh SV.", testOf)
	s.Asks = []steps.Ask{{Name: "receiver", Kind: wire.AskText, Help: fmt.Sprintf("the last %d characters of the receiver's party", endLength)}}
	s.Inputs = func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
		t := f.Transfers
		if t.Plan == nil {
			return nil, nil
		}
		if t.Typed == "" || !strings.HasSuffix(t.Receiver, t.Typed) {
			return []wire.Question{{Name: "receiver", Kind: wire.AskText, Title: fmt.Sprintf("Type the last %d characters of the receiver's party", endLength),
				Text: fmt.Sprintf("%s goes to the party below, in %d payments, and cannot be called back once it has arrived; %s stays for fees.\n%s\nRead its end on the new node's own screen, not here.",
					t.Plan.Paid().Words(), len(t.Plan.Payments), t.Plan.Left.Words(), shortened(t.Receiver))}}, nil
		}
		return nil, nil
	}
	s.Take = func(f *Facts, ask, value string) error {
		typed := strings.TrimSpace(value)
		switch {
		case ask != "receiver":
			return fmt.Errorf("nothing is asked by the name %q", ask)
		case len(typed) != endLength:
			return fmt.Errorf("type the last %d characters, not %d", endLength, len(typed))
		case !strings.HasSuffix(f.Transfers.Receiver, typed):
			return fmt.Errorf("the receiver's party does not end in %q: look whether both are of the same node", typed)
		}
		f.Transfers.Typed = typed
		return nil
	}
	s.Forget = func(f *Facts) { f.Transfers.Typed = "" }
	plan := s.Plan
	s.Plan = func(f Facts) ([]steps.Action, error) {
		actions, err := plan(f)
		if err != nil {
			return nil, err
		}
		return append([]steps.Action{keepIntent{accountOf(f), *f.Transfers.Plan}}, actions...), nil
	}
	return s
}

// shortened is a party without its end, which is to be read elsewhere.
func shortened(party string) string {
	if len(party) <= endLength {
		return party
	}
	return party[:len(party)-endLength] + strings.Repeat("*", endLength)
}

// transfer sends what is left after the test.
func transfer() steps.Step[Facts] {
	s := sendStep("reonboard/transfer", "Send the rest", "Offers the rest to the fresh SV, each payment by the tracking ID that was stored.", restOf)
	check := s.Check
	s.Check = func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
		found, err := check(ctx, w, f)
		if err != nil || f.Transfers.Plan == nil {
			return found, err
		}
		arrived, err := standings(ctx, w, f, testOf(*f.Transfers.Plan), payment.Completed)
		return append(found, arrived...), err
	}
	return s
}

// testOf and restOf are the two rounds of a plan.
func testOf(p payment.Plan) []payment.Planned { return p.Payments[:min(1, len(p.Payments))] }
func restOf(p payment.Plan) []payment.Planned { return p.Payments[min(1, len(p.Payments)):] }

// needPlan is the error of a plan of actions before the payments are planned, nil afterwards.
func needPlan(f Facts) error {
	if f.Transfers.Plan == nil {
		return &steps.NotYet{Step: "reonboard/transfer-plan", What: "how much is paid to whom"}
	}
	return nil
}

func sendStep(id, title, summary string, round func(payment.Plan) []payment.Planned) steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: id, Title: title, Effect: wire.Once, Summary: summary,
		Check: checkWallets,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needPlan(f); err != nil {
				return nil, err
			}
			var actions []steps.Action
			for _, p := range round(*f.Transfers.Plan) {
				actions = append(actions, sendPayment{accountOf(f), p.Number, p.Amount})
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return standings(ctx, w, *f, round(*f.Transfers.Plan), payment.Created)
		},
		Stays:    "an offer that was made is not taken back by the run: withdraw it in the recovery validator's wallet, then it counts as withdrawn",
		Remedies: payAdvice,
	}
}

// checkWallets looks once more that both wallets are of whom they were, and that the receiver is the fresh SV.
func checkWallets(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if f.Transfers.Plan == nil {
		return nil, nil
	}
	var found []wire.Finding
	for _, each := range []struct {
		id, party, of string
		app           steps.App
	}{{"sender", f.Old.Party, "pays", f.Validator.App}, {"receiver-wallet", f.Transfers.Receiver, "receives", f.Fresh.Wallet}} {
		var user svapp.WalletUser
		err := w.Apps.Validator(ctx, each.app, func(v *svapp.Validator) error {
			u, is, err := v.WalletUser(ctx)
			if err == nil && !is {
				return noWallet(each.app)
			}
			user = u
			return err
		})
		if err != nil {
			return nil, err
		}
		finding := wire.Finding{ID: each.id, Verdict: wire.Holds, Text: fmt.Sprintf("the wallet that %s is of %s", each.of, each.party), Evidence: []wire.Evidence{{Source: each.app.Name, Seen: "party " + user.Party, At: w.Clock.Now()}}}
		if user.Party != each.party || !user.Onboarded || !user.Installed {
			finding.Verdict, finding.Text = wire.Violated, fmt.Sprintf("the wallet that %s must be of %s and ready; it is of %s (onboarded %v, installed %v)", each.of, each.party, user.Party, user.Onboarded, user.Installed)
			finding.Next = "Log in as the user that the plan was made with, and look again"
		}
		found = append(found, finding)
	}
	right, err := rightReceiver(ctx, w, f, f.Transfers.Receiver)
	return append(found, right...), err
}

// standings proves from the world that payments are as far as wanted.
func standings(ctx context.Context, w steps.World, f Facts, round []payment.Planned, far payment.State) ([]wire.Finding, error) {
	payer := accountOf(f).payer(w, nil)
	finding := wire.Finding{ID: "payments", Verdict: wire.Holds}
	var open []string
	for _, p := range round {
		d, err := payer.Look(ctx, p.Number)
		if errors.Is(err, payment.ErrNone) {
			return []wire.Finding{{ID: "payments", Verdict: wire.Violated, Text: "no plan of payments is stored in the cluster", Next: "Do the step test-transfer first; if it was done, find out who removed configmap " + accountOf(f).name()}}, nil
		}
		if err != nil {
			return nil, err
		}
		last, _ := d.Intent.Last(p.Number)
		state := string(last.State)
		if state == "" {
			state = "not begun"
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: fmt.Sprintf("payment %d of %s", p.Number, p.Amount.Words()), Seen: state, At: w.Clock.Now()})
		if !reaches(last.State, far) || last.State == payment.Failed {
			open = append(open, fmt.Sprintf("payment %d is %s", p.Number, state))
		}
	}
	switch {
	case len(open) > 0:
		finding.Verdict, finding.Text, finding.Next = wire.Violated, strings.Join(open, ", "), "Do the step again: what is done is not sent again"
	case len(round) == 0:
		finding.Text = "there is nothing to be paid in this step"
	default:
		finding.Text = fmt.Sprintf("every payment of this step is %s or further", far)
	}
	return []wire.Finding{finding}, nil
}
