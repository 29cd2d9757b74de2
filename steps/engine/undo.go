package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// last is the step that holds the last change up to and including s, nil if there is none. Changes are taken back in the
// reverse of their order and in no other: with a restore half done, the step that keeps the old volumes must not be
// taken back before it.
func (m *Machine[F]) last(s steps.Step[F]) *steps.Step[F] {
	var found *steps.Step[F]
	for i := range m.Path.Steps {
		step := &m.Path.Steps[i]
		if m.begun(i) {
			found = step
		}
		if step.ID == s.ID {
			break
		}
	}
	return found
}

// begun says whether the step has changed something, or may have, and was not taken back since.
func (m *Machine[F]) begun(i int) bool {
	if m.Path.Steps[i].Effect.Rank() == 0 {
		return false
	}
	view := m.view.Steps[i]
	if view.State == wire.StepDone || view.State == wire.StepByHand { // one whose plan was empty has changed nothing
		return slices.ContainsFunc(view.Actions, func(a wire.ActionView) bool { return !a.Undo && !a.Remedy && a.Effect.Rank() > 0 })
	}
	for _, a := range view.Actions {
		if !a.Undo && !a.Remedy && a.Effect.Rank() > 0 && a.State != wire.ActionPending && a.State != wire.ActionSkipped {
			return true
		}
	}
	return false
}

// undoChoice offers to take back the last change up to s.
func (m *Machine[F]) undoChoice(s steps.Step[F]) (wire.Choice, bool) {
	last := m.last(s)
	if last == nil || m.view.Run.Acting != wire.Live {
		return wire.Choice{}, false
	}
	c := wire.Choice{ID: wire.ChoiceUndo, Label: "Take back " + last.Title, Detail: "shows what would be sent first"}
	if last.ID == s.ID {
		c.Label = "Take this step back"
	}
	if last.Undo == nil {
		c.Refuse = cmp.Or(last.Stays, "nothing takes "+last.Title+" back")
	} else if actions, whyNot := last.Undo(m.facts); len(actions) == 0 {
		c.Refuse = cmp.Or(whyNot, "there is nothing to take back")
	}
	return c, true
}

// undoLast takes back the last change up to s. When that is another step the run goes on from there.
func (m *Machine[F]) undoLast(ctx context.Context, s steps.Step[F]) error {
	last := m.last(s)
	if last == nil || last.Undo == nil {
		return &askAgain{"There is nothing to take back"}
	}
	err := m.undo(ctx, *last)
	var again *askAgain
	if errors.As(err, &again) && m.view.Step(last.ID).State == wire.StepUndone && last.ID != s.ID {
		return errOver
	}
	return err
}

// undoAgain goes on with an undo that the process before this one did not finish: left half done, neither the step nor
// the ones after it would find the world they know.
func (m *Machine[F]) undoAgain(ctx context.Context) error {
	unfinished := ""
	for _, e := range m.Past {
		switch {
		case e.Kind == wire.KindIntent && e.Undo:
			unfinished = e.Step
		case e.Kind == wire.KindIntent, e.Kind == wire.KindStep && e.State == wire.StepUndone:
			unfinished = ""
		}
	}
	for _, step := range m.Path.Steps {
		if step.ID != unfinished || step.Undo == nil {
			continue
		}
		err := m.undo(ctx, step)
		var again *askAgain
		if errors.As(err, &again) {
			return nil // taken back, or left to be decided where the run stands
		}
		return err
	}
	return nil
}

// undo asks, and takes the step back. It always ends with an error: askAgain, so that the step is shown anew. The fold
// of its last event opens every later step again.
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
		q.Kind, q.Word = wire.AskWord, m.word()
		q.Title = "Type " + q.Word + " to take " + s.Title + " back"
	}
	answer, err := m.ask(ctx, q, nil)
	if err != nil {
		return err
	}
	if answer.Choice != wire.ChoiceYes {
		return &askAgain{}
	}
	ok := consent{effect: plan.Effect, hash: plan.Hash, undo: true}
	for _, a := range actions {
		_, err := m.perform(ctx, s, a, ok)
		if err == errByHand {
			err = m.byHandOne(ctx, s, a, ok)
		}
		if err != nil {
			return err
		}
	}
	if err := m.state(s.ID, wire.StepUndone, "taken back"); err != nil {
		return err
	}
	return &askAgain{"The step was taken back"}
}

// byHandOne waits until the world shows one action of an undo or of a remedy done.
func (m *Machine[F]) byHandOne(ctx context.Context, s steps.Step[F], a steps.Action, ok consent) error {
	name := s.ID + ".undo-by-hand"
	if ok.remedy {
		name = s.ID + ".mend-by-hand"
	}
	answer, err := m.ask(ctx, wire.Question{Step: s.ID, Name: name, Kind: wire.AskChoice,
		Title: "Waiting for you: " + a.Show().Title, Choices: []wire.Choice{
			{ID: wire.ChoiceBack, Label: "Let the tool try again"},
			{ID: wire.ChoicePark, Label: "Park"},
		}}, &watching{on: m.Clock, every: byHandLooks, look: func(ctx context.Context) func() (wire.Answer, bool) {
		done := m.shownDone(ctx, a)
		return func() (wire.Answer, bool) { return wire.Answer{Choice: wire.ChoiceDone}, done }
	}})
	if err != nil {
		return err
	}
	if answer.Choice == wire.ChoiceBack {
		_, err := m.perform(ctx, s, a, ok)
		if err == errByHand {
			return m.byHandOne(ctx, s, a, ok)
		}
		return err
	}
	return m.result(s, a, ok.undo, wire.ActionByHand, nil)
}
