package wizard

import "canton.example/svrescue/steps/wire"

// action is what a key means: the answer of a screen or a dialog to a key press. Only root carries actions out.
type action interface{ isAction() }

type (
	none     struct{}                    // the screen changed itself, or nothing happened
	closeTop struct{}                    // the dialog on top goes away
	push     struct{ dialog }            // another dialog comes on top
	leave    struct{}                    // the operator leaves; the run does not notice
	suspend  struct{}                    // ctrl-z
	say      struct{ wire.Message }      // to the engine, without an answer
	notice   struct{ text string }       // one line for the operator
	copyOut  struct{ text, what string } // to the terminal's clipboard
	again    struct{}                    // try the connection again
	// give answers the question with that id and hash, and only that one: if another is open by then, nothing is sent.
	give struct {
		question, hash string
		choice         wire.Choice
		text           string
		hidden         wire.Hidden
	}
)

func (none) isAction()     {}
func (closeTop) isAction() {}
func (push) isAction()     {}
func (leave) isAction()    {}
func (suspend) isAction()  {}
func (say) isAction()      {}
func (notice) isAction()   {}
func (copyOut) isAction()  {}
func (again) isAction()    {}
func (give) isAction()     {}

// both does one thing and then another.
type both struct{ first, then action }

func (both) isAction() {}

// finish closes the dialog on top, then does what it decided.
type finish struct{ then action }

func (finish) isAction() {}
