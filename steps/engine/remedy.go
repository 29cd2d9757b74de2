package engine

import (
	"context"
	"errors"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// remedies says which choices an error allows.
type remedies struct {
	check  bool // nothing of this step was sent
	verify bool // everything was sent, the proof is missing
	accept bool // the operator may go on without proof, with a reason
	action bool // one action failed
	wait   bool // it did not fail: it was left, and going on with it is what is proposed
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
	if m.acts(s) && !r.check {
		q.Choices = append(q.Choices, wire.Choice{ID: wire.ChoiceByHand, Label: "I do it by hand", Detail: "shows the commands and watches until the world shows them done"})
	}
	if anew, ok := m.askChoice(s); ok {
		q.Choices = append(q.Choices, anew)
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
	if r.wait {
		q.Default = wire.ChoiceRetry
	}
	anew := s.Inputs != nil && svapp.KindOf(err) == svapp.NoToken // a person has to log in, and the inputs are where that is asked for
	cures := m.advise(&q, s, err)
	if r.check && !m.changed() && !isGivenUp(err) {
		q.Default = wire.ChoiceAbort // without a person: refused, since nothing was changed
	}
	answer, err := m.ask(ctx, q, nil)
	if err != nil {
		return err
	}
	if cure, ok := cures[answer.Choice]; ok {
		if step := m.askable(s, cure.Again); step != nil {
			return m.openAgain(step)
		}
		return m.mend(ctx, s, cure)
	}
	switch answer.Choice {
	case wire.ChoiceByHand:
		return errByHand
	case wire.ChoiceAccept:
		return errAccepted
	case wire.ChoiceSkip:
		return errSkipAction
	case wire.ChoiceAsk:
		return m.askAnew(s)
	case wire.ChoiceUndo:
		return m.undoLast(ctx, s)
	case wire.ChoiceAbort:
		if (r.check || s.Effect.Rank() == 0) && !m.changed() { // what does not hold was told by a look
			return &ending{wire.Refused, failure.Seen}
		}
		return &ending{wire.Failed, failure.Error()}
	}
	if anew {
		return &askAgain{}
	}
	return nil
}

// acts says whether there is something in a step that a person could do instead.
func (m *Machine[F]) acts(s steps.Step[F]) bool {
	if s.Plan == nil {
		return false
	}
	actions, err := s.Plan(m.facts)
	return err != nil || len(actions) > 0
}

// advise puts the step's own words on the choices that it knows something about, and adds those that cure the error with
// actions of their own, or by asking an earlier step's questions anew, which it returns by choice. Only a live run has those with actions: a
// dry run sends nothing.
func (m *Machine[F]) advise(q *wire.Question, s steps.Step[F], err error) map[string]steps.Remedy {
	if s.Remedies == nil {
		return nil
	}
	cures := map[string]steps.Remedy{}
	for _, advice := range s.Remedies(err) {
		i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == advice.Choice })
		if i < 0 && len(advice.Actions) > 0 && m.view.Run.Acting == wire.Live {
			cures[advice.Choice] = advice
			q.Choices = slices.Insert(q.Choices, 1, wire.Choice{ID: advice.Choice, Label: advice.Label, Detail: advice.Detail,
				Effect: Shown(advice.Actions, nil).Effect})
			continue
		}
		if i < 0 && m.askable(s, advice.Again) != nil {
			cures[advice.Choice] = advice
			q.Choices = slices.Insert(q.Choices, 1, wire.Choice{ID: advice.Choice, Label: advice.Label, Detail: advice.Detail})
			continue
		}
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
	return cures
}

// mend shows a remedy's actions, asks, and sends them. No error means that the step goes on where the error came, whether
// they were sent or not: if the error comes again it is asked about again.
func (m *Machine[F]) mend(ctx context.Context, s steps.Step[F], cure steps.Remedy) error {
	plan := Shown(cure.Actions, nil)
	plan.Remedy = true
	if err := m.emit(wire.Event{Kind: wire.KindPlan, Step: s.ID, Plan: &plan}); err != nil {
		return err
	}
	q := wire.Question{Step: s.ID, Name: s.ID + ".mend", Kind: wire.AskConfirm, Title: cure.Label + ": send this?", Text: cure.Detail, Hash: plan.Hash,
		Choices: []wire.Choice{
			{ID: wire.ChoiceYes, Label: "Send it", Effect: plan.Effect},
			{ID: wire.ChoiceBack, Label: "Not now", Detail: "the step goes on as before"},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		}}
	if plan.Effect == wire.Destroy {
		q.Kind, q.Word = wire.AskWord, m.word()
		q.Title = "Type " + q.Word + " to go on"
	}
	answer, err := m.ask(ctx, q, nil)
	if err != nil || answer.Choice != wire.ChoiceYes {
		return err
	}
	ok := consent{effect: plan.Effect, hash: plan.Hash, remedy: true}
	for _, a := range cure.Actions {
		_, err := m.perform(ctx, s, a, ok)
		if err == errByHand {
			err = m.byHandOne(ctx, s, a, ok)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
