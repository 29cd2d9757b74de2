package rollforward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
)

const (
	theirs   = "theirs:" // begins what is being put in, where that is the card of an SV
	changing = "change"
)

func parameterCard() steps.Step[Facts] {
	asks := []steps.Ask{{Name: "svs", Kind: wire.AskText, Help: "names of all SVs of the network, separated by commas"}}
	for _, p := range parameters {
		kind := wire.AskText
		if p.choices != nil {
			kind = wire.AskChoice
		}
		asks = append(asks, steps.Ask{Name: p.ask, Kind: kind, Help: p.help})
	}
	return steps.Step[Facts]{
		ID: "network/roll-forward/parameter-card", Title: "Parameter card", Effect: wire.Observe,
		Summary: "Takes the values that all SVs must use alike, checks them against each other, and compares the cards.",
		Asks: append(asks, steps.Ask{Name: "card", Kind: wire.AskChoice, Help: "settle: the card is right; theirs:SV: compare with the card of another SV; change: another value"},
			steps.Ask{Name: "change", Kind: wire.AskChoice, Help: "the value that is entered anew; back: none"},
			steps.Ask{Name: "their-card", Kind: wire.AskText, Help: "the card of another SV, pasted, or its fingerprint; back: none"}),
		Inputs: cardInputs,
		Take:   takeCard,
		Forget: func(f *Facts) {
			f.Card, f.Agreed = nil, nil
			f.Call = Call{SVs: f.Call.SVs, Values: f.Call.Values}
		},
		Verify: settle,
	}
}

func cardInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	one := func(q wire.Question) ([]wire.Question, error) { return []wire.Question{q}, ctx.Err() }
	switch {
	case f.Node == nil || f.Situation == "":
		return nil, &steps.Problem{Tried: "asking for the values of the call", Seen: "what has happened to the synchronizer is not known", Next: "Go through the step Release gate first"}
	case len(f.Call.SVs) == 0:
		return one(askSVs(ctx, w, f))
	case strings.HasPrefix(f.Call.Adding, theirs):
		return one(network.TheirQuestion(strings.TrimPrefix(f.Call.Adding, theirs)))
	case f.Call.Adding == changing:
		return one(changeQuestion(f))
	}
	if p := f.open(); p != nil {
		return one(p.question(f))
	}
	if !f.Call.Settle {
		return one(cardQuestion(w, f))
	}
	return nil, nil
}

