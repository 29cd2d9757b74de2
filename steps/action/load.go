package action

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// LoadDump loads a dump into a new database beside the one it is for. The database gets its mark, a comment, when all of it is
// loaded; one without the mark is a half that is dropped and loaded again.
type LoadDump struct {
	Dump backup.Dump
	Run  string
}

// Mark is how the comment of a database begins that a run has loaded, or proven.
func Mark(run string) string { return "svrescue run " + run + ":" }

func (l LoadDump) server() postgres.Server { return l.Dump.Database.Server }
func (l LoadDump) name() string            { return postgres.NewName(l.Dump.Database.Name, l.Run) }

func (l LoadDump) Key() string         { return "load " + l.Dump.File + " for " + l.Dump.Database.Name }
func (l LoadDump) Effect() wire.Effect { return wire.Repeatable }

func (l LoadDump) Refs() []steps.Ref {
	s := l.server().String()
	return steps.SQLRefs(postgres.Change{Verb: "create", Server: s, Name: l.name()}, postgres.Change{Verb: "load", Server: s, Name: l.name()},
		postgres.Change{Verb: "comment", Server: s, Name: l.name()}, postgres.Change{Verb: "drop", Server: s, Name: l.name()})
}

func (l LoadDump) Show() wire.Preview {
	return wire.Preview{Title: "load " + filepath.Base(l.Dump.File) + " for " + l.Dump.Database.Name, Before: l.Dump.Database.String() + " stays as it is",
		After:    fmt.Sprintf("%s beside it, from %s", l.name(), Size(l.Dump.Bytes)),
		Commands: postgres.ShowLoad(l.server(), l.name(), l.Dump.Kind, l.Dump.File)}
}

func (l LoadDump) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := l.unchanged(); err != nil {
		return nil, err
	}
	if _, _, err := h.World.Databases.Databases(ctx, l.server()); err != nil {
		return []wire.Finding{{ID: l.Key(), Verdict: wire.Undetermined, Text: l.server().String() + " does not answer now, so loading can be tried only when it runs"}}, nil
	}
	return []wire.Finding{{ID: l.Key(), Verdict: wire.Holds, Text: "the file is as it was read, and the server answers"}}, nil
}

// Probe looks for the mark, under the new name or, after the names were changed, under the old one.
func (l LoadDump) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stored, _, err := w.Databases.Databases(ctx, l.server())
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if _, done := marked(stored, l.Dump.Database.Name, l.Run); done {
		return wire.ActionDone, []wire.Evidence{{Source: l.Dump.Database.String(), Seen: "holds what was loaded"}}, nil
	}
	source := l.name() + " on " + l.server().String()
	switch there, done := marked(stored, l.name(), l.Run); {
	case done:
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is loaded whole"}}, nil
	case there:
		return wire.ActionPartly, []wire.Evidence{{Source: source, Seen: "is there, but not loaded whole"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
}

// marked says whether a database is there, and whether it is one that the run has loaded whole.
func marked(stored []postgres.Stored, name, run string) (there, whole bool) {
	i := slices.IndexFunc(stored, func(d postgres.Stored) bool { return d.Name == name })
	return i >= 0, i >= 0 && strings.HasPrefix(stored[i].Comment, Mark(run))
}

func (l LoadDump) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	if err := l.unchanged(); err != nil {
		return err
	}
	state, _, err := l.Probe(ctx, h.World)
	if err != nil || state == wire.ActionDone {
		return err
	}
	if state == wire.ActionPartly {
		report(wire.Progress{Text: "removing the half that an earlier try left"})
		if err := h.Databases.Drop(ctx, l.server(), l.name()); err != nil {
			return err
		}
	}
	if err := h.Databases.Create(ctx, l.server(), l.name(), l.Dump.Database.Name); err != nil {
		return err
	}
	if err := h.Databases.Load(ctx, l.server(), l.name(), postgres.Source{File: l.Dump.File, Database: l.Dump.Name}, report); err != nil {
		return err
	}
	return h.Databases.Comment(ctx, l.server(), l.name(), l.Comment())
}

// Comment is the mark of the database when it is loaded whole.
func (l LoadDump) Comment() string { return Mark(l.Run) + " loaded from " + filepath.Base(l.Dump.File) }

// unchanged notices a file that is not the one that was read and judged.
func (l LoadDump) unchanged() error {
	info, err := os.Stat(l.Dump.File)
	if err != nil {
		return &steps.Problem{Tried: "opening " + l.Dump.File, Seen: err.Error(), Err: err, Next: "Put the file back where it was, and try again"}
	}
	if info.IsDir() {
		if sum, err := sizes(l.Dump.File); err != nil || sum != l.Dump.Bytes {
			return &steps.Problem{Tried: "opening " + l.Dump.File, Seen: "the files in the folder were changed since they were read and judged", Err: err,
				Next: "Put them back as they were; or start a new run, which reads them again"}
		}
		return nil
	}
	if info.Size() != l.Dump.Bytes || !info.ModTime().Equal(l.Dump.Modified) {
		return &steps.Problem{Tried: "opening " + l.Dump.File, Seen: "the file was changed since it was read and judged",
			Next: "Put the file back as it was; or start a new run, which reads it again"}
	}
	return nil
}

// sizes is how many bytes the files of a directory archive have together.
func sizes(folder string) (sum int64, err error) {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		if info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum, err
}

// DropLoaded removes the databases that a run has loaded and that were never put in place, or were taken out again.
type DropLoaded struct {
	Database postgres.Database
	Run      string
}

func (d DropLoaded) name() string { return postgres.NewName(d.Database.Name, d.Run) }

func (d DropLoaded) Key() string         { return "drop " + d.name() + " on " + d.Database.Server.String() }
func (d DropLoaded) Effect() wire.Effect { return wire.Destroy }
func (d DropLoaded) Refs() []steps.Ref {
	return steps.SQLRefs(postgres.Change{Verb: "drop", Server: d.Database.Server.String(), Name: d.name()})
}

func (d DropLoaded) Show() wire.Preview {
	return wire.Preview{Title: d.Key(), Before: "a copy loaded from a dump", After: "gone; it can be loaded again", Lost: "what was written to it since it was loaded; the dump stays", Commands: postgres.ShowDrop(d.name())}
}

func (d DropLoaded) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: d.Key(), Verdict: wire.Undetermined, Text: d.Key() + " can be tried only when it is there"}}, nil
}

func (d DropLoaded) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stored, _, err := w.Databases.Databases(ctx, d.Database.Server)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	source := d.name() + " on " + d.Database.Server.String()
	if slices.ContainsFunc(stored, func(x postgres.Stored) bool { return x.Name == d.name() }) {
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is there"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
}

func (d DropLoaded) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return h.Databases.Drop(ctx, d.Database.Server, d.name())
}

// Size writes a number of bytes for a person, in the largest unit of which there is one at least.
func Size(bytes int64) string {
	const unit = 1 << 10
	switch {
	case bytes < unit:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < unit*unit:
		return fmt.Sprintf("%.0f KiB", float64(bytes)/unit)
	case bytes < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/unit/unit)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/unit/unit/unit)
}
