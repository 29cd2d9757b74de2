package payment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"canton.example/svrescue/svapp"
)

// died ends a coroutine where its operator dies.
type died struct{}

// operator is a person with the program: a coroutine that gives way at every point where it could die.
type operator struct {
	m     *model
	name  string
	point func() bool
	over  bool
}

func (o *operator) at() {
	if !o.point() {
		panic(died{})
	}
}

func (o *operator) Load(context.Context) (Intent, string, bool, error) {
	o.at()
	if o.m.chance(15) {
		return Intent{}, "", false, errors.New("no answer")
	}
	if o.m.text == "" {
		return Intent{}, "", false, nil
	}
	in, version := o.m.read, fmt.Sprint(o.m.version)
	o.at()
	return in, version, true, nil
}

func (o *operator) Save(_ context.Context, in Intent, version string) error {
	o.at()
	if o.m.chance(15) {
		return errors.New("not sent")
	}
	if version != fmt.Sprint(o.m.version) && !(version == "" && o.m.text == "") {
		return ErrChanged
	}
	o.m.text, o.m.version = in.Encode(), o.m.version+1
	read, err := Decode(o.m.text)
	if err != nil {
		o.m.fail("what is stored cannot be read: %v", err)
	}
	o.m.read = read
	o.at()
	if o.m.chance(10) {
		return errors.New("the answer was lost")
	}
	return nil
}

func (o *operator) Look(_ context.Context, in Intent, n int) (Observation, error) {
	o.at()
	m := o.m
	if m.chance(12) {
		return Observation{}, &svapp.Error{Kind: svapp.Unreachable}
	}
	see := Observation{Now: m.now, Log: fmt.Sprint("log", m.log), Status: Missing, Listed: Missing}
	for _, x := range m.offers {
		if x.tracking != in.Tracks(n) || !x.ingested {
			continue
		}
		if !x.wiped { // the log
			see.Status, see.State, see.Failure, see.Contract = Found, x.state, x.failure, "cid-"+x.tracking
		}
		if x.state == Created || x.state == Accepted { // the contracts are there after a wipe too
			see.Listed, see.ListedAccepted = Found, x.state == Accepted
		}
	}
	if m.kind == ByTransfer { // no log tells of it
		sender, receiver := m.sender, m.receiver
		see.Status, see.State, see.Contract, see.Balances = Silent, "", "", Balances{&sender, &receiver}
	}
	if witness := in.Witness(n); witness != "" {
		see.Lost = "it forgot"
		for _, x := range m.offers {
			if x.tracking == witness && x.ingested && !x.wiped {
				see.Lost = ""
			}
		}
	}
	if m.chance(12) {
		see.Status = Silent
	}
	if m.chance(12) {
		see.Listed = Silent
	}
	o.at()
	return see, nil
}

func (o *operator) Send(_ context.Context, in Intent, a Attempt) (Sent, error) {
	o.at()
	m := o.m
	lost := &svapp.Error{Kind: svapp.Timeout}
	switch {
	case m.chance(6):
		return Sent{}, lost // the request was
	case m.chance(6):
		m.flying = append(m.flying, delayed{a})
		o.at()
		return Sent{}, lost
	case m.chance(8): // twice, as by a proxy
		m.flying = append(m.flying, delayed{a})
	}
	contract, err := m.arrives(a)
	o.at()
	if m.chance(5) {
		return Sent{}, lost
	}
	return Sent{Contract: contract}, err
}

// pays is what an operator does until all has arrived.
func (o *operator) pays(plan Plan, alone func(*operator)) {
	m := o.m
	ctx := context.Background()
	mark := func() Mark { return Mark{By: o.name, At: m.now} }
	p := Payer{Book: o, Purse: o, Mark: mark, Validity: 6 * time.Hour}
	for {
		_, _, found, err := o.Load(ctx)
		if err == nil && found {
			break
		}
		if err == nil {
			_ = o.Save(ctx, New("old::1220aa", "new::1220bb", m.kind, plan, mark()), "")
		}
	}
	for n := 1; n <= len(plan.Payments); {
		d, err := p.Advance(ctx, n)
		if errors.Is(err, ErrNone) { // the same plan is stored anew
			_ = o.Save(ctx, New("old::1220aa", "new::1220bb", m.kind, plan, mark()), "")
			n = 1
		}
		if err != nil {
			continue
		}
		last, _ := d.Intent.Last(n)
		switch d.Next {
		case Done:
			n++
		case NewAttempt:
			_ = p.Again(ctx, n, last.Number+1, Amount{})
		case Ask: // a person finds out, which the model can; nobody else is at it then
			alone(o)
			if arrived, known := m.truth(d.Intent.Tracks(n)); known {
				_ = p.Settle(ctx, n, max(last.Number, 1), arrived, "looked")
			}
		}
	}
	o.over = true
}

// coroutine starts an operator anew.
func (o *operator) coroutine(plan Plan, alone func(*operator)) (next func() (struct{}, bool), stop func()) {
	return iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && r != (died{}) {
				panic(r)
			}
		}()
		o.point = func() bool { return yield(struct{}{}) }
		o.pays(plan, alone)
	})
}
