package engine

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// byHandLooks is how often the world is looked at while a person acts.
const byHandLooks = 5 * time.Second

// byHand shows the commands and waits until the world shows every action done, or the operator decides otherwise.
func (m *Machine[F]) byHand(ctx context.Context, s steps.Step[F], actions []steps.Action) error {
	q := wire.Question{Step: s.ID, Name: s.ID + ".by-hand", Kind: wire.AskChoice, Title: "Waiting for you to do it by hand",
		Text: "Send the commands of the plan yourself. The world is looked at every few seconds, and the run goes on by itself when it shows them all done.",
		Choices: []wire.Choice{
			{ID: wire.ChoiceBack, Label: "Let the tool do it after all"},
			{ID: wire.ChoiceAccept, Label: "It is done, although it cannot be seen", Detail: "the proof at the end of the step must still hold", Reason: true},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		}}
	last := ""
	answer, err := m.ask(ctx, q, &watching{on: m.Clock, every: byHandLooks, look: func(ctx context.Context) func() (wire.Answer, bool) {
		open, first := 0, ""
		for _, a := range actions {
			if !m.shownDone(ctx, a) {
				open++
				if first == "" {
					first = a.Show().Title
				}
			}
		}
		return func() (wire.Answer, bool) {
			if text := fmt.Sprintf("%d of %d not done yet; next: %s", open, len(actions), first); open > 0 && text != last {
				m.log(s.ID, text)
				last = text
			}
			return wire.Answer{Choice: wire.ChoiceDone}, open == 0
		}
	}})
	if err != nil {
		return err
	}
	if answer.Choice == wire.ChoiceBack {
		return &askAgain{}
	}
	for _, a := range actions {
		switch m.actionState(s.ID, a.Key(), false) {
		case wire.ActionDone, wire.ActionAlready, wire.ActionByHand:
			continue
		}
		if err := m.result(s, a, false, wire.ActionByHand, nil); err != nil {
			return err
		}
	}
	if err := m.verify(ctx, s, wire.StepByHand); err != errByHand {
		return err
	}
	return m.byHand(ctx, s, actions)
}

// shownDone says whether the world shows an action done that a person takes. A login that was renewed meanwhile is taken.
func (m *Machine[F]) shownDone(ctx context.Context, a steps.Action) bool {
	state, _, err := a.Probe(ctx, m.World)
	if expired(err) && m.Login != nil && m.Login.LogIn(ctx) == nil {
		state, _, err = a.Probe(ctx, m.World)
	}
	return err == nil && state == wire.ActionDone
}

// tick is a step of a checklist: the operator acts and says so; the tool keeps time and notes.
func (m *Machine[F]) tick(ctx context.Context, s steps.Step[F]) error {
	answer, err := m.ask(ctx, wire.Question{Step: s.ID, Name: s.ID + ".tick", Kind: wire.AskTick, Title: s.Title, Text: s.Summary,
		Choices: []wire.Choice{
			{ID: wire.ChoiceDone, Label: "Done"},
			{ID: wire.ChoiceSkip, Label: "Not done", Reason: true},
			{ID: wire.ChoicePark, Label: "Go on later"},
			{ID: wire.ChoiceAbort, Label: "End the checklist"},
		}}, nil)
	if err != nil {
		return err
	}
	switch answer.Choice {
	case wire.ChoiceDone:
		return m.state(s.ID, wire.StepByHand, answer.Text)
	case wire.ChoiceSkip:
		return m.state(s.ID, wire.StepSkipped, answer.Text)
	}
	return &ending{wire.Aborted, "the operator ended the checklist at " + s.Title}
}

// try is a step of a dry run: each action that can be tried without changing anything is tried.
func (m *Machine[F]) try(ctx context.Context, s steps.Step[F], actions []steps.Action) error {
	var findings []wire.Finding
	for _, a := range actions {
		found, err := attended(ctx, m, &spell{step: s.ID}, func(ctx context.Context) ([]wire.Finding, error) {
			return a.Trial(ctx, m.Hands(a.Refs(), true))
		})
		if ctx.Err() != nil || passesThrough(err) {
			return firstOf(ctx.Err(), err)
		}
		if err != nil {
			failure := steps.FailureOf("trying "+a.Show().Title, err)
			findings = append(findings, wire.Finding{ID: a.Key(), Verdict: wire.Undetermined,
				Text: a.Show().Title + ": " + failure.Seen, Next: failure.Next})
		}
		findings = append(findings, found...)
	}
	if err := m.emit(wire.Event{Kind: wire.KindFindings, Step: s.ID, Phase: wire.PhaseTrial, Findings: findings}); err != nil {
		return err
	}
	return m.state(s.ID, wire.StepPlanned, "")
}
