package engine

import (
	"context"
	"errors"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// previous is the last step before s that changed something and can be taken back, nil if there is none.
func (m *Machine[F]) previous(s steps.Step[F]) *steps.Step[F] {
	var found *steps.Step[F]
	for i := range m.Path.Steps {
		step := &m.Path.Steps[i]
		if step.ID == s.ID {
			return found
		}
		state := m.view.Steps[i].State
		if step.Effect.Rank() == 0 || state != wire.StepDone && state != wire.StepByHand {
			continue
		}
		found = nil // what can be taken back is only the last change
		if step.Undo != nil {
			if actions, _ := step.Undo(m.facts); len(actions) > 0 {
				found = step
			}
		}
	}
	return nil
}

// undoPrevious takes the last change before s back; the run goes on from there.
func (m *Machine[F]) undoPrevious(ctx context.Context, s steps.Step[F]) error {
	prev := m.previous(s)
	if prev == nil {
		return &askAgain{"There is nothing to take back"}
	}
	err := m.undo(ctx, *prev)
	var again *askAgain
	if !errors.As(err, &again) || m.view.Step(prev.ID).State != wire.StepUndone {
		return err
	}
	after := false
	for _, step := range m.Path.Steps {
		if after {
			if err := m.state(step.ID, wire.StepPending, prev.Title+" was taken back"); err != nil {
				return err
			}
		}
		if step.ID == s.ID {
			break
		}
		after = after || step.ID == prev.ID
	}
	return errOver
}

// undo asks, and takes the step back. It always ends with an error: askAgain, so that the step is shown anew.
func (m *Machine[F]) undo(ctx context.Context, s steps.Step[F]) error {
	actions, whyNot := s.Undo(m.facts)
	if len(actions) == 0 {
		return &askAgain{"This step cannot be taken back: " + whyNot}
	}
	plan := Shown(actions, nil)
	if err := m.emit(wire.Event{Kind: wire.KindPlan, Step: s.ID, Undo: true, Plan: &plan}); err != nil {
		return err
	}
	q := wire.Question{Step: s.ID, Name: s.ID + ".undo", Kind: wire.AskConfirm, Title: "Take " + s.Title + " back?", Hash: plan.Hash,
		Choices: []wire.Choice{
			{ID: wire.ChoiceYes, Label: "Take it back", Effect: plan.Effect},
			{ID: wire.ChoiceBack, Label: "Leave it as it is"},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		}}
	if plan.Effect == wire.Destroy {
		q.Kind, q.Word = wire.AskWord, m.view.Subject.Word()
		q.Title = "Type " + q.Word + " to take " + s.Title + " back"
	}
	answer, err := m.ask(ctx, q, nil)
	if err != nil {
		return err
	}
	if answer.Choice != wire.ChoiceYes {
		return &askAgain{}
	}
	for _, a := range actions {
		if err := m.perform(ctx, s, a, true); err != nil {
			if err == errByHand {
				err = m.byHandUndo(ctx, s, a)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := m.state(s.ID, wire.StepUndone, "taken back"); err != nil {
		return err
	}
	return &askAgain{"The step was taken back"}
}

// byHandUndo waits until the world shows one action of an undo done.
func (m *Machine[F]) byHandUndo(ctx context.Context, s steps.Step[F], a steps.Action) error {
	answer, err := m.ask(ctx, wire.Question{Step: s.ID, Name: s.ID + ".undo-by-hand", Kind: wire.AskChoice,
		Title: "Waiting for you: " + a.Show().Title, Choices: []wire.Choice{
			{ID: wire.ChoiceBack, Label: "Let the tool try again"},
			{ID: wire.ChoicePark, Label: "Park"},
		}}, &watching{every: byHandLooks, look: func(ctx context.Context) (wire.Answer, bool) {
		state, _, err := a.Probe(ctx, m.World)
		return wire.Answer{Choice: wire.ChoiceDone}, err == nil && state == wire.ActionDone
	}})
	if err != nil {
		return err
	}
	if answer.Choice == wire.ChoiceBack {
		return m.perform(ctx, s, a, true)
	}
	return m.result(s, a, true, wire.ActionByHand, nil)
}
