package sim

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
)

// Exec runs a command of the product in the pod of the server, or in one that reaches it, and answers its exit code.
func (s *Server) Exec(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name, args, known := postgres.RecogniseCommand(command)
	if !known {
		s.remember(strings.Join(command, " "))
		fmt.Fprintln(stderr, "sh: 1: the simulated pod does not know this command")
		return 127
	}
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	switch name {
	case postgres.TunnelTo:
		return s.relay(ctx, stdin, stdout)
	case postgres.RestoreVersion, postgres.FreeSpace:
		state, err := s.State()
		if err != nil {
			fmt.Fprintln(stderr, "sh: 1: "+err.Error())
			return 1
		}
		if name == postgres.RestoreVersion {
			fmt.Fprintf(stdout, "pg_restore (PostgreSQL) %s\n", state.Version)
			return 0
		}
		used, all := state.bytes()>>10, state.capacity()>>10
		fmt.Fprintf(stdout, "Filesystem     1024-blocks Used Available Capacity Mounted on\n/dev/sda %d %d %d %d%% /var/lib/postgresql/data\n", all, used, max(0, all-used), used*100/all)
		return 0
	}
	in := bufio.NewReader(stdin)
	password, err := in.ReadString('\n')
	if err != nil {
		return postgres.ExitNoPassword
	}
	return s.load(ctx, name, args[1], args[2], strings.TrimSuffix(password, "\n"), in, stderr)
}

