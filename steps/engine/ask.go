package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// watching lets a question be answered by the world: look is called every interval of a clock, unless it still looks. It may hang, so it is called
// beside everything else and touches nothing; what it returns says what was seen, and is called where the run is driven.
type watching struct {
	on    clock.WithTicker
	every time.Duration
	look  func(context.Context) (seen func() (wire.Answer, bool))
}

// byTheWorld answers a question that something other than a person has answered.
const byTheWorld = "the world"

// ask puts a question and waits for a person's answer. Without a viewer for ParkAfter the run parks.
func (m *Machine[F]) ask(ctx context.Context, q wire.Question, w *watching) (wire.Answer, error) {
	q = m.bound(q)
	q.ID, q.At = fmt.Sprintf("q%d", m.view.Seq+1), m.Clock.Now().UTC()
	if m.parkAfter {
		return wire.Answer{}, &parking{askedToPark}
	}
	if err := m.emit(wire.Event{Kind: wire.KindAsk, Step: q.Step, Question: &q}); err != nil {
		return wire.Answer{}, err
	}
	var looks <-chan time.Time
	var seen chan func() (wire.Answer, bool) // while it is looked
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if w != nil {
		ticker := w.on.NewTicker(w.every)
		defer ticker.Stop()
		looks = ticker.C()
	}
	var alone <-chan time.Time // runs while nobody looks
	var stop func() bool
	defer func() {
		if stop != nil {
			stop()
		}
	}()
	for {
		viewers, changed := m.Hub.Viewers()
		switch {
		case viewers > 0 && stop != nil:
			stop()
			alone, stop = nil, nil
		case viewers == 0 && stop == nil && m.ParkAfter > 0:
			timer := m.Clock.NewTimer(m.ParkAfter)
			alone, stop = timer.C(), timer.Stop
		}
		select {
		case <-ctx.Done():
			return wire.Answer{}, ctx.Err()
		case <-changed:
		case <-alone:
			return wire.Answer{}, &parking{fmt.Sprintf("nobody looked for %s while a question was open", m.ParkAfter)}
		case <-m.leaseChanged():
			if err := m.leaseNews(); err != nil {
				return wire.Answer{}, err
			}
		case <-looks:
			if seen == nil {
				found := make(chan func() (wire.Answer, bool), 1)
				go func() { found <- w.look(ctx) }()
				seen = found
			}
		case look := <-seen:
			seen = nil
			if answer, ok := look(); ok {
				err := m.answered(q, &answer, byTheWorld)
				return answer, err
			}
		case msg := <-m.inbox:
			if msg.Kind != wire.SayAnswer {
				if err := m.heard(msg); err != nil {
					return wire.Answer{}, err
				}
				if m.parkAfter {
					return wire.Answer{}, &parking{"asked for by " + msg.By}
				}
				continue
			}
			if msg.Answer == nil {
				continue
			}
			if err := q.Accepts(*msg.Answer); err != nil {
				m.publish(wire.Event{Kind: wire.KindRefusal, Step: q.Step, Answer: msg.Answer, Text: err.Error()})
				continue
			}
			if msg.Answer.Choice == wire.ChoicePark && q.Kind != wire.AskText && q.Kind != wire.AskSecret {
				return wire.Answer{}, &parking{"asked for by " + msg.By}
			}
			err := m.answered(q, msg.Answer, msg.By)
			return *msg.Answer, err
		}
	}
}

func (m *Machine[F]) answered(q wire.Question, a *wire.Answer, by string) error {
	a.By, a.At, a.Question = by, m.Clock.Now().UTC(), q.ID
	if q.Kind == wire.AskSecret && a.Hidden.Empty() {
		a.Text = q.Default // so that the journal tells it from a secret that was given
	}
	return m.emit(wire.Event{Kind: wire.KindAnswer, Step: q.Step, Answer: a, By: by})
}

// heard takes a message that is not an answer to an open question.
func (m *Machine[F]) heard(msg wire.Message) error {
	step := ""
	if s := m.view.CurrentStep(); s != nil {
		step = s.ID
	}
	switch msg.Kind {
	case wire.SayNote:
		if text := strings.TrimSpace(msg.Text); text != "" {
			return m.emit(wire.Event{Kind: wire.KindNote, Step: step, Text: text, By: msg.By})
		}
	case wire.SayPark:
		m.parkAfter = true
		m.log(step, "the run parks after the running action, as "+msg.By+" asked")
	case wire.SayNow:
		m.wish = tryNow
	case wire.SayStop:
		m.wish = stopTrying
	case wire.SayAnswer:
		m.publish(wire.Event{Kind: wire.KindRefusal, Step: step, Answer: msg.Answer, Text: "no question is open now"})
	}
	return nil
}

