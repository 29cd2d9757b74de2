package evidence

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/triage"
)

const (
	maxIdentities = 16 << 20 // bytes of a file that is looked into: a real one has kilobytes
	maxFiles      = 200      // of a folder
)

// nodeDump is what is read of a NodeIdentitiesDump (reference/apis.md 5.1 and 5.2): which keys there are, never what is in them.
type nodeDump struct {
	ID       *string            `json:"id"`
	Keys     *[]json.RawMessage `json:"keys"`
	Snapshot json.RawMessage    `json:"authorizedStoreSnapshot"`
}

type fullDump struct {
	Party       string    `json:"sv_party_id"`
	DSO         string    `json:"dso_party_id"`
	Participant *nodeDump `json:"participant"`
}

// identitiesOf recognises an identities dump in the three shapes that it comes in: the answer of the SV app, what is inside its wrapper,
// and a participant's alone (reference/apis.md 5.3). false: it is something else. A participant's alone names no party.
func identitiesOf(data []byte) (triage.IdentitiesFile, bool) {
	var wrapper struct {
		Identities *fullDump `json:"identities"`
	}
	var full fullDump
	var bare nodeDump
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0 || data[0] != '{':
		return triage.IdentitiesFile{}, false
	case json.Unmarshal(data, &wrapper) == nil && wrapper.Identities != nil:
		full = *wrapper.Identities
	case json.Unmarshal(data, &full) == nil && full.Participant != nil:
	case json.Unmarshal(data, &bare) == nil && bare.ID != nil && bare.Keys != nil:
		full.Participant = &bare
	case bytes.Contains(data, []byte(`"authorizedStoreSnapshot"`)):
		return triage.IdentitiesFile{Problem: "it is cut off, or is not what the apps write"}, true
	default:
		return triage.IdentitiesFile{}, false
	}
	f := triage.IdentitiesFile{Party: plain.Line(full.Party), DSO: plain.Line(full.DSO)}
	p := full.Participant
	switch {
	case p == nil || p.ID == nil || p.Keys == nil:
		f.Problem = "it has no participant with its keys"
		return f, true
	case len(p.Snapshot) == 0:
		f.Problem = "it has no snapshot of the participant's topology"
		return f, true
	case !strings.HasPrefix(*p.ID, "PAR::"):
		f.Problem = "what it calls a participant is none: " + plain.Cut(plain.Line(*p.ID), 60)
		return f, true
	}
	for _, raw := range *p.Keys {
		var key struct {
			Pair  string `json:"keyPair"`
			KeyID string `json:"keyId"`
		}
		switch {
		case json.Unmarshal(raw, &key) != nil:
		case key.Pair != "":
			f.Keys++
		case key.KeyID != "":
			f.Remote++
		}
	}
	return f, true
}

// identitiesIn are the identities dumps at a path: one file, or the files of a folder and of those below it. A file that was named itself
// and is none has a problem.
func identitiesIn(path string) ([]triage.IdentitiesFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		f, is, err := identitiesFile(path, info)
		if err == nil && !is {
			f.Problem = "it is no identities dump"
		}
		return []triage.IdentitiesFile{f}, err
	}
	var found []triage.IdentitiesFile
	looked := 0
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() || looked == maxFiles {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxIdentities {
			return err
		}
		looked++
		f, is, err := identitiesFile(at, info)
		if is {
			found = append(found, f)
		}
		return err
	})
	return found, err
}

func identitiesFile(path string, info fs.FileInfo) (triage.IdentitiesFile, bool, error) {
	name := triage.IdentitiesFile{Name: plain.Line(path)}
	if info.Size() > maxIdentities {
		name.Problem = "it is larger than an identities dump can be"
		return name, true, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return name, false, err
	}
	f, is := identitiesOf(data)
	f.Name, f.Taken, f.Open = name.Name, info.ModTime(), info.Mode().Perm()&0o077 != 0
	return f, is, nil
}
