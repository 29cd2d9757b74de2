package linear

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// File answers from an answers file. Unknown keys are errors. What it does not answer stays open.
//
//	confirm: yes                 # agree to every plan that does not destroy
//	word: mainnet/Acme-SV        # typed where a plan destroys; it must be the name of the node
//	answers:
//	  restore/backup-set.set: default          # the proposed choice, or the id of one
//	  restore/scale-up.remedy: retry
//	  restore/record.confirm: {choice: skip, text: the record of yesterday is enough}
type File struct {
	Confirm bool              `json:"confirm"`
	Word    string            `json:"word"`
	Answers map[string]Chosen `json:"answers"`

	used map[string]int
}

// Chosen is one answer: a choice or a value, and a reason where the choice needs one.
type Chosen struct {
	Choice string `json:"choice"`
	Text   string `json:"text"`
}

// UnmarshalJSON takes a plain text as a choice; a number is one too, and an unquoted yes, which YAML reads as true.
func (c *Chosen) UnmarshalJSON(data []byte) error {
	var text string
	if err := yaml.Unmarshal(data, &text); err == nil {
		*c = Chosen{Choice: text}
	} else {
		type plainChosen Chosen
		if err := yaml.UnmarshalStrict(data, (*plainChosen)(c)); err != nil {
			return err
		}
	}
	if c.Choice == "true" {
		c.Choice = wire.ChoiceYes
	}
	return nil
}

// maxRepeats is how often one answer is given to the same question: a remedy that does not help must not go on for ever.
const maxRepeats = 3

// ReadFile reads an answers file.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the answers file: %w", err)
	}
	f, err := ParseFile(data)
	if err != nil {
		return nil, fmt.Errorf("the answers file %s is not right: %w", path, err)
	}
	return f, nil
}

// ParseFile reads the text of an answers file.
func ParseFile(data []byte) (*File, error) {
	f := &File{used: map[string]int{}}
	if err := yaml.UnmarshalStrict(data, f); err != nil {
		text := err.Error()
		if m := unknownKey.FindStringSubmatch(text); m != nil {
			return nil, fmt.Errorf("it has an unknown key %q; the keys are confirm, word and answers, and in an answer choice and text", m[1])
		}
		for _, noise := range []string{"error converting YAML to JSON: ", "error unmarshaling JSON: ", "while decoding JSON: ", "json: "} {
			text = strings.TrimPrefix(text, noise)
		}
		return nil, fmt.Errorf("it is not an answers file: %s", plain.Line(text))
	}
	return f, nil
}

var unknownKey = regexp.MustCompile(`unknown field "([^"]+)"`)

// Unknown returns the questions that the file answers and that are not known, sorted: a misspelt name would otherwise
// park the run in the middle.
func (f *File) Unknown(known func(question string) bool) []string {
	var names []string
	for name := range f.Answers {
		if !known(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Answer looks the question up by its name.
func (f *File) Answer(_ context.Context, _ wire.View, q wire.Question) (wire.Answer, bool) {
	if f.used[q.Name]++; f.used[q.Name] > maxRepeats {
		return wire.Answer{}, false
	}
	if chosen, ok := f.Answers[q.Name]; ok {
		a := wire.Answer{Choice: chosen.Choice, Text: chosen.Text}
		if a.Choice == "default" || a.Choice == "newest" {
			a.Choice = q.Default
		}
		if q.Kind == wire.AskText && a.Text == "" {
			a.Choice, a.Text = "", a.Choice
		}
		if q.Kind == wire.AskWord && a.Choice == wire.ChoiceYes && a.Text == "" {
			a.Text = f.Word
		}
		return a, a.Choice != "" || a.Text != ""
	}
	switch {
	case q.Kind == wire.AskWord && f.Word != "":
		return wire.Answer{Choice: wire.ChoiceYes, Text: f.Word}, true
	case q.Kind == wire.AskConfirm && f.Confirm:
		return wire.Answer{Choice: wire.ChoiceYes}, true
	case q.Kind == wire.AskRemedy && q.Default != "":
		return wire.Answer{Choice: q.Default}, true // a precondition that does not hold, before anything was changed: refused
	case q.Kind == wire.AskChoice && len(q.Choices) == 1 && q.Choices[0].Refuse == "" && q.Choices[0].Effect.Rank() == 0:
		return wire.Answer{Choice: q.Choices[0].ID}, true
	}
	return wire.Answer{}, false
}
