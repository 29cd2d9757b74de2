package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/postgres/split"
	"canton.example/svrescue/steps/wire"
)

func (w *Writer) load(ctx context.Context, s postgres.Server, name string, from postgres.Source, report func(wire.Progress)) error {
	tried := "load " + from.File + " into " + name + " on " + s.String()
	stream, err := dump.Open(from.File)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: err.Error(), Next: "Put the file where it can be read", Err: err}
	}
	defer stream.Close()
	place := postgres.Place{User: s.User, Port: s.Port}
	pod, container := "", s.Container
	if s.Managed() {
		place.Host, container = s.Host, ""
		if pod, err = w.databases.clientPod(ctx, s); err == nil && pod == "" {
			err = &steps.Problem{Tried: tried, Seen: "there is no pod of this run that reaches the server", Next: "Let the run make it"}
		}
	} else {
		pod, err = w.databases.pod(ctx, s)
	}
	if err != nil {
		return err
	}
	counted := &counter{in: stream, total: size(stream, from.File), report: report, name: name}
	command, sql, err := commandFor(stream.Kind, counted, place, name, from.Database)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: err.Error(), Err: err}
	}
	if w.dryRun {
		return nil
	}
	if err := w.empty(ctx, s, name); err != nil {
		return err
	}
	password, err := w.databases.password(ctx, s)
	if err != nil {
		return err
	}
	if strings.ContainsAny(password.Reveal(), "\x00\n") {
		return &steps.Problem{Tried: tried, Seen: "the password has a line break or a NUL byte in it", Next: "Look at how secret " + s.Secret + " was made"}
	}
	feed := &feed{in: sql}
	defer feed.stop()
	var out, said tail
	// What a program leaves unread keeps its end from being told, so what is left is read; and there is little left to read, because the
	// feed ends with the first error.
	spec := kube.ExecSpec{Namespace: s.Namespace, Pod: pod, Container: container, Command: kube.Draining(command.Argv...)}
	err = w.databases.options.Inside(kube.AccessExec(s.Namespace, pod)).Exec(ctx, spec,
		io.MultiReader(strings.NewReader(password.Reveal()+"\n"), feed), &out, &listener{tail: &said, stop: func() { feed.stop() }})
	broken := feed.stop()
	switch exit := (*kube.ExitError)(nil); {
	case broken != nil: // whatever the command makes of the part that it got
		return &steps.Problem{Tried: tried, Seen: broken.Error(), Next: "The database was not loaded. Use another dump, or put the file back as it was", Err: broken}
	case err == nil:
		counted.tell()
		return nil
	case errors.As(err, &exit):
		p := explain(exit.Code, said.lines())
		p.Tried, p.Err = tried, err
		if p.Seen == newerDump {
			if version, err := w.databases.Programs(ctx, s); err == nil {
				p.Seen += fmt.Sprintf(" (the pod has that of PostgreSQL %d)", version)
			}
		}
		return p
	}
	return err
}

// commandFor is the command that loads a stream, and what it reads.
func commandFor(kind dump.Kind, stream io.Reader, place postgres.Place, name, database string) (postgres.Command, io.Reader, error) {
	switch kind {
	case dump.Custom:
		c, err := postgres.Archive(place, name)
		return c, stream, err
	case dump.Directory:
		c, err := postgres.Folder(place, name)
		return c, stream, err
	case dump.Cluster:
		c, err := postgres.Plain(place, name)
		return c, split.SQL(stream, database, true), err
	case dump.Plain:
		c, err := postgres.Plain(place, name)
		return c, split.SQL(stream, "", false), err
	}
	return postgres.Command{}, nil, fmt.Errorf("the file is no dump of a database")
}

// empty makes the database empty where it is not: what an earlier try left would be in the way.
func (w *Writer) empty(ctx context.Context, s postgres.Server, name string) error {
	conn, err := w.databases.open(ctx, s, name)
	if err != nil {
		return err
	}
	empty, err := conn.Empty(ctx)
	conn.Close()
	if err != nil || empty {
		return err
	}
	return w.admin(ctx, s, func(c *client.Conn) error { return c.Recreate(ctx, name) }, nil)
}

const newerDump = "the dump was made by a newer pg_dump than the programs of the server can read"

// explain turns the end of a command that loads into a sentence.
func explain(code int, said []string) *steps.Problem {
	p := &steps.Problem{Detail: said, Seen: fmt.Sprintf("the command ended with exit code %d", code), Next: "Read what it said. The database was not loaded; what it is to replace is untouched"}
	if len(said) > 0 {
		p.Seen = said[len(said)-1]
	}
	all := strings.Join(said, "\n")
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(all, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("No space left on device", "could not extend file"):
		p.Seen, p.Next = "the disk of the server is full", "Make its volume larger, or free space on it, then try again"
	case has("unsupported version (", "unrecognized configuration parameter", "invalid command \\"):
		p.Seen, p.Next = newerDump, "Use a server of at least the version that the dump comes from"
	case has("end of file", "unexpected EOF", "Unexpected EOF", "could not find block ID", "could not close data file", "could not uncompress data", "could not read from input file"):
		p.Seen, p.Next = "the dump is cut off", "Use another dump. The database was not loaded"
	case has("password authentication failed", "no password supplied"):
		p.Seen, p.Next = "the server refused the password", "Check that the secret holds the password of this server's data"
	case code == postgres.ExitNoProgram:
		p.Seen, p.Next = "the image of the pod has no tar, which a directory archive needs", "Make a custom archive or SQL of it on another machine: pg_restore --file=dump.sql FOLDER"
	case code == postgres.ExitNoRoom:
		p.Next = "The archive could not be unpacked in the pod: make room on the volume, or use a custom archive, which needs none"
	case code == 127 || code == 126:
		p.Seen, p.Next = "the image of the pod has no pg_restore or psql", "Load the dump by hand"
	case code == postgres.ExitNoPassword:
		p.Seen, p.Next = "the connection to the pod ended before anything was sent", "Try again"
	}
	return p
}

// size is how many bytes a stream will have; 0 where a compression was taken off and nobody knows.
func size(stream dump.Stream, path string) int64 {
	if stream.Compression != dump.None {
		return 0
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if !info.IsDir() {
		return info.Size()
	}
	var sum int64
	files, _ := os.ReadDir(path) // without it, the total is not known
	for _, f := range files {
		if i, err := os.Stat(filepath.Join(path, f.Name())); err == nil && i.Mode().IsRegular() {
			sum += i.Size()
		}
	}
	return sum
}

// counter tells how much was read, about two hundred times.
type counter struct {
	in          io.Reader
	name        string
	done, total int64
	told        int64
	report      func(wire.Progress)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.done += int64(n)
	if c.done-c.told >= max(1<<20, c.total/200) {
		c.tell()
	}
	return n, err
}

func (c *counter) tell() {
	c.told = c.done
	if c.report != nil {
		c.report(wire.Progress{Text: "loading into " + c.name, Done: c.done, Total: c.total, Unit: "bytes"})
	}
}

// feed is the standard input of a command. A read that is left behind when the command has ended meets the end, so that what is below can
// be closed.
type feed struct {
	in      io.Reader
	mu      sync.Mutex
	stopped bool
	err     error // other than the end
}

func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return 0, io.EOF
	}
	n, err := f.in.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// stop ends the reading, and answers what made it fail.
func (f *feed) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	return f.err
}