// askSVs proposes the SVs that this node's scan knows; without it the names are typed.
func askSVs(ctx context.Context, w steps.World, f Facts) wire.Question {
	q := wire.Question{Name: "svs", Kind: wire.AskText, Title: "Which SVs does the network have?", Text: "The names of all, separated by commas, also of those that do not take part.", Default: strings.Join(f.Hints.SVs, ", ")}
	if q.Default != "" {
		return q
	}
	dso, _, err := network.OwnScan(ctx, w, *f.Node)
	if err != nil {
		q.Text += " This node's scan does not list them: " + plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 160) + "."
		return q
	}
	var names []string
	for _, m := range dso.SVs {
		if m.Name != "" {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	q.Default = strings.Join(names, ", ")
	q.Text += " The proposal is what this node's scan lists."
	return q
}

// cardQuestion shows the card, what is wrong with it, and how it compares with those of the others.
func cardQuestion(w steps.World, f Facts) wire.Question {
	a, _ := f.proposal()
	c := a.Card()
	q := wire.Question{Name: "card", Kind: wire.AskChoice, Title: "Is this the card of the call?"}
	var text []string // what is to be minded comes first: where there is little room the end is not seen
	settle := wire.Choice{ID: "settle", Label: "Settle it", Detail: "All later steps use these values."}
	for _, found := range f.check(a, w.Clock.Now()) {
		if found.Verdict == wire.Holds {
			continue
		}
		says := found.Text + ". " + found.Next + "."
		text = append(text, strings.ToUpper(says[:1])+says[1:])
		if found.Verdict == wire.Violated {
			settle.Refuse = "the values do not fit together: change them first"
		}
	}
	text = append(text, strings.TrimSpace(c.Text()), "Read the fingerprint out: whoever has the same has the same values. Once it is settled the values stay as they are in this run.")
	q.Text = strings.Join(text, "\n\n")
	q.Choices = append(q.Choices, settle)
	for _, name := range f.others() {
		says, _ := network.Compared(c, name, f.Call.Theirs)
		q.Choices = append(q.Choices, wire.Choice{ID: theirs + name, Label: "Compare with the card of " + name, Detail: says + "."})
	}
	q.Choices = append(q.Choices, wire.Choice{ID: changing, Label: "Change a value", Detail: "Asks which."})
	return q
}

func changeQuestion(f Facts) wire.Question {
	q := wire.Question{Name: changing, Kind: wire.AskChoice, Title: "Which value is to be entered anew?", Choices: []wire.Choice{{ID: "back", Label: "None"}}}
	for _, p := range parameters {
		if text := f.Call.Values[p.ask]; text != "" {
			q.Choices = append(q.Choices, wire.Choice{ID: p.ask, Label: strings.ReplaceAll(p.ask, "-", " "), Detail: "Now: " + text + "."})
		}
	}
	return q
}

// blockSlack is more than the time of a message can lie after that of its block, which it is derived from.
const blockSlack = 10 * time.Second

// check compares the values with each other, and with what this node has seen of the old synchronizer.
func (f Facts) check(a Agreed, now time.Time) []wire.Finding {
	found := a.Check(now, f.capped())
	if f.Gate == nil || f.Gate.Chain == nil || !a.LastGood.After(f.Gate.Chain.Time.Add(blockSlack)) {
		return found
	}
	return append(found, wire.Finding{ID: "after-last-block", Verdict: wire.Attention, Text: "the last good record time lies after the last block that this node's CometBFT has shown, " + stamp(f.Gate.Chain.Time),
		Next: "That is right only where the chain went on, or where this node is behind the others: ask the call where the time is from"})
}

// others are all SVs but this one.
func (f Facts) others() []string {
	return slices.DeleteFunc(slices.Clone(f.Call.SVs), func(sv string) bool { return sv == f.Node.Subject.SV })
}

func takeCard(f *Facts, ask, value string) error {
	c := f.Call // what its maps and lists point to is not changed
	value = strings.TrimSpace(value)
	err := func() (err error) {
		switch ask {
		case "svs":
			c.SVs, err = network.ParseSVs(value, f.Node.Subject.SV)
			return err
		case "card":
			switch {
			case value == "settle":
				c.Settle = true
			case value == changing, strings.HasPrefix(value, theirs):
				c.Adding = value
			default:
				return fmt.Errorf("%q is no choice", plain.Cut(plain.Line(value), 40))
			}
			return nil
		case changing:
			c.Adding = ""
			if was := c.Values[value]; was != "" {
				c.Was = with(c.Was, value, was)
				c.Values = maps.Clone(c.Values)
				delete(c.Values, value)
			}
			return nil
		case "their-card":
			sv := strings.TrimPrefix(c.Adding, theirs)
			if value != "back" {
				a, _ := f.proposal()
				if c.Theirs, err = network.AddTheirs(c.Theirs, sv, value, a.Card()); err != nil {
					return err
				}
			}
			c.Adding = ""
			return nil
		}
		for _, p := range parameters {
			if p.ask == ask {
				return c.takeParameter(p, value, *f)
			}
		}
		return fmt.Errorf("there is no question %s", plain.Line(ask))
	}()
	if err == nil {
		f.Call = c
	}
	return err
}

// settle freezes the card, and says what is known of those of the others.
func settle(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	a, whole := f.proposal()
	if !whole || !f.Call.Settle {
		return []wire.Finding{{ID: "card", Verdict: wire.Violated, Text: "the card is not complete", Next: "Answer this step again"}}, nil
	}
	c := a.Card()
	found := f.check(a, w.Clock.Now())
	var silent []string
	for _, sv := range f.others() {
		text, verdict := network.Compared(c, sv, f.Call.Theirs)
		compared := wire.Finding{ID: "card-" + sv, Verdict: verdict, Text: text}
		switch verdict {
		case wire.Undetermined:
			silent = append(silent, sv)
			continue
		case wire.Violated:
			compared.Next = "Clear it up on the call before anything is changed: an SV that rolls forward with other values ends on another synchronizer, or on none"
			compared.Waive = "that SV is to correct its card, or goes without"
		}
		found = append(found, compared)
	}
	if len(silent) > 0 {
		found = append(found, wire.Finding{ID: "silent", Verdict: wire.Undetermined, Text: "no fingerprint was given by " + strings.Join(silent, ", "),
			Next: "Have it read out on the call, and answer this step again; or go on with a reason"})
	}
	if wire.Waivable(found) {
		f.Agreed, f.Card = &a, &c
	}
	return append([]wire.Finding{{ID: "card", Verdict: wire.Holds, Text: "the card has the fingerprint " + c.Fingerprint()}}, found...), nil
}
