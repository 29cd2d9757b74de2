package engine

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// trust asks, once, whether the journal that this run is taken up from is still the one that was written: a chain cannot show that its
// end was cut off, and what the missing records said was done would be taken for not done. It is asked before anything else, and again
// before the node is held where nobody could be asked then; until the operator has typed the word nothing is sent and no Lease is taken.
func (m *Machine[F]) trust(ctx context.Context, step string) error {
	if m.Altered == nil || len(m.Past) == 0 {
		m.trusted = true
	}
	if m.trusted || m.view.Subject.Namespace == "" {
		return nil
	}
	namespace := m.view.Subject.Namespace
	how, err := attended(ctx, m, &spell{step: step}, func(ctx context.Context) (string, error) { return m.Altered(ctx, namespace) })
	switch {
	case ctx.Err() != nil, passesThrough(err):
		return firstOf(ctx.Err(), err)
	case err != nil && steps.IsTransient(err):
		m.doubt = steps.FailureOf("comparing the journal with the Lease", err).Seen
		return nil // take looks again, and takes nothing before it has seen
	}
	m.trusted = true
	if how == "" {
		return nil
	}
	answer, err := m.ask(ctx, alteredQuestion(step, m.view.Run.ID, how), nil)
	if err != nil {
		return err
	}
	if answer.Choice != wire.ChoiceYes {
		return m.abort("the journal was altered (" + how + "); the operator ended this run")
	}
	m.log(step, "the run goes on with a journal that was altered: "+how)
	return nil
}

func alteredQuestion(step, run, how string) wire.Question {
	return wire.Question{Step: step, Name: step + ".journal", Kind: wire.AskWord, Word: run, Hash: how,
		Title: "The journal of this run is not the one that was written",
		Text: fmt.Sprintf("%s%s.\nWhat is missing may have been done: this run would look at the world anew, ask again what was answered, and not know what it made itself. "+
			"Keep a copy of the run folder, and look first for the records that are missing: on another disk, in a backup of this machine. "+
			"Then compare the cluster with the last step that is shown here. To go on without them, type %s.", strings.ToUpper(how[:1]), how[1:], run),
		Choices: []wire.Choice{
			{ID: wire.ChoiceYes, Label: "Go on without the missing records", Effect: wire.Repeatable},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; nothing was sent, and svrescue resume asks again"},
			{ID: wire.ChoiceAbort, Label: "End the run", Detail: "the journal and the report stay"},
		}}
}
