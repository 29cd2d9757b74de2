package reonboard

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Who accepts in the receiver's wallet.
const (
	acceptsHere     = "here"
	acceptsOperator = "operator"
)

// transferPlan makes the plan of payments and freezes it; it sends nothing. Where a plan is stored in the cluster, by an earlier run or another
// operator, that one counts.
func transferPlan() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/transfer-plan", Title: "Plan the payments", Effect: wire.Observe,
		Summary: "Reads the receiver from the fresh SV's wallet, and plans a small test payment and then the rest.",
		Asks: []steps.Ask{
			{Name: "test", Kind: wire.AskText, Help: "how many coins the first payment moves, as a test"},
			{Name: "fee", Kind: wire.AskText, Help: "how many coins are set aside for each payment"},
			{Name: "days", Kind: wire.AskText, Help: "how many days an offer is good for"},
			{Name: "accepts", Kind: wire.AskChoice, Help: "who accepts in the fresh SV's wallet: here or operator"},
		},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			return planQuestions(f.Transfers), nil
		},
		Take:   takePlan,
		Forget: func(f *Facts) { f.Transfers = Transfers{} },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			switch {
			case f.Validator.Namespace == "":
				return nil, &steps.NotYet{Step: "reonboard/validator-deploy", What: "which wallet pays"}
			case f.Fresh.Namespace == "":
				return nil, &steps.NotYet{Step: "reonboard/fresh-sv", What: "which wallet receives"}
			}
			return makePlan(ctx, w, f)
		},
	}
}

func planQuestions(t Transfers) []wire.Question {
	switch {
	case t.Test == "":
		return []wire.Question{{Name: "test", Kind: wire.AskText, Title: "How many coins should the first payment move?", Default: "1",
			Text: "It goes all the way before anything else is sent, so that a wrong receiver costs no more than this. Where there is less, half of it is taken."}}
	case t.Fee == "":
		return []wire.Question{{Name: "fee", Kind: wire.AskText, Title: "How many coins should be set aside for each payment?", Default: "1",
			Text: "For fees of transfers, where the network has them, and for traffic that the validator buys meanwhile. What is not used stays in the recovery validator's wallet. Which fees this network takes was not verified: too little is no harm, the payment is withdrawn and can be tried again with less."}}
	case t.Days == 0:
		return []wire.Question{{Name: "days", Kind: wire.AskText, Title: "For how many days should an offer be good?", Default: "3",
			Text: "It has to be accepted and completed by then; afterwards it expires and no coin has moved."}}
	case t.Accepts == "":
		return []wire.Question{{Name: "accepts", Kind: wire.AskChoice, Title: "Who accepts in the fresh SV's wallet?", Default: acceptsHere, Choices: []wire.Choice{
			{ID: acceptsHere, Label: "This run", Detail: "with the login to the fresh SV's wallet"},
			{ID: acceptsOperator, Label: "Somebody in the wallet's own screen", Detail: "the run shows what to accept and waits"}}}}
	}
	return nil
}

func takePlan(f *Facts, ask, value string) error {
	value = strings.TrimSpace(value)
	switch ask {
	case "test":
		a, err := payment.Parse(value)
		if err != nil {
			return err
		}
		if !a.Payable() {
			return fmt.Errorf("the test must be of more than nothing")
		}
		f.Transfers.Test = a.Words()
	case "fee":
		a, err := payment.Parse(value)
		if err != nil {
			return err
		}
		f.Transfers.Fee = a.Words()
	case "days":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 30 {
			return fmt.Errorf("%q is no number of days between 1 and 30", value)
		}
		f.Transfers.Days = n
	case "accepts":
		if value != acceptsHere && value != acceptsOperator {
			return fmt.Errorf("%q is neither %s nor %s", value, acceptsHere, acceptsOperator)
		}
		f.Transfers.Accepts = value
	default:
		return fmt.Errorf("nothing is asked by the name %q", ask)
	}
	return nil
}

// makePlan reads both wallets and freezes who pays whom how much.
func makePlan(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	paying, err := readWallet(ctx, w, f.Validator.App)
	if err != nil {
		return nil, err
	}
	found := ownsOld(paying, *f, w.Clock.Now())
	receiving, err := readWallet(ctx, w, f.Fresh.Wallet)
	if err != nil {
		return nil, err
	}
	right, err := rightReceiver(ctx, w, *f, receiving.User.Party)
	if err != nil {
		return nil, err
	}
	found = append(found, right...)
	if !receiving.User.Onboarded || !receiving.User.Installed {
		found = append(found, wire.Finding{ID: "receiver-ready", Verdict: wire.Violated, Text: "the receiver's wallet is not ready", Next: "It takes a few minutes after the node has come up: look again"})
	}
	if wire.WorstVerdict(found) == wire.Violated {
		return found, nil
	}
	t := f.Transfers
	t.Receiver, t.Before = receiving.User.Party, string(receiving.Balance.EffectiveUnlocked)
	stored, err := adopt(ctx, w, *f, &t)
	if err != nil {
		return nil, err
	}
	if stored != nil {
		f.Transfers = t
		return append(append(found, *stored), shownPlan(t)...), nil
	}
	kind, why, err := kindOf(ctx, w, f.Validator.App)
	if err != nil {
		return nil, err
	}
	if why != nil {
		found = append(found, *why)
	}
	if kind == "" {
		return found, nil
	}
	terms, err := termsOf(paying, t)
	if err != nil {
		return nil, err
	}
	plan, err := payment.Make(terms)
	if err != nil {
		return append(found, wire.Finding{ID: "plan", Verdict: wire.Violated, Text: "no payment can be planned: " + err.Error(),
			Next: "Set less aside for fees, or wait until the wallet has something unlocked"}), nil
	}
	t.Kind, t.Plan, t.Stored = kind, &plan, payment.Name(f.Old.Party, t.Receiver)
	f.Transfers = t
	return append(append(found, unlisted(paying, plan)...), shownPlan(t)...), nil
}

