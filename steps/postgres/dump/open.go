package dump

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Stream is a backup as bytes to be sent somewhere: a custom archive, SQL, or a directory archive as a tar stream of its files
// without a folder around them.
type Stream struct {
	io.ReadCloser
	Kind        Kind
	Compression Compression // that was taken off
}

// Open opens a backup for sending: to pg_restore (Custom), to psql (Plain, Cluster), or to tar, and then to pg_restore (Directory). A
// Directory stream fails at its end if a file changed its size meanwhile. What is none of these is an error.
func Open(path string) (Stream, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Stream{}, err
	}
	if info.IsDir() {
		if !isArchive(path) {
			return Stream{}, fmt.Errorf("%s is a folder, but no directory archive: it has no toc.dat of pg_dump", path)
		}
		return Stream{pack(path), Directory, None}, nil
	}
	if !info.Mode().IsRegular() {
		return Stream{}, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Stream{}, err
	}
	b, err := unwrap(f)
	if err != nil {
		f.Close()
		return Stream{}, fmt.Errorf("%s: %s", path, sentenceOf(b.compression, err))
	}
	s := Stream{ReadCloser: opened{b, f}, Kind: Unknown, Compression: b.compression}
	head, _ := b.Peek(headSize)
	switch {
	case hasMagic(head):
		s.Kind = Custom
	case looksSQL(head):
		s.Kind = Plain
		if isCluster(head) {
			s.Kind = Cluster
		}
	default:
		s.Close()
		return Stream{}, fmt.Errorf("%s is neither an archive of pg_dump nor SQL of pg_dump or pg_dumpall", path)
	}
	return s, nil
}

type opened struct {
	*body
	file *os.File
}

func (o opened) Close() error {
	o.body.close()
	return o.file.Close()
}

// pack makes a tar stream of the files of a folder, as they are read.
func pack(folder string) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		w.CloseWithError(errors.Join(packInto(t, folder), t.Close()))
	}()
	return r
}

func packInto(t *tar.Writer, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if err := packFile(t, filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func packFile(t *tar.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: filepath.Base(path), Mode: 0o600, Size: info.Size(), ModTime: info.ModTime(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	n, err := io.Copy(t, io.LimitReader(f, info.Size()))
	if err == nil && n < info.Size() {
		err = fmt.Errorf("%s became shorter while it was read", path)
	}
	return err
}
