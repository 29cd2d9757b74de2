package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/steps/postgres"
)

// Databases lists what the server has, and its version ("15.4").
func (c *Conn) Databases(ctx context.Context) (stored []postgres.Stored, version string, err error) {
	err = c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Version())
		if err != nil {
			return err
		}
		for _, r := range rows {
			version, _, _ = strings.Cut(r.text(1), " ")
		}
		if rows, err = c.send(ctx, postgres.Databases()); err != nil {
			return err
		}
		stored = nil
		for _, r := range rows {
			bytes, err1 := strconv.ParseInt(r.text(1), 10, 64)
			sessions, err2 := strconv.Atoi(r.text(2))
			if err := errors.Join(err1, err2); err != nil {
				return &Error{Kind: Answered, Seen: "a list of databases that cannot be read", Next: "Check that this is a PostgreSQL server"}
			}
			stored = append(stored, postgres.Stored{Name: r.text(0), Bytes: max(0, bytes), Sessions: sessions, Comment: r.text(3)})
		}
		return nil
	})
	return stored, version, trying(err, "list the databases of %s", c.settings.Server)
}

// Rights are what the user of this session may do.
func (c *Conn) Rights(ctx context.Context) (rights postgres.Rights, err error) {
	err = c.look(ctx, func() error {
		var answers [2][][]string
		for i, s := range []postgres.Statement{postgres.RightsOf(), postgres.Extensions()} {
			rows, err := c.send(ctx, s)
			if err != nil {
				return err
			}
			for _, r := range rows {
				answers[i] = append(answers[i], r.texts())
			}
		}
		var err error
		if rights, err = postgres.ReadRights(answers[0], answers[1]); err != nil {
			return &Error{Kind: Answered, Seen: err.Error(), Next: "Check that this is a PostgreSQL server"}
		}
		return nil
	})
	return rights, trying(err, "ask %s what its user may do", c.settings.Server)
}

// Names lists the databases, templates included, and their comments.
func (c *Conn) Names(ctx context.Context) (map[string]string, error) {
	names := map[string]string{}
	err := c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Names())
		for _, r := range rows {
			names[r.text(0)] = r.text(1)
		}
		return err
	})
	return names, trying(err, "list the databases of %s", c.settings.Server)
}

// Empty says whether the database of this session is as it was made: no table, no schema, no function was added.
func (c *Conn) Empty(ctx context.Context) (empty bool, err error) {
	err = c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Contents())
		empty = len(rows) == 1 && rows[0].text(0) == "0"
		return err
	})
	return empty, trying(err, "look whether the database %s of %s is empty", c.settings.Database, c.settings.Server)
}

// Position is how far a database has got; the session must be on it. What is missing or not known in it is no error but a position that
// says why it is not determined.
func (c *Conn) Position(ctx context.Context, d postgres.Database) (postgres.Position, error) {
	p := unknown(d, "a database of this kind tells no position that others could be compared with")
	table, needed := postgres.StoresTable, []string{postgres.StoreColumn, postgres.MigrationColumn, postgres.OffsetColumn}
	switch {
	case d.Role == postgres.Participant:
		table, needed = postgres.LedgerTable, []string{postgres.LedgerEndColumn}
	case !d.Role.App():
		return p, nil
	}
	err := c.look(ctx, func() error {
		rows, err := c.send(ctx, postgres.Columns(table))
		if err != nil {
			return err
		}
		schema, types, why := find(rows, d.Schema, table, needed)
		if why != "" {
			p = unknown(d, why)
			return nil
		}
		if d.Role == postgres.Participant {
			p, err = c.ledger(ctx, d, schema, types)
		} else {
			p, err = c.stores(ctx, d, schema, types)
		}
		return err
	})
	var e *Error
	if errors.As(err, &e) && (e.Code == noTable || e.Code == noColumn || e.Code == noPrivilege) {
		return unknown(d, e.Seen), nil
	}
	return p, trying(err, "read how far %s on %s has got", d.Name, c.settings.Server)
}

func unknown(d postgres.Database, why string) postgres.Position {
	return postgres.Position{Role: d.Role, Name: d.Name, From: fromDatabase, Why: why}
}

const fromDatabase = "database"

