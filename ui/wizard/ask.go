package wizard

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// asking is how far the operator has come with the open question. It ends with the question.
type asking struct {
	id, hash string
	kind     wire.QuestionKind
	options  []option
	cursor   int
	field    field
	visible  bool   // it was on the screen when the last frame was drawn
	seen     bool   // it has taken keys before; back in sight, only keys that answer must wait
	sent     bool   // an answer is on its way; the engine has not said what it thinks of it
	problem  string // why the last try was no answer
}

// option is one line of a choice list. A stay option answers nothing: it is where the cursor starts when every other line
// would change something. A more option opens the list of the answers that are seldom given.
type option struct {
	wire.Choice
	stay, more bool
}

// ways says that the option is none of the things to choose from: it leads elsewhere.
func (o option) ways() bool { return o.stay || o.more || o.ID == wire.ChoiceAsk }

func newAsking(q wire.Question) *asking {
	a := &asking{id: q.ID, hash: q.Hash, kind: q.Kind, field: newField("")}
	if a.kind == wire.AskSecret {
		a.field = newHidden()
	}
	if a.typed() {
		return a
	}
	start := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == q.Default })
	if start < 0 || !harmless(q, q.Choices[start]) {
		stay := wire.Choice{Label: stayLabel(q.Kind), Detail: "Nothing is sent and the question stays open."}
		if watched(q) {
			stay = wire.Choice{Label: "Go on watching", Detail: "The run goes on by itself when the world shows it done."}
		}
		a.options = append(a.options, option{stay: true, Choice: stay})
		start = 0
	}
	a.cursor = start
	if rare := others(q); a.kind == wire.AskConfirm && len(rare) > 2 {
		if yes := choice(q, wire.ChoiceYes); yes != nil {
			a.options = append(a.options, option{Choice: *yes})
		}
		a.options = append(a.options, option{more: true, Choice: wire.Choice{Label: "Something else", Detail: labels(rare)}})
		return a
	}
	for _, c := range q.Choices {
		a.options = append(a.options, option{Choice: c})
	}
	return a
}

// labels names choices in one line.
func labels(choices []wire.Choice) string {
	var words []string
	for _, c := range choices {
		words = append(words, c.Label)
	}
	return strings.Join(words, ", ")
}

// stayLabel names the line that answers nothing.
func stayLabel(k wire.QuestionKind) string {
	switch k {
	case wire.AskConfirm:
		return "No, not now"
	case wire.AskTick:
		return "Not yet"
	}
	return "Decide later"
}

// byHand says that the open question waits for what a person does outside.
func (r *root) byHand() bool { return r.view.Question != nil && watched(*r.view.Question) }

// watched says that the world itself may answer the question.
func watched(q wire.Question) bool { return strings.HasSuffix(q.Name, "by-hand") }

// harmless says that Enter alone may take the choice: it changes nothing and gives nothing up.
func harmless(q wire.Question, c wire.Choice) bool {
	if c.Effect.Rank() > 0 || c.Refuse != "" || c.Reason {
		return false
	}
	if c.ID == wire.ChoiceBack || c.ID == wire.ChoiceWait {
		return true
	}
	return q.Kind == wire.AskChoice
}

// typed says that the question is answered in the text field.
func (a *asking) typed() bool {
	return a.kind == wire.AskText || a.kind == wire.AskSecret || a.kind == wire.AskWord
}

func (a *asking) move(by int) {
	for i := a.cursor + by; i >= 0 && i < len(a.options); i += by {
		if a.options[i].Refuse == "" {
			a.cursor, a.problem = i, ""
			return
		}
	}
}

// pick moves the cursor to the line with that number, counted from one as it is drawn.
func (a *asking) pick(n int) {
	if n >= 1 && n <= len(a.options) && a.options[n-1].Refuse == "" {
		a.cursor, a.problem = n-1, ""
	}
}

// submit is what Enter means in the answer box.
func (r *root) submit() action {
	q, a := *r.view.Question, r.ask
	switch q.Kind {
	case wire.AskWord:
		if r.ask.field.value() != q.Word {
			a.problem = missing(a.field.value(), q.Word)
			return none{}
		}
		yes := choice(q, wire.ChoiceYes)
		if yes == nil {
			a.problem = "This question cannot be confirmed now."
			return none{}
		}
		if yes.Refuse != "" {
			a.problem = sentence(yes.Refuse)
			return none{}
		}
		return r.give(*yes, a.field.value())
	case wire.AskSecret:
		g := r.give(wire.Choice{}, "")
		g.hidden = wire.Hide(a.field.value())
		return g
	case wire.AskText:
		text := a.field.value()
		if text == "" {
			text = q.Default
		}
		return r.give(wire.Choice{}, text)
	}
	if a.cursor >= len(a.options) {
		return none{}
	}
	o := a.options[a.cursor]
	if o.stay && r.byHand() {
		return notice{"The world is looked at every few seconds; nothing else was done."}
	}
	if o.stay {
		return notice{"Nothing was sent; the question stays open."}
	}
	if o.more {
		return push{r.otherDialog()}
	}
	return r.choose(o.Choice)
}

// missing says what is wrong with a typed word, without giving the rest away key by key.
func missing(got, want string) string {
	switch {
	case got == "":
		return fmt.Sprintf("Nothing was typed. Type %s to go on; nothing has been sent.", want)
	case len(got) < len(want) && want[:len(got)] == got:
		return fmt.Sprintf("The end is missing: type all of %s. Nothing has been sent.", want)
	}
	return fmt.Sprintf("That is not %s, letter for letter; ctrl+u empties the line. Nothing has been sent.", want)
}

// choose gives a choice, after asking for the reason where one is needed.
func (r *root) choose(c wire.Choice) action {
	if c.Refuse != "" {
		return notice{c.Label + " cannot be chosen: " + stop(c.Refuse)}
	}
	return r.chosen(c, r.give(c, ""))
}

// give binds an answer to the question on the screen as it was when the key was pressed.
func (r *root) give(c wire.Choice, text string) give {
	return give{question: r.ask.id, hash: r.ask.hash, choice: c, text: text}
}

func choice(q wire.Question, id string) *wire.Choice {
	i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &q.Choices[i]
}

// offers returns the choice of the open question if it can be taken now.
func (r *root) offers(id string) *wire.Choice {
	if r.ask == nil || r.ask.sent || !r.answerable() {
		return nil
	}
	if c := choice(*r.view.Question, id); c != nil && c.Refuse == "" {
		return c
	}
	return nil
}
