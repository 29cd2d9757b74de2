package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// runStep goes through one step until it is over.
func (m *Machine[F]) runStep(ctx context.Context, s steps.Step[F]) error {
	m.accepted = ""
	if err := m.state(s.ID, wire.StepRunning, ""); err != nil {
		return err
	}
	if m.view.Run.Acting == wire.Checklist {
		return m.tick(ctx, s)
	}
	if err := m.meet(ctx, s); err != nil {
		return err
	}
	changed := "" // why the confirmation is asked again
	for {
		err := m.attempt(ctx, s, changed)
		var again *askAgain
		switch {
		case err == nil || err == errOver:
			return nil
		case errors.As(err, &again):
			changed = again.why
		default:
			return err
		}
	}
}

// askAgain starts the step over: the world or a person made what was shown out of date.
type askAgain struct{ why string }

func (a *askAgain) Error() string { return a.why }

// attempt is one pass: inputs, check, plan, confirmation, second check, actions, verification.
func (m *Machine[F]) attempt(ctx context.Context, s steps.Step[F], changed string) error {
	planned := m.planned()
	if planned != "" && s.Plan == nil {
		return m.state(s.ID, wire.StepPlanned, "can be looked at only after "+planned)
	}
	if err := m.inputs(ctx, s); err != nil {
		return err
	}
	findings, err := m.check(ctx, s, wire.PhaseCheck)
	if err != nil {
		return err
	}
	actions, plan, err := m.plan(s, findings, false)
	if err != nil {
		return m.noPlan(ctx, s, err)
	}
	if m.view.Run.Acting == wire.DryRun && plan.Effect.Rank() > 0 {
		return m.try(ctx, s, actions)
	}
	if planned != "" && !slices.ContainsFunc(actions, touches) { // it would wait for what that step has not brought about
		return m.state(s.ID, wire.StepPlanned, "can be looked at only after "+planned)
	}
	err = m.carryOut(ctx, s, actions, plan, changed)
	if err == nil {
		err = m.verify(ctx, s, wire.StepDone)
	}
	if err == errByHand {
		return m.byHand(ctx, s, actions)
	}
	return err
}

// touches says whether an action does something, if only to the run's own files: one that does not waits, or reads.
func touches(a steps.Action) bool { return len(a.Refs()) > 0 }

// carryOut asks, looks again, and sends. What is looked at before the first action is looked at again before each
// later one that destroys: the actions before it may have taken long.
func (m *Machine[F]) carryOut(ctx context.Context, s steps.Step[F], actions []steps.Action, plan wire.Plan, changed string) error {
	ok := consent{effect: wire.Observe, hash: plan.Hash}
	if plan.Effect.Rank() > 0 {
		if err := m.hold(ctx, s); err != nil {
			return err
		}
		var err error
		if ok.effect, err = m.confirm(ctx, s, actions, plan, changed); err != nil {
			return err
		}
		if err := m.recheck(ctx, s, ok.agreed()); err != nil {
			return err
		}
	}
	fresh := true // nothing was sent since the last look
	for _, a := range actions {
		if a.Effect() == wire.Destroy && !fresh {
			if err := m.recheck(ctx, s, ok.agreed()); err != nil {
				return err
			}
		}
		sent, err := m.perform(ctx, s, a, ok)
		if err != nil {
			return err
		}
		fresh = fresh && !sent
	}
	return nil
}

// consent is what the operator has agreed to: actions of at most this effect, of the plan with this hash. Observe means
// that nothing was asked, because the world showed every action done.
type consent struct {
	effect wire.Effect
	hash   string
	undo   bool
	remedy bool // the actions cure an error of the step; its plan is another one
}

// agreed is the hash of what was confirmed, "" where nothing was asked: then nothing can be out of date, and a step of which everything is done would
// be started over without end where a finding reads otherwise at each look.
func (c consent) agreed() string {
	if c.effect.Rank() == 0 {
		return ""
	}
	return c.hash
}

// errByHand and errOver tell attempt how a question was answered: the operator acts, or the step was skipped.
var (
	errByHand = errors.New("by hand")
	errOver   = errors.New("over")
)

// inputLooks is how often the world is looked at while an input waits that it may answer.
const inputLooks = 5 * time.Second

