package engine

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

func (m *Machine[F]) inputs(ctx context.Context, s steps.Step[F]) error {
	if s.Inputs == nil {
		return nil
	}
	refused := "" // why the last answer was not taken; it stands above the question that is asked again
	for {
		facts := m.facts
		open, err := patient(ctx, m, s.ID, func(ctx context.Context) ([]wire.Question, error) { return s.Inputs(ctx, m.World, facts) })
		if err != nil {
			if err := m.remedy(ctx, s, "finding out what to ask", err, remedies{check: true}); err != nil {
				return err
			}
			continue
		}
		if len(open) == 0 {
			return nil
		}
		q := open[0]
		ask := q.Name
		q.Step, q.Name = s.ID, s.ID+"."+ask
		q.Text = strings.TrimSpace(refused + "\n" + q.Text)
		whole := m.askable(s, s.ID)
		if whole != nil && m.hasAnswers(s) {
			q.Choices = append(slices.Clone(q.Choices), wire.Choice{ID: wire.ChoiceAsk, Label: "Answer " + s.Title + " again", Detail: "its questions are asked from the first"})
		}
		answer, err := m.ask(ctx, q, m.inputSeen(s, facts, ask))
		if err != nil {
			return err
		}
		if answer.Choice == wire.ChoiceAsk && whole != nil {
			return m.openAgain(whole)
		}
		if answer.By == byTheWorld {
			refused = ""
			continue // what it has brought about is asked of the world
		}
		if q.Kind == wire.AskSecret && !answer.Hidden.Empty() {
			refused = ""
			if s.Secret == nil {
				return fmt.Errorf("step %s asks for a secret and has nowhere to put it (a defect of the program)", s.ID)
			}
			if err := s.Secret(ctx, m.World, facts, ask, answer.Hidden.String); err != nil {
				if refused = err.Error(); strings.Contains(refused, answer.Hidden.Reveal()) {
					refused = "It was not taken." // the question is journaled
				}
			}
			continue // the facts are what they were
		}
		value := answer.Choice
		if q.Kind == wire.AskText || q.Kind == wire.AskSecret {
			if value = strings.TrimSpace(answer.Text); value == "" {
				value = q.Default
			}
		}
		if err := s.Take(&m.facts, ask, value); err != nil {
			refused = err.Error()
			continue
		}
		refused = ""
		if err := m.keepFacts(s.ID); err != nil {
			return err
		}
	}
}

// hasAnswers says that there is something of the step to be forgotten.
func (m *Machine[F]) hasAnswers(s steps.Step[F]) bool {
	facts := m.facts
	s.Forget(&facts)
	return !reflect.DeepEqual(facts, m.facts)
}

// inputSeen lets the world answer an input, where the step looks for that.
func (m *Machine[F]) inputSeen(s steps.Step[F], facts F, ask string) *watching {
	if s.Seen == nil {
		return nil
	}
	return &watching{on: m.Clock, every: inputLooks, look: func(ctx context.Context) func() (wire.Answer, bool) {
		seen := s.Seen(ctx, m.World, facts, ask)
		return func() (wire.Answer, bool) { return wire.Answer{Choice: wire.ChoiceBack}, seen }
	}}
}
