package linear

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// File answers from an answers file. Unknown keys are errors. What it does not answer stays open. Where a plan of the real world
// destroys, an answer counts only if it names what it was written for: svrescue plan PATH --format json prints target and backup. In a
// rehearsal, whose world is made when it begins, there is nothing to name before, and the word is enough.
//
//	confirm: yes                 # agree to every plan that does not destroy
//	word: mainnet/Acme-SV        # typed where a plan destroys; it must be the name of the node
//	target: 5f0c7a52-…           # uid of what is changed
//	backup: "1767232800"         # id of the backup set
//	answers:
//	  restore/backup-set.set: default          # the proposed choice, or the id of one
//	  restore/scale-up.remedy: retry
//	  restore/record.confirm: {choice: skip, text: the record of yesterday is enough}
//	  reonboard/transfer.login-token: env:WALLET_TOKEN # a secret, by reference alone: env:NAME or file:/PATH
type File struct {
	Confirm bool              `json:"confirm"`
	Word    string            `json:"word"`
	Target  string            `json:"target"`
	Backup  string            `json:"backup"`
	Answers map[string]Chosen `json:"answers"`

	used map[string]int
	// places are what references to secrets are read from, and tell says why one could not be.
	places secret.Places
	tell   func(string)
}

// ReadSecrets lets the file answer questions that ask for a secret, by references; tell says why one cannot be read. asks says which questions
// do. An answer to one of them that is no reference is an error, which does not repeat it.
func (f *File) ReadSecrets(places secret.Places, tell func(string), asks func(question string) bool) error {
	f.places, f.tell = places, tell
	for name, chosen := range f.Answers {
		if !asks(name) || chosen == (Chosen{Choice: "default"}) {
			continue
		}
		r := secret.Reference(chosen.Choice)
		if err := r.Check(); err != nil || r == secret.Stdin || chosen.Text != "" {
			return fmt.Errorf("the answer to %s is no reference to a secret: write it as env:NAME or file:/PATH, and never the secret itself", name)
		}
	}
	return nil
}

// secret answers a question that asks for one.
func (f *File) secret(q wire.Question, chosen Chosen) (wire.Answer, bool) {
	if chosen.Choice == "default" && q.Default != "" {
		return wire.Answer{}, true
	}
	r := secret.Reference(chosen.Choice)
	if r.Check() != nil || r == secret.Stdin || f.tell == nil { // not looked at by ReadSecrets
		return wire.Answer{}, false
	}
	value, err := f.places.Read(r)
	if err != nil {
		f.tell(fmt.Sprintf("%s, which is to answer %s, cannot be read: %v", r.Name(), q.Name, err))
		return wire.Answer{}, false
	}
	return wire.Answer{Hidden: wire.Hidden{String: value}}, true
}

// Chosen is one answer: a choice or a value, and a reason where the choice needs one. Target and Backup stand for those of the file.
type Chosen struct {
	Choice string `json:"choice"`
	Text   string `json:"text"`
	Target string `json:"target"`
	Backup string `json:"backup"`
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
			return nil, fmt.Errorf("it has an unknown key %q; the keys are confirm, word, target, backup and answers, and in an answer choice, text, target and backup", m[1])
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

// Propose answers a question that asks for a text, where the file does not.
func (f *File) Propose(question, text string) {
	if _, said := f.Answers[question]; said {
		return
	}
	if f.Answers == nil {
		f.Answers = map[string]Chosen{}
	}
	f.Answers[question] = Chosen{Text: text}
}

// Answer looks the question up by its name.
func (f *File) Answer(_ context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
	if f.used == nil {
		f.used = map[string]int{}
	}
	if f.used[q.Name]++; f.used[q.Name] > maxRepeats {
		return wire.Answer{}, false
	}
	if chosen, ok := f.Answers[q.Name]; ok {
		if q.Kind == wire.AskSecret {
			return f.secret(q, chosen)
		}
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
		a.Bound = f.bound(v, q, cmp.Or(chosen.Target, f.Target), cmp.Or(chosen.Backup, f.Backup))
		return a, a.Choice != "" || a.Text != ""
	}
	switch {
	case q.Kind == wire.AskWord && f.Word != "":
		return wire.Answer{Choice: wire.ChoiceYes, Text: f.Word, Bound: f.bound(v, q, f.Target, f.Backup)}, true
	case q.Kind == wire.AskConfirm && f.Confirm:
		return wire.Answer{Choice: wire.ChoiceYes}, true
	case q.Kind == wire.AskRemedy && q.Default != "":
		return wire.Answer{Choice: q.Default}, true // a precondition that does not hold, before anything was changed: refused
	case q.Kind == wire.AskChoice && only(q.Choices) && q.Choices[0].Refuse == "" && q.Choices[0].Effect.Rank() == 0:
		return wire.Answer{Choice: q.Choices[0].ID}, true
	}
	return wire.Answer{}, false
}

// only says that there is one answer, beside that which asks everything again.
func only(choices []wire.Choice) bool {
	return len(choices) == 1 || len(choices) == 2 && choices[1].ID == wire.ChoiceAsk
}

// bound is what an answer that may destroy was written for, nil where that does not matter.
func (f *File) bound(v wire.View, q wire.Question, target, backup string) *wire.Bound {
	b := wire.Bound{Target: target, Backup: backup}
	if q.Kind != wire.AskWord || v.Run.World == wire.Simulated && b == (wire.Bound{}) {
		return nil
	}
	return &b
}
