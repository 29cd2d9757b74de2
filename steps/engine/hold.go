package engine

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Lease keeps other operators away from the node of a run; steps/engine/lease has the one on a cluster.
type Lease interface {
	// Look reads once who holds the node of a namespace.
	Look(ctx context.Context, namespace string) wire.Lease
	// Take takes the node where nobody holds it, and renews where it is ours and that is due.
	Take(ctx context.Context, namespace string) wire.Lease
	// TakeOver takes it from a holder that was seen not to renew for wire.LeaseSpan.
	TakeOver(ctx context.Context, namespace string) wire.Lease
	// State is how it is held now, and Changed is told when that has changed.
	State() wire.Lease
	Changed() <-chan struct{}
	// At says at which step the run is.
	At(step string)
	// Keep renews until the context ends.
	Keep(ctx context.Context)
	// Release gives it back, with a note for whoever comes next.
	Release(ctx context.Context, note string) error
}

const (
	leaseLooks   = 5 * time.Second // how often the Lease is looked at while something waits for it
	leaseRelease = 5 * time.Second // how long giving it back may take
)

// guarded says whether this run needs to hold its node at all: one that changes nothing does not.
func (m *Machine[F]) guarded() bool { return m.Lease != nil && m.view.Run.Acting == wire.Live }

// meet looks once who holds the node, when it is known which node that is: a second operator is told before anything else is asked.
// Nothing is taken yet, so that a run which is refused has left nothing behind.
func (m *Machine[F]) meet(ctx context.Context, s steps.Step[F]) error {
	namespace := m.view.Subject.Namespace
	if !m.guarded() || m.met || namespace == "" {
		return nil
	}
	m.met = true
	l, err := m.leased(ctx, s.ID, m.Lease.Look)
	if err == nil && l.State == wire.LeaseForeign {
		_, err = m.refused(ctx, s, l)
	}
	return err
}

// leased makes a request for the Lease of the run's namespace. It may hang: viewers are heard meanwhile, and one who parks the run does
// not wait for its end. What it may have taken by then is given back when the worker ends.
func (m *Machine[F]) leased(ctx context.Context, step string, request func(context.Context, string) wire.Lease) (wire.Lease, error) {
	namespace := m.view.Subject.Namespace
	l, err := attended(ctx, m, &spell{step: step}, func(ctx context.Context) (wire.Lease, error) { return request(ctx, namespace), nil })
	m.reached = m.reached || err != nil
	return l, err
}

// hold returns when this run holds its node, or when no Lease can be taken and only the lock on the run folder holds. It is called before anything is asked that
// leads to a write, and before each write. Meanwhile the API may be away, which is waited for; somebody else may hold the node, which a
// person decides about; and one who has taken it from this run ends the worker.
func (m *Machine[F]) hold(ctx context.Context, s steps.Step[F]) error {
	if !m.guarded() {
		return nil
	}
	m.Lease.At(s.ID)
	began := m.Clock.Now()
	l, err := m.take(ctx, s)
	if err != nil {
		return err
	}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.show(l)
		switch l.State {
		case wire.LeaseHeld, wire.LeaseLocal:
			m.holding = true
			return nil
		case wire.LeaseForeign:
			if m.holding {
				return m.taken(l)
			}
			if l, err = m.refused(ctx, s, l); err != nil {
				return err
			}
			continue
		}
		if m.ParkAfter > 0 && m.Clock.Since(began) > m.ParkAfter {
			return &parking{fmt.Sprintf("writes paused for %s: %s", m.ParkAfter, l.Why)}
		}
		if err := m.rest(ctx, m.Wall, leaseLooks); err != nil {
			return err
		}
		if err := m.stillKnown(ctx, s.ID); err != nil {
			return err
		}
		if l, err = m.take(ctx, s); err != nil {
			return err
		}
	}
}

// take takes the node, or renews, once the journal is trusted: the Lease that is written then mirrors it as it is now.
func (m *Machine[F]) take(ctx context.Context, s steps.Step[F]) (wire.Lease, error) {
	if err := m.trust(ctx, s.ID); err != nil {
		return wire.Lease{}, err
	}
	if !m.trusted && m.view.Subject.Namespace != "" {
		return wire.Lease{State: wire.LeaseAway, Since: m.Clock.Now(), Why: m.doubt}, nil
	}
	return m.leased(ctx, s.ID, m.Lease.Take)
}

// show tells viewers how the node is held, where that has changed.
func (m *Machine[F]) show(l wire.Lease) {
	was := m.view.Lease
	if l.State == was.State && l.Why == was.Why && (l.State != wire.LeaseForeign || l.Holder == was.Holder) {
		return
	}
	m.publish(wire.Event{Kind: wire.KindLease, Lease: &l})
}

// leaseChanged is told between and during actions.
func (m *Machine[F]) leaseChanged() <-chan struct{} {
	if !m.guarded() {
		return nil
	}
	return m.Lease.Changed()
}

// leaseNews shows a change. Whoever has taken the node from this run ends the worker, whatever it does.
func (m *Machine[F]) leaseNews() error {
	l := m.Lease.State()
	if !m.holding {
		return nil // whoever takes it shows it
	}
	m.show(l)
	if l.State == wire.LeaseForeign {
		return m.taken(l)
	}
	return nil
}

