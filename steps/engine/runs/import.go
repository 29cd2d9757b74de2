package runs

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
)

// ErrThere says that a run of that name is on this machine already.
var ErrThere = errors.New("a run of that name is on this machine already")

// Import reads the archive of a run into a new folder under base. All of it is verified before the folder gets the run's name: each file by its
// hash, the journal by its chain. here may change what names things of the machine that it comes from: the kubeconfig.
func Import(base string, from io.Reader, here func(*Spec) error) (f Folder, x Index, err error) {
	if err := durable.Folder(base); err != nil {
		return f, x, noRoom(base, err)
	}
	packed, err := gzip.NewReader(from)
	if err != nil {
		return f, x, errors.New("it is no archive of a run: it is not packed by gzip")
	}
	within, err := os.MkdirTemp(base, importing)
	if err != nil {
		return f, x, noRoom(base, err)
	}
	defer os.RemoveAll(within)
	if x, err = unpack(packed, within); err != nil {
		return f, x, err
	}
	taken := Folder{Path: within}
	spec, err := taken.verified(x)
	if err != nil {
		return f, x, err
	}
	f = Folder{Path: filepath.Join(base, x.Run)}
	if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
		return f, x, errors.Join(ErrThere, err)
	}
	if err := here(&spec); err != nil {
		return f, x, err
	}
	if err := taken.write(specFile, spec); err != nil {
		return f, x, err
	}
	if err := os.Rename(within, f.Path); err != nil {
		return f, x, fmt.Errorf("giving the folder of the run its name: %w", err)
	}
	return f, x, durable.SyncFolder(base)
}

// importing begins the name of a folder whose run is not whole yet.
const importing = ".import-"

// unpack writes the files of an archive into a folder that is empty, as far as the index names them, and checks each.
func unpack(from io.Reader, folder string) (Index, error) {
	archive := tar.NewReader(from)
	next := func(name string, size int64) error {
		header, err := archive.Next()
		switch {
		case err == io.EOF:
			return fmt.Errorf("it ends before %s", name)
		case err != nil:
			return fmt.Errorf("it is damaged before %s: %w", name, err)
		case header.Name != name || header.Typeflag != tar.TypeReg:
			return fmt.Errorf("where %s should be there is %q", name, header.Name)
		case size >= 0 && header.Size != size || header.Size > maxIndex && size < 0:
			return fmt.Errorf("%s has not the size that it should have", name)
		}
		return nil
	}
	if err := next(indexName, -1); err != nil {
		return Index{}, err
	}
	data, err := io.ReadAll(io.LimitReader(archive, maxIndex))
	if err != nil {
		return Index{}, fmt.Errorf("its index is damaged: %w", err)
	}
	x, err := readIndex(data)
	if err != nil {
		return x, err
	}
	for _, m := range x.Members {
		if err := next(m.Name, m.Size); err != nil {
			return x, err
		}
		at := filepath.Join(folder, filepath.FromSlash(m.Name))
		if err := os.MkdirAll(filepath.Dir(at), durable.FolderPerm); err != nil {
			return x, err
		}
		sum := sha256.New()
		if err := durable.Write(at, func(to io.Writer) error {
			_, err := io.Copy(io.MultiWriter(to, sum), archive)
			return err
		}); err != nil {
			return x, fmt.Errorf("%s could not be unpacked: %w", m.Name, err)
		}
		if hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
			return x, fmt.Errorf("%s is not what was exported: its hash differs", m.Name)
		}
	}
	if header, err := archive.Next(); err == nil {
		return x, fmt.Errorf("it holds %q, which its index does not name", header.Name)
	} else if err != io.EOF {
		return x, fmt.Errorf("its end is damaged: %w", err)
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(from, 1<<20)); err != nil { // the sum of gzip stands at its end
		return x, fmt.Errorf("its end is damaged: %w", err)
	}
	return x, nil
}

// verified checks that what was unpacked is the run that the index names.
func (f Folder) verified(x Index) (Spec, error) {
	spec, err := f.Spec()
	if err != nil {
		return spec, fmt.Errorf("its %s cannot be read: %w", specFile, err)
	}
	if spec.ID != x.Run || spec.Path != x.Path {
		return spec, fmt.Errorf("its %s is that of another run", specFile)
	}
	if spec.World != wire.Real {
		return spec, errors.New("it is a rehearsal, whose network is on the other machine")
	}
	events, hashes, _, err := journal.Chain(f.Journal())
	if err != nil {
		return spec, err
	}
	head := ""
	if len(hashes) > 0 {
		head = hashes[len(hashes)-1]
	}
	switch {
	case len(events) == 0 || events[0].Run == nil || events[0].Run.ID != spec.ID:
		return spec, errors.New("its journal is that of another run")
	case len(events) != x.Records || head != x.Head:
		return spec, errors.New("its journal is not as long as its index says")
	}
	return spec, nil
}
