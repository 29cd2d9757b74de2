package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// readByProgram reads an archive of a newer format by letting pg_restore turn it into SQL, which nothing but its end can fail: it
// reads everything. Without the program, and where it does not know the format either, nothing is known of the archive.
func readByProgram(m *meter, o Options, s source, newer newerError) []Artifact {
	kind := Custom
	if s.directory {
		kind = Directory
	}
	nothing := func(format string, args ...any) []Artifact {
		return []Artifact{{Kind: kind, Problems: []string{fmt.Sprintf("It is not known what it holds: "+newer.Error()+". "+format, args...)}}}
	}
	if o.Restore == "" {
		return nothing("Install pg_restore of the version that wrote it, or a newer one, and check again")
	}
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	args := []string{"--file=-"}
	if s.directory {
		args = append(args, s.path)
	}
	command := exec.CommandContext(ctx, o.Restore, args...)
	command.Env = []string{"LC_ALL=C"}
	var said bytes.Buffer
	command.Stderr = &limited{b: &said, left: 4096}
	if !s.directory {
		again, err := Open(s.path) // its header has been read
		if err != nil {
			return nothing("%s", reason(err))
		}
		defer again.Close()
		command.Stdin = m.reader(again)
	}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nothing("pg_restore could not be started: %s", reason(err))
	}
	p := &plainDump{zone: o.Zone}
	read := p.read(out)
	if read != nil {
		cancel()
	}
	err = errors.Join(command.Wait(), read)
	if err != nil && len(p.all) == 0 {
		return nothing("pg_restore could not read it either: %s", strings.Join(strings.Fields(said.String()), " "))
	}
	found := p.artifacts(None, filepath.Base(s.path), err)
	for i := range found {
		found[i].Kind = kind
		if err != nil {
			whole := false
			found[i].Complete = &whole
			found[i].Problems = []string{"pg_restore could not read it to its end: " + strings.Join(strings.Fields(said.String()), " ")}
		}
	}
	return found
}

// limited keeps the beginning of what is written to it.
type limited struct {
	b    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.b.Write(p[:n])
	l.left -= n
	return len(p), nil
}
