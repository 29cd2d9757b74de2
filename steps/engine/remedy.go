package engine

import (
	"context"
	"errors"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// remedies says which choices an error allows.
type remedies struct {
	check  bool // nothing of this step was sent
	verify bool // everything was sent, the proof is missing
	accept bool // the operator may go on without proof, with a reason
	action bool // one action failed
}

// errAccepted and errSkipAction are answers to a remedy question.
var (
	errAccepted   = errors.New("accepted")
	errSkipAction = errors.New("skip the action")
)

// remedy asks what to do about an error. nil means try again.
func (m *Machine[F]) remedy(ctx context.Context, s steps.Step[F], trying string, err error, r remedies) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if passesThrough(err) {
		return err
	}
	failure := steps.FailureOf(trying, err)
	q := wire.Question{Step: s.ID, Name: s.ID + ".remedy", Kind: wire.AskRemedy, Title: s.Title + " cannot go on", Error: &failure}
	var waiting *steps.StillWaiting
	isWaiting := errors.As(err, &waiting)
	switch {
	case isWaiting:
		q.Title = s.Title + " is still waiting"
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceRetry, Label: "Wait longer"})
	case r.verify:
		q.Title = s.Title + " is not proven"
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceRetry, Label: "Look again"})
	case r.check:
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceRetry, Label: "Look again"})
	default:
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceRetry, Label: "Try again"})
	}
	if s.Plan != nil && !r.check {
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceByHand, Label: "I do it by hand", Detail: "shows the commands and watches until the world shows them done"})
	}
	if undo, ok := m.undoChoice(s); ok {
		q.Choices = append(q.Choices, undo)
	}
	if r.accept {
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceAccept, Label: "Go on without this proof", Reason: true})
	}
	if r.action {
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceSkip, Label: "Leave this action out", Detail: "the proof at the end of the step must still hold", Reason: true})
	}
	q.Choices = append(q.Choices,
		wire.Choice{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		wire.Choice{ID: wire.ChoiceAbort, Label: "End the run", Detail: "the journal and the report stay"})
	m.advise(&q, s, err)
	if r.check && !m.changed() {
		q.Default = wire.ChoiceAbort // without a person: refused, since nothing was changed
	}
	answer, err := m.ask(ctx, q, nil)
	if err != nil {
		return err
	}
	switch answer.Choice {
	case wire.ChoiceByHand:
		return errByHand
	case wire.ChoiceAccept:
		return errAccepted
	case wire.ChoiceSkip:
		return errSkipAction
	case wire.ChoiceUndo:
		return m.undoLast(ctx, s)
	case wire.ChoiceAbort:
		if r.check && !m.changed() {
			return &ending{wire.Refused, failure.Seen}
		}
		return &ending{wire.Failed, failure.Error()}
	}
	return nil
}

// advise puts the step's own words on the choices that it knows something about.
func (m *Machine[F]) advise(q *wire.Question, s steps.Step[F], err error) {
	if s.Remedies == nil {
		return
	}
	for _, advice := range s.Remedies(err) {
		i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == advice.Choice })
		if i < 0 {
			continue
		}
		if advice.Label != "" {
			q.Choices[i].Label = advice.Label
		}
		if advice.Detail != "" {
			q.Choices[i].Detail = advice.Detail
		}
	}
}

// passesThrough are results of questions and of the journal; they are no errors to ask about.
func passesThrough(err error) bool {
	var journal journalError
	var end *ending
	var parked *parking
	var again *askAgain
	return errors.As(err, &journal) || errors.As(err, &end) || errors.As(err, &parked) || errors.As(err, &again) ||
		err == errByHand || err == errOver || err == errAccepted || err == errSkipAction
}
