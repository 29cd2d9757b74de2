package wire

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// QuestionKind tells a front end how a question is answered.
type QuestionKind string

const (
	AskChoice  QuestionKind = "choice"  // one of Choices
	AskText    QuestionKind = "text"    // a line of text; Default is shown and may be taken with Enter
	AskSecret  QuestionKind = "secret"  // a text that nobody may see; Enter alone means Default, where there is one
	AskConfirm QuestionKind = "confirm" // Choices, of which "yes" sends the plan; the default is no
	AskWord    QuestionKind = "word"    // as confirm, but "yes" needs Word typed exactly
	AskRemedy  QuestionKind = "remedy"  // something failed or does not hold: one of Choices
	AskTick    QuestionKind = "tick"    // a checklist: done, skipped (with a reason), or not yet
)

// Choices that the engine itself understands. A step may add its own in an input question.
const (
	ChoiceYes    = "yes"
	ChoiceBack   = "back"    // look again: read the world once more and show the step anew
	ChoiceByHand = "by-hand" // the operator acts; the tool watches until the world shows it
	ChoiceRetry  = "retry"
	ChoiceSkip   = "skip"   // needs a reason
	ChoicePark   = "park"   // end the worker here; resume goes on
	ChoiceUndo   = "undo"   // take back this step's actions
	ChoiceAsk    = "ask"    // answer the questions of the step before anew
	ChoiceAccept = "accept" // go on although it is not proven; needs a reason
	ChoiceAbort  = "abort"  // end the run
	ChoiceDone   = "done"   // a tick
	ChoiceWait   = "wait"   // go on waiting
)

// Question is asked by the engine, between actions, never while one runs.
type Question struct {
	ID      string       `json:"id"`   // unique in the run; the answer names it
	Name    string       `json:"name"` // what an answers file calls it: "restore/backup-set.set"
	Step    string       `json:"step"` // step id
	Kind    QuestionKind `json:"kind"`
	Title   string       `json:"title"`
	Text    string       `json:"text,omitempty"` // sentences; newlines separate paragraphs
	Choices []Choice     `json:"choices,omitempty"`
	Default string       `json:"default,omitempty"`
	Word    string       `json:"word,omitempty"`  // AskWord: what must be typed
	Hash    string       `json:"hash,omitempty"`  // confirmations: hash of what was shown; the answer carries it back
	Bound   *Bound       `json:"bound,omitempty"` // AskWord: what an answer written in advance must name besides the word
	Error   *Failure     `json:"error,omitempty"` // AskRemedy: what went wrong
	At      time.Time    `json:"at,omitzero"`
}

// Choice is one way to answer.
type Choice struct {
	ID     string `json:"id"`
	Label  string `json:"label"`            // "Restore from the set of 02:00"
	Detail string `json:"detail,omitempty"` // what it means, one sentence
	Reason bool   `json:"reason,omitempty"` // the answer must carry a Text that says why
	Effect Effect `json:"effect,omitempty"` // set where choosing changes the world
	Refuse string `json:"refuse,omitempty"` // why it cannot be chosen; shown, not selectable
}

// Failure is an error as a sentence: what was tried, what was seen, what to do next.
type Failure struct {
	Tried  string   `json:"tried"`
	Seen   string   `json:"seen"`
	Next   string   `json:"next,omitempty"`
	Detail []string `json:"detail,omitempty"` // the last log lines, events
}

func (f Failure) Error() string {
	s := f.Tried + ": " + f.Seen
	if f.Next != "" {
		s += ". " + f.Next
	}
	return s
}

// Answer is what a person (or an answers file) said to one question.
type Answer struct {
	Question string    `json:"question"`
	Choice   string    `json:"choice,omitempty"`
	Text     string    `json:"text,omitempty"`  // AskText: the value; a typed word; a reason
	Hidden   Hidden    `json:"hidden,omitzero"` // AskSecret: the value, on its way to the engine and nowhere else
	Hash     string    `json:"hash,omitempty"`
	Bound    *Bound    `json:"bound,omitempty"` // set in answers that were written in advance: what they were written for
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// turnsBack says that the questions of the step can be asked from the first again.
func (q Question) turnsBack() bool {
	return slices.ContainsFunc(q.Choices, func(c Choice) bool { return c.ID == ChoiceAsk })
}

// Accepts says whether the answer is one that the question allows; the error is a sentence for the person who gave it.
// A confirmation is accepted only with the hash of what is shown now, so that an answer to an older screen is none.
func (q Question) Accepts(a Answer) error {
	if a.Question != q.ID {
		return fmt.Errorf("that answer belongs to another question (%s), this one is %s", a.Question, q.ID)
	}
	if (q.Kind == AskText || q.Kind == AskSecret) && a.Choice == ChoiceAsk && q.turnsBack() { // instead of what was asked for
		if a.Text != "" || !a.Hidden.Empty() {
			return fmt.Errorf("asking again from the first takes no text")
		}
		return nil
	}
	if q.Kind == AskSecret {
		if a.Hidden.Empty() && q.Default == "" {
			return fmt.Errorf("a value is needed")
		}
		if a.Text != "" || a.Choice != "" {
			return fmt.Errorf("this is answered hidden, and nothing else is taken")
		}
		return nil
	}
	if !a.Hidden.Empty() {
		return fmt.Errorf("something secret was given to a question that does not ask for it; it was thrown away")
	}
	if q.Kind == AskText {
		if strings.TrimSpace(a.Text) == "" && q.Default == "" {
			return fmt.Errorf("a value is needed")
		}
		return nil
	}
	i := slices.IndexFunc(q.Choices, func(c Choice) bool { return c.ID == a.Choice })
	if i < 0 {
		return fmt.Errorf("%q is not one of the choices", a.Choice)
	}
	choice := q.Choices[i]
	if choice.Refuse != "" {
		return fmt.Errorf("%s cannot be chosen: %s", choice.Label, choice.Refuse)
	}
	if choice.Reason && strings.TrimSpace(a.Text) == "" {
		return fmt.Errorf("say why: a reason is needed for %q", choice.Label)
	}
	if a.Choice == ChoiceYes && (q.Kind == AskWord || q.Kind == AskConfirm) {
		if a.Hash != q.Hash {
			return fmt.Errorf("what is shown has changed since that answer was given; read it again")
		}
		if q.Kind == AskWord && q.Word == "" {
			return fmt.Errorf("there is no word to type, so this cannot be confirmed (a defect of the program)")
		}
		if q.Kind == AskWord && strings.TrimSpace(a.Text) != q.Word {
			return fmt.Errorf("type %s exactly to go on", q.Word)
		}
		if q.Kind == AskWord && a.Bound != nil {
			return q.Bound.Fits(*a.Bound)
		}
	}
	return nil
}
