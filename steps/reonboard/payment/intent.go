package payment

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// Version is that of the stored document.
const Version = 1

// Kind is how coins move.
type Kind string

const (
	// ByOffer is the classic transfer offer: what became of it can be asked by its tracking ID, and acceptance alone moves nothing.
	ByOffer Kind = "offer"
	// ByTransfer is the transfer of the token standard: nothing can be asked by its tracking ID, and acceptance completes it.
	ByTransfer Kind = "transfer"
)

// State is how far an attempt is.
type State string

const (
	Sending   State = "sending"   // it may have been sent, or not
	Created   State = "created"   // the receiver has not accepted it yet
	Accepted  State = "accepted"  // no coin has moved yet
	Completed State = "completed" // the coins have moved
	Failed    State = "failed"    // it is over, and no coin has moved or will
)

// rank orders the states: an attempt never goes back.
func (s State) rank() int {
	return slices.Index([]State{Sending, Created, Accepted, Failed, Completed}, s)
}

// Known says whether the wallet knew of the attempt at some time.
func (s State) Known() bool { return s.rank() > 0 }

// Over says whether nothing comes after it.
func (s State) Over() bool { return s == Completed || s == Failed }

// Mark says who wrote something, when, and in which run.
type Mark struct {
	By  string    `json:"by,omitempty"`
	Run string    `json:"run,omitempty"`
	At  time.Time `json:"at,omitzero"`
}

// Intent is the document that is stored before anything is paid. Whoever pays goes by it alone.
type Intent struct {
	Version  int       `json:"version"`
	Hash     string    `json:"plan"` // of Plan
	From     string    `json:"from"` // party
	To       string    `json:"to"`   // party
	Kind     Kind      `json:"kind"`
	Plan     Plan      `json:"payments_planned"`
	Payments []Payment `json:"payments"`
	Made     Mark      `json:"made"`
}

// Payment is one payment of the plan, with its attempts; none: it is planned.
type Payment struct {
	Number   int       `json:"number"`
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one try to pay. Its tracking ID and its amount are for ever.
type Attempt struct {
	Number   int       `json:"number"`
	Tracking string    `json:"tracking_id"`
	Amount   Amount    `json:"amount"`
	Expires  time.Time `json:"expires"` // by the ledger's time
	State    State     `json:"state"`
	Contract string    `json:"contract_id,omitempty"`
	Failure  string    `json:"failure,omitempty"` // expired, rejected, withdrawn; operator: a person's word
	Reason   string    `json:"reason,omitempty"`
	// Log tells the wallet's own log from another one: that of an app that was installed anew knows nothing of what was before. After a "#" is the
	// first attempt of a log that was seen to have forgotten.
	Log    string   `json:"log,omitempty"`
	Before Balances `json:"before,omitzero"`
	Begun  Mark     `json:"begun"`
	Seen   Mark     `json:"seen,omitzero"` // who saw the state first
}

// Balances are what both wallets showed, unlocked; empty where one could not be read.
type Balances struct {
	Sender   *Amount `json:"sender,omitempty"`
	Receiver *Amount `json:"receiver,omitempty"`
}

// New is the intent of a plan of which nothing is paid yet.
func New(from, to string, kind Kind, plan Plan, made Mark) Intent {
	in := Intent{Version: Version, Hash: plan.Hash(), From: from, To: to, Kind: kind, Plan: plan, Made: made}
	for _, p := range plan.Payments {
		in.Payments = append(in.Payments, Payment{Number: p.Number, Attempts: []Attempt{}})
	}
	return in
}

// Encode writes the document.
func (in Intent) Encode() string {
	b, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		panic("payment: an intent that is not JSON: " + err.Error()) // texts, numbers and times only
	}
	return string(b) + "\n"
}

// Decode reads the document. One that this program did not write, or that somebody changed by hand, is refused: nothing is paid by it.
func Decode(text string) (Intent, error) {
	var in Intent
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return Intent{}, fmt.Errorf("it is not the document that was written: %w", err)
	}
	switch {
	case in.Version != Version:
		return Intent{}, fmt.Errorf("it is of version %d, and this program reads version %d", in.Version, Version)
	case in.Hash != in.Plan.Hash():
		return Intent{}, fmt.Errorf("its plan is not the one that was stored: its hash is %s, and %s is written there", in.Plan.Hash(), in.Hash)
	case in.From == "" || in.To == "" || in.From == in.To:
		return Intent{}, fmt.Errorf("it does not say who pays whom")
	case in.Kind != ByOffer && in.Kind != ByTransfer:
		return Intent{}, fmt.Errorf("it names %q as the way to pay", in.Kind)
	case len(in.Payments) != len(in.Plan.Payments):
		return Intent{}, fmt.Errorf("it has %d payments, and its plan has %d", len(in.Payments), len(in.Plan.Payments))
	}
	for i, p := range in.Payments {
		planned := in.Plan.Payments[i]
		if p.Number != i+1 || planned.Number != i+1 || !planned.Amount.Payable() {
			return Intent{}, fmt.Errorf("payment %d is not as it was planned", i+1)
		}
		for k := range p.Attempts {
			a := &p.Attempts[k]
			a.clean()
			switch {
			case a.Number != k+1 || a.Tracking != Tracking(in.From, in.To, p.Number, a.Number):
				return Intent{}, fmt.Errorf("attempt %d of payment %d has another tracking ID than it must have", k+1, p.Number)
			case !a.Amount.Payable() || a.Amount.Cmp(planned.Amount) > 0:
				return Intent{}, fmt.Errorf("attempt %d of payment %d pays %s, and %s is planned", k+1, p.Number, a.Amount.Words(), planned.Amount.Words())
			case a.State.rank() < 0:
				return Intent{}, fmt.Errorf("attempt %d of payment %d is in state %q", k+1, p.Number, a.State)
			case k+1 < len(p.Attempts) && a.State != Failed:
				return Intent{}, fmt.Errorf("attempt %d of payment %d is not over, and another one follows it", k+1, p.Number)
			}
		}
	}
	in.Made.clean()
	return in, nil
}

