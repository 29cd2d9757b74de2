package dump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// The format of archives, as pg_dump of PostgreSQL 9.0 to 18 writes it: a header, a table of contents, and in custom archives
// the data behind it (postgres/postgres, src/bin/pg_dump/pg_backup_archiver.c, pg_backup_custom.c, pg_backup_directory.c).
var magic = []byte("PGDMP")

const (
	oldestMinor = 12 // PostgreSQL 9.0
	newestMinor = 16 // PostgreSQL 17 and 18

	formatCustom = 1
	formatTar    = 3 // also of directory archives
)

// textLimit is the longest text of a table of contents that is kept. Names have at most 63 bytes, and
// a COPY names at most 1,600 columns.
const textLimit = 1 << 20

func hasMagic(head []byte) bool {
	return len(head) >= len(magic) && string(head[:len(magic)]) == string(magic)
}

// header is how an archive begins.
type header struct {
	major, minor, revision byte
	intSize, offsetSize    int
	format                 byte
	compression            inner
	created                *Moment
	database               string
	serverVersion          string
	dumperVersion          string
}

func (h header) version() string { return fmt.Sprintf("%d.%d", h.major, h.minor) }

// newerError is an archive of a format that this package does not know yet.
type newerError struct{ version string }

func (e newerError) Error() string {
	return "its format " + e.version + " is not known; formats 1.12 to 1.16 are, which PostgreSQL 9.0 to 18 write"
}