// taken parks a run whose node somebody else has.
func (m *Machine[F]) taken(l wire.Lease) error {
	text := l.Why
	if l.Holder.Run != "" {
		text += ": " + l.Holder.Sentence()
	}
	return &parking{text + ". Nothing more was sent. Talk to them before you go on; svrescue resume takes it up again when the node is free"}
}

// refused tells who holds the node, and returns when that is over: released, or taken over by the operator. While the question is open the
// Lease is looked at, and what has become of it answers the question by itself.
func (m *Machine[F]) refused(ctx context.Context, s steps.Step[F], l wire.Lease) (wire.Lease, error) {
	namespace := m.view.Subject.Namespace
	note := ""
	for l.State == wire.LeaseForeign {
		m.show(l)
		silent := l.Silent >= wire.LeaseSpan
		q := heldQuestion(s.ID, l, note)
		if silent {
			q = takeOverQuestion(s.ID, l)
		}
		answer, err := m.ask(ctx, q, &watching{on: m.Clock, every: leaseLooks, look: func(ctx context.Context) func() (wire.Answer, bool) {
			now := m.Lease.Look(ctx, namespace)
			return func() (wire.Answer, bool) {
				l = now
				m.show(l)
				over := l.State != wire.LeaseForeign || (l.Silent >= wire.LeaseSpan) != silent
				return wire.Answer{Choice: wire.ChoiceWait}, over
			}
		}})
		if err != nil {
			return l, err
		}
		note = ""
		switch answer.Choice {
		case wire.ChoiceYes:
			holder := l.Holder
			if l, err = m.leased(ctx, s.ID, m.Lease.TakeOver); err != nil {
				return l, err
			}
			if l.State == wire.LeaseHeld {
				m.holding = true
				m.log(s.ID, "the node was taken over from "+holder.String())
			} else {
				note = "It was not taken over: " + holder.Name() + " has renewed it meanwhile."
			}
		case wire.ChoiceAbort:
			return l, m.abort(l.Holder.Sentence() + "; the operator ended this run")
		case wire.ChoiceWait:
			if answer.By != byTheWorld {
				if l, err = m.watch(ctx, s.ID, l); err != nil {
					return l, err
				}
			}
			if l.State == wire.LeaseForeign && silent {
				note = l.Holder.Name() + " has renewed it meanwhile."
			}
		}
	}
	m.show(l)
	return l, nil
}

// watch looks at the Lease until somebody can decide something: it is free, or its holder was silent for long enough, or was not.
func (m *Machine[F]) watch(ctx context.Context, step string, l wire.Lease) (_ wire.Lease, err error) {
	for end := m.Clock.Now().Add(wire.LeaseSpan + leaseLooks); l.State == wire.LeaseForeign && l.Silent < wire.LeaseSpan && m.Clock.Now().Before(end); {
		if err := m.rest(ctx, m.Clock, leaseLooks); err != nil {
			return l, err
		}
		if l, err = m.leased(ctx, step, m.Lease.Look); err != nil {
			return l, err
		}
		m.show(l)
	}
	return l, nil
}

func heldQuestion(step string, l wire.Lease, note string) wire.Question {
	next := "Talk to " + l.Holder.Name()
	if watch := l.Holder.Watch(); watch != "" {
		next += ", or watch it"
		if l.Holder.Host != "" {
			next += " on " + l.Holder.Host
		}
		next += ": " + watch
	}
	return wire.Question{Step: step, Name: step + ".held", Kind: wire.AskRemedy, Title: "Somebody else works on this node", Text: note,
		Error: &wire.Failure{Tried: "holding the node for this run", Seen: l.Holder.Sentence(), Next: next},
		Choices: []wire.Choice{
			{ID: wire.ChoiceWait, Label: "Watch until it is free",
				Detail: fmt.Sprintf("goes on by itself when it is released; when it is not renewed for %s, it can be taken over", wire.LeaseSpan)},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
			{ID: wire.ChoiceAbort, Label: "End the run", Detail: "the journal and the report stay"},
		}}
}

func takeOverQuestion(step string, l wire.Lease) wire.Question {
	return wire.Question{Step: step, Name: step + ".take-over", Kind: wire.AskWord, Word: l.Holder.Name(), Hash: l.Holder.Sentence(),
		Title: "Type " + l.Holder.Name() + " to take the node over",
		Text: fmt.Sprintf("%s.\nIt was not renewed for %s, counted here. Two who work on one node can destroy it: make sure that this run has ended. If it has not, it stops before its next write.",
			l.Holder.Sentence(), wire.LeaseSpan),
		Choices: []wire.Choice{
			{ID: wire.ChoiceYes, Label: "Take the node over", Effect: wire.Repeatable},
			{ID: wire.ChoiceWait, Label: "Go on watching"},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		}}
}

// release gives the node back when the worker ends, if the cluster answers soon enough.
func (m *Machine[F]) release(ctx context.Context) {
	if !m.holding && !m.reached {
		return
	}
	note := "the worker has ended"
	switch v := m.view; {
	case v.Ended != nil:
		note = string(v.Ended.Outcome) + ": " + v.Ended.Text
	case v.Parked != "":
		note = "parked: " + v.Parked
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRelease)
	defer cancel()
	if err := m.Lease.Release(ctx, note); err != nil {
		m.log("", fmt.Sprintf("the Lease of the node could not be released: %v; others can take it over %s after the last heartbeat", err, wire.LeaseSpan))
	}
}
