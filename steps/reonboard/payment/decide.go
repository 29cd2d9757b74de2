package payment

import (
	"fmt"
	"time"
)

// Answer is what a question to a wallet came to.
type Answer int

const (
	Silent Answer = iota // not asked, or no answer
	Found
	Missing // the wallet answered that it knows nothing of it
)

// Observation is what the world shows of the attempt that counts for a payment now.
type Observation struct {
	Now time.Time // the ledger's time, as near as it is known
	// Status is the answer to the tracking ID, with what it says. Silent for transfers of the token standard.
	Status   Answer
	State    State
	Failure  string // expired, rejected, withdrawn
	Reason   string
	Contract string
	// Listed is whether the lists of the sender's wallet have it: as offered, or as accepted and not completed.
	Listed         Answer
	ListedAccepted bool
	ListedContract string
	// Log tells the wallet's log from another one, as far as that can be seen; Lost says in words that it does not go back far enough.
	Log  string
	Lost string
	// Balances are what both wallets show.
	Balances Balances
}

// Next is what is to be done.
type Next string

const (
	Store      Next = "store"       // Decision.Intent is stored, then one looks again
	Send       Next = "send"        // the attempt that is stored is sent
	Wait       Next = "wait"        // for the receiver, or for the sender's automation
	Look       Next = "look"        // nothing is known: look again
	Ask        Next = "ask"         // only a person can find out
	NewAttempt Next = "new attempt" // the last one is proven to be over; a person decides
	Done       Next = "done"        // the coins have moved
)

// Decision is what is to be done, and why, in words that fit after "payment 2: ".
type Decision struct {
	Next   Next
	Why    string
	Intent Intent // what is stored; with any other Next the intent as it was
}

// least is how long an offer must be good still when it is sent. One that has less is given a later end first, which is safe while the wallet
// knows nothing of it: it takes its tracking ID once, whatever end comes with it.
const least = time.Hour

// settles is how long a wallet may not show what it was seen to have: it answers from a store that follows the ledger, and has answered that an offer
// was made before its store has it (reference/apis.md 6.3: not yet ingested). Nobody is asked before, for what a person says then may be wrong.
const settles = 2 * time.Minute

// Begin is what an attempt gets that begins.
type Begin struct {
	Validity time.Duration
	Mark     Mark
}

// Decide is the rule: what is to be done about payment n, from what is stored and what is seen. It is pure.
func Decide(in Intent, n int, o Observation, b Begin) Decision {
	j := judge{in, n, Attempt{}, o, b}
	if !in.Has(n) {
		return j.say(Ask, "there is no such payment in the plan that is stored")
	}
	a, is := in.Last(n)
	j.a = a
	switch {
	case !is:
		return j.first()
	case a.State == Completed:
		return j.say(Done, "it is completed")
	case a.State == Failed:
		return j.say(NewAttempt, "attempt %d is over without a coin moved: %s", a.Number, a.over())
	case in.Kind == ByTransfer:
		return j.transfer()
	}
	return j.offer()
}

// judge is what one decision is about.
type judge struct {
	in Intent
	n  int
	a  Attempt // the last one
	o  Observation
	b  Begin
}

func (j judge) say(next Next, why string, args ...any) Decision {
	return Decision{Next: next, Why: fmt.Sprintf(why, args...), Intent: j.in}
}

// store is the decision to store what has become of the attempt.
func (j judge) store(why string, change func(*Attempt)) Decision {
	return Decision{Next: Store, Why: why, Intent: j.in.seen(j.n, change)}
}

// see stores the state in which the attempt was seen.
func (j judge) see(s State, contract string) Decision {
	return j.store("it is "+string(s), func(x *Attempt) {
		x.State, x.Seen = s, j.b.Mark
		if contract != "" {
			x.Contract = contract
		}
		if s == Failed {
			x.Failure, x.Reason = j.o.Failure, j.o.Reason
		}
	})
}

// open waits for whoever has to act next.
func (j judge) open() Decision {
	if j.a.State == Accepted {
		return j.say(Wait, "the sender's validator has to complete it by %s", stamp(j.a.Expires))
	}
	return j.say(Wait, "the receiver has to accept it by %s", stamp(j.a.Expires))
}

