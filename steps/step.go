// Package steps is the vocabulary of a recovery: what a step is, what an action is, and what they may see and touch.
// It knows nothing of terminals and nothing of how a run is driven; steps/engine does that. The plain values that also
// cross to front ends (findings, questions, previews, effects) live in steps/wire.
package steps

import (
	"context"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/wire"
)

// Step is one confirmable part of a path. F is the path's facts: JSON-serialisable, journaled after each step, and free
// of secrets.
//
// A step never asks, never waits and never writes. Only the engine asks, between actions, and only an action's Do
// writes. A function that is nil has nothing to say; every step has Verify.
type Step[F any] struct {
	ID      string      // "restore/scale-down"; stable for ever
	Title   string      // "Scale down"
	Summary string      // one sentence: what it does
	Effect  wire.Effect // the worst effect that its plan may have
	Asks    []Ask       // every input that it may ask for

	// Inputs returns the questions that are still open for these facts; the engine asks the first, hands the answer to
	// Take, and calls Inputs again until it returns none.
	Inputs func(context.Context, World, F) ([]wire.Question, error)
	// Take puts one answer into the facts: the chosen id, or the text. Its error is a sentence, and the question stays.
	Take func(f *F, ask, value string) error
	// Secret takes one hidden answer (wire.AskSecret) to where it is kept, in memory: the facts never see it. Its error is a sentence that does
	// not show it, and the question stays.
	Secret func(ctx context.Context, w World, f F, ask string, value secret.String) error
	// Seen says whether the world has answered an open input by itself, such as a login that a person confirms elsewhere. It is looked at every few
	// seconds while the input waits, and may hang; where it is true, nothing is taken and Inputs is called again. Nil: a person answers.
	Seen func(ctx context.Context, w World, f F, ask string) bool
	// Forget takes the answers out of the facts again, and what this step has made of them, so that they can be given anew. What the
	// facts point to is never changed: the facts before are still in use. Facts without an answer of the step stay as they are:
	// that is how the engine sees that there is something to forget. Nil: the answers stand.
	Forget func(f *F)

	// Check says what must hold before the plan is sent. It runs before the confirmation, again after it, after an error
	// that somebody decided about, and before each later action that destroys: so it must hold while the step is half done
	// too. The text of a finding must not change merely because time passes: a difference makes the engine ask again.
	Check func(context.Context, World, F) ([]wire.Finding, error)
	// Plan is a pure function from facts to actions. What only a later step will know is reported as *NotYet.
	Plan func(F) ([]Action, error)
	// Verify is proof from the world, after the actions. It may add facts. Observing steps have only this.
	Verify func(context.Context, World, *F) ([]wire.Finding, error)
	// Firm says that nobody goes on over what Verify finds violated, unless the finding says so (wire.Finding.Waive): what later steps stand on does not
	// exist then. It is so for observing steps without a Plan.
	Firm bool
	// Undo returns the actions that take the step back, or why there are none as things stand. Nil: the step is never taken back.
	Undo func(F) (actions []Action, whyNot string)
	// Stays is why the step is never taken back, and what a person can do about it; where there is no Undo.
	Stays string
	// Remedies are the choices that make sense for an error this step knows, beyond those every step has.
	Remedies func(error) []Remedy
}

// CanUndo says whether the step can be taken back: "yes", "no", or that there is nothing to take back.
func (s Step[F]) CanUndo() string {
	switch {
	case s.Undo != nil:
		return "yes"
	case s.Effect.Rank() > 0:
		return "no"
	}
	return "nothing to take back"
}

// Ask declares an input: its name within the step and how it is answered. `plan --format json` lists them, and an
// answers file names them STEP.ASK.
type Ask struct {
	Name string            `json:"name"`
	Kind wire.QuestionKind `json:"kind"`
	Help string            `json:"help"` // one sentence
}

// Remedy is advice for one of the choices after an error, or a choice of the step's own that cures it: with Actions, or with Again.
type Remedy struct {
	Choice string // one of wire.Choice..., or a name of its own where there are Actions
	Label  string
	Detail string
	// Actions are shown, confirmed, journaled and sent when the choice is taken; then the step goes on where the error came.
	// They are not taken back with the step, so they must leave nothing that would have to be, and each must be safe by its own
	// precondition: the step's Check does not look for them. Their keys differ from those of the step's plan and its undo.
	Actions []Action
	// Again is the id of an earlier step whose questions are asked anew when the choice is taken: what was wrong is its answer. It is offered
	// only while nothing that was changed since then still stands.
	Again string
}

// Path is an ordered list of steps. Version changes when the meaning of a journal of this path changes.
type Path[F any] struct {
	Name    string // "restore"
	Title   string // "Restore a node from backups"
	Version int
	Steps   []Step[F]
	// Subject names the node as far as the facts know it.
	Subject func(F) wire.Subject
	// Bound is what an answer written in advance must name before it destroys something; nil: the word alone. Nothing is named while
	// it is not known.
	Bound func(F) wire.Bound
	// Card is the parameter card of the call, as far as the facts know it; nil, or a function that returns nil: there is none.
	Card func(F) *wire.Card
	// Ending is the sentence that closes a run in which every step is over.
	Ending func(F) string
}

// NotYet is returned by Plan where the facts of another step are missing.
type NotYet struct {
	Step string // id of the step that will know
	What string // what is not known yet
}

func (e *NotYet) Error() string { return e.What + " is known only after " + e.Step }
