package network

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// theirs begins the name of what is being put in, where that is the card of an SV.
const theirs = "theirs:"

func isFamilyA(release string) bool { return triage.FamilyOf(release) == triage.FamilyA }

func isNewer(release string) bool {
	family := triage.FamilyOf(release)
	return family == triage.FamilyB || family == triage.FamilyC
}

func marginText(margin string) string {
	d, err := time.ParseDuration(margin)
	if err != nil {
		return margin
	}
	return commitment.Length(d)
}

func sorted(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// cardQuestion shows the card and how it compares with those of the others.
func cardQuestion(f Facts) wire.Question {
	c, _ := cardOf(f)
	q := wire.Question{Name: "card", Kind: wire.AskChoice, Title: "Is this the card of the call?",
		Text: strings.TrimSpace(c.Text()) + "\n\nTimestamp: " + f.Agree.basisText() + ". Read the fingerprint out: whoever has the same has the same values. Once it is settled the values stay as they are in this run."}
	settle := wire.Choice{ID: "settle", Label: "Settle it", Detail: "All later steps use these values."}
	if err := c.Check(); err != nil {
		settle.Refuse = "it cannot be written down: " + plain.Line(err.Error())
	}
	q.Choices = append(q.Choices, settle)
	for _, name := range f.Agree.names() {
		if name == f.Report.Reporter {
			continue
		}
		text, _ := f.compared(c, name)
		q.Choices = append(q.Choices, wire.Choice{ID: theirs + name, Label: "Compare with the card of " + name, Detail: text + "."})
	}
	return q
}

func (f Facts) compared(c card.Card, sv string) (string, wire.Verdict) {
	return Compared(c, sv, f.Agree.Theirs)
}

// Compared says how the card of an SV compares with ours.
func Compared(c card.Card, sv string, all []Theirs) (string, wire.Verdict) {
	i := slices.IndexFunc(all, func(t Theirs) bool { return t.SV == sv })
	if i < 0 {
		return sv + " has not given its fingerprint", wire.Undetermined
	}
	t := all[i]
	switch {
	case t.Fingerprint == c.Fingerprint():
		return sv + " has the same fingerprint, " + t.Fingerprint, wire.Holds
	case t.Card == nil:
		return fmt.Sprintf("%s has another fingerprint, %s instead of %s", sv, t.Fingerprint, c.Fingerprint()), wire.Violated
	}
	var parts []string
	for _, d := range card.Compare(c, *t.Card) {
		switch {
		case d.Theirs == "":
			parts = append(parts, fmt.Sprintf("it has no %s", d.Name))
		case d.Mine == "":
			parts = append(parts, fmt.Sprintf("it has %s %s, and this card has none", d.Name, d.Theirs))
		default:
			parts = append(parts, fmt.Sprintf("%s is %s there and %s here", d.Name, d.Theirs, d.Mine))
		}
	}
	return sv + " has another card: " + strings.Join(parts, "; "), wire.Violated
}

// TheirQuestion asks for the card of an SV.
func TheirQuestion(sv string) wire.Question { return theirQuestion(sv) }

func theirQuestion(sv string) wire.Question {
	return wire.Question{Name: "their-card", Kind: wire.AskText, Title: "The card of " + sv + ": paste it, or type its fingerprint",
		Text: "Nine digits like 123-456-789, or the whole card out of the chat, which tells in which value it differs. back: none."}
}

// takeCard takes what is to be done with the card.
func (a *Agreeing) takeCard(value string) error {
	switch {
	case value == "settle":
		a.Settle = true
	case strings.HasPrefix(value, theirs):
		a.Adding = value
	default:
		return fmt.Errorf("%q is no choice", plain.Line(value))
	}
	return nil
}

var fingerprint = regexp.MustCompile(`^(\d{3})[- ]?(\d{3})[- ]?(\d{3})$`)

// takeTheirs takes the card of another SV, or its fingerprint.
func (a *Agreeing) takeTheirs(value string, f Facts) error {
	sv := strings.TrimPrefix(a.Adding, theirs)
	if value == "back" {
		a.Adding = ""
		return nil
	}
	ours, _ := cardOf(f)
	all, err := AddTheirs(a.Theirs, sv, value, ours, ValueAgreedAt, ValueMargin)
	if err != nil {
		return err
	}
	a.Theirs, a.Adding = all, ""
	return nil
}

// AddTheirs takes the card of an SV as it was pasted, or its fingerprint, in place of what it gave before. names are values that cards of the kind
// may have beside those of ours.
func AddTheirs(all []Theirs, sv, value string, ours card.Card, names ...string) ([]Theirs, error) {
	t := Theirs{SV: sv}
	if m := fingerprint.FindStringSubmatch(value); m != nil {
		t.Fingerprint = strings.Join(m[1:], "-")
	} else {
		c, err := card.Parse(unfolded(value, ours, names))
		if err != nil {
			return nil, fmt.Errorf("that is neither a fingerprint like 123-456-789 nor a card: %s", plain.Line(err.Error()))
		}
		t.Card, t.Fingerprint = &c, c.Fingerprint()
	}
	return append(slices.DeleteFunc(slices.Clone(all), func(k Theirs) bool { return k.SV == sv }), t), nil
}

// unfolded gives a card its lines back where they have become blanks: a field holds one line. It knows the names of the own card,
// and more.
func unfolded(text string, ours card.Card, more []string) string {
	if strings.Contains(text, "\n") {
		return text
	}
	names := []string{"fingerprint"}
	for _, v := range ours.Values {
		names = append(names, v.Name)
	}
	for _, name := range append(names, more...) {
		if !strings.Contains(text, "\n"+name+":") {
			text = strings.Replace(text, " "+name+":", "\n"+name+":", 1)
		}
	}
	return text
}
