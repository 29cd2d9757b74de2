package reonboard

import (
	"bytes"
	"errors"
	"io/fs"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/dump"
)

// keptIdentities reads the artifact: its SHA-256 and what it is. The keys in it are cleared.
func keptIdentities(w steps.World) (digest string, i dump.Identities, err error) {
	data, err := w.Files.Read(IdentitiesFile)
	if err != nil {
		return "", i, err
	}
	defer clear(data)
	i, err = dump.Read(bytes.NewReader(data))
	return sum(data), i, err
}

// notOurs says why what was kept cannot be used for the party; empty: nothing is known against it.
func notOurs(i dump.Identities, party string) string {
	switch problem := i.Problem(); {
	case problem != "":
		return problem
	case i.Shape != dump.ParticipantDump:
		return "it is not the dump of a participant alone"
	case !i.Owner(party):
		return "it is not that of " + party
	}
	return ""
}

// identitiesHere says whether the dump that was proven is in the folder of this run, as it was then. It is not exported with a run: on another
// machine it has to be put there again. It is for the check of every step that uses the dump.
func identitiesHere(w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "identities", Verdict: wire.Violated,
		Next: "Put it back, readable by you only, and look again: svrescue identities extract FILE -o " + IdentitiesFile + ", and move that into the folder artifacts of this run"}
	if f.Identities == nil || f.Identities.SHA256 == "" {
		finding.Text, finding.Next = "no identities were proven yet", "Go through the step Identities"
		return []wire.Finding{finding}, nil
	}
	if f.Identities.Source != "" {
		finding.Next += ". It was taken from " + f.Identities.Source
	}
	digest, i, err := keptIdentities(w)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		finding.Text = "the dump of the participant's identities is not on this machine: a run is exported without it, because it can hold private keys"
		return []wire.Finding{finding}, nil
	case err != nil:
		return nil, unreadable(From{File: IdentitiesFile}, err)
	case digest != f.Identities.SHA256:
		finding.Text = "artifacts/" + IdentitiesFile + " is not the dump that was proven: its SHA-256 is another than " + f.Identities.SHA256
		return []wire.Finding{finding}, nil
	}
	if problem := notOurs(i, f.Old.Party); problem != "" {
		finding.Text = "artifacts/" + IdentitiesFile + ": " + problem
		return []wire.Finding{finding}, nil
	}
	return []wire.Finding{{ID: "identities", Verdict: wire.Holds, Text: "the dump of " + f.Identities.Participant + " is in the run folder, as it was proven"}}, nil
}
