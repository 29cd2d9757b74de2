// Package dump reads backup files of PostgreSQL databases, as pg_dump and pg_dumpall write them, and says what each is: whose
// data it holds, whether it is whole, and how far its database had got (reference/backups.md 1 and 2). A file is recognised by
// its bytes, never by its name, and is streamed: memory does not grow with it. What is not recognised, unreadable or damaged
// is an artifact with a problem; what cannot be known is nil, never a guess.
//
// How deep it looks. Plain dumps are read to their last byte. A custom archive is walked to its last byte along the lengths of
// its blocks, and every block that its table of contents announces must be there, so that a cut anywhere is found; the streams
// of the tables that are needed are decompressed and their checksums verified, all of them with Options.Deep. In a directory
// archive every data file is decompressed, since only that finds a cut.
package dump

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// Kind is the form of a backup file.
type Kind string

const (
	Custom     Kind = "custom"     // pg_dump -Fc
	Directory  Kind = "directory"  // pg_dump -Fd: a folder
	Plain      Kind = "plain"      // SQL
	Cluster    Kind = "cluster"    // SQL of pg_dumpall, with several databases
	Identities Kind = "identities" // an identities dump of a participant or of an SV
	Unknown    Kind = "unknown"    // none of these; Problems say what it may be
)

// Database says whether files of the kind hold databases.
func (k Kind) Database() bool { return k == Custom || k == Directory || k == Plain || k == Cluster }

// Compression is what is wrapped around a file. Custom and directory archives compress inside too, which is not meant.
type Compression string

const (
	None  Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
	XZ    Compression = "xz"
	Bzip2 Compression = "bzip2"
	LZ4   Compression = "lz4" // written by pg_dump -Z lz4 since PostgreSQL 16
)

// Moment is a reading of the dumping host's clock. Dumps record it without a zone; it is an instant only where the zone is
// known, else its fields are what the clock showed and its location means nothing.
type Moment struct {
	Wall      time.Time
	ZoneKnown bool
}

// Artifact is one database in a backup file, or a file that holds none.
type Artifact struct {
	Path        string
	Kind        Kind
	Compression Compression
	Size        int64 // bytes on disk; of a directory archive, of its files together
	Modified    time.Time
	// Found: it was found in a folder, and not named itself.
	Found bool
	// Order counts the databases of one file from 0. InTurn: they were dumped in that order, one after the other, since pg_dumpall
	// wrote the file; the parts of a file that somebody put together tell no order.
	Order  int
	InTurn bool

	Database string // empty: not in the file
	Schema   string // that the role was told by; empty where none was
	Role     postgres.Role

	ServerVersion, DumperVersion string
	Started, Ended               *Moment // nil: not in the file
	// Extensions are those that loading it installs, sorted. plpgsql is none of them: every database has it.
	Extensions []string
	// Complete: whether it was read to its proper end; nil where that cannot be told.
	Complete *bool
	// Position is nil where the role has none, or none is known. Where the role has one that could not be read, it has Why.
	Position *postgres.Position
	// Ledger is when the last event of a participant's ledger was published, by its own clock: the dump was not begun before. Nil where
	// it is not known.
	Ledger *time.Time
	// Unread: it is or may be a backup, but could not be looked into, so that nothing is known of it.
	Unread bool
	// Problems are sentences on what is wrong with it or could not be read.
	Problems []string
}

// Name is what to call it by: its database, else its file.
func (a Artifact) Name() string { return cmp.Or(a.Database, filepath.Base(a.Path)) }

// Options of Read. The zero value is usable.
type Options struct {
	// Zone is that of the dumping host's clock; nil: not known.
	Zone *time.Location
	// Deep decompresses every table of custom archives too.
	Deep bool
	// Restore is the program pg_restore, for archives of a format newer than this package knows; empty: there is none.
	Restore string
	// Progress is told how many bytes of how many have been read, about once for each megabyte.
	Progress func(read, total int64)
}

