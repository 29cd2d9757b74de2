package client

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// Create makes an empty database with owner, encoding and locale of like. Where like is empty or not there it gets the encoding and locale
// of the database of this session, and belongs to this session's user: on a managed service that database may be the provider's. One of ours that exists already is no error: a try whose end was not seen may have made it.
func (c *Conn) Create(ctx context.Context, name, like string) error {
	err := c.create(ctx, name, like)
	return trying(err, "make the database %s on %s", name, c.settings.Server)
}

func (c *Conn) create(ctx context.Context, name, like string) error {
	var traits postgres.Traits
	taken, own := false, false
	err := c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Names())
		if err != nil {
			return err
		}
		names := map[string]bool{}
		for _, r := range rows {
			names[r.text(0)] = true
		}
		if taken = names[name]; taken {
			return nil
		}
		if like == "" || !names[like] {
			like, own = c.settings.Database, true
		}
		if rows, err = c.send(ctx, postgres.TraitsOf(like)); err != nil {
			return err
		}
		if len(rows) != 1 {
			return &Error{Kind: Conflict, Seen: "the database " + like + ", whose locale it would have had, is gone", Next: "Look at the databases of the server"}
		}
		if traits, err = postgres.ReadTraits(rows[0].texts()); own {
			traits.Owner = c.settings.User
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case taken && postgres.Ours(name):
		return nil
	case taken:
		return &Error{Kind: Exists, Seen: "a database of that name is there, and no run of this program made it", Next: "Look at what it is; it is left as it is"}
	}
	statement, err := postgres.Create(name, traits)
	if err != nil {
		return &Error{Kind: Refused, Seen: err.Error()}
	}
	if _, err = c.send(ctx, statement); KindOf(err) == Exists && postgres.Ours(name) {
		return nil
	}
	return err
}

// Recreate makes a database of ours empty again, as it was when it was made: with its owner, encoding, locale and comment.
func (c *Conn) Recreate(ctx context.Context, name string) error {
	return trying(c.recreate(ctx, name), "make the database %s on %s empty", name, c.settings.Server)
}

func (c *Conn) recreate(ctx context.Context, name string) error {
	var traits postgres.Traits
	var comment string
	err := c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Names())
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.text(0) == name {
				comment = r.text(1)
			}
		}
		if rows, err = c.send(ctx, postgres.TraitsOf(name)); err != nil {
			return err
		}
		if len(rows) != 1 {
			return &Error{Kind: Missing, Seen: "the server has no database " + name, Next: "Make it first"}
		}
		traits, err = postgres.ReadTraits(rows[0].texts())
		return err
	})
	if err != nil {
		return err
	}
	create, err := postgres.Create(name, traits)
	if err != nil {
		return &Error{Kind: Refused, Seen: err.Error()}
	}
	if err := c.Drop(ctx, name); err != nil {
		return err
	}
	if _, err := c.send(ctx, create); err != nil || comment == "" {
		return err
	}
	return c.Comment(ctx, name, comment)
}

// Drop removes a database of ours, with the sessions on it; one that is not there is no error.
func (c *Conn) Drop(ctx context.Context, name string) error {
	statement, err := postgres.Drop(name)
	if err != nil {
		return &Error{Kind: Refused, Tried: "remove the database " + name, Seen: err.Error()}
	}
	_, err = c.send(ctx, statement)
	if KindOf(err) == InUse {
		err = c.whoHolds(ctx, err, []string{name})
	}
	return trying(err, "remove the database %s from %s", name, c.settings.Server)
}

// Comment sets the comment of a database; empty takes it away.
func (c *Conn) Comment(ctx context.Context, name, text string) error {
	tried := "set the comment of the database " + name + " on " + c.settings.Server
	statement, err := postgres.Comment(name, text)
	if err != nil {
		return &Error{Kind: Refused, Tried: tried, Seen: err.Error()}
	}
	err = c.within(ctx, postgres.Begin(), changeTime, func() error {
		_, err := c.send(ctx, statement)
		return err
	})
	return trying(err, "%s", tried)
}

const (
	renameFor   = time.Minute // how long a rename is tried against sessions that come back
	renamePause = time.Second
)

// Rename gives all databases their new names in one transaction, or none. It ends the sessions of others on them first: exporters of
// metrics connect again and again, so it tries for a minute. It may be sent again when its end was not seen: names that are as wanted
// already are no error.
func (c *Conn) Rename(ctx context.Context, names []postgres.Rename) error {
	var words []string
	for _, n := range names {
		words = append(words, n.From+" to "+n.To)
	}
	return trying(c.rename(ctx, names), "rename on %s: %s", c.settings.Server, strings.Join(words, ", "))
}

