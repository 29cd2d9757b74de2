package reonboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// routes are the kinds of source, and what each means.
func routes(f Facts) wire.Question {
	q := wire.Question{Name: "source", Kind: wire.AskChoice, Title: "Where are the identities of the lost participant?", Default: string(FromFile),
		Text: "The recovery validator needs the dump of the lost participant: its keys, or the names of its keys in a KMS, and its topology. It is proven before anything is changed.",
		Choices: []wire.Choice{
			{ID: string(FromFile), Label: "In a file, or a folder of backups", Detail: "what the SV app answered, what it wrote periodically, or a migration dump"},
			{ID: string(FromSecret), Label: "In a Secret of this cluster", Detail: "such as participant-bootstrap-dump of an earlier validator"},
			{ID: string(FromDatabase), Label: "Only in a backup of the participant's database", Detail: "a dump can be made of it; the steps are shown"},
			{ID: string(FromVolume), Label: "Only on a volume of the participant's database", Detail: "a dump can be made of it; the steps are shown"},
			{ID: string(FromKMS), Label: "There is only the KMS with the keys", Detail: "what is possible then, and what is not"},
		}}
	if len(f.Hints.Identities) > 0 {
		q.Text += " The configuration names " + plain.Line(strings.Join(f.Hints.Identities, ", ")) + "."
	}
	return q
}

// byConsole is how a dump is made where a participant's database is all there is (reference/deployment.md 9.5).
const byConsole = "Start only the participant on it, in a namespace of its own, with no app and no synchronizer node, and make sure that the old participant runs nowhere. " +
	"If it exits at once, set ADDITIONAL_CONFIG_EXIT_ON_FATAL_FAILURES to canton.parameters.exit-on-fatal-failures = false. " +
	"Run the console script examples/recovery/manual-identities-dump.sc of the release: it writes identities-dump.json. It leaves out the key cometbft-governance-keys, and must be adapted where a KMS holds the keys. " +
	"Stop that participant again before you go on."

// instructions are what the operator has to do before there is a file, by route.
var instructions = map[Route]string{
	FromDatabase: "1. Restore the backup of the participant's database into a temporary PostgreSQL server, never into the old one.\n2. " + byConsole +
		"\n3. Copy identities-dump.json to this machine, readable by you only, and name it here.",
	FromVolume: "1. Keep the volume: set it to Retain, and work on a snapshot or a copy of it where the storage can make one.\n2. Start a temporary PostgreSQL server of the same major version on the copy, in a namespace of its own.\n3. " + byConsole +
		"\n4. Copy identities-dump.json to this machine, readable by you only, and name it here.",
	FromKMS: "A KMS that still holds the keys is not enough by itself. A participant comes up from a dump that names its keys in the KMS and holds its topology; upstream calls recovery from the keys alone possible in principle, " +
		"gives no procedure for it, and calls it involved. This tool cannot do it and does not go on without a dump.\n" +
		"What is possible: with a KMS such a dump holds no private key, so a copy may lie where nobody guarded it: in a bucket of periodic backups (participant_identities_TIME.json), in a ticket, on an operator's machine. " +
		"A backup or a volume of the participant's database is another way to one. Else park this run and ask upstream's support; delete nothing in the KMS.\nWhen there is a dump, name its file here.",
}

func identitiesInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	from, tried := f.from()
	switch {
	case from.Route == "":
		return []wire.Question{routes(f)}, nil
	case from.Route == FromSecret:
		known := false
		if from.Secret != "" {
			var err error
			if known, err = secretKnown(ctx, w, from); err != nil {
				return nil, err
			}
		}
		if !known {
			return []wire.Question{askSecret(ctx, w, f, from)}, nil
		}
	case from.Path == "":
		return []wire.Question{askPath(f, from)}, nil
	case from.File == "":
		q, err := askWhichFile(from, f)
		return []wire.Question{q}, err
	}
	i, err := from.look(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, kms := counts(i.Identities); kms > 0 && tried == "" && i.Owner(f.Old.Party) {
		return []wire.Question{askTried(i.Identities)}, nil
	}
	return nil, nil
}

