package dump

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// pack makes a tar stream of the files of a folder, as they are read. The stream ends with an error where a file with data is not whole:
// pg_restore 18 loads the part of a compressed file that is there and ends as if it were all of it (seen with 18.6; 15 and 17 refuse).
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
	check := begin(filepath.Base(path))
	n, err := io.Copy(io.MultiWriter(t, check), io.LimitReader(f, info.Size()))
	if broken := check.end(); err == nil && broken != nil {
		err = fmt.Errorf("file %s of the archive: %s", filepath.Base(path), fileSentence(broken))
	}
	if err == nil && n < info.Size() {
		err = fmt.Errorf("%s became shorter while it was read", path)
	}
	return err
}

// tableFile is the name of a file with the rows of a table, as pg_backup_directory.c makes it.
var tableFile = regexp.MustCompile(`^[0-9]+\.dat(\.gz|\.lz4|\.zst)?$`)

// check reads what passes by and tells at the end whether it was whole.
type check struct {
	to   *io.PipeWriter
	done chan error
}

func begin(name string) check {
	r, w := io.Pipe()
	c := check{w, make(chan error, 1)}
	go func() {
		err := whole(r, name)
		_, _ = io.Copy(io.Discard, r) // what passes by must not be held up; the end of it is told by the writer
		c.done <- err
	}()
	return c
}

func (c check) Write(p []byte) (int, error) { return c.to.Write(p) }

// end says what was wrong with what has passed, which has ended.
func (c check) end() error {
	c.to.Close()
	return <-c.done
}

func whole(r io.Reader, name string) error {
	in := r
	if filepath.Ext(name) != ".dat" {
		b, err := unwrap(r)
		defer b.close()
		if err != nil {
			return err
		}
		in = b
	}
	end := &tail{r: in}
	if _, err := io.Copy(io.Discard, end); err != nil {
		return err
	}
	if tableFile.MatchString(name) && !bytes.HasSuffix(end.last, []byte("\n\n")) {
		return io.ErrUnexpectedEOF
	}
	return nil
}
