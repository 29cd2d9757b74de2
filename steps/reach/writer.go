package reach

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/wire"
)

// Writer changes database servers, only as far as it was allowed. With dryRun it looks whether the change could be made, and makes none.
type Writer struct {
	databases *Databases
	allowed   []postgres.Change
	dryRun    bool
	held      func() error // asked before each change; nil: nothing has to be held
}

var _ steps.DatabaseWriter = (*Writer)(nil)

// Writer makes a writer of these changes.
func (d *Databases) Writer(allowed []postgres.Change, dryRun bool) *Writer {
	return d.writer(nil, allowed, dryRun)
}

func (d *Databases) writer(held func() error, allowed []postgres.Change, dryRun bool) *Writer {
	return &Writer{databases: d, allowed: slices.Clone(allowed), dryRun: dryRun, held: held}
}

// NotShown is the refusal of a change that is not among what was shown: it was never sent. It is a defect of the program.
type NotShown struct{ Change postgres.Change }

func (e *NotShown) Error() string {
	return fmt.Sprintf("not sent: %s (it is not among what was shown)", e.Change)
}

func (w *Writer) check(changes ...postgres.Change) error {
	for _, c := range changes {
		if !slices.Contains(w.allowed, c) {
			return &NotShown{c}
		}
	}
	if w.held != nil && !w.dryRun {
		return w.held()
	}
	return nil
}

// admin does something in a session on the administration database.
func (w *Writer) admin(ctx context.Context, s postgres.Server, change, try func(*client.Conn) error) error {
	conn, err := w.databases.open(ctx, s, s.Admin)
	if err != nil {
		return err
	}
	defer conn.Close()
	if w.dryRun {
		return try(conn)
	}
	return change(conn)
}

// Create makes an empty database with the owner, the encoding and the locale of like.
func (w *Writer) Create(ctx context.Context, s postgres.Server, name, like string) error {
	if err := w.check(postgres.Change{Verb: "create", Server: s.String(), Name: name}); err != nil {
		return err
	}
	return w.admin(ctx, s, func(c *client.Conn) error { return c.Create(ctx, name, like) }, func(c *client.Conn) error {
		names, err := c.Names(ctx)
		if _, there := names[name]; err == nil && there && !postgres.Ours(name) {
			err = &client.Error{Kind: client.Exists, Tried: "make the database " + name + " on " + s.String(), Seen: "a database of that name is there",
				Next: "Look at what it is; it is left as it is"}
		}
		return err
	})
}

// Drop removes a database of ours.
func (w *Writer) Drop(ctx context.Context, s postgres.Server, name string) error {
	if err := w.check(postgres.Change{Verb: "drop", Server: s.String(), Name: name}); err != nil {
		return err
	}
	return w.admin(ctx, s, func(c *client.Conn) error { return c.Drop(ctx, name) }, func(c *client.Conn) error {
		if _, err := postgres.Drop(name); err != nil {
			return &client.Error{Kind: client.Refused, Tried: "remove the database " + name, Seen: err.Error()}
		}
		_, err := c.Names(ctx)
		return err
	})
}

// Rename gives all databases their new names, or none.
func (w *Writer) Rename(ctx context.Context, s postgres.Server, names []postgres.Rename) error {
	changes := make([]postgres.Change, len(names))
	for i, n := range names {
		changes[i] = postgres.Change{Verb: "rename", Server: s.String(), Name: n.From, To: n.To}
	}
	if err := w.check(changes...); err != nil {
		return err
	}
	return w.admin(ctx, s, func(c *client.Conn) error { return c.Rename(ctx, names) }, func(c *client.Conn) error { return c.CanRename(ctx, names) })
}

// Comment sets the comment of a database.
func (w *Writer) Comment(ctx context.Context, s postgres.Server, name, text string) error {
	if err := w.check(postgres.Change{Verb: "comment", Server: s.String(), Name: name}); err != nil {
		return err
	}
	return w.admin(ctx, s, func(c *client.Conn) error { return c.Comment(ctx, name, text) }, func(c *client.Conn) error {
		_, err := c.Names(ctx)
		return err
	})
}

// Load feeds a dump to the server's own programs. The database is made empty first where an earlier try left something in it.
func (w *Writer) Load(ctx context.Context, s postgres.Server, name string, from postgres.Source, report func(wire.Progress)) error {
	if err := w.check(postgres.Change{Verb: "load", Server: s.String(), Name: name}); err != nil {
		return err
	}
	return w.load(ctx, s, name, from, report)
}
