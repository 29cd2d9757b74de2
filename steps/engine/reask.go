package engine

import (
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// asking is the nearest step up to s whose questions can be asked again, nil if there is none: it was gone through, or is s itself, and
// nothing that was changed since then still stands. What stands on its answers is looked at anew.
func (m *Machine[F]) asking(s steps.Step[F]) *steps.Step[F] {
	if m.view.Run.Acting == wire.Checklist {
		return nil
	}
	at := slices.IndexFunc(m.Path.Steps, func(step steps.Step[F]) bool { return step.ID == s.ID })
	for i := at; i >= 0; i-- {
		switch step := &m.Path.Steps[i]; {
		case m.begun(i):
			return nil
		case step.Forget != nil:
			return step
		}
	}
	return nil
}

// askChoice offers to answer that step's questions anew.
func (m *Machine[F]) askChoice(s steps.Step[F]) (wire.Choice, bool) {
	step := m.asking(s)
	if step == nil {
		return wire.Choice{}, false
	}
	return wire.Choice{ID: wire.ChoiceAsk, Label: "Answer " + step.Title + " again", Detail: "nothing was changed since; what stands on it is looked at anew"}, true
}

// askAnew opens that step and those after it, and forgets its answers. It always ends with an error, which leads to that step. A process that
// dies in between leaves a step that is open with its answers: it is gone through as it was, and what was wrong is said again.
func (m *Machine[F]) askAnew(s steps.Step[F]) error {
	step := m.asking(s)
	if step == nil {
		return &askAgain{}
	}
	return m.openAgain(step)
}

// askable is the step with that id, if it comes no later than s, has questions that can be asked again, and nothing that was changed since then
// still stands; nil otherwise.
func (m *Machine[F]) askable(s steps.Step[F], id string) *steps.Step[F] {
	if id == "" || m.view.Run.Acting == wire.Checklist {
		return nil
	}
	at := slices.IndexFunc(m.Path.Steps, func(step steps.Step[F]) bool { return step.ID == s.ID })
	for i := at; i >= 0 && !m.begun(i); i-- {
		if step := &m.Path.Steps[i]; step.ID == id && step.Forget != nil {
			return step
		}
	}
	return nil
}

// openAgain opens a step and those after it, and forgets its answers. It always ends with an error, which leads to that step.
func (m *Machine[F]) openAgain(step *steps.Step[F]) error {
	if err := m.state(step.ID, wire.StepPending, "its questions are asked anew"); err != nil {
		return err
	}
	facts := m.facts
	step.Forget(&facts)
	m.facts = facts
	if err := m.keepFacts(step.ID); err != nil {
		return err
	}
	return errOver
}