// check runs the step's check until it holds or the operator decides otherwise. What the operator has accepted is not asked about again
// while it stays the same, word for word, and the run is at the same step: asked twice, people stop reading.
func (m *Machine[F]) check(ctx context.Context, s steps.Step[F], phase wire.Phase) ([]wire.Finding, error) {
	if s.Check == nil {
		return nil, nil
	}
	for {
		facts := m.facts
		findings, err := patient(ctx, m, s.ID, func(ctx context.Context) ([]wire.Finding, error) {
			began := m.Clock.Now()
			found, err := s.Check(ctx, m.World, facts)
			return dated(found, began), err
		})
		if passesThrough(err) {
			return nil, err
		}
		if planned := m.planned(); err != nil && planned != "" && ctx.Err() == nil { // a dry run looks at a world in which that was not done
			findings, err = []wire.Finding{{ID: "check", Verdict: wire.Undetermined,
				Text: "what must hold before this step can be looked at only after " + planned + ": " + steps.FailureOf("", err).Seen}}, nil
		}
		if err != nil {
			if err := m.remedy(ctx, s, "checking what must hold before "+s.Title, err, remedies{check: true}); err != nil {
				return nil, err
			}
			continue
		}
		findings = notYet(findings, m.planned())
		if err := m.emit(wire.Event{Kind: wire.KindFindings, Step: s.ID, Phase: phase, Findings: findings}); err != nil {
			return nil, err
		}
		blocked := blocking(findings)
		if blocked == nil || m.view.Run.Acting == wire.DryRun {
			return findings, nil
		}
		if m.accepted == s.ID+": "+blocked.Error() {
			return findings, nil
		}
		err = m.remedy(ctx, s, "checking what must hold before "+s.Title, blocked,
			remedies{check: true, accept: wire.Waivable(findings)})
		switch err {
		case nil: // look again
		case errAccepted:
			m.accepted = s.ID + ": " + blocked.Error()
			return findings, nil
		default:
			return nil, err
		}
	}
}

// planned is the first changing step that a dry run has gone past, "" if there is none: what comes after it looks at a
// world in which that step has not been taken.
func (m *Machine[F]) planned() string {
	for i := range m.view.Steps {
		if s := &m.view.Steps[i]; s.State == wire.StepPlanned {
			return s.ID
		}
	}
	return ""
}

// notYet turns what does not hold into one finding that is not determined, where a planned step may be what makes it hold.
func notYet(findings []wire.Finding, planned string) []wire.Finding {
	if planned == "" {
		return findings
	}
	var known []wire.Finding
	var open []string
	for _, f := range findings {
		if f.Verdict == wire.Violated {
			open = append(open, f.Text)
		} else {
			known = append(known, f)
		}
	}
	switch n := len(open); n {
	case 0:
		return findings
	case 1:
		open[0] += ", as is to be expected"
	default:
		open[0] += fmt.Sprintf(", and %d more, as is to be expected", n-1)
	}
	return append(known, wire.Finding{ID: "later", Verdict: wire.Undetermined, Text: "can be known only after " + planned + "; now: " + open[0]})
}

// blocking is the problem that violated or undetermined findings make, nil if there is none.
func blocking(findings []wire.Finding) error {
	var seen, next []string
	for _, verdict := range []wire.Verdict{wire.Violated, wire.Undetermined} {
		for _, f := range findings {
			if f.Verdict != verdict {
				continue
			}
			text := f.Text
			if verdict == wire.Undetermined {
				text = "not determined: " + text
			}
			seen = append(seen, text)
			if f.Next != "" && !slices.Contains(next, f.Next) {
				next = append(next, f.Next)
			}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	p := &steps.Problem{Tried: "checking what must hold", Seen: strings.Join(seen, "; ")}
	switch len(next) {
	case 0:
	case 1:
		p.Next = next[0]
	default:
		p.Next = fmt.Sprintf("%s. There are %d things to do: each stands with its evidence", strings.TrimSuffix(next[0], "."), len(next))
	}
	return p
}

// noPlan handles a plan that cannot be made.
func (m *Machine[F]) noPlan(ctx context.Context, s steps.Step[F], err error) error {
	var later *steps.NotYet
	if errors.As(err, &later) && m.view.Run.Acting == wire.DryRun {
		plan := wire.Plan{Effect: s.Effect, Later: later.Error()}
		if err := m.emit(wire.Event{Kind: wire.KindPlan, Step: s.ID, Plan: &plan}); err != nil {
			return err
		}
		return m.state(s.ID, wire.StepPlanned, "can be tried only after "+later.Step)
	}
	var journal journalError
	if errors.As(err, &journal) {
		return err
	}
	if err := m.remedy(ctx, s, "planning "+s.Title, err, remedies{check: true}); err != nil {
		return err
	}
	return &askAgain{}
}

// recheck looks once more after the confirmation. A difference from what was confirmed, by its hash, is asked about again; "" where nothing was.
func (m *Machine[F]) recheck(ctx context.Context, s steps.Step[F], hash string) error {
	findings, err := m.check(ctx, s, wire.PhaseRecheck)
	if err != nil {
		return err
	}
	_, plan, err := m.plan(s, findings, true)
	if err != nil {
		return err
	}
	if hash != "" && plan.Hash != hash {
		return &askAgain{"What was shown has changed since it was confirmed: read it again"}
	}
	return nil
}

// rest lets time pass by a clock while nothing is sent. Viewers are heard meanwhile: the run parks if one asks for it, and one who wishes something of
// what is tried again ends the rest.
func (m *Machine[F]) rest(ctx context.Context, on clock.WithTicker, d time.Duration) error {
	m.wish = nothing
	timer := on.NewTimer(d)
	defer timer.Stop()
	for {
		if m.parkAfter {
			return &parking{askedToPark}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C():
			return nil
		case msg := <-m.inbox:
			if err := m.heard(msg); err != nil {
				return err
			}
			if m.wish != nothing {
				return nil
			}
		case <-m.leaseChanged():
			if err := m.leaseNews(); err != nil {
				return err
			}
		}
	}
}