// Read says what the file or the folder at path holds. A folder that is a directory archive is one artifact; of any other
// folder every file below it is read, in the order of their names, without following symbolic links. It fails only where
// path does not exist or ctx has ended.
func Read(ctx context.Context, path string, o Options) ([]Artifact, error) {
	sources, err := find(path)
	if err != nil {
		return nil, err
	}
	m := &meter{ctx: ctx, told: o.Progress}
	for _, s := range sources {
		m.total += s.size
	}
	var all []Artifact
	for _, s := range sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		of := s.read(m, o)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range of {
			of[i].Path, of[i].Size, of[i].Modified, of[i].Found = s.path, s.size, s.modified, s.found
			of[i].Compression = cmp.Or(of[i].Compression, None)
			of[i].Role = cmp.Or(of[i].Role, postgres.Unknown)
		}
		all = append(all, of...)
	}
	m.flush()
	return all, nil
}

// meter counts what is read from disk, and ends reading when the context does.
type meter struct {
	ctx         context.Context
	told        func(read, total int64)
	read, total int64
	last        int64
}

func (m *meter) reader(r io.Reader) io.Reader { return metered{m, r} }

func (m *meter) flush() {
	if m.told != nil {
		m.told(m.read, m.total)
	}
}

type metered struct {
	m *meter
	r io.Reader
}

func (r metered) Read(p []byte) (int, error) {
	if err := r.m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.m.read += int64(n)
	if r.m.told != nil && r.m.read-r.m.last >= 1<<20 {
		r.m.last = r.m.read
		r.m.told(r.m.read, r.m.total)
	}
	return n, err
}

// unknown is the artifact of what is no backup.
func unknown(c Compression, format string, args ...any) []Artifact {
	return []Artifact{{Kind: Unknown, Compression: c, Problems: []string{fmt.Sprintf(format, args...)}}}
}

// unread is the artifact of what may be a backup.
func unread(c Compression, format string, args ...any) []Artifact {
	all := unknown(c, format, args...)
	all[0].Unread = true
	return all
}

func (s source) read(m *meter, o Options) []Artifact {
	if s.problem != "" {
		all := unknown(None, "%s", s.problem)
		all[0].Unread = s.unread
		return all
	}
	if s.directory {
		return readDirectory(m, s.path, o)
	}
	f, err := os.Open(s.path)
	if err != nil {
		return unread(None, "It cannot be read: %s", reason(err))
	}
	defer f.Close()
	if s.size == 0 {
		return unknown(None, "It is empty: a dump that failed at once leaves such a file")
	}
	b, err := unwrap(m.reader(f))
	if err != nil {
		return unread(b.compression, "%s", sentenceOf(b.compression, err))
	}
	defer b.close()
	found := recognise(m, b, o, s)
	for i := range found {
		found[i].Compression = b.compression
	}
	return found
}

// recognise tells by the first bytes what a stream is, and reads it.
func recognise(m *meter, b *body, o Options, s source) []Artifact {
	head, err := b.Peek(headSize)
	if len(head) == 0 {
		if err == io.EOF {
			return unknown(b.compression, "Nothing is inside the compression: a dump that failed at once leaves such a file")
		}
		return unread(b.compression, "%s", sentenceOf(b.compression, err))
	}
	switch {
	case hasMagic(head):
		return readCustom(m, b, o, s)
	case isTar(head):
		return readTar(b)
	case looksSQL(head):
		return readSQL(b, o, s)
	case looksJSON(head):
		return readIdentities(b)
	case len(head) > 1 && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff):
		return unknown(b.compression, "It is text in UTF-16, as a redirection in PowerShell writes it; psql cannot load that. Make the dump with --file")
	}
	return unknown(b.compression, "It is no backup that is known: neither an archive of pg_dump, nor SQL of pg_dump or pg_dumpall, nor an identities dump. A part of a file that was split looks like this too; join the parts first")
}

// reason is the cause of a failure on a file without the name of the file.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
