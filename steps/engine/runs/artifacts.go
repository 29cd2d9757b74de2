package runs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps"
)

// Artifacts are the files that a run saves, under artifacts/ in its folder.
type Artifacts struct{ root string }

// Artifacts returns the files of the run.
func (f Folder) Artifacts() Artifacts { return Artifacts{root: filepath.Join(f.Path, "artifacts")} }

// Read returns an artifact.
func (a Artifacts) Read(name string) ([]byte, error) {
	path, err := a.path(name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Open reads an artifact that may be large.
func (a Artifacts) Open(name string) (io.ReadCloser, error) {
	path, err := a.path(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Room is what the disk of the run folder has left.
func (a Artifacts) Room() (int64, error) { return durable.Room(a.root) }

// Only returns a writer that refuses every name that no reference covers. A reference that ends in "/" covers all below.
func (a Artifacts) Only(refs []steps.Ref) steps.FileWriter { return guarded{a, refs} }

type guarded struct {
	artifacts Artifacts
	refs      []steps.Ref
}

func (g guarded) Write(name string, data []byte) error {
	return g.Create(name, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

func (g guarded) Create(name string, content func(io.Writer) error) error {
	for _, ref := range g.refs {
		if ref.File != "" && (ref.File == name || strings.HasSuffix(ref.File, "/") && strings.HasPrefix(name, ref.File)) {
			return g.artifacts.write(name, content)
		}
	}
	return fmt.Errorf("not written: %s was not shown (this is a defect of the program)", name)
}

func (a Artifacts) write(name string, content func(io.Writer) error) error {
	path, err := a.path(name)
	if err != nil {
		return err
	}
	if err := durable.Folder(filepath.Dir(path)); err != nil {
		return err
	}
	return durable.Write(path, content)
}

// path refuses names that lead out of the folder.
func (a Artifacts) path(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not a name inside the run folder", name)
	}
	return filepath.Join(a.root, name), nil
}
