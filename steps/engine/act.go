package engine

import (
	"context"
	"errors"
	"slices"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// askedToPark is why a run parks that somebody wants parked.
const askedToPark = "asked for by the operator"

// perform brings one action to its end: probed, journaled, sent. No error means done, already done, or left out with a
// reason; sent says whether it was sent. An action is not sent beyond what was agreed to: one that the world showed done
// when the plan was shown, and that is not done any more, is shown anew.
func (m *Machine[F]) perform(ctx context.Context, s steps.Step[F], a steps.Action, ok consent) (sent bool, err error) {
	sp := &spell{step: s.ID}
	sent, err = m.performing(ctx, s, a, ok, sp)
	if over := m.overWith(ctx, sp, err); over != nil {
		err = over
	}
	return sent, err
}

// performing is perform; its failures that pass by themselves, of sends and of the looks between them, are one spell.
func (m *Machine[F]) performing(ctx context.Context, s steps.Step[F], a steps.Action, ok consent, sp *spell) (sent bool, err error) {
	undo := ok.undo
	if left := m.leftWaiting(s.ID, a, undo); left != nil {
		switch err := m.remedy(ctx, s, a.Show().Title, left, remedies{action: true, wait: true}); err {
		case nil:
		case errSkipAction:
			return false, m.result(s, a, undo, wire.ActionSkipped, nil)
		default:
			return false, err
		}
	}
	for {
		if m.parkAfter {
			return sent, &parking{askedToPark}
		}
		done, err := m.probe(ctx, s, a, undo, sp)
		if done || err != nil && passesThrough(err) {
			return sent, err
		}
		if err == nil {
			if a.Effect().Rank() > ok.effect.Rank() {
				return sent, &askAgain{"The world has changed since it was shown: " + a.Show().Title + " is not done any more"}
			}
			if a.Effect().Rank() > 0 {
				began := m.Wall.Now()
				if err := m.hold(ctx, s); err != nil {
					return sent, err
				}
				if m.Wall.Since(began) >= leaseLooks { // it was waited for, and what was looked at before is old
					if !undo && !ok.remedy {
						if err := m.recheck(ctx, s, ok.hash); err != nil {
							return sent, err
						}
					}
					continue
				}
			}
			sent = true
			if err := m.emit(wire.Event{Kind: wire.KindIntent, Step: s.ID, Action: a.Key(), Undo: undo}); err != nil {
				return sent, err
			}
			err = m.send(ctx, s, a, undo, sp)
			if passesThrough(err) || ctx.Err() != nil {
				return sent, firstOf(ctx.Err(), err)
			}
			if err == nil {
				return sent, firstOf(m.end(sp, wire.RetryPassed), m.result(s, a, undo, wire.ActionDone, nil))
			}
			failure := steps.FailureOf(a.Show().Title, err)
			if err := m.result(s, a, undo, wire.ActionFailed, &failure); err != nil {
				return sent, err
			}
			if held := (*kube.NotHeld)(nil); errors.As(err, &held) { // in the middle of it: it is looked at again when the node is held
				if err := m.hold(ctx, s); err != nil {
					return sent, err
				}
				continue
			}
		}
		if ctx.Err() != nil {
			return sent, ctx.Err()
		}
		if a.Effect() != wire.Once && !isGivenUp(err) { // what must happen once is not sent again by itself
			switch {
			case steps.IsTransient(err):
				again := m.again(ctx, sp, err)
				if again == nil {
					continue
				}
				err = again
			case expired(err):
				if err := m.login(ctx, sp, err); err != nil {
					return sent, err
				}
				if err := m.lookAgain(ctx, s, a, ok); err != nil {
					return sent, err
				}
				continue
			}
		}
		if passesThrough(err) || ctx.Err() != nil {
			return sent, firstOf(ctx.Err(), err)
		}
		if err := m.end(sp, wire.RetryOther); err != nil {
			return sent, err
		}
		switch err := m.remedy(ctx, s, a.Show().Title, err, remedies{action: true}); err {
		case nil:
			if err := m.lookAgain(ctx, s, a, ok); err != nil {
				return sent, err
			}
		case errSkipAction:
			return sent, m.result(s, a, undo, wire.ActionSkipped, nil)
		default:
			return sent, err
		}
	}
}

// lookAgain looks once more at what was looked at before an action that changes something: a question may have been open for hours.
func (m *Machine[F]) lookAgain(ctx context.Context, s steps.Step[F], a steps.Action, ok consent) error {
	if a.Effect().Rank() == 0 || ok.undo || ok.remedy {
		return nil
	}
	return m.recheck(ctx, s, ok.hash)
}

// left says that a wait was left because somebody parked the run. Whoever takes the run up is asked whether to go on with it: this is
// how a wait of hours is given up.
type left struct{ waiting *steps.StillWaiting }

func (l *left) Error() string { return l.waiting.Error() }
func (l *left) Unwrap() error { return l.waiting }
func (l *left) Failure() wire.Failure {
	return wire.Failure{Tried: l.waiting.What, Seen: "the run was parked while it waited for this", Next: "Wait longer, or leave it out: what it waits for goes on by itself"}
}

// leftWaiting says, once, that the worker before this one parked during this wait; nil where it did not.
func (m *Machine[F]) leftWaiting(step string, a steps.Action, undo bool) error {
	if touches(a) {
		return nil
	}
	parked := false
	for _, e := range slices.Backward(m.Past) {
		switch e.Kind {
		case wire.KindPark:
			parked = true
		case wire.KindResume, wire.KindNote, wire.KindRetried:
		default:
			if !parked || m.askedOn || e.Kind != wire.KindIntent || e.Step != step || e.Action != a.Key() || e.Undo != undo {
				return nil
			}
			m.askedOn = true
			return &left{&steps.StillWaiting{What: a.Show().Title}}
		}
	}
	return nil
}

// probed is what the world shows of an action.
type probed struct {
	state    wire.ActionState
	evidence []wire.Evidence
}

// probe looks whether the action is done. An intent without a result whose outcome the world does not show is asked
// about when the action must not happen twice.
func (m *Machine[F]) probe(ctx context.Context, s steps.Step[F], a steps.Action, undo bool, sp *spell) (done bool, err error) {
	seen, err := persist(ctx, m, sp, func(ctx context.Context) (probed, error) {
		state, evidence, err := a.Probe(ctx, m.World)
		return probed{state, evidence}, err
	})
	if err != nil {
		return false, firstOf(ctx.Err(), err)
	}
	state, evidence := seen.state, seen.evidence
	before := m.actionState(s.ID, a.Key(), undo)
	switch {
	case state == wire.ActionDone && before == wire.ActionRunning:
		return true, m.result(s, a, undo, wire.ActionDone, nil)
	case state == wire.ActionDone && (before == wire.ActionPending || before == wire.ActionFailed):
		return true, m.result(s, a, undo, wire.ActionAlready, nil)
	case state == wire.ActionDone:
		return true, nil
	case state == wire.ActionUnknown && before == wire.ActionRunning && a.Effect() == wire.Once:
		return m.unknown(ctx, s, a, undo, evidence, sp)
	}
	return false, nil
}

// unknown asks about an action that may have happened and must not happen twice.
func (m *Machine[F]) unknown(ctx context.Context, s steps.Step[F], a steps.Action, undo bool, evidence []wire.Evidence, sp *spell) (bool, error) {
	failure := wire.Failure{Tried: a.Show().Title, Seen: "it was begun, and the world does not show whether it happened",
		Next: "Find out before it is sent again"}
	for _, e := range evidence {
		failure.Detail = append(failure.Detail, e.Source+": "+e.Seen)
	}
	answer, err := m.ask(ctx, wire.Question{Step: s.ID, Name: s.ID + ".unknown", Kind: wire.AskRemedy,
		Title: "Did this happen?", Error: &failure, Choices: []wire.Choice{
			{ID: wire.ChoiceWait, Label: "Look again"},
			{ID: wire.ChoiceAccept, Label: "It happened", Reason: true},
			{ID: wire.ChoiceRetry, Label: "It did not happen; send it again", Effect: a.Effect(), Reason: true},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		}}, nil)
	if err != nil {
		return false, err
	}
	switch answer.Choice {
	case wire.ChoiceAccept:
		return true, m.result(s, a, undo, wire.ActionByHand, nil)
	case wire.ChoiceWait:
		return m.probe(ctx, s, a, undo, sp)
	}
	return false, nil
}

func (m *Machine[F]) actionState(step, key string, undo bool) wire.ActionState {
	s := m.view.Step(step)
	for i := range s.Actions {
		if s.Actions[i].Key == key && s.Actions[i].Undo == undo {
			return s.Actions[i].State
		}
	}
	return wire.ActionPending
}

func (m *Machine[F]) result(s steps.Step[F], a steps.Action, undo bool, state wire.ActionState, failure *wire.Failure) error {
	return m.emit(wire.Event{Kind: wire.KindResult, Step: s.ID, Action: a.Key(), Undo: undo, Outcome: state, Failure: failure})
}

// looked is how a reading in the middle of an action went: no error, it worked. next takes whether the action goes on.
type looked struct {
	err  error
	next chan error
}

// patientHands read with the patience of the run, which tells of each reading that worked or may work later.
func patientHands(hands steps.Hands, tell chan<- looked) steps.Hands {
	hands.Patient = func(ctx context.Context, read func(context.Context) error) error {
		for {
			err := read(ctx)
			if err != nil && !steps.IsTransient(err) || ctx.Err() != nil {
				return firstOf(ctx.Err(), err)
			}
			next := make(chan error, 1)
			select {
			case tell <- looked{err, next}:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case no := <-next:
				if no != nil || err == nil {
					return no
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return hands
}

// send runs the action's Do and shows its progress. Messages of viewers are heard meanwhile. One that only waits is left at once when
// somebody asks to park, or to try no more; so is one that is at a reading which is tried again. Any other is brought to its end first.
func (m *Machine[F]) send(ctx context.Context, s steps.Step[F], a steps.Action, undo bool, sp *spell) error {
	m.wish = nothing
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	progress := make(chan wire.Progress)
	over := make(chan error, 1)
	report := func(p wire.Progress) {
		select {
		case progress <- p:
		case <-ctx.Done():
		}
	}
	readings := make(chan looked)
	hands := patientHands(m.Hands(a.Refs(), false), readings)
	go func() {
		defer close(over)
		m.Hook("before send " + s.ID + " " + a.Key())
		err := a.Do(ctx, hands, report)
		m.Hook("after send " + s.ID + " " + a.Key())
		over <- err
	}()
	leave := func(why error) error {
		cancel()
		<-over
		return why
	}
	again := false // a reading has failed and is tried again
	for {
		select {
		case err, ok := <-over:
			if !ok {
				die()
			}
			return err
		case r := <-readings:
			var err error
			if again = r.err != nil; again {
				err = m.again(ctx, sp, r.err)
			} else {
				err = m.end(sp, wire.RetryPassed)
			}
			if err != nil {
				return leave(err)
			}
			r.next <- nil
		case p := <-progress:
			m.publish(wire.Event{Kind: wire.KindProgress, Step: s.ID, Action: a.Key(), Undo: undo, Progress: &p})
		case msg := <-m.inbox:
			if err := m.heard(msg); err != nil {
				return leave(err)
			}
			reads := again || !touches(a)
			switch {
			case m.parkAfter && reads: // a wait may take hours, and is taken up again where it stands
				return leave(&parking{askedToPark})
			case m.wish == stopTrying && sp.Tries > 0 && reads:
				return leave(m.giveUp(sp, sp.last, wire.RetryStopped))
			}
		case <-m.leaseChanged():
			if err := m.leaseNews(); err != nil {
				return leave(err)
			}
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