// find chooses the schema whose table to read and answers the types of its columns, or why there is none.
func find(rows []row, wanted, table string, needed []string) (schema string, types map[string]string, why string) {
	tables := map[string]map[string]string{}
	for _, r := range rows {
		if tables[r.text(0)] == nil {
			tables[r.text(0)] = map[string]string{}
		}
		tables[r.text(0)][r.text(1)] = r.text(2)
	}
	var schemas []string
	for s := range tables {
		if wanted == "" || s == wanted {
			schemas = append(schemas, s)
		}
	}
	slices.Sort(schemas)
	switch {
	case len(schemas) == 0 && wanted != "" && len(tables) > 0:
		return "", nil, fmt.Sprintf("schema %s has no table %s, another schema has one", wanted, table)
	case len(schemas) == 0:
		return "", nil, "there is no table " + table
	case len(schemas) > 1:
		return "", nil, fmt.Sprintf("the schemas %s each have a table %s, and which one is in use is not known", strings.Join(schemas, ", "), table)
	}
	types = tables[schemas[0]]
	for _, column := range needed {
		if types[column] == "" {
			return "", nil, fmt.Sprintf("%s.%s has no column %s: its form is not known", schemas[0], table, column)
		}
	}
	return schemas[0], types, ""
}

// number reads an offset as the type of its column means it: a number is decimal, a text is what postgres.ParseStoreOffset or
// postgres.ParseLedgerEnd says. The same digits mean different offsets in the two.
func number(kind, text string, parse func(string) (int64, error)) (int64, error) {
	switch kind {
	case "bigint", "integer", "numeric":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is no offset", text)
		}
		return n, nil
	case "text", "character varying", "character":
		return parse(strings.TrimRight(text, " "))
	}
	return 0, fmt.Errorf("its type %s is not known", kind)
}

func (c *Conn) ledger(ctx context.Context, d postgres.Database, schema string, types map[string]string) (postgres.Position, error) {
	optional := func(column string) string {
		if types[column] == "" {
			return ""
		}
		return column
	}
	statement, err := postgres.Ledger(schema, postgres.LedgerEndColumn, optional(postgres.PrunedColumn), optional(postgres.ParticipantColumn))
	if err != nil {
		return unknown(d, err.Error()), nil
	}
	rows, err := c.send(ctx, statement)
	if err != nil {
		return postgres.Position{}, err
	}
	table := schema + "." + postgres.LedgerTable
	if len(rows) != 1 {
		return unknown(d, fmt.Sprintf("%s has %d rows where one is expected", table, len(rows))), nil
	}
	p := postgres.Position{Role: d.Role, Name: d.Name, From: fromDatabase, Participant: rows[0].text(2)}
	read := func(column string, value *string) *int64 {
		if value == nil {
			return nil
		}
		n, err := number(types[column], *value, postgres.ParseLedgerEnd)
		if err != nil {
			p.Why = cmp.Or(p.Why, fmt.Sprintf("%s.%s cannot be read: %v", table, column, err))
			return nil
		}
		return &n
	}
	p.PrunedUpTo = read(postgres.PrunedColumn, rows[0][1])
	p.LedgerEnd = read(postgres.LedgerEndColumn, rows[0][0])
	if rows[0][0] == nil {
		p.LedgerEnd = new(int64) // NULL: nothing was ever written
	}
	if p.Why != "" {
		return unknown(d, p.Why), nil // half of it would look determined
	}
	return p, nil
}

func (c *Conn) stores(ctx context.Context, d postgres.Database, schema string, types map[string]string) (postgres.Position, error) {
	statement, err := postgres.Stores(schema)
	if err != nil {
		return unknown(d, err.Error()), nil
	}
	rows, err := c.send(ctx, statement)
	if err != nil {
		return postgres.Position{}, err
	}
	var stores []postgres.Store
	for _, r := range rows {
		id, err1 := strconv.ParseInt(r.text(0), 10, 64)
		migration, err2 := strconv.ParseInt(r.text(1), 10, 64)
		s := postgres.Store{ID: id, Migration: migration}
		var err3 error
		if r[2] != nil {
			var n int64
			n, err3 = number(types[postgres.OffsetColumn], *r[2], postgres.ParseStoreOffset)
			s.Offset = &n
		}
		if err := errors.Join(err1, err2, err3); err != nil {
			why, _, _ := strings.Cut(err.Error(), "\n")
			return unknown(d, fmt.Sprintf("a row of %s.%s cannot be read: %s", schema, postgres.StoresTable, why)), nil
		}
		stores = append(stores, s)
	}
	p := postgres.OfStores(d.Role, d.Name, stores)
	p.From = fromDatabase
	return p, nil
}
