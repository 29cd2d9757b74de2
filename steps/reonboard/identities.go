package reonboard

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// identities proves, before anything that cannot be taken back, that the recovery validator will have the lost participant's keys.
func identities() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/identities", Title: "Identities", Effect: wire.Observe,
		Summary: "Finds the dump of the lost participant's identities, proves that it is this SV's and whole, and keeps it in the run folder.",
		Asks: []steps.Ask{
			{Name: "source", Kind: wire.AskChoice, Help: "where the identities are: file, secret, database, volume or kms"},
			{Name: "secret", Kind: wire.AskText, Help: "the value of a Secret, as NAMESPACE/NAME:KEY"},
			{Name: "path", Kind: wire.AskText, Help: "the file, or a folder of backups"},
			{Name: "file", Kind: wire.AskChoice, Help: "which dump of the folder"},
			{Name: "kms", Kind: wire.AskChoice, Help: "where a KMS holds keys: whether each can be described with the new participant's identity: tried or not-tried"},
		},
		Inputs: identitiesInputs,
		Take:   takeIdentities,
		Forget: func(f *Facts) { f.Identities = nil },
		Check:  checkIdentities,
		Plan: func(f Facts) ([]steps.Action, error) {
			if f.Old.Party == "" {
				return nil, &steps.NotYet{Step: "reonboard/lost-sv", What: "which SV was lost"}
			}
			from, _ := f.from()
			return []steps.Action{keepIdentities{from: from, party: f.Old.Party}}, nil
		},
		Verify: verifyIdentities,
		Stays:  "the dump stays in the run folder, readable by you only; nothing else was changed",
	}
}

// checkIdentities says whose the dump is and whether a participant comes up from it.
func checkIdentities(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	from, tried := f.from()
	if !from.chosen() || f.Old.Party == "" {
		return nil, nil
	}
	i, err := from.look(ctx, w)
	if err != nil {
		return nil, err
	}
	found := judgedDump(i.Identities)
	if wire.WorstVerdict(found) == wire.Violated {
		return found, nil
	}
	found = append(found, whose(ctx, w, f, i.Identities)...)
	if i.readable {
		found = append(found, wire.Finding{ID: "private", Verdict: wire.Violated, Text: "others on this machine can read " + from.String() + ", and may have the keys by now",
			Next: "chmod 600 it, and look again", Waive: "nobody else uses this machine, or the keys are in a KMS"})
	}
	if names := kmsKeys(i.Identities); len(names) > 0 {
		finding := wire.Finding{ID: "kms", Verdict: wire.Undetermined, Text: fmt.Sprintf("whether the new participant can use %s of a KMS was not tried", count(len(names), "key")),
			Next: "Try it before the vote: without the keys the validator does not come up", Evidence: names}
		if tried == triedIt {
			finding.Verdict, finding.Text = wire.Attention, fmt.Sprintf("you say that %s of a KMS can be described with the new participant's identity; this tool has not verified it", count(len(names), "key"))
			finding.Next = "The KMS must be in the validator's values, now and at each later upgrade"
		}
		found = append(found, finding)
	}
	return found, nil
}

// judgedDump is what the dump alone tells. A party that is not named is compared with the network's by whose; a namespace key in a KMS is asked about
// by itself.
func judgedDump(i dump.Identities) []wire.Finding {
	_, kms := counts(i)
	var found []wire.Finding
	for _, c := range i.Check() {
		finding := wire.Finding{ID: c.ID, Verdict: wire.Holds, Text: strings.TrimSuffix(c.Detail, ".")}
		switch {
		case c.Verdict == dump.Violated:
			finding.Verdict, finding.Next = wire.Violated, "It cannot be used. Answer again and name another; svrescue identities check FILE says all that is known of one"
		case c.Verdict == dump.NotDetermined && (c.ID == "party" || c.ID == "namespace-key" && kms > 0):
			continue
		case c.Verdict == dump.NotDetermined:
			finding.Verdict, finding.Next = wire.Undetermined, "Look for a dump in which it can be seen. Go on with a reason only where there is no other: the vote cannot be taken back"
		}
		found = append(found, finding)
	}
	return found
}