// unlisted says that the balance is more than the amulets that were listed: a list may end before the wallet does (not verified).
func unlisted(paying wallet, plan payment.Plan) []wire.Finding {
	all := amountOf(paying.Balance.EffectiveUnlocked)
	if all == nil || all.Sub(plan.Available).Cmp(payment.Coins(1)) <= 0 {
		return nil
	}
	return []wire.Finding{{ID: "unlisted", Verdict: wire.Attention, Text: fmt.Sprintf("the wallet's balance is %s, and the amulets that it lists are %s together: only these are planned", all.Words(), plan.Available.Words()),
		Next: "Pay the difference in the wallet's own screen afterwards, if it is still there"}}
}

func termsOf(paying wallet, t Transfers) (payment.Terms, error) {
	amulets, err := effective(paying.Free)
	if err != nil {
		return payment.Terms{}, err
	}
	test, err := payment.Parse(t.Test)
	if err != nil {
		return payment.Terms{}, err
	}
	fee, err := payment.Parse(t.Fee)
	return payment.Terms{Amulets: amulets, Test: test, Fee: fee}, err
}

// adopt takes over the plan that is stored for these parties, if any: what was begun by it must be gone on with.
func adopt(ctx context.Context, w steps.World, f Facts, t *Transfers) (*wire.Finding, error) {
	name := payment.Name(f.Old.Party, t.Receiver)
	book := account{namespace: f.Validator.Namespace, from: f.Old.Party, to: t.Receiver}.book(w, nil)
	in, _, found, err := book.Load(ctx)
	if err != nil || !found {
		return nil, err
	}
	t.Kind, t.Plan, t.Stored = in.Kind, &in.Plan, name
	return &wire.Finding{ID: "stored", Verdict: wire.Attention, Evidence: []wire.Evidence{{Source: "configmap/" + name, Seen: fmt.Sprintf("stored by run %s at %s", in.Made.Run, in.Made.At.UTC().Format("2006-01-02 15:04 UTC"))}},
		Text: fmt.Sprintf("a plan of these payments is stored already, and %s of it has arrived: this run goes on with it", in.Moved().Words()),
		Next: "If somebody else is at it, let one of you do it alone; nobody pays twice, but two who wait for one another lose time"}, nil
}

// kindOf chooses how coins move: by transfer offers, whose state can be asked, unless the wallet does not have them.
func kindOf(ctx context.Context, w steps.World, app steps.App) (payment.Kind, *wire.Finding, error) {
	var features svapp.WalletFeatures
	classic := true
	err := w.Apps.Validator(ctx, app, func(v *svapp.Validator) error {
		_, _, err := v.Offers(ctx)
		if svapp.KindOf(err) != svapp.NoEndpoint {
			return err
		}
		classic = false
		features, _, err = v.WalletFeatures(ctx)
		return err
	})
	switch {
	case err != nil:
		return "", nil, err
	case classic:
		return payment.ByOffer, nil, nil
	case !features.TokenStandard:
		return "", &wire.Finding{ID: "kind", Verdict: wire.Violated, Text: "this wallet knows neither transfer offers nor transfers of the token standard",
			Next: "Look into the release notes of the validator's release; the wallet's own screen may still be able to pay"}, nil
	}
	return payment.ByTransfer, &wire.Finding{ID: "kind", Verdict: wire.Attention, Text: "this wallet has no transfer offers, so transfers of the token standard are used: acceptance completes them, and no call tells by a tracking ID what became of one",
		Next: "Where an answer is lost you will be asked to look into both wallets before anything is sent again"}, nil
}

// shownPlan is the plan as the operator reads it.
func shownPlan(t Transfers) []wire.Finding {
	plan := t.Plan
	f := wire.Finding{ID: "plan", Verdict: wire.Holds, Text: fmt.Sprintf("%d payments of %s together to %s", len(plan.Payments), plan.Paid().Words(), partyWords(t.Receiver))}
	if len(plan.Payments) == 1 {
		f.Text = fmt.Sprintf("1 payment of %s to %s", plan.Paid().Words(), partyWords(t.Receiver))
	}
	for _, p := range plan.Payments {
		what := p.Amount.Words()
		if p.Number == 1 {
			what += ", the test"
		}
		f.Evidence = append(f.Evidence, wire.Evidence{Source: fmt.Sprintf("payment %d", p.Number), Seen: what})
	}
	f.Text += fmt.Sprintf("; %s of %s stays in the recovery validator's wallet for fees", plan.Left.Words(), plan.Available.Words())
	if len(plan.Payments) > 2 {
		f.Text += fmt.Sprintf(". The rest is paid in parts because one transfer takes in at most %d amulets by default (the network's own limit was not verified)", payment.MaxInputs)
	}
	return []wire.Finding{f}
}
