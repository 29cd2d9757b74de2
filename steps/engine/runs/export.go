package runs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/engine/journal"
)

// Export writes the archive of a run: its spec, journal, artifacts, reports and log, without whatever holds a private key. No worker may hold the
// run meanwhile (journal.Hold). Files are read twice, and one that changed in between is an error.
func (f Folder) Export(to io.Writer, at time.Time, by, host string) (Index, error) {
	spec, err := f.Spec()
	if err != nil {
		return Index{}, err
	}
	events, hashes, _, err := journal.Chain(f.Journal())
	if err != nil {
		return Index{}, err
	}
	x := Index{Version: ArchiveVersion, Run: spec.ID, Path: spec.Path, Records: len(events), Exported: at.UTC(), By: by, Host: host, Members: []Member{}, Left: []Left{}}
	if len(hashes) > 0 {
		x.Head = hashes[len(hashes)-1]
	}
	if err := f.list(&x); err != nil {
		return x, err
	}
	index, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return x, err
	}
	packed := gzip.NewWriter(to)
	archive := tar.NewWriter(packed)
	put := func(name string, size int64, from io.Reader) error {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: int64(durable.FilePerm), ModTime: x.Exported, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := io.Copy(archive, from)
		return err
	}
	if err := put(indexName, int64(len(index)), bytes.NewReader(index)); err != nil {
		return x, err
	}
	for _, m := range x.Members {
		file, err := os.Open(filepath.Join(f.Path, filepath.FromSlash(m.Name)))
		if err != nil {
			return x, err
		}
		sum := sha256.New()
		err = put(m.Name, m.Size, io.TeeReader(file, sum))
		file.Close()
		if err == nil && hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
			err = errors.New("it changed while it was read")
		}
		if err != nil {
			return x, fmt.Errorf("writing %s into the archive: %w", m.Name, err)
		}
	}
	return x, errors.Join(archive.Close(), packed.Close())
}

// list finds what is carried, and what is left, by name.
func (f Folder) list(x *Index) error {
	return filepath.WalkDir(f.Path, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(f.Path, at)
		if err != nil || name == "." {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case entry.IsDir():
			if name+"/" != artifactsIn && !exported(name) {
				return fs.SkipDir // the world of a rehearsal
			}
			return nil
		case !exported(name):
			if strings.HasPrefix(name, artifactsIn) {
				x.Left = append(x.Left, Left{name, "its name cannot be carried"})
			}
			return nil // how a worker is reached
		case !entry.Type().IsRegular():
			x.Left = append(x.Left, Left{name, "it is no regular file"})
			return nil
		case secretNames.MatchString(filepath.Base(name)):
			x.Left = append(x.Left, Left{name, "it holds private keys, or all that stands on the ledger; the step that needs it asks for its source again"})
			return nil
		}
		m, mark, err := member(at, name)
		if err != nil {
			return err
		}
		if mark != "" && name != journalFile && name != specFile {
			x.Left = append(x.Left, Left{name, "it holds what looks like a private key (" + mark + ")"})
			return nil
		}
		x.Members = append(x.Members, m)
		return nil
	})
}

// member reads a file through: its size, its hash, and the mark of a private key that is in it, if there is one.
func member(at, name string) (m Member, mark string, err error) {
	file, err := os.Open(at)
	if err != nil {
		return m, "", err
	}
	defer file.Close()
	sum, marks := sha256.New(), &marked{}
	size, err := io.Copy(io.MultiWriter(sum, marks), file)
	return Member{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, marks.found, err
}

// marked looks for marks of private keys in what passes, also where one is split.
type marked struct {
	found string
	tail  []byte
}

func (w *marked) Write(part []byte) (int, error) {
	if w.found != "" {
		return len(part), nil
	}
	all := append(w.tail, part...)
	for _, mark := range secretMarks {
		if bytes.Contains(all, []byte(mark)) {
			w.found = mark
		}
	}
	w.tail = bytes.Clone(all[max(0, len(all)-32):]) // longer than any mark
	return len(part), nil
}
