package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// spell is one time during which something fails that passes by itself: from its first failure until it works, or is given up. Several
// calls may share one, as the sends of an action and the looks between them do.
type spell struct {
	step string
	wire.Retry
	last    error     // of the last failure
	until   time.Time // Until, by this machine's clock
	renewed time.Time // when the login was last renewed without asking, by this machine's clock
}

// givenUp is an error that should have passed by itself and did not, for as long as it was tried.
type givenUp struct {
	err error
	wire.Retried
}

func (g *givenUp) Error() string { return g.Failure().Error() }
func (g *givenUp) Unwrap() error { return g.err }

// Failure says besides how long it was tried.
func (g *givenUp) Failure() wire.Failure {
	f := steps.FailureOf(g.Tried, g.err)
	how := "until it was given up"
	if g.Outcome == wire.RetryStopped {
		how = "until that was stopped"
	}
	f.Seen += fmt.Sprintf("; it was tried %s from %s to %s UTC, %s", wire.Times(g.Tries, "time"),
		g.Since.UTC().Format("15:04:05"), g.Ended.UTC().Format("15:04:05"), how)
	return f
}

// wish is what a viewer wants of what is tried again.
type wish int

const (
	nothing wish = iota
	tryNow
	stopTrying
)

// patient reads until the reading works, or fails in a way that does not pass by itself, or patience is spent.
func patient[F, T any](ctx context.Context, m *Machine[F], step string, read func(context.Context) (T, error)) (T, error) {
	sp := &spell{step: step}
	got, err := persist(ctx, m, sp, read)
	if over := m.overWith(ctx, sp, err); over != nil {
		err = over
	}
	return got, err
}

// persist is patient within a spell that goes on afterwards.
func persist[F, T any](ctx context.Context, m *Machine[F], sp *spell, read func(context.Context) (T, error)) (T, error) {
	for {
		refused := m.refusals()
		got, err := attended(ctx, m, sp, read)
		if ctx.Err() == nil && !passesThrough(err) && !isGivenUp(err) && !expired(err) && m.refusals() != refused && !m.trusts(sp) {
			err = unknownHere() // what was read is less than there is
		}
		switch {
		case err == nil, ctx.Err() != nil, passesThrough(err), isGivenUp(err):
			return got, err
		case expired(err):
			err = m.login(ctx, sp, err)
		case steps.IsTransient(err):
			err = m.again(ctx, sp, err)
		default:
			return got, err
		}
		if err != nil {
			return got, err
		}
	}
}

// again shows a failure that passes by itself, and waits. No error: try once more. Otherwise it is given up, or the run parks.
func (m *Machine[F]) again(ctx context.Context, sp *spell, err error) error {
	now := m.Wall.Now()
	failure := steps.FailureOf("reading the world", err)
	if sp.Tries == 0 {
		sp.until = now.Add(m.Patience.budget())
		sp.Since, sp.Until = m.inWorld(now), m.inWorld(sp.until)
	}
	sp.Tries++
	sp.Tried, sp.Seen = failure.Tried, failure.Seen
	left := sp.until.Sub(now)
	switch {
	case m.wish == stopTrying && sp.Tries > 1: // while a send was under way that had to come to its end
		return m.giveUp(sp, err, wire.RetryStopped)
	case left <= 0:
		return m.giveUp(sp, err, wire.RetrySpent)
	}
	wait := m.Patience.wait(sp.Tries, kube.RetryAfter(err), left)
	sp.Next = m.inWorld(now.Add(wait))
	m.tell(sp)
	if err := m.rest(ctx, m.Wall, wait); err != nil {
		return err
	}
	if m.wish == stopTrying {
		return m.giveUp(sp, err, wire.RetryStopped)
	}
	sp.Next, sp.last = time.Time{}, err
	m.tell(sp)
	return nil
}

// inWorld is a time of this machine as one of the run's world, as all times are that are shown.
func (m *Machine[F]) inWorld(t time.Time) time.Time { return m.view.Run.Now(t).UTC() }

func (m *Machine[F]) giveUp(sp *spell, err error, how wire.RetryOutcome) error {
	g := &givenUp{err: err, Retried: wire.Retried{Retry: sp.Retry, Step: sp.step, Ended: m.Clock.Now().UTC()}}
	g.Outcome = how
	if err := m.end(sp, how); err != nil {
		return err
	}
	return g
}

// tell shows viewers what is tried again.
func (m *Machine[F]) tell(sp *spell) {
	r := sp.Retry
	m.publish(wire.Event{Kind: wire.KindRetry, Step: sp.step, Retry: &r})
}

// end writes how a spell ended, if there was a failure; it is nothing after that.
func (m *Machine[F]) end(sp *spell, how wire.RetryOutcome) error {
	if sp.Tries == 0 {
		return nil
	}
	r := sp.Retry
	r.Next, r.Outcome = time.Time{}, how
	*sp = spell{step: sp.step, renewed: sp.renewed}
	return m.emit(wire.Event{Kind: wire.KindRetried, Step: sp.step, Retry: &r})
}

// overWith ends a spell by what its last call came to. A process that is being ended writes nothing more.
func (m *Machine[F]) overWith(ctx context.Context, sp *spell, err error) error {
	var journal journalError
	var parked *parking
	switch {
	case ctx.Err() != nil, errors.As(err, &journal):
		return nil
	case err == nil:
		return m.end(sp, wire.RetryPassed)
	case errors.As(err, &parked):
		return m.end(sp, wire.RetryParked)
	}
	return m.end(sp, wire.RetryOther)
}

func isGivenUp(err error) bool {
	var g *givenUp
	return errors.As(err, &g)
}

// attended makes a call that may hang. Viewers are heard meanwhile: one who parks the run, or stops what is being tried again, does not
// wait for the call's end. It is cancelled then, and what it still answers is dropped.
func attended[F, T any](ctx context.Context, m *Machine[F], sp *spell, call func(context.Context) (T, error)) (T, error) {
	type answer struct {
		got T
		err error
	}
	var none T
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan answer, 1)
	go func() {
		defer close(over)
		got, err := call(inner)
		over <- answer{got, err}
	}()
	m.wish = nothing
	for {
		select {
		case a, ok := <-over:
			if !ok {
				die()
			}
			return a.got, a.err
		case <-ctx.Done():
			return none, ctx.Err()
		case msg := <-m.inbox:
			if err := m.heard(msg); err != nil {
				return none, err
			}
			switch {
			case m.parkAfter:
				return none, &parking{askedToPark}
			case m.wish == stopTrying && sp.Tries > 0:
				return none, m.giveUp(sp, sp.last, wire.RetryStopped)
			}
		case <-m.leaseChanged():
			if err := m.leaseNews(); err != nil {
				return none, err
			}
		}
	}
}
