package reonboard

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// inRig runs a test in a bubble with a rig.
func inRig(t *testing.T, b *bank, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newRig(t, b)) })
}

// arrivedOnce fails unless every payment of the plan has arrived exactly once, and no coin was made or lost.
func (r *rig) arrivedOnce(total payment.Amount) {
	r.Helper()
	plan := r.facts.Transfers.Plan
	if plan == nil {
		r.Fatal("nothing was planned")
	}
	count := r.arrivals()
	for _, p := range plan.Payments {
		if n := count[payment.Tracking(oldParty, newParty, p.Number, 1)[26:27]]; n != 1 {
			r.Errorf("payment %d arrived %d times", p.Number, n)
		}
	}
	if len(count) != len(plan.Payments) {
		r.Errorf("%d payments arrived, and %d were planned", len(count), len(plan.Payments))
	}
	if all := r.owns(oldParty).Add(r.owns(newParty)); all.Cmp(total) != 0 {
		r.Errorf("there are %s coins, and there were %s", all.Words(), total.Words())
	}
}

func (b *bank) total() payment.Amount { return b.owns(oldParty).Add(b.owns(newParty)) }

func TestMoneyMoves(t *testing.T) {
	cases := map[string]struct {
		bank     func() *bank
		accepts  string
		payments int
	}{
		"one amulet":   {func() *bank { return newBank(1000) }, acceptsHere, 2},
		"many amulets": {func() *bank { return manyAmulets(200) }, acceptsHere, 3},
		"somebody accepts": {func() *bank {
			b := newBank(70, 30)
			b.automatic = func(o *bankOffer) { o.Status = "accepted" }
			return b
		}, acceptsOperator, 2},
		"it accepts itself": {func() *bank {
			b := newBank(70, 30)
			b.automatic = func(o *bankOffer) { o.Status = "accepted" }
			return b
		}, acceptsHere, 2},
		"token standard": {func() *bank { b := newBank(70, 30); b.classic = false; return b }, acceptsHere, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := c.bank()
			total := b.total()
			inRig(t, b, func(r *rig) {
				r.facts.Transfers.Accepts = c.accepts
				if _, err := r.all(r.Context(), 0); err != nil {
					r.Fatal(err)
				}
				r.arrivedOnce(total)
				if n := len(r.facts.Transfers.Plan.Payments); n != c.payments {
					r.Errorf("%d payments", n)
				}
				if r.facts.Transfers.Moved == "" || r.facts.Transfers.At.IsZero() {
					r.Errorf("%+v", r.facts.Transfers)
				}
			})
		})
	}
}

// manyAmulets are more than a transfer takes in.
func manyAmulets(n int) *bank {
	b := newBank()
	for range n {
		b.coins[oldParty] = append(b.coins[oldParty], payment.Coins(10))
	}
	b.takesAll = payment.Inputs
	return b
}

var soak = flag.Bool("soak", false, "cut at every point instead of a sample")

// errKilled ends a process at some point.
var errKilled = errors.New("killed")

// At every call of a wallet and every request to the cluster, before and after it was done, the process ends, or its machine does: then another
// operator takes over with no more than the journal, or with nothing but the answers. Whatever was done, each payment arrives once.
func TestMoneyMovesThroughEveryCut(t *testing.T) {
	for _, takeover := range []string{"same operator", "another operator"} {
		t.Run(takeover, func(t *testing.T) {
			points := cut(t, -1, takeover)
			stride := 29
			if *soak {
				stride = 1
			}
			for at := len(takeover) % stride; at < points; at += stride {
				cut(t, at, takeover)
				if t.Failed() {
					t.Fatalf("at point %d of %d", at, points)
				}
			}
			t.Logf("%d points", points)
		})
	}
}