// relay carries bytes between the streams of a command and the server.
func (s *Server) relay(ctx context.Context, stdin io.Reader, stdout io.Writer) int {
	if s.Ready() != nil {
		return postgres.ExitNoServer
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	near, far := net.Pipe()
	go s.Serve(ctx, far)
	go func() {
		_, _ = io.Copy(near, stdin) // its end is the end of the conversation, whatever it was
		near.Close()
	}()
	_, _ = io.Copy(stdout, near)
	return 0
}

// load does what pg_restore and psql do, on the volume. host is empty for the server of the same pod, which trusts its socket unless the
// options say otherwise.
func (s *Server) load(ctx context.Context, name, database, host, password string, in io.Reader, stderr io.Writer) int {
	tool := "pg_restore"
	if name == postgres.RestorePlain {
		tool = "psql"
	}
	fail := func(format string, args ...any) int {
		fmt.Fprintf(stderr, tool+": error: "+format+"\n", args...)
		return 1
	}
	at := `on socket "/var/run/postgresql/.s.PGSQL.5432"`
	if host != "" {
		at = `at "` + host + `", port 5432`
	}
	state, err := s.State()
	if err != nil {
		return fail(`connection to server %s failed: Connection refused`, at)
	}
	if (s.options.SocketPassword || host != "") && password != state.Password {
		return fail(`connection to server %s failed: FATAL:  password authentication failed for user "%s"`, at, state.User)
	}
	target := state.Databases[database]
	if target == nil {
		return fail(`connection to server %s failed: FATAL:  database "%s" does not exist`, at, database)
	}
	folder, err := os.MkdirTemp("", "svrescue-sim-")
	if err != nil {
		return fail("%v", err)
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "dump")
	size, whole, err := s.receive(ctx, name, in, file)
	if err != nil {
		return fail("could not read from input file: %v", err)
	}
	if !target.empty() {
		return fail("could not execute query: ERROR:  schema \"%s\" already exists", target.Schema)
	}
	found, err := dump.Read(ctx, file, dump.Options{})
	if err != nil || len(found) == 0 {
		return fail("could not read from input file: end of file")
	}
	read := found[0]
	if read.Kind == dump.Plain && name == postgres.RestorePlain && !whole {
		return 0 // psql has rolled back, and is content
	}
	if major := postgres.ParseVersion(read.DumperVersion); read.Kind != dump.Plain && major > max(state.major(), 15) {
		return fail("unsupported version (1.%d) in file header", 15+min(major-16, 1))
	}
	loaded := holds(read, size)
	damaged := read.Kind == dump.Unknown || len(read.Problems) > 0 || read.Complete != nil && !*read.Complete
	full := false
	err = s.change(func(now *State) error {
		d := now.Databases[database]
		if d == nil {
			return errors.New("terminating connection due to administrator command")
		}
		full = now.bytes()+size > now.capacity()
		if damaged || full {
			if name != postgres.RestorePlain {
				d.Partial, d.Schema = true, loaded.Schema
			}
			return nil
		}
		loaded.Comment, loaded.Owner, loaded.Encoding, loaded.Collate, loaded.Ctype = d.Comment, d.Owner, d.Encoding, d.Collate, d.Ctype
		loaded.Provider, loaded.Locale = d.Provider, d.Locale
		now.Databases[database] = loaded
		return nil
	})
	switch {
	case err != nil:
		return fail("%v", err)
	case full:
		return fail(`could not execute query: ERROR:  could not extend file "base/16384/16385": No space left on device`)
	case damaged:
		return fail("could not read from input file: end of file")
	}
	return 0
}

// holds is the database that an artifact makes.
func holds(a dump.Artifact, size int64) *Database {
	d := &Database{Role: a.Role, Schema: a.Schema, Bytes: emptyBytes + size}
	if p := a.Position; p != nil {
		d.LedgerEnd, d.PrunedUpTo, d.Participant = p.LedgerEnd, p.PrunedUpTo, p.Participant
		if p.MigrationID != nil {
			d.Stores = append(d.Stores, postgres.Store{ID: 1, Migration: *p.MigrationID, Offset: p.LastIngested})
			if p.Behind != nil && *p.Behind != *p.LastIngested {
				d.Stores = append(d.Stores, postgres.Store{ID: 2, Migration: *p.MigrationID, Offset: p.Behind})
			}
		}
	}
	return d
}

// receive writes what comes to a file or, from a tar stream, to a folder, in the time that loading it takes. whole is whether SQL came with
// its COMMIT.
func (s *Server) receive(ctx context.Context, name string, in io.Reader, at string) (size int64, whole bool, err error) {
	slow := &slowly{ctx: ctx, in: in, server: s, rate: s.options.Rate}
	if name == postgres.RestoreFolder {
		err := slow.unpack(at)
		return slow.size, true, err
	}
	f, err := os.Create(at)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	var end ending
	from := io.Reader(slow)
	if name == postgres.RestorePlain {
		buffered := bufio.NewReader(slow)
		if head, _ := buffered.Peek(len("BEGIN;\n")); string(head) == "BEGIN;\n" {
			_, _ = buffered.Discard(len(head))
		}
		if head, _ := buffered.Peek(200); !strings.Contains(string(head), "-- PostgreSQL database dump") {
			_, err = f.WriteString("--\n-- PostgreSQL database dump\n--\n\n")
		}
		from = buffered
	}
	if err == nil {
		_, err = io.Copy(io.MultiWriter(f, &end), from)
	}
	return slow.size, strings.HasSuffix(string(end), "COMMIT;\n"), err
}

// ending keeps the last bytes.
type ending []byte

func (e *ending) Write(p []byte) (int, error) {
	*e = append(*e, p...)
	*e = append(ending(nil), (*e)[max(0, len(*e)-16):]...)
	return len(p), nil
}

// slowly lets each byte take its time.
type slowly struct {
	ctx    context.Context
	in     io.Reader
	server *Server
	rate   int64
	size   int64
}

func (r *slowly) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p[:min(int64(len(p)), max(512, r.rate/4))])
	r.size += int64(n)
	if n > 0 {
		if late := r.server.sleep(r.ctx, time.Duration(float64(n)/float64(r.rate)*float64(time.Second))); late != nil {
			return n, late
		}
	}
	return n, err
}

func (r *slowly) unpack(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) {
			continue
		}
		f, err := os.OpenFile(filepath.Join(folder, h.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, archive)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}