// confirm asks before the plan is sent, and returns the worst effect that was agreed to. Actions that the world already
// shows done are counted, and when all are there is nothing to ask.
func (m *Machine[F]) confirm(ctx context.Context, s steps.Step[F], actions []steps.Action, plan wire.Plan, changed string) (wire.Effect, error) {
	none := wire.Observe
	done, err := m.doneAlready(ctx, s, actions)
	if err != nil {
		return none, err
	}
	open := 0
	effect := wire.Observe
	for i, a := range actions {
		if !done[i] && a.Effect().Rank() > 0 {
			open++
			effect = wire.Worst(effect, a.Effect())
		}
	}
	if open == 0 {
		return none, nil
	}
	text := changed
	if n := len(actions) - open; n > 0 && slices.Contains(done, true) {
		text = strings.TrimSpace(fmt.Sprintf("%s\nThe world already shows %d of %d actions done; they are not sent again.",
			text, count(done), len(actions)))
	}
	q := wire.Question{Step: s.ID, Name: s.ID + ".confirm", Kind: wire.AskConfirm, Title: s.Title + ": send this?", Text: text, Hash: plan.Hash}
	yes := wire.Choice{ID: wire.ChoiceYes, Label: "Send it", Effect: effect}
	if effect == wire.Destroy {
		q.Kind, q.Word = wire.AskWord, m.word()
		q.Title = "Type " + q.Word + " to go on"
	}
	q.Choices = append([]wire.Choice{yes}, m.ways(s)...)
	answer, err := m.ask(ctx, q, nil)
	if err != nil {
		return none, err
	}
	switch answer.Choice {
	case wire.ChoiceYes:
		return effect, nil
	case wire.ChoiceByHand:
		return none, errByHand
	case wire.ChoiceAsk:
		return none, m.askAnew(s)
	case wire.ChoiceUndo:
		return none, m.undoLast(ctx, s)
	case wire.ChoiceSkip:
		if err := m.state(s.ID, wire.StepSkipped, answer.Text); err != nil {
			return none, err
		}
		return none, errOver
	case wire.ChoiceAbort:
		return none, m.abort("the operator ended the run before " + s.Title)
	}
	return none, &askAgain{}
}

// word is what is typed to confirm destruction. It is never empty: the run's own name stands for a node without one.
func (m *Machine[F]) word() string {
	if word := m.view.Subject.Word(); word != "" {
		return word
	}
	return m.view.Run.ID
}

func count(done []bool) int {
	n := 0
	for _, d := range done {
		if d {
			n++
		}
	}
	return n
}

// doneAlready probes the actions that change something, so that a step taken up again shows the truth.
func (m *Machine[F]) doneAlready(ctx context.Context, s steps.Step[F], actions []steps.Action) ([]bool, error) {
	done := make([]bool, len(actions))
	for i, a := range actions {
		if a.Effect().Rank() == 0 {
			continue
		}
		state, err := patient(ctx, m, s.ID, func(ctx context.Context) (wire.ActionState, error) {
			state, _, err := a.Probe(ctx, m.World)
			return state, err
		})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case passesThrough(err):
			return nil, err
		case isGivenUp(err):
			return done, nil // all will be probed again before they are sent, and the error shown then
		}
		done[i] = err == nil && state == wire.ActionDone
	}
	return done, nil
}

// ways are the choices other than sending.
func (m *Machine[F]) ways(s steps.Step[F]) []wire.Choice {
	choices := []wire.Choice{
		{ID: wire.ChoiceBack, Label: "Not now; look again", Detail: "reads the world once more and shows this step anew"},
		{ID: wire.ChoiceByHand, Label: "I do it by hand", Detail: "shows the commands and watches until the world shows them done"},
	}
	if anew, ok := m.askChoice(s); ok {
		choices = append(choices, anew)
	}
	if undo, ok := m.undoChoice(s); ok {
		choices = append(choices, undo)
	}
	return append(choices,
		wire.Choice{ID: wire.ChoiceSkip, Label: "Skip this step", Detail: "later checks may refuse to go on", Reason: true},
		wire.Choice{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
		wire.Choice{ID: wire.ChoiceAbort, Label: "End the run", Detail: "the journal and the report stay"})
}

// abort ends the run: refused while nothing was changed, failed or aborted afterwards.
func (m *Machine[F]) abort(text string) error {
	outcome := wire.Aborted
	if m.changed() {
		text += "; what was changed before is in the report"
	}
	return &ending{outcome, text}
}

// changed says whether the run has sent anything that changes the world.
func (m *Machine[F]) changed() bool {
	for i := range m.view.Steps {
		for _, a := range m.view.Steps[i].Actions {
			if a.Effect.Rank() > 0 && a.State != wire.ActionPending && a.State != wire.ActionAlready {
				return true
			}
		}
	}
	return false
}
