package dump

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// blobsLimit is the longest list of large objects that is read. A node has none.
const blobsLimit = 64 << 20

func readDirectory(m *meter, folder string, o Options) []Artifact {
	base := filepath.Base(folder)
	d := &database{}
	a, entries, err := readContents(m, d, folder, o)
	var newer newerError
	if errors.As(err, &newer) {
		return readByProgram(m, o, source{path: folder, directory: true}, newer)
	}
	if err != nil {
		return a.artifacts(d, Directory, base, err)
	}
	var missing []string
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		switch err := a.readFile(m, d, folder, entries[id]); {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, entries[id].file)
			d.missing(entries[id].table)
		case m.ctx.Err() != nil:
			return a.artifacts(d, Directory, base, err)
		default:
			d.forget(entries[id].table)
			d.problem("File %s: %s", entries[id].file, fileSentence(err))
		}
	}
	if len(missing) > 0 {
		d.problem("It is not whole: %d files with data that its table of contents names are missing, %s first", len(missing), missing[0])
	}
	whole := len(d.problems) == 0
	all := a.artifacts(d, Directory, base, nil)
	for i := range all {
		all[i].Complete = &whole
	}
	return all
}

func readContents(m *meter, d *database, folder string, o Options) (*archive, map[int64]entry, error) {
	f, release, err := openMetered(m, folder, "toc.dat")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	a, err := readHeader(bufio.NewReaderSize(f, 64<<10), o.Zone)
	if err != nil {
		return a, nil, err
	}
	if a.format != formatTar {
		return a, nil, damaged("the header of its toc.dat says format %d", a.format)
	}
	entries, err := a.readTOC(d)
	if err != nil {
		return a, nil, err
	}
	if n, err := io.Copy(io.Discard, a); err != nil || n > 0 {
		return a, nil, errors.Join(err, damaged("something stands behind its table of contents"))
	}
	return a, entries, nil
}

func (d *database) missing(t table) {
	if t.name != "" {
		d.schema(t.schema).fail(t.name, "the file with the data of %s is missing", t.name)
	}
}

// readFile reads the data of an entry to their end.
func (a *archive) readFile(m *meter, d *database, folder string, e entry) error {
	if e.desc == "BLOBS" {
		return a.readBlobs(m, folder, e)
	}
	r, release, err := openMetered(m, folder, e.file)
	if err != nil {
		return err
	}
	defer release()
	end := &tail{r: r}
	if err := e.feed(d, end); err != nil {
		return err
	}
	if e.desc == "TABLE DATA" && !bytes.HasSuffix(end.last, []byte("\n\n")) { // every form of them ends in two empty lines
		return io.ErrUnexpectedEOF
	}
	return nil
}

// tail remembers how a stream ends.
type tail struct {
	r    io.Reader
	last []byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.last = append(t.last, p[max(0, n-8):n]...)
	t.last = t.last[max(0, len(t.last)-8):]
	return n, err
}

// readBlobs reads a list of large objects, and each of them.
func (a *archive) readBlobs(m *meter, folder string, e entry) error {
	name := e.file
	if a.minor < 16 { // it was named otherwise in the table of contents than on disk (pg_backup_directory.c)
		name = "blobs.toc"
	}
	r, release, err := openMetered(m, folder, name)
	if err != nil {
		return err
	}
	defer release()
	lines := bufio.NewScanner(io.LimitReader(r, blobsLimit))
	for lines.Scan() {
		_, file, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			return damaged("a line of the list of large objects cannot be read")
		}
		object, release, err := openMetered(m, folder, strings.TrimSpace(file))
		if err != nil {
			return fmt.Errorf("large object %s: %w", file, err)
		}
		_, err = io.Copy(io.Discard, object)
		release()
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func fileSentence(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	case errors.Is(err, fs.ErrPermission):
		return "it cannot be read: " + reason(err)
	}
	return "it cannot be read to its end: " + reason(err)
}