// whose compares the dump with what the scans of others know of the lost SV.
func whose(ctx context.Context, w steps.World, f Facts, i dump.Identities) []wire.Finding {
	mine := wire.Finding{ID: "owner", Verdict: wire.Holds, Text: fmt.Sprintf("it is that of %s: its participant's namespace is that of the party", f.Old.Party)}
	if !i.Owner(f.Old.Party) {
		mine.Verdict = wire.Violated
		mine.Text = fmt.Sprintf("it is not that of %s, but of %s", f.Old.Party, ownerOf(ctx, w, f, i))
		mine.Next = "A validator would come up from it and show another SV's party. Answer again and name the right one"
		return []wire.Finding{mine}
	}
	found := []wire.Finding{mine}
	if i.DSO != "" && f.Old.DSO != "" && i.DSO != f.Old.DSO {
		found = append(found, wire.Finding{ID: "network", Verdict: wire.Violated, Text: "it is of another network, or from before a reset: its DSO is " + i.DSO + ", that of the network is " + f.Old.DSO,
			Next: "Answer again and name one that was made since"})
	}
	if i.Synchronizer != "" && f.Old.Synchronizer != "" && i.Synchronizer != f.Old.Synchronizer {
		found = append(found, wire.Finding{ID: "synchronizer", Verdict: wire.Attention, Text: "it was made on synchronizer " + i.Synchronizer + "; the scans name " + f.Old.Synchronizer,
			Next: "Whether that matters was not verified. A newer dump is safer, where there is one"})
	}
	if id := i.Participant.ID; f.Old.Participant != "" && id != f.Old.Participant {
		found = append(found, wire.Finding{ID: "participant-id", Verdict: wire.Undetermined, Text: fmt.Sprintf("the DSO rules name %s as the participant of the lost SV, and the dump is of %s, with the same key", f.Old.Participant, id),
			Next: "Look for a dump of that participant. Go on with a reason only if the party lives on the one of this dump: the validator moves parties from there"})
	} else if f.Old.Participant != "" {
		found = append(found, wire.Finding{ID: "participant-id", Verdict: wire.Holds, Text: "the DSO rules name the same participant, " + id})
	}
	return found
}

// ownerOf names whose dump it is, by the SVs that the scans know.
func ownerOf(ctx context.Context, w steps.World, f Facts, i dump.Identities) string {
	poll := askDSO(ctx, w, f.Peers, func(d svapp.DSO) string { return d.Party })
	for _, r := range poll.Replies {
		for _, m := range slices.Concat(r.Value.SVs, r.Value.Offboarded) {
			if i.Owner(m.Party) {
				return m.Party
			}
		}
	}
	if i.Party != "" {
		return i.Party + ", whom the DSO rules do not know"
	}
	return i.Participant.ID + ", whom the DSO rules do not know"
}

// keepIdentities writes the participant's dump into the run folder. Its bytes are not changed.
type keepIdentities struct {
	from  From
	party string
}

func (k keepIdentities) Key() string         { return "keep the participant's identities" }
func (k keepIdentities) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (k keepIdentities) Refs() []steps.Ref   { return []steps.Ref{{File: IdentitiesFile}} }

func (k keepIdentities) Show() wire.Preview {
	p := wire.Preview{Title: "take the participant's dump out of " + k.from.String(),
		After: "artifacts/" + IdentitiesFile + " in the run folder, readable by you only. It can hold private keys, and is not exported with the run"}
	if k.from.File != "" {
		p.Commands = []string{"svrescue identities extract " + k.from.File + " -o " + IdentitiesFile}
	}
	return p
}

func (k keepIdentities) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	part, err := k.from.take(ctx, h.World, k.party)
	if err != nil {
		return nil, err
	}
	clear(part)
	return []wire.Finding{{ID: k.Key(), Verdict: wire.Holds, Text: "the participant's dump can be taken out of " + k.from.String()}}, nil
}

func (k keepIdentities) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	there, err := w.Files.Read(IdentitiesFile)
	defer clear(there)
	if err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: IdentitiesFile, Seen: "is not in the run folder"}}, nil
	}
	part, err := k.from.take(ctx, w, k.party)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	defer clear(part)
	if !bytes.Equal(there, part) {
		return wire.ActionPending, []wire.Evidence{{Source: IdentitiesFile, Seen: "is of another source"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: IdentitiesFile, Seen: "is in the run folder"}}, nil
}

func (k keepIdentities) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	part, err := k.from.take(ctx, h.World, k.party)
	if err != nil {
		return err
	}
	defer clear(part)
	return h.Files.Write(IdentitiesFile, part)
}

// verifyIdentities reads what was kept, and takes down what is known of it.
func verifyIdentities(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	from, tried := f.from()
	source, err := from.look(ctx, w)
	if err != nil {
		return nil, err
	}
	kept, i, err := keptIdentities(w)
	if err != nil {
		return nil, err
	}
	if problem := notOurs(i, f.Old.Party); problem != "" {
		return nil, &steps.Problem{Tried: "proving what was kept of the identities", Seen: problem, Next: "Answer the questions of Identities again"}
	}
	keys, kms := i.Participant.Counts()
	f.Identities = &Identities{Source: from.String(), Shape: string(source.Shape), Participant: i.Participant.ID, Keys: keys, KMSKeys: kms, SHA256: kept, At: source.taken.UTC(), From: from, Tried: tried}
	if source.taken.IsZero() {
		f.Identities.At = source.taken
	}
	return []wire.Finding{{ID: "kept", Verdict: wire.Holds, Text: fmt.Sprintf("the dump of %s is kept, with %s", i.Participant.ID, holdsWhat(keys, kms)),
		Evidence: []wire.Evidence{{Source: IdentitiesFile, Seen: "SHA-256 " + kept, At: w.Clock.Now()}}}}, nil
}
