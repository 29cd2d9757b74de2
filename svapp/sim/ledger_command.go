package sim

import (
	"context"
	"net/http"
	"time"
)

// command is a transfer that was sent to the ledger and that it has not taken yet.
type command struct {
	answer any
	err    error
}

// submit sends a command under a tracking ID and waits for the ledger. One that is under way goes on when its client has gone. A tracking ID that
// the wallet's log has, in whatever state, makes no other one: 409; one that is in flight is 429 (reference/apis.md 6.3).
func (l *Ledger) submit(ctx context.Context, sender, tracking, duplicate string, create func() (any, error)) (any, error) {
	l.enter()
	key := sender + " " + tracking
	switch {
	case l.tracked(sender, tracking):
		l.mu.Unlock()
		return nil, &refusal{http.StatusConflict, duplicate}
	case l.flying[key] != nil:
		l.mu.Unlock()
		return nil, &refusal{http.StatusTooManyRequests, "A command with tracking id " + tracking + " is in flight"} // wording not verified
	}
	c := &command{}
	l.flying[key] = c
	l.after(l.o.Command, func() {
		delete(l.flying, key)
		c.answer, c.err = create()
	})
	l.mu.Unlock()
	if err := l.sleep(ctx, l.o.Command); err != nil {
		return nil, err
	}
	l.enter()
	defer l.mu.Unlock()
	return c.answer, c.err
}

// sleep waits by the ledger's clock.
func (l *Ledger) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := l.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tracked says whether the log of the sender's wallet has a tracking ID.
func (l *Ledger) tracked(sender, tracking string) bool {
	return l.offerOf(sender, tracking) != nil || l.transferOf(sender, tracking) != nil
}

// What can be done to a request.
const (
	CutAfter  = "cut after"  // the ledger takes it, and the connection breaks before the answer
	CutBefore = "cut before" // the connection breaks, and nothing has happened
	TurnAway  = "turn away"  // 429, and nothing has happened
	NotNow    = "not now"    // 503, and nothing has happened
)

// Fault spoils requests to wallets.
type Fault struct {
	Call        string // offer, transfer, status, accept, reject, withdraw, balance or list
	Skip, Count int    // how many pass before it, and how many it spoils; 0 counts as one
	FirstOffer  bool   // instead: it spoils all, from the first offer on until nothing more can come of that
	Do          string
}

type fault struct {
	Fault
	passed, spoiled int
}

// spoil says what becomes of a request; empty: nothing.
func (l *Ledger) spoil(call string) string {
	l.enter()
	defer l.mu.Unlock()
	for i := range l.faults {
		f := &l.faults[i]
		switch {
		case f.Call != call || !f.FirstOffer && f.spoiled >= max(f.Count, 1):
		case f.FirstOffer && (len(l.offers) == 0 || l.offers[0].now().status != statusCreated):
		case f.passed < f.Skip:
			f.passed++
		default:
			f.spoiled++
			return f.Do
		}
	}
	return ""
}