// first begins the first attempt, where the wallet knows nothing of its tracking ID. One that it knows was sent by hand, or by a run whose record
// somebody has removed: it counts, as far as what the wallet tells shows that it is this payment.
func (j judge) first() Decision {
	o := j.o
	if o.Status != Found && o.Listed != Found && (j.in.Kind == ByOffer && o.Status == Silent || o.Listed == Silent) {
		return j.say(Look, "whether it was begun before is not known yet")
	}
	next, err := j.in.begun(j.n, o.attempt(j.in.Planned(j.n), j.b), o.Lost != "")
	if err != nil {
		return j.say(Ask, "%v", err)
	}
	before := j.in
	j.in = next
	switch over := o.Status == Found && o.State == Failed && proven(o.Failure); {
	case over:
		return j.see(Failed, o.Contract)
	case o.Listed == Found && o.ListedAccepted:
		return j.see(Accepted, o.ListedContract)
	case o.Listed == Found:
		return j.see(Created, o.ListedContract)
	case o.Status == Found:
		j.in = before
		return j.say(Ask, "the wallet knows tracking ID %s already (%s), and what is stored in the cluster says that nothing was sent: it was sent by hand, or somebody has removed what was stored", before.Tracks(j.n), o.State)
	}
	return Decision{Next: Store, Why: "attempt 1 is stored before it is sent", Intent: next}
}

// attempt is one that begins now.
func (o Observation) attempt(amount Amount, b Begin) Attempt {
	return Attempt{Amount: amount, Expires: o.end(b), Log: o.Log, Before: o.Balances, Begun: b.Mark}
}

// end is when an attempt ends that begins now, in the microseconds of the ledger.
func (o Observation) end(b Begin) time.Time {
	return o.Now.Add(b.Validity).Truncate(time.Microsecond).UTC()
}

// offer decides about a transfer offer.
func (j judge) offer() Decision {
	a, o := j.a, j.o
	switch {
	case o.Status == Found && o.State == Failed && !proven(o.Failure):
		return j.say(Ask, "the wallet says that attempt %d failed, and not how (%q)", a.Number, o.Failure)
	case o.Status == Found && o.State.rank() > a.State.rank():
		return j.see(o.State, o.Contract)
	case o.Status == Found && o.State == a.State:
		return j.open()
	case o.Status == Found:
		return j.say(Look, "the wallet answers with what was before")
	case o.Status == Silent:
		return j.say(Look, "the wallet does not tell what became of it")
	}
	// The wallet does not know the tracking ID.
	state := Created
	if o.ListedAccepted {
		state = Accepted
	}
	switch {
	case o.Listed == Found && state.rank() > a.State.rank():
		return j.see(state, o.ListedContract)
	case o.Listed == Found:
		return j.open()
	case o.Listed == Silent:
		return j.say(Look, "the wallet's offers cannot be listed")
	case a.State.Known() && o.Now.Sub(a.Seen.At) < settles:
		return j.say(Look, "attempt %d was %s a moment ago, and the wallet does not show it yet", a.Number, a.State)
	case a.State.Known():
		return j.say(Ask, "attempt %d was %s, and the wallet does not know it any more", a.Number, a.State)
	case o.Lost != "":
		return j.say(Ask, "attempt %d may have been sent, and the wallet would not know it: %s", a.Number, o.Lost)
	case app(a.Log) != o.Log:
		return j.say(Ask, "attempt %d may have been sent, and the wallet would not know it: the validator, or its database, is not the one that it was when the attempt began", a.Number)
	case o.Now.Add(least).After(a.Expires):
		return j.store("it was not sent in time, and gets a later end", func(x *Attempt) { x.Expires = o.end(j.b) })
	}
	return j.say(Send, "it is stored, and the wallet does not know it: the same tracking ID may be sent again")
}

// proven says whether a failure proves that no coin has moved and none will.
func proven(failure string) bool {
	return failure == "expired" || failure == "rejected" || failure == "withdrawn"
}

// transfer decides about a transfer of the token standard, of which no log tells anything: it is sent in the breath in which it was stored, or
// not at all. The list and both balances are all there is to go by.
func (j judge) transfer() Decision {
	a, o := j.a, j.o
	switch {
	case o.Listed == Found && a.State == Sending:
		return j.see(Created, o.ListedContract)
	case o.Listed == Found:
		return j.open()
	case o.Listed == Silent:
		return j.say(Look, "the wallet's transfers cannot be listed")
	case a.State == Created && a.moved(o.Balances):
		return j.see(Completed, "")
	case a.State == Created:
		return j.say(Ask, "it is gone from the list of transfers, and the balances do not show that it arrived")
	}
	return j.say(Ask, "attempt %d may have been sent, and the wallet does not list it", a.Number)
}

// moved says whether both balances have changed by the amount at least since the attempt began.
func (a Attempt) moved(now Balances) bool {
	was := a.Before
	if was.Sender == nil || was.Receiver == nil || now.Sender == nil || now.Receiver == nil {
		return false
	}
	return was.Sender.Sub(*now.Sender).Cmp(a.Amount) >= 0 && now.Receiver.Sub(*was.Receiver).Cmp(a.Amount) >= 0
}

// over says how a failed attempt ended.
func (a Attempt) over() string {
	words := a.Failure
	if a.Failure == ByWord {
		words = "by the word of an operator"
	}
	if a.Reason != "" {
		words += " (" + a.Reason + ")"
	}
	return words
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
