package svapp_test

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

// Whatever breaks on the way, whoever sends what again, and whenever the sender's validator is gone: coins are conserved, nothing is made twice
// under one tracking ID, and what says that it is completed has arrived.
func TestNothingIsPaidTwice(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			var faults []sim.Fault
			for range 20 {
				faults = append(faults, sim.Fault{Call: []string{"offer", "accept", "status", "reject", "withdraw"}[r.IntN(5)], Skip: r.IntN(3),
					Do: []string{sim.CutAfter, sim.CutBefore, sim.TurnAway, sim.NotNow}[r.IntN(4)]})
			}
			b := open(t, func(o *sim.LedgerOptions) {
				o.Faults, o.TransferFee, o.HoldingFee, o.FreeTransfers = faults, "0.03", "0.0000190259", false
				o.Coins = []sim.Coin{{Owner: acmeOld, Amount: "100.0000000001"}, {Owner: acmeOld, Amount: "0.5"}}
			})
			ctx := t.Context()
			v, pay := b.from.as(t, "wallet")
			w, take := b.to.as(t, "wallet")
			const payments = 4
			amount := func(i int) string { return fmt.Sprintf("%d.5000000000", 10*(i+1)) }
			away := false
			for range 120 {
				switch i := r.IntN(payments); r.IntN(7) {
				case 0, 1:
					_, _ = pay.Offer(ctx, b.payment(fmt.Sprint("p-", i), amount(i))) // whatever it answers
				case 2:
					if offers, _, err := w.Offers(ctx); err == nil && len(offers) > 0 {
						_ = settleOne(ctx, r, pay, take, offers[r.IntN(len(offers))].ContractID)
					}
				case 3:
					_, _, _ = v.OfferState(ctx, fmt.Sprint("p-", i))
				case 4:
					b.clock.Step(time.Duration(r.IntN(40)) * time.Minute)
				case 5:
					b.clock.Step(time.Duration(r.IntN(10)) * time.Second)
				default:
					if away = !away; away {
						b.ledger.Neglect(acmeOld)
					} else {
						b.ledger.Tend(acmeOld)
					}
				}
				if err := b.ledger.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if away {
				b.ledger.Tend(acmeOld)
			}
			b.clock.Step(2 * time.Hour)
			b.clock.Step(time.Minute)
			arrived := new(big.Rat)
			for i := range payments {
				for try := 0; ; try++ {
					s, found, err := v.OfferState(ctx, fmt.Sprint("p-", i))
					if err != nil && try < 20 { // the faults that are left
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if found && s.Status != "completed" && s.Status != "failed" {
						t.Errorf("payment %d is still %s", i, s.Status)
					}
					if s.Status == "completed" {
						arrived.Add(arrived, svapp.Decimal(amount(i)).Rat())
					}
					break
				}
			}
			if got, _ := b.ledger.Owns(acme); svapp.Decimal(got).Rat().Cmp(arrived) != 0 {
				t.Errorf("%s arrived, and %s is said to have", got, arrived.FloatString(10))
			}
		})
	}
}

// settleOne does something to an offer: most often it is accepted.
func settleOne(ctx context.Context, r *rand.Rand, pay, take *svapp.Payer, id string) error {
	switch r.IntN(8) {
	case 0:
		return take.RejectOffer(ctx, id)
	case 1:
		return pay.WithdrawOffer(ctx, id)
	}
	return take.AcceptOffer(ctx, id)
}