func askPath(f Facts, from From) wire.Question {
	q := wire.Question{Name: "path", Kind: wire.AskText, Title: "Which file holds the identities, or which folder holds backups of them?", Text: instructions[from.Route]}
	if from.Route == FromFile {
		q.Text = "It is recognised by its shape, not by its name. It is only read."
		if len(f.Hints.Identities) > 0 {
			q.Default = f.Hints.Identities[0]
		}
	} else {
		q.Title = "Which file holds the dump that was made?"
	}
	return q
}

// askSecret asks for the value of a Secret, and names those that are there under names that are known.
func askSecret(ctx context.Context, w steps.World, f Facts, from From) wire.Question {
	q := wire.Question{Name: "secret", Kind: wire.AskText, Title: "Which value of which Secret holds the identities?", Text: "Write NAMESPACE/NAME:KEY. It is only read."}
	if from.Secret != "" {
		q.Text = "There is no " + from.String() + ", or it may not be read.\n" + q.Text
	}
	usual := From{Space: holds(f), Secret: "participant-bootstrap-dump", Key: "content"}
	if known, err := secretKnown(ctx, w, usual); err == nil && known {
		q.Default = usual.Space + "/" + usual.Secret + ":" + usual.Key
	}
	return q
}

// askWhichFile lists the dumps of a folder, the newest that is this SV's first. Those that cannot be used are shown with the reason.
func askWhichFile(from From, f Facts) (wire.Question, error) {
	q := wire.Question{Name: "file", Kind: wire.AskChoice, Title: "Which of the dumps?", Text: "The newest that can be used is the best: keys that were made after it are not in it."}
	all, err := evidence.IdentitiesIn(from.Path)
	if err != nil {
		return q, unreadable(From{File: from.Path}, err)
	}
	if len(all) == 0 {
		return q, &steps.Problem{Tried: "looking for identities in " + plain.Line(from.Path), Seen: "there is no dump of identities in it", Next: "Answer the questions of Identities again and name another"}
	}
	slices.SortStableFunc(all, func(a, b triage.IdentitiesFile) int {
		if x, y := unfit(a, f.Old) == "", unfit(b, f.Old) == ""; x != y {
			return map[bool]int{true: -1, false: 1}[x]
		}
		return b.Taken.Compare(a.Taken)
	})
	if why := unfit(all[0], f.Old); why != "" { // a question without an answer would be a dead end
		p := &steps.Problem{Tried: "looking for identities of " + f.Old.Party + " in " + plain.Line(from.Path), Seen: fmt.Sprintf("none of the %s in it can be used", count(len(all), "dump")),
			Next: "Answer the questions of Identities again and name another. Without the right one nothing is to be voted on"}
		for _, i := range all {
			p.Detail = append(p.Detail, fmt.Sprintf("%s: %s", plain.Line(i.Name), unfit(i, f.Old)))
		}
		if len(all) == 1 {
			p.Seen, p.Detail = fmt.Sprintf("the only dump in it, %s, cannot be used: %s", plain.Line(all[0].Name), why), nil
		}
		return q, p
	}
	for _, i := range all {
		c := wire.Choice{ID: i.Name, Label: within(from.Path, i.Name), Detail: i.Taken.UTC().Format("2006-01-02 15:04 UTC"), Refuse: unfit(i, f.Old)}
		if i.Problem == "" {
			c.Detail += fmt.Sprintf(", %s", holdsWhat(i.Keys, i.Remote))
		}
		if i.Open {
			c.Detail += ", readable by others"
		}
		q.Choices = append(q.Choices, c)
	}
	q.Default = q.Choices[0].ID
	return q, nil
}