var errDamaged = errors.New("it is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// archive reads the numbers and texts of an archive.
type archive struct {
	*bufio.Reader
	header
}

func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (a *archive) byte() (byte, error) {
	b, err := a.ReadByte()
	return b, early(err)
}

// number reads a sign and then the bytes of a number, the lowest first.
func (a *archive) number() (int64, error) {
	b, err := a.Peek(1 + a.intSize)
	if err != nil {
		return 0, early(err)
	}
	var n uint64
	for i := a.intSize; i > 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	sign := b[0]
	if _, err := a.Discard(1 + a.intSize); err != nil {
		return 0, err
	}
	if n>>62 != 0 {
		return 0, damaged("a number of its table of contents or of a length is impossible")
	}
	if sign != 0 {
		return -int64(n), nil
	}
	return int64(n), nil
}

// text reads a text, empty where there is none. One that is not wanted is passed over, however long it is.
func (a *archive) text(wanted bool) (string, error) {
	n, err := a.number()
	if err != nil || n <= 0 {
		return "", err
	}
	if !wanted {
		return "", a.skip(n)
	}
	if n > textLimit {
		return "", damaged("a name in it has %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(a, b)
	return string(b), early(err)
}

func (a *archive) skip(n int64) error {
	for n > 0 {
		k, err := a.Discard(int(min(n, 1<<30)))
		if err != nil {
			return early(err)
		}
		n -= int64(k)
	}
	return nil
}

// readHeader reads the header of an archive whose clock stood in zone, nil where that is not known.
func readHeader(r *bufio.Reader, zone *time.Location) (*archive, error) {
	a := &archive{Reader: r}
	var fixed [11]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, early(err)
	}
	a.major, a.minor, a.revision = fixed[5], fixed[6], fixed[7]
	a.intSize, a.offsetSize, a.format = int(fixed[8]), int(fixed[9]), fixed[10]
	switch {
	case a.major != 1 || a.minor > newestMinor:
		return a, newerError{a.version()}
	case a.minor < oldestMinor:
		return a, fmt.Errorf("its format %s is older than PostgreSQL 9.0 and is not read", a.version())
	case a.intSize != 4 && a.intSize != 8 || a.offsetSize != 4 && a.offsetSize != 8:
		return a, damaged("its header says that numbers have %d and positions %d bytes", a.intSize, a.offsetSize)
	}
	if a.minor >= 15 {
		c, err := a.byte()
		if err != nil {
			return a, err
		}
		a.compression = inner(c)
	} else {
		level, err := a.number()
		if err != nil {
			return a, err
		}
		if level != 0 {
			a.compression = innerZlib
		}
	}
	var when [7]int64 // second, minute, hour, day, month from 0, year from 1900, daylight saving
	for i := range when {
		n, err := a.number()
		if err != nil {
			return a, err
		}
		when[i] = n
	}
	a.created = moment(when, zone)
	for _, to := range []*string{&a.database, &a.serverVersion, &a.dumperVersion} {
		text, err := a.text(true)
		if err != nil {
			return a, err
		}
		*to = text
	}
	return a, nil
}

// moment is the time of a header, nil where it is none.
func moment(f [7]int64, zone *time.Location) *Moment {
	limits := [7][2]int64{{0, 60}, {0, 59}, {0, 23}, {1, 31}, {0, 11}, {70, 1000}, {-1, 1}}
	for i, l := range limits {
		if f[i] < l[0] || f[i] > l[1] {
			return nil
		}
	}
	known := zone != nil
	if zone == nil {
		zone = time.UTC
	}
	at := func(zone *time.Location) time.Time {
		return time.Date(int(f[5])+1900, time.Month(f[4]+1), int(f[3]), int(f[2]), int(f[1]), int(f[0]), 0, zone)
	}
	t := at(zone)
	if known && f[6] >= 0 && t.IsDST() != (f[6] > 0) { // the hour that the clock shows twice in autumn
		for _, other := range []time.Time{t.Add(-time.Hour), t.Add(time.Hour)} {
			if other.IsDST() == (f[6] > 0) && other.Format(time.DateTime) == t.Format(time.DateTime) {
				t = other
			}
		}
	}
	return &Moment{Wall: t, ZoneKnown: known}
}

// entry is a line of the table of contents that has data.
type entry struct {
	id    int64
	table table
	desc  string // "TABLE DATA", "BLOBS", ...
	copy  string // the statement before its data, empty where they are INSERTs
	file  string // of a directory archive
}

// readTOC reads the table of contents, notes in d which tables there are, and returns the entries that have data.
func (a *archive) readTOC(d *database) (map[int64]entry, error) {
	count, err := a.number()
	if err != nil {
		return nil, err
	}
	entries := map[int64]entry{}
	for range count {
		e, data, err := a.readEntry()
		if err != nil {
			return nil, err
		}
		switch e.desc {
		case "TABLE", "TABLE DATA":
			d.see(e.table)
		case "EXTENSION":
			d.installs(e.table.name)
		}
		if !data {
			continue
		}
		if _, twice := entries[e.id]; twice {
			return nil, damaged("its table of contents has entry %d twice", e.id)
		}
		if e.desc != "TABLE DATA" || wanted(e.table.name) == nothing {
			e.copy, e.table = "", table{}
		}
		entries[e.id] = e
	}
	return entries, nil
}

func (a *archive) readEntry() (e entry, data bool, err error) {
	fail := func(err error) (entry, bool, error) { return e, false, err }
	if e.id, err = a.number(); err != nil {
		return fail(err)
	}
	if e.id <= 0 {
		return fail(damaged("its table of contents has the entry number %d", e.id))
	}
	dumper, err := a.number()
	if err != nil {
		return fail(err)
	}
	texts := func(to ...*string) {
		for _, t := range to {
			var text string
			if err == nil {
				text, err = a.text(t != nil)
			}
			if t != nil {
				*t = text
			}
		}
	}
	number := func() {
		if err == nil {
			_, err = a.number()
		}
	}
	texts(nil, nil, &e.table.name, &e.desc) // the first two are numbers of the catalog
	number()                                // section
	texts(nil, nil, &e.copy, &e.table.schema, nil)
	if a.minor >= 14 {
		texts(nil) // access method
	}
	if a.minor >= 16 {
		number() // kind of relation
	}
	texts(nil, nil)  // owner; with OIDs
	for err == nil { // dependencies, to the one that is null
		var n int64
		if n, err = a.number(); err != nil || n < 0 {
			break
		}
		err = a.skip(n)
	}
	if err != nil {
		return fail(err)
	}
	if a.format == formatCustom {
		_, err = a.Discard(1 + a.offsetSize) // where the data stand, which is found by walking there
	} else {
		texts(&e.file)
	}
	return e, dumper != 0, early(err)
}

// feed reads the data of an entry into d, and returns an error if they cannot be read to their end.
func (e entry) feed(d *database, r io.Reader) error {
	switch wanted(e.table.name) {
	case nothing:
		_, err := io.Copy(io.Discard, r)
		return err
	default:
		on := &plainDump{all: []*database{d}, searchPath: e.table.schema}
		s := newScan(r, on)
		on.scan = s
		if e.copy == "" { // INSERTs
			err := s.run()
			if err == nil && on.wasCut {
				err = io.ErrUnexpectedEOF
			}
			if err == nil {
				d.schema(e.table.schema).data[e.table.name] = true
			}
			return err
		}
		_, columns, ok := parseCopy([]byte(e.copy))
		if !ok {
			d.schema(e.table.schema).fail(e.table.name, "how the rows of %s are written is not known", e.table.name)
			_, err := io.Copy(io.Discard, r)
			return err
		}
		s.data(d.copy(e.table, columns))
		if s.err == nil && on.wasCut {
			return io.ErrUnexpectedEOF
		}
		if s.err == nil {
			_, s.err = io.Copy(io.Discard, r)
		}
		return s.err
	}
}

// artifactOf is what an archive is, whole or with what went wrong.
func (a *archive) artifacts(d *database, kind Kind, base string, err error) []Artifact {
	if a != nil {
		d.name, d.serverVersion, d.dumperVersion, d.started = a.database, a.serverVersion, a.dumperVersion, a.created
	}
	whole := err == nil
	if err != nil {
		d.problem("%s", archiveSentence(err))
	}
	all := d.artifacts(kind, base, 0, &whole)
	for i := range all {
		if p := all[i].Position; p != nil && !p.Known() && err != nil && p.Why == "the dump has no data of "+positionTable(p.Role) {
			p.Why = "the archive could not be read as far as the data of " + positionTable(p.Role)
		}
	}
	return all
}

func positionTable(r postgres.Role) string {
	if r == postgres.Participant {
		return parametersTable
	}
	return offsetsTable
}

func archiveSentence(err error) string {
	var newer newerError
	switch {
	case errors.As(err, &newer):
		return "It cannot be read: " + newer.Error()
	case errors.Is(err, errDamaged), errors.Is(err, errMissing):
		return sentenceCase(err.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "It ends too early: it was cut off, or is one part of a file that was split"
	}
	return "It cannot be read: " + reason(err)
}

func sentenceCase(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return string(text[0]-'a'+'A') + text[1:]
}
