package dump

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/zlib"
)

// errMissing is an archive without data that its table of contents announces.
var errMissing = errors.New("it is not whole")

// The kinds of blocks behind the table of contents.
const (
	blockData  = 1
	blockBlobs = 3
)

func readCustom(m *meter, b *body, o Options, s source) []Artifact {
	base := filepath.Base(s.path)
	a, err := readHeader(b.Reader, o.Zone)
	var newer newerError
	if errors.As(err, &newer) {
		return readByProgram(m, o, s, newer)
	}
	d := &database{}
	if err == nil && a.format != formatCustom {
		if a.format == formatTar {
			return []Artifact{{Kind: Unknown, Compression: b.compression, Database: a.database, ServerVersion: a.serverVersion, DumperVersion: a.dumperVersion, Started: a.created, Unread: true,
				Problems: []string{"It is the table of contents of a directory archive, without its folder; name the folder"}}}
		}
		err = damaged("its header says format %d", a.format)
	}
	if err == nil {
		err = a.walk(d, o.Deep)
	}
	if b.compression != None && err != nil && !errors.Is(err, errDamaged) && !errors.Is(err, errMissing) {
		d.problem("%s", sentenceOf(b.compression, err))
		whole := false
		all := a.artifacts(d, Custom, base, nil)
		for i := range all {
			all[i].Complete = &whole
		}
		return all
	}
	return a.artifacts(d, Custom, base, err)
}

// walk reads the table of contents and every block behind it.
func (a *archive) walk(d *database, deep bool) error {
	entries, err := a.readTOC(d)
	if err != nil {
		return err
	}
	if !a.compression.known() {
		return fmt.Errorf("its compression %d is not known", a.compression)
	}
	for {
		kind, err := a.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		id, err := a.number()
		if err != nil {
			return err
		}
		e, ok := entries[id]
		if !ok {
			return damaged("data stand in it that its table of contents does not have, or has once")
		}
		delete(entries, id)
		switch kind {
		case blockData:
			err = a.data(d, e, deep)
		case blockBlobs:
			for err == nil { // an object's number and its data, to the number 0
				var object int64
				if object, err = a.number(); err != nil || object == 0 {
					break
				}
				err = a.data(d, entry{}, deep)
			}
		default:
			err = damaged("a block of kind %d stands in it", kind)
		}
		if err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: the data of %d of its tables are missing; it was cut off, or is one part of a file that was split", errMissing, len(entries))
	}
	return nil
}

// data reads one stream of data to its end.
func (a *archive) data(d *database, e entry, deep bool) error {
	c := &chunks{a: a}
	w := wanted(e.table.name)
	if w == nothing && !deep {
		return c.drain()
	}
	r, release, err := a.compression.open(c)
	if err == nil {
		err = e.feed(d, r)
		release()
	}
	switch {
	case c.err != nil:
		return c.err
	case err != nil:
		d.forget(e.table)
		return streamError(e, err)
	case !c.ended: // what a decompressor leaves is nothing but the end
		if n, err := io.Copy(io.Discard, c); err != nil || n > 0 {
			return errors.Join(err, damaged("something stands behind the compressed data of a table"))
		}
	}
	return nil
}

// forget gives up what was read of a table whose data turned out damaged.
func (d *database) forget(t table) {
	if t.name != "" {
		d.schema(t.schema).fail(t.name, "the data of %s are damaged", t.name)
	}
}

func streamError(e entry, err error) error {
	name := e.table.name
	if name == "" {
		name = "a table"
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return damaged("the data of %s end too early", name)
	case errors.Is(err, zlib.ErrChecksum):
		return damaged("the checksum of the data of %s is wrong", name)
	}
	return damaged("the data of %s cannot be decompressed: %v", name, err)
}

// chunks is a stream of data in pieces, each with its length before it, to the length 0.
type chunks struct {
	a     *archive
	left  int64
	ended bool
	err   error // of the archive itself
}

// next goes to the next piece; false at the end.
func (c *chunks) next() bool {
	for c.left == 0 && !c.ended && c.err == nil {
		n, err := c.a.number()
		switch {
		case err != nil:
			c.err = err
		case n < 0:
			c.err = damaged("the length of a piece of data is %d", n)
		case n == 0:
			c.ended = true
		default:
			c.left = n
		}
	}
	return c.err == nil && !c.ended
}

func (c *chunks) Read(p []byte) (int, error) {
	if !c.next() {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	n, err := c.a.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err != nil {
		c.err = early(err)
		return n, c.err
	}
	return n, nil
}

func (c *chunks) drain() error {
	for c.next() {
		n := c.left
		c.left = 0
		if err := c.a.skip(n); err != nil {
			return err
		}
	}
	return c.err
}