// within is how a file is called in the folder that was named.
func within(folder, file string) string {
	if short, err := filepath.Rel(folder, file); err == nil && short != "." && filepath.IsLocal(short) {
		return short
	}
	return filepath.Base(file)
}

// unfit says why a dump is not that of the lost SV; empty: nothing is known against it.
func unfit(i triage.IdentitiesFile, old Old) string {
	switch {
	case i.Problem != "":
		return i.Problem
	case i.DSO != "" && old.DSO != "" && i.DSO != old.DSO:
		return "it is of another network, or from before a reset: its DSO is " + i.DSO
	case i.Party != "" && i.Party != old.Party:
		return "it is that of " + i.Party
	case i.Namespace != svapp.Namespace(old.Party):
		return "its namespace is that of another SV"
	}
	return ""
}

func holdsWhat(keys, kms int) string {
	switch {
	case kms == 0:
		return count(keys, "private key")
	case keys == 0:
		return count(kms, "key") + " in a KMS"
	}
	return fmt.Sprintf("%s, and %s in a KMS", count(keys, "private key"), count(kms, "key"))
}

func counts(i dump.Identities) (keys, kms int) {
	if i.Participant == nil {
		return 0, 0
	}
	return i.Participant.Counts()
}

// kmsKeys are the keys that a KMS holds, as they are named. An ID is no secret.
func kmsKeys(i dump.Identities) []wire.Evidence {
	var all []wire.Evidence
	if i.Participant == nil {
		return nil
	}
	for _, k := range i.Participant.Keys {
		if k.Remote != "" {
			all = append(all, wire.Evidence{Source: cmp.Or(plain.Line(k.Name), "a key without a name"), Seen: fmt.Sprintf("%s key %s", k.Kind, plain.Line(k.Remote))})
		}
	}
	return all
}

// askTried has the operator try what this tool cannot: whether the new participant will reach its keys.
func askTried(i dump.Identities) wire.Question {
	q := wire.Question{Name: "kms", Kind: wire.AskChoice, Title: "Can each key of the KMS be described with the identity that the new participant will have?",
		Text: "The dump names keys in a KMS and does not hold them. Without them the validator does not come up, and the vote cannot be taken back. Try it now, from a pod with the service account " +
			"(and environment) that the recovery validator's participant will have: for AWS, aws kms describe-key --key-id KEY; for Google Cloud, gcloud kms keys versions describe KEY. Each must be enabled.",
		Choices: []wire.Choice{
			{ID: triedIt, Label: "I have tried it: each of them can be described, and is enabled"},
			{ID: notTried, Label: "It was not tried", Detail: "it stands as not determined then, and going on needs a reason"},
		}}
	for _, k := range kmsKeys(i) {
		q.Text += "\n" + k.Source + ": " + k.Seen
	}
	return q
}

// Answers to askTried.
const (
	triedIt  = "tried"
	notTried = "not-tried"
)

func takeIdentities(f *Facts, ask, value string) error {
	var i Identities
	if f.Identities != nil {
		i = *f.Identities
	}
	switch ask {
	case "source":
		i.From = From{Route: Route(value)}
	case "secret":
		from, err := secretName(value, holds(*f))
		if err != nil {
			return err
		}
		from.Route = FromSecret
		i.From = from
	case "path":
		path, err := filepath.Abs(value)
		if err != nil || value == "" {
			return fmt.Errorf("%q is no path", value)
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("there is no %s", path)
		case err != nil:
			return fmt.Errorf("%s cannot be read: %w", path, err)
		case !info.IsDir():
			i.From.File = path
		}
		i.From.Path = path
	case "file":
		i.From.File = value
	case "kms":
		i.Tried = value
	}
	f.Identities = &i
	return nil
}

func (f Facts) from() (From, string) {
	if f.Identities == nil {
		return From{}, ""
	}
	return f.Identities.From, f.Identities.Tried
}
