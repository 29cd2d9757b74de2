package triage

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Answer is what a person says to a question. The zero value is "I don't know", which is always a valid answer.
type Answer string

const (
	DontKnow Answer = "i-dont-know"
	Yes      Answer = "yes"
	No       Answer = "no"
)

// Answers are what no program can see.
type Answers struct {
	By string    // who answered
	At time.Time // when

	DeclaredLost        Answer // the SVs have declared the network lost
	BackupsElsewhere    Answer // there are database backups that were not looked at
	IdentitiesElsewhere Answer // there are identities backups that were not looked at
	OnPurpose           Answer // components were scaled down on purpose
	RightNamespace      Answer // this is the namespace of the node, although there is nothing in it
}

// Set answers the question with that id. Its errors are for whoever wrote the answer.
func (a *Answers) Set(id string, said Answer) error {
	to, is := map[string]*Answer{askDeclared: &a.DeclaredLost, askBackups: &a.BackupsElsewhere, askIdentities: &a.IdentitiesElsewhere,
		askPurpose: &a.OnPurpose, askNamespace: &a.RightNamespace}[id]
	switch {
	case !is:
		return fmt.Errorf("there is no question %q; there are %s", id, strings.Join([]string{askDeclared, askBackups, askIdentities, askPurpose, askNamespace}, ", "))
	case said != Yes && said != No && said != DontKnow:
		return fmt.Errorf("the answer to %s is yes, no or i-dont-know, not %q", id, string(said))
	}
	*to = said
	return nil
}

// Question asks for one of them.
type Question struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Why     string   `json:"why"` // what depends on it
	Choices []Answer `json:"choices"`
	Default Answer   `json:"default"`
}

// The ids of the questions, which are also the ids of the evidence that the answers are.
const (
	askDeclared   = "declared-lost"
	askBackups    = "backups-elsewhere"
	askIdentities = "identities-elsewhere"
	askPurpose    = "scaled-on-purpose"
	askNamespace  = "right-namespace"
)

var asked = map[string]struct{ text, why, yes, no string }{
	askDeclared: {
		"Have the SVs of this network together declared it lost?",
		"A network recovery is an agreement between all SVs. Nothing that can be measured replaces it.",
		"the SVs have declared the network lost", "the SVs have not declared the network lost"},
	askBackups: {
		"Is there any backup of the databases that was not looked at, for example in a bucket or at another site?",
		"Re-onboarding gives up what a restore would keep, so it is recommended only when there is nothing to restore from.",
		"there are database backups elsewhere", "there are no database backups elsewhere"},
	askIdentities: {
		"Is there any identities backup that was not looked at, for example in a safe, a bucket or a password store?",
		"It may be the only thing that still holds the keys of the participant.",
		"there are identities backups elsewhere", "there are no identities backups elsewhere"},
	askPurpose: {
		"Did somebody scale these components down on purpose, for example for maintenance, an upgrade or another recovery?",
		"If not, starting them again may be all that is needed.",
		"the components were scaled down on purpose", "nobody scaled the components down on purpose"},
	askNamespace: {
		"Is this the cluster and the namespace in which the node was running?",
		"In an empty namespace a lost node looks the same as a wrong name on the command line.",
		"this is the namespace in which the node was running", "this is not the namespace of the node"},
}

func (a Answers) question(id string) Question {
	q := asked[id]
	return Question{ID: id, Text: q.text, Why: q.why, Choices: []Answer{DontKnow, Yes, No}, Default: DontKnow}
}

// item is an answer as evidence.
func (a Answers) item(id string, said Answer) Item {
	i := Item{ID: id, Verdict: NotDetermined, Detail: sentence("not answered, or nobody knows: " + asked[id].text), Source: "the operator"}
	switch said {
	case Yes:
		i.Verdict, i.Detail = Holds, sentence("the operator says that "+asked[id].yes)
	case No:
		i.Verdict, i.Detail = Violated, sentence("the operator says that "+asked[id].no)
	default:
		return i
	}
	if a.By != "" {
		i.Source = a.By
	}
	i.At = a.At
	return i
}

// QuestionOrder is where the question with that id stands among all: what leads astray most comes first.
func QuestionOrder(id string) int {
	return slices.Index([]string{askNamespace, askPurpose, askDeclared, askBackups, askIdentities}, id)
}

// Asks says whether that is the id of a question.
func Asks(id string) bool { _, is := asked[id]; return is }

// Said is the answer to the question with that id; empty: none was given.
func (a Answers) Said(id string) Answer {
	return map[string]Answer{askDeclared: a.DeclaredLost, askBackups: a.BackupsElsewhere, askIdentities: a.IdentitiesElsewhere,
		askPurpose: a.OnPurpose, askNamespace: a.RightNamespace}[id]
}
