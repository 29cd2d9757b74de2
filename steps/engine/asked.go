package engine

import (
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Asked are the names of the questions that any step may put besides its own: an answers file calls them STEP.NAME.
func Asked() []string {
	return []string{"confirm", "remedy", "unknown", "by-hand", "undo", "undo-by-hand", "mend", "mend-by-hand", "tick", "login", "held", "take-over", "journal"}
}

// MayAsk is one question that a step of a live run may put besides its own inputs.
type MayAsk struct {
	steps.Ask
	// Effect is the worst that an answer to it sends.
	Effect wire.Effect
	// Choices are the ids that it offers; some of them only where they make sense. A remedy may offer more: cures of the step.
	Choices []string
}

// MayAskOf are the questions that the engine may put about a step of a live run. The list is made from what the step declares, so it
// is an upper bound: which of them are asked the world decides. A word is asked for as a plain confirmation when what destroys is done.
func MayAskOf[F any](s steps.Step[F]) []MayAsk {
	var all []MayAsk
	may := func(name string, kind wire.QuestionKind, effect wire.Effect, help string, choices ...string) {
		all = append(all, MayAsk{Ask: steps.Ask{Name: name, Kind: kind, Help: help}, Effect: effect, Choices: choices})
	}
	if s.Effect.Rank() > 0 {
		kind := wire.AskConfirm
		if s.Effect == wire.Destroy {
			kind = wire.AskWord
		}
		may("confirm", kind, s.Effect, "before the actions of the step are sent", wire.ChoiceYes, wire.ChoiceBack, wire.ChoiceByHand,
			wire.ChoiceAsk, wire.ChoiceUndo, wire.ChoiceSkip, wire.ChoicePark, wire.ChoiceAbort)
	}
	may("remedy", wire.AskRemedy, wire.Observe, "something failed, does not hold, or is still waited for", wire.ChoiceRetry, wire.ChoiceByHand,
		wire.ChoiceAsk, wire.ChoiceUndo, wire.ChoiceAccept, wire.ChoiceSkip, wire.ChoicePark, wire.ChoiceAbort)
	may("login", wire.AskRemedy, wire.Observe, "the login to the cluster has expired; goes on by itself when it works again", wire.ChoiceRetry, wire.ChoicePark, wire.ChoiceAbort)
	may("held", wire.AskRemedy, wire.Observe, "somebody else works on the node", wire.ChoiceWait, wire.ChoicePark, wire.ChoiceAbort)
	may("take-over", wire.AskWord, wire.Repeatable, "before the node is taken over from somebody who was silent for long enough",
		wire.ChoiceYes, wire.ChoiceWait, wire.ChoicePark)
	may("journal", wire.AskWord, wire.Repeatable, "when a run is taken up whose journal is not the one that was written",
		wire.ChoiceYes, wire.ChoicePark, wire.ChoiceAbort)
	if s.Effect.Rank() >= wire.Once.Rank() {
		may("unknown", wire.AskRemedy, wire.Once, "an action that must happen once was begun, and the world does not show whether it happened",
			wire.ChoiceWait, wire.ChoiceAccept, wire.ChoiceRetry, wire.ChoicePark)
	}
	if s.Plan != nil {
		may("by-hand", wire.AskChoice, wire.Observe, "while you do the step yourself", wire.ChoiceBack, wire.ChoiceAccept, wire.ChoicePark)
	}
	if s.Undo != nil { // which may destroy, whatever the step does: what was made new is deleted
		may("undo", wire.AskWord, wire.Destroy, "before the step is taken back; a plain confirmation where that destroys nothing",
			wire.ChoiceYes, wire.ChoiceBack, wire.ChoicePark)
		may("undo-by-hand", wire.AskChoice, wire.Observe, "while you take the step back yourself", wire.ChoiceBack, wire.ChoicePark)
	}
	if s.Remedies != nil {
		may("mend", wire.AskWord, wire.Destroy, "before a cure of an error is sent; a plain confirmation where that destroys nothing",
			wire.ChoiceYes, wire.ChoiceBack, wire.ChoicePark)
		may("mend-by-hand", wire.AskChoice, wire.Observe, "while you cure an error yourself", wire.ChoiceBack, wire.ChoicePark)
	}
	return all
}
