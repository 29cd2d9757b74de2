package evidence

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp/dump"
)

const (
	maxIdentities = 16 << 20 // bytes of a file that is looked into: a real one has kilobytes
	maxFiles      = 200      // of a folder
)

// identitiesOf is what a document with identities says of itself. false: it is something else. A participant's dump alone names no party,
// and is known by its namespace.
func identitiesOf(from io.Reader) (triage.IdentitiesFile, bool, error) {
	i, err := dump.Read(from)
	if err != nil || i.Shape == dump.Unknown && i.Broken == "" {
		return triage.IdentitiesFile{}, false, err
	}
	f := triage.IdentitiesFile{Problem: i.Problem(), Party: i.Party, DSO: i.DSO}
	if f.Problem == "" {
		f.Namespace = i.Namespace()
		f.Keys, f.Remote = i.Participant.Counts()
	}
	return f, i.Shape != dump.Unknown, nil
}

// IdentitiesIn are the identities dumps at a path: one file, or the files of a folder and of those below it. A file that was named itself
// and is none has a problem.
func IdentitiesIn(path string) ([]triage.IdentitiesFile, error) {
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
	file, err := os.Open(path)
	if err != nil {
		return name, false, err
	}
	defer file.Close()
	f, is, err := identitiesOf(file)
	if err != nil {
		return name, false, err
	}
	f.Name, f.Taken, f.Open = name.Name, info.ModTime(), info.Mode().Perm()&0o077 != 0
	return f, is, nil
}
