package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// plan shows the actions and returns them with what was shown.
func (m *Machine[F]) plan(s steps.Step[F], findings []wire.Finding, silent bool) ([]steps.Action, wire.Plan, error) {
	if s.Plan == nil {
		return nil, wire.Plan{}, nil
	}
	actions, err := s.Plan(m.facts)
	if err != nil {
		return nil, wire.Plan{}, err
	}
	plan := Shown(actions, findings)
	if plan.Effect.Rank() > s.Effect.Rank() {
		return nil, plan, fmt.Errorf("%s plans an action that %s, but declares that it %s: this is a defect of the program",
			s.ID, plan.Effect.Words(), s.Effect.Words())
	}
	if silent {
		return actions, plan, nil
	}
	return actions, plan, m.emit(wire.Event{Kind: wire.KindPlan, Step: s.ID, Plan: &plan})
}

// Shown is what the operator reads of the actions, with the hash that a confirmation must carry: over every preview,
// and over what the findings say, but not over when their evidence was read.
func Shown(actions []steps.Action, findings []wire.Finding) wire.Plan {
	plan := wire.Plan{Effect: wire.Observe}
	for _, a := range actions {
		p := a.Show()
		p.Key, p.Effect = a.Key(), a.Effect()
		p.Refs = nil
		for _, r := range a.Refs() {
			p.Refs = append(p.Refs, r.String())
		}
		plan.Actions = append(plan.Actions, p)
		plan.Effect = wire.Worst(plan.Effect, p.Effect)
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode(plan.Actions)
	for _, f := range findings {
		_ = enc.Encode([]string{f.ID, string(f.Verdict), f.Text})
	}
	plan.Hash = hex.EncodeToString(h.Sum(nil))
	return plan
}