func (c *Conn) rename(ctx context.Context, names []postgres.Rename) error {
	ordered, err := order(names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.From == c.settings.Database {
			return &Error{Kind: Refused, Seen: "a session on " + n.From + " cannot rename it", Next: "Name another database to log in to for administration"}
		}
	}
	until := c.settings.Clock.Now().Add(renameFor)
	for {
		have, err := c.Names(ctx)
		if err != nil {
			return err
		}
		if done, err := compare(names, have); done || err != nil {
			return err
		}
		err = c.renameOnce(ctx, ordered)
		if KindOf(err) != InUse {
			return err
		}
		if !c.settings.Clock.Now().Before(until) {
			var held []string
			for _, n := range names {
				held = append(held, n.From)
			}
			return c.whoHolds(ctx, err, held)
		}
		pause := c.settings.Clock.NewTimer(renamePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return &Error{Kind: Canceled, Seen: "it was given up, nothing was renamed", Err: ctx.Err()}
		case <-pause.C():
		}
	}
}

// CanRename looks whether the renames are done, or could be: every name is there or free as it has to be.
func (c *Conn) CanRename(ctx context.Context, names []postgres.Rename) error {
	_, err := order(names)
	if err == nil {
		var have map[string]string
		if have, err = c.Names(ctx); err == nil {
			_, err = compare(names, have)
		}
	}
	return trying(err, "rename databases on %s", c.settings.Server)
}

// renameOnce ends the sessions and renames. From the moment that a database has its new name in the transaction, nobody can connect to it
// until the end of the transaction; the moments before are why it may have to be tried again.
func (c *Conn) renameOnce(ctx context.Context, ordered []postgres.Rename) error {
	return c.within(ctx, postgres.Begin(), changeTime, func() error {
		for _, n := range ordered {
			statement, err := postgres.RenameTo(n)
			if err != nil {
				return &Error{Kind: Refused, Seen: err.Error()}
			}
			if _, err := c.send(ctx, postgres.Terminate(n.From)); err != nil {
				return err
			}
			if _, err := c.send(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// order puts the renames so that each new name is free when its turn comes.
func order(names []postgres.Rename) ([]postgres.Rename, error) {
	refuse := func(why string) ([]postgres.Rename, error) {
		return nil, &Error{Kind: Refused, Seen: why}
	}
	from, to := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		if n.From == n.To || from[n.From] || to[n.To] {
			return refuse(fmt.Sprintf("the renames are not clear: %s is named twice", n.From))
		}
		from[n.From], to[n.To] = true, true
	}
	if len(names) == 0 {
		return refuse("no database is to be renamed")
	}
	left, ordered := slices.Clone(names), []postgres.Rename(nil)
	for len(left) > 0 {
		next := slices.IndexFunc(left, func(n postgres.Rename) bool { return !from[n.To] })
		if next < 0 {
			// When two swap their names, nobody could tell afterwards whether it was done.
			return refuse("databases cannot swap names: " + left[0].From)
		}
		delete(from, left[next].From)
		ordered = append(ordered, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return ordered, nil
}

// compare says from the names that are there whether the renames are done, or still all to do; anything else is an error.
func compare(names []postgres.Rename, have map[string]string) (done bool, err error) {
	from, to := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		from[n.From], to[n.To] = true, true
	}
	has := func(name string) bool { _, ok := have[name]; return ok }
	all := func(set, except map[string]bool, there bool) bool {
		for name := range set {
			if !except[name] && has(name) != there {
				return false
			}
		}
		return true
	}
	none := map[string]bool{}
	switch {
	case all(to, none, true) && all(from, to, false):
		return true, nil
	case all(from, none, true) && all(to, from, false):
		return false, nil
	}
	maps.Copy(from, to)
	var seen []string
	for _, name := range slices.Sorted(maps.Keys(from)) {
		is := "is there"
		if !has(name) {
			is = "is not there"
		}
		seen = append(seen, name+" "+is)
	}
	return false, &Error{Kind: Conflict, Seen: "the databases are neither as before nor as after: " + strings.Join(seen, ", "), Next: "Look at the databases; nothing was renamed"}
}

// whoHolds adds to an error who is connected.
func (c *Conn) whoHolds(ctx context.Context, err error, names []string) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	var who []string
	for _, name := range names {
		_ = c.look(ctx, func() error { // without it, the error says less
			rows, err := c.send(ctx, postgres.Sessions(name))
			for _, r := range rows {
				words := r.text(2) + " of " + r.text(0)
				if r.text(1) != "" {
					words += " (" + r.text(1) + ")"
				}
				who = append(who, words+" on "+name)
			}
			return err
		})
	}
	if len(who) > 0 {
		e.Seen += "; sessions: " + strings.Join(who, ", ")
	}
	return e
}