// cut plays all, ends the process at a point, and plays on; it answers how many points there are.
func cut(t *testing.T, at int, takeover string) int {
	t.Helper()
	var points atomic.Int64 // requests meet theirs where they are served
	b := newBank(60, 40)
	total := b.total()
	inRig(t, b, func(r *rig) {
		ctx, kill := context.WithCancel(r.Context())
		defer kill()
		var cutting atomic.Bool
		cutting.Store(true)
		point := func() bool {
			if met := points.Add(1) - 1; cutting.Load() && met == int64(at) {
				kill()
				return true
			}
			return false
		}
		r.meets = func(string, bool) error {
			if point() {
				return errKilled
			}
			return nil
		}
		r.request = func(*http.Request, bool) { point() }
		before := r.kept
		done, err := r.all(ctx, 0)
		if at < 0 {
			if err != nil {
				r.Fatal(err)
			}
			r.arrivedOnce(total)
			return
		}
		if err == nil && ctx.Err() == nil {
			return // the point was not met this time
		}
		cutting.Store(false)
		if takeover == "another operator" {
			r.kept, done = before, 0
		}
		r.resume()
		if _, err := r.all(r.Context(), done); err != nil {
			r.Errorf("after point %d: %v", at, err)
			return
		}
		r.arrivedOnce(total)
		sent := map[string]bool{}
		for _, o := range r.offers {
			if sent[o.Tracking] {
				r.Errorf("point %d: two offers under %s", at, o.Tracking)
			}
			sent[o.Tracking] = true
		}
		if len(r.offers) != len(r.facts.Transfers.Plan.Payments) {
			r.Errorf("point %d: %d offers for %d payments", at, len(r.offers), len(r.facts.Transfers.Plan.Payments))
		}
	})
	return int(points.Load())
}

// What goes wrong on the way has a remedy, and none pays twice.
func TestMoneyMeetsTrouble(t *testing.T) {
	cases := map[string]struct {
		bank    func() *bank
		trouble func(r *rig)
		choices map[string]string // by what the error says
		offers  int
	}{
		"rejected": {nil, func(r *rig) { r.once(func(o *bankOffer) { o.Status, o.Failure = "failed", "rejected" }) }, map[string]string{"rejected": "again"}, 3},
		"expired":  {nil, func(r *rig) { r.once(func(o *bankOffer) { o.Status, o.Failure = "failed", "expired" }) }, map[string]string{"expired": "again"}, 3},
		"too little": {nil, func(r *rig) {
			spent := false
			r.automatic = func(o *bankOffer) { // the validator bought traffic when it was sent
				if o.Amount.Cmp(payment.Coins(1)) > 0 && !spent {
					spent = true
					r.coins[oldParty] = []payment.Amount{payment.Coins(50)}
				}
			}
		}, map[string]string{"too little": "less"}, 3},
		"the answer to the send is lost": {nil, func(r *rig) {
			r.meets = lose("offer", true, 2)
		}, map[string]string{"": wire.ChoiceRetry}, 2},
		"the send is lost": {nil, func(r *rig) { r.meets = lose("offer", false, 2) }, map[string]string{"": wire.ChoiceRetry}, 2},
		"an answer of the token standard is lost": {func() *bank { b := newBank(60, 40); b.classic = false; return b },
			func(r *rig) { r.meets = lose("transfer", true, 1) }, map[string]string{"": wire.ChoiceRetry}, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBank(60, 40)
			if c.bank != nil {
				b = c.bank()
			}
			inRig(t, b, func(r *rig) {
				c.trouble(r)
				met := false
				r.choose = func(err error) string {
					for word, choice := range c.choices {
						if strings.Contains(steps.FailureOf("", err).Error(), word) {
							met = true
							return choice
						}
					}
					return ""
				}
				if _, err := r.all(r.Context(), 0); err != nil {
					r.Fatal(err)
				}
				if !met {
					r.Error("the trouble was not met")
				}
				r.arrivedOnce(r.total())
				if len(r.offers) != c.offers {
					r.Errorf("%d offers", len(r.offers))
				}
			})
		})
	}
}

// once changes the first offer that is created.
func (r *rig) once(change func(*bankOffer)) {
	did := false
	r.automatic = func(o *bankOffer) {
		if !did {
			did = true
			change(o)
		}
	}
}

// lose makes the nth calls of a verb fail without an answer.
func lose(verb string, done bool, times int) func(string, bool) error {
	return func(call string, after bool) error {
		if call == verb && after == done && times > 0 {
			times--
			return &svapp.Error{Kind: svapp.Timeout, Tried: "pay", Seen: "no answer"}
		}
		return nil
	}
}
