package wizard

import (
	"fmt"
	"strings"

	"canton.example/svrescue/steps/wire"
)

func onlySpace(text string) bool { return strings.TrimSpace(text) == "" }

// stayOption is the first line of every chooser.
func stayOption(label string) option {
	return option{stay: true, Choice: wire.Choice{Label: label, Detail: "Nothing is sent."}}
}

func (r *root) noteDialog() dialog {
	return newPrompt("Note", "One line for the timeline and the report, signed "+r.opts.Operator+". The run goes on meanwhile.",
		"", "Nothing was typed; nothing is sent.", func(text string) action {
			return say{wire.Message{Kind: wire.SayNote, Text: text}}
		})
}

func (r *root) parkDialog() dialog {
	text := "No action runs now: the worker ends at once and lets go of the node."
	if a := r.view.Running(); a != nil {
		text = fmt.Sprintf("The running action (%s) is finished first, then the worker ends and lets go of the node.", a.Title)
	}
	if r.view.Question != nil {
		text += " The open question is not answered by this."
	}
	if line := r.resumeLine(); line != "" {
		text += "\nThe run goes on later with:\n" + line
	}
	return &chooser{title: "Park this run", text: text,
		options: []option{stayOption("No, go on"), {Choice: wire.Choice{Label: "Park the run"}}},
		take:    func(int) action { return say{wire.Message{Kind: wire.SayPark}} }}
}

// interruptDialog is what ctrl+c opens.
func (r *root) interruptDialog() dialog {
	text := "Leaving answers nothing, and the work goes on. Parking ends the worker when the running action is over."
	if r.opts.Attach == "" {
		text = "The work ends with this program. Parking ends it when the running action is over."
	}
	return &chooser{title: "Leave, or park the run?", parks: true, text: text + " ctrl+c once more parks.",
		options: []option{stayOption("Stay"), {Choice: wire.Choice{Label: "Leave this screen"}}, {Choice: wire.Choice{Label: "Park the run"}}},
		take: func(i int) action {
			if i == 1 {
				return r.leave()
			}
			return say{wire.Message{Kind: wire.SayPark}}
		}}
}

func (r *root) quitDialog() dialog {
	return &chooser{title: "Leave", quits: true,
		text: "This run has no worker of its own: its work ends with this program. An action that is under way is looked at " +
			"again when the run is resumed. Go on later with:\n" + r.resumeLine(),
		options: []option{stayOption("Stay"), {Choice: wire.Choice{Label: "Leave, and end the work"}}},
		take:    func(int) action { return leave{} }}
}

func (r *root) byHandDialog() dialog {
	c := *choice(*r.view.Question, wire.ChoiceByHand)
	text := c.Detail
	if text == "" {
		text = "You act yourself, with your own tools. svrescue sends nothing for this step and watches until the world shows it."
	}
	given := r.give(c, "")
	return &chooser{title: "By hand", text: sentence(text) + " Esc and then c shows the commands.", question: r.ask.id,
		options: []option{stayOption("No, not by hand"), {Choice: wire.Choice{Label: c.Label, Reason: c.Reason}}},
		take:    func(int) action { return r.chosen(c, given) }}
}

// others are the ways to answer a confirmation other than yes.
func others(q wire.Question) []wire.Choice {
	var list []wire.Choice
	for _, c := range q.Choices {
		if c.ID != wire.ChoiceYes {
			list = append(list, c)
		}
	}
	return list
}

func (r *root) otherDialog() dialog {
	choices, given := others(*r.view.Question), r.give(wire.Choice{}, "")
	c := &chooser{title: "Other answers", text: r.view.Question.Title, question: r.ask.id, details: true,
		options: []option{stayOption("None of these")}}
	for _, o := range choices {
		c.options = append(c.options, option{Choice: o})
	}
	c.take = func(i int) action {
		g := given
		g.choice = choices[i-1]
		return r.chosen(choices[i-1], g)
	}
	return c
}

// chosen asks for the reason where one is needed, for the question that was open when the dialog opened.
func (r *root) chosen(c wire.Choice, given give) action {
	if !c.Reason {
		return given
	}
	return push{newPrompt("Why: "+c.Label, "The reason is kept in the journal and the report.", "",
		"Say why; without a reason nothing is sent.", func(text string) action {
			given.text = text
			return given
		}).about(given.question)}
}
