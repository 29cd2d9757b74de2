package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// MaxInputs is how many contracts one transfer takes in: maxNumInputs of the transfer configuration, 100 by default upstream. The network's own
// is in its open mining round, which is not read here (not verified for any network).
const MaxInputs = 100

// Inputs is how many amulets the plan counts on for each transfer. The sender's wallet takes the biggest amulets first, then reward coupons, then
// more amulets, up to MaxInputs (read in upstream's treasury, not verified on a network): some room is left for the coupons. Where there are more
// coupons than that, the transfer is withdrawn for want of funds, which moves nothing, and the next attempt meets amulets that were merged.
const Inputs = MaxInputs * 8 / 10

// Terms are what a plan is made of, besides who pays whom.
type Terms struct {
	Amulets []Amount // that are unlocked, each by its effective amount
	Test    Amount   // of the first payment, at most
	Fee     Amount   // what is set aside for each payment
	Inputs  int      // amulets that one transfer takes in; 0: Inputs
}

// Plan is what is paid, in this order. A payment comes when the one before is completed. Available = the sum of the payments + Left, exactly.
type Plan struct {
	Available Amount    `json:"available"` // all that is unlocked
	Payments  []Planned `json:"payments"`
	Left      Amount    `json:"left"` // stays in the wallet: for fees, or too small to be moved
}

// Planned is one payment. Numbers begin at 1; the first is the test.
type Planned struct {
	Number int    `json:"number"`
	Amount Amount `json:"amount"`
}

// Make makes the plan: first a small payment, then the rest, in as many parts as the number of amulets demands. The wallet is followed in
// thought: each transfer takes the biggest amulets in and leaves one with the change. It errs where there is nothing to pay.
func Make(t Terms) (Plan, error) {
	inputs := t.Inputs
	if inputs == 0 {
		inputs = Inputs
	}
	if inputs < 2 {
		return Plan{}, fmt.Errorf("a transfer that takes in %d amulets cannot be planned", inputs)
	}
	var pool []Amount
	for _, a := range t.Amulets {
		if a.Positive() {
			pool = append(pool, a)
		}
	}
	p := Plan{Available: Sum(pool...)}
	if t.Fee.Cmp(Amount{}) < 0 || !t.Test.Payable() {
		return Plan{}, fmt.Errorf("the test must be more than nothing, and what is set aside for fees must not be negative")
	}
	for len(pool) > 0 {
		slices.SortFunc(pool, func(a, b Amount) int { return b.Cmp(a) })
		n := min(inputs, len(pool))
		taken := Sum(pool[:n]...)
		most := taken.Sub(t.Fee)
		if !most.Payable() {
			break // what is left is smaller than its fee
		}
		pay := most
		if len(p.Payments) == 0 {
			// The fees of both: a test that leaves too little for the rest to follow would strand it.
			pay = Less(t.Test, most.Half())
			if pay = Less(pay, most.Sub(t.Fee)); !pay.Payable() {
				pay = most
			}
		}
		p.Payments = append(p.Payments, Planned{Number: len(p.Payments) + 1, Amount: pay})
		pool = slices.Clone(pool[n:])
		if change := taken.Sub(pay).Sub(t.Fee); change.Positive() {
			pool = append(pool, change)
		}
	}
	p.Left = p.Available.Sub(p.Paid())
	if len(p.Payments) == 0 {
		return Plan{}, fmt.Errorf("there is nothing to pay: %s is unlocked, and %s is set aside for each payment", p.Available.Words(), t.Fee.Words())
	}
	return p, nil
}

// Paid is the sum of the payments.
func (p Plan) Paid() Amount {
	var sum Amount
	for _, one := range p.Payments {
		sum = sum.Add(one.Amount)
	}
	return sum
}

// Hash tells plans apart: 16 hexadecimal digits.
func (p Plan) Hash() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("payment: a plan that is not JSON: " + err.Error()) // texts and numbers only
	}
	return digest(string(b))
}

// Tracking is the tracking ID of an attempt, the same for ever and everywhere: svrescue-<16 hexadecimal digits>-<number>-<attempt>.
func Tracking(from, to string, number, attempt int) string {
	return fmt.Sprintf("svrescue-%s-%d-%d", digest("transfer", from, to, fmt.Sprint(number), fmt.Sprint(attempt)), number, attempt)
}

// Name is the name under which the intent of payments from one party to another is stored.
func Name(from, to string) string { return "svrescue-payments-" + digest("intent", from, to) }

// digest hashes parts that cannot run into each other.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
