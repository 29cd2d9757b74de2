package engine

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// proof is what a verification found, and the facts with what it learned.
type proof[F any] struct {
	findings []wire.Finding
	facts    F
}

// verify proves the step from the world, keeps its facts and closes it.
func (m *Machine[F]) verify(ctx context.Context, s steps.Step[F], state wire.StepState) error {
	for {
		before := m.facts
		proven, err := patient(ctx, m, s.ID, func(ctx context.Context) (proof[F], error) {
			p := proof[F]{facts: before}
			began := m.Clock.Now()
			found, err := s.Verify(ctx, m.World, &p.facts)
			p.findings = dated(found, began)
			return p, err
		})
		findings := proven.findings
		if err == nil {
			m.facts = proven.facts
			if err := m.emit(wire.Event{Kind: wire.KindFindings, Step: s.ID, Phase: wire.PhaseVerify, Findings: findings}); err != nil {
				return err
			}
			err = blocking(findings)
		}
		if err == nil {
			break
		}
		observing := s.Plan == nil
		err = m.remedy(ctx, s, "proving "+s.Title, err, remedies{verify: !observing, check: observing, accept: len(findings) > 0 && (!observing && !s.Firm || wire.Waivable(findings))})
		switch err {
		case nil:
			if s.Plan != nil {
				return &askAgain{}
			}
			return m.attempt(ctx, s, "")
		case errAccepted:
			if err := m.keepFacts(s.ID); err != nil {
				return err
			}
			return m.state(s.ID, state, "not proven; accepted by the operator")
		default:
			return err
		}
	}
	if err := m.keepFacts(s.ID); err != nil {
		return err
	}
	return m.state(s.ID, state, "")
}