// clean makes texts that somebody may have written into the object fit for a screen.
func (a *Attempt) clean() {
	a.Contract, a.Failure, a.Reason = plain.Line(a.Contract), plain.Line(a.Failure), plain.Line(a.Reason)
	a.Begun.clean()
	a.Seen.clean()
}

func (m *Mark) clean() { m.By, m.Run = plain.Line(m.By), plain.Line(m.Run) }

// Has says whether there is a payment of this number.
func (in Intent) Has(n int) bool { return n >= 1 && n <= len(in.Payments) }

// Last is the latest attempt of a payment; false where there is none.
func (in Intent) Last(n int) (Attempt, bool) {
	if !in.Has(n) || len(in.Payments[n-1].Attempts) == 0 {
		return Attempt{}, false
	}
	all := in.Payments[n-1].Attempts
	return all[len(all)-1], true
}

// Planned is the amount of a payment; 0 where there is none.
func (in Intent) Planned(n int) Amount {
	if !in.Has(n) {
		return Amount{}
	}
	return in.Plan.Payments[n-1].Amount
}

// Tracks is the tracking ID that counts for a payment now: that of its last attempt, else of the first one to come.
func (in Intent) Tracks(n int) string {
	if a, ok := in.Last(n); ok {
		return a.Tracking
	}
	return Tracking(in.From, in.To, n, 1)
}

// Done says whether every payment has arrived.
func (in Intent) Done() bool {
	for _, p := range in.Payments {
		if a, ok := in.Last(p.Number); !ok || a.State != Completed {
			return false
		}
	}
	return true
}

// Moved is the sum of what has arrived.
func (in Intent) Moved() Amount {
	var sum Amount
	for _, p := range in.Payments {
		if a, ok := in.Last(p.Number); ok && a.State == Completed {
			sum = sum.Add(a.Amount)
		}
	}
	return sum
}

// Witness is the tracking ID of another attempt that the wallet knew of by the same log, by which one sees whether it still goes back that far;
// "" where there is none.
func (in Intent) Witness(n int) string {
	log, mine := in.latest(), in.Tracks(n)
	if a, ok := in.Last(n); ok {
		log = a.Log
	}
	for _, p := range in.Payments {
		for _, a := range p.Attempts {
			if a.Tracking != mine && a.State.Known() && a.Failure != ByWord && a.Log == log && log != "" {
				return a.Tracking
			}
		}
	}
	return ""
}

// latest is the log of the attempt that began last.
func (in Intent) latest() string {
	var last Attempt
	for _, p := range in.Payments {
		for _, a := range p.Attempts {
			if !a.Begun.At.Before(last.Begun.At) {
				last = a
			}
		}
	}
	return last.Log
}

// newLog marks, in the log of an attempt, that the wallet had forgotten what was before it: no attempt before it is a witness for it.
const newLog = "#"

// app is the part of a log that tells the app.
func app(log string) string {
	before, _, _ := strings.Cut(log, newLog)
	return before
}

// ByWord is the failure of an attempt of which a person said what became of it.
const ByWord = "operator"

// begun is the intent with a new attempt, which nothing has been sent of. There may be none that is not over. forgot says that the wallet does not know
// what it knew before.
func (in Intent) begun(n int, a Attempt, forgot bool) (Intent, error) {
	last, is := in.Last(n)
	switch {
	case !in.Has(n):
		return in, fmt.Errorf("there is no payment %d", n)
	case is && last.State != Failed:
		return in, fmt.Errorf("attempt %d of payment %d is not proven to be over", last.Number, n)
	case !a.Amount.Payable() || a.Amount.Cmp(in.Planned(n)) > 0:
		return in, fmt.Errorf("payment %d cannot be of %s: %s is planned", n, a.Amount.Words(), in.Planned(n).Words())
	}
	a.Number, a.State = last.Number+1, Sending
	a.Tracking = Tracking(in.From, in.To, n, a.Number)
	if log := in.latest(); log != "" {
		if forgot || app(log) != a.Log {
			log = a.Log + newLog + a.Tracking
		}
		a.Log = log
	}
	out := in.clone()
	out.Payments[n-1].Attempts = append(out.Payments[n-1].Attempts, a)
	return out, nil
}

// seen is the intent in which the last attempt of a payment is further. It never goes back.
func (in Intent) seen(n int, change func(*Attempt)) Intent {
	out := in.clone()
	all := out.Payments[n-1].Attempts
	last := &all[len(all)-1]
	before := *last
	change(last)
	if last.State.rank() < before.State.rank() || before.State.Over() {
		*last = before
	}
	return out
}

func (in Intent) clone() Intent {
	in.Payments = slices.Clone(in.Payments)
	for i := range in.Payments {
		in.Payments[i].Attempts = slices.Clone(in.Payments[i].Attempts)
	}
	return in
}
