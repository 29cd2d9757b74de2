package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"canton.example/svrescue/steps/postgres"
	"github.com/jackc/pgx/v5/pgproto3"
)

// answer is what one statement does and says.
func (c *session) answer(ctx context.Context) (rows [][]*string, tag string, err error) {
	name, parts, known := postgres.Recognise(c.sql)
	if !known {
		c.server.remember(c.sql)
		return nil, "", &fault{"42601", "the simulated server does not know this statement"}
	}
	if c.failed && name != "rollback" && name != "commit" {
		return nil, "", &fault{"25P02", "current transaction is aborted, commands ignored until end of transaction block"}
	}
	switch name {
	case "look", "begin":
		return nil, "BEGIN", c.begin(name == "look")
	case "commit":
		return c.commit()
	case "rollback":
		c.end()
		return nil, "ROLLBACK", nil
	case "limits":
		return [][]*string{{text(c.arg(0)), text(c.arg(1)), text("pg_catalog")}}, "SELECT 1", nil
	case "terminate":
		n, err := c.terminate(c.arg(0))
		return [][]*string{{text(strconv.Itoa(n))}}, "SELECT 1", err
	case "rename", "comment", "create", "drop":
		return nil, "DONE", c.alter(ctx, name, parts)
	}
	state, err := c.sees()
	if err != nil {
		return nil, "", err
	}
	rows, err = c.look(state, name, parts)
	return rows, fmt.Sprintf("SELECT %d", len(rows)), err
}

func (c *session) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

func (c *session) begin(readOnly bool) error {
	view, err := c.sees()
	if err != nil {
		return err
	}
	c.inside, c.readOnly, c.changes, c.view = true, readOnly, nil, view
	return nil
}

func (c *session) end() {
	c.inside, c.failed, c.readOnly, c.changes, c.view = false, false, false, nil, nil
}

func (c *session) commit() ([][]*string, string, error) {
	changes, failed := c.changes, c.failed
	c.end()
	if failed {
		return nil, "ROLLBACK", nil
	}
	if len(changes) == 0 {
		return nil, "COMMIT", nil
	}
	return nil, "COMMIT", c.server.change(func(s *State) error {
		for _, change := range changes {
			if err := change(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// sees is what this session sees of the volume.
func (c *session) sees() (*State, error) {
	if c.view != nil {
		return c.view, nil
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.state()
}

// look answers the statements that read.
func (c *session) look(state *State, name string, parts []string) (rows [][]*string, err error) {
	names := slices.Sorted(maps.Keys(state.Databases))
	switch name {
	case "version":
		return [][]*string{{text(strconv.Itoa(state.major() * 10000)), text(state.Version + " (simulated)")}}, nil
	case "databases":
		for _, n := range names {
			d := state.Databases[n]
			rows = append(rows, []*string{text(n), number(&d.Bytes), text(strconv.Itoa(len(c.server.on(n, c)) + d.Others)), text(d.Comment)})
		}
		return rows, nil
	case "names":
		for _, n := range append([]string{"template0", "template1"}, names...) {
			comment := ""
			if d := state.Databases[n]; d != nil {
				comment = d.Comment
			}
			rows = append(rows, []*string{text(n), text(comment)})
		}
		return rows, nil
	case "traits":
		if d := state.Databases[c.arg(0)]; d != nil {
			rows = append(rows, state.traits(d))
		}
		return rows, nil
	case "rights":
		yes := func(b bool) *string { return text(strconv.FormatBool(b)) }
		for _, n := range names {
			owner := or(state.Databases[n].Owner, state.User)
			rows = append(rows, []*string{text(state.User), yes(!state.Limited), yes(!state.Limited || state.Creates), text(n), owner, yes(state.owns(*owner)), yes(state.owns(*owner))})
		}
		return rows, nil
	case "extensions":
		return [][]*string{{text("file_fdw"), text("false")}, {text("pg_trgm"), text("true")}, {text("plpgsql"), text("true")}}, nil
	case "sessions":
		for _, other := range c.server.on(c.arg(0), c) {
			rows = append(rows, []*string{text(other.user), text(other.app), text("1")})
		}
		if d := state.Databases[c.arg(0)]; d != nil && d.Others > 0 {
			rows = append(rows, []*string{text("postgres"), text("exporter"), text(strconv.Itoa(d.Others))})
		}
		return rows, nil
	}
	d := state.Databases[c.db]
	if d == nil {
		return nil, &fault{"3D000", `database "` + c.db + `" does not exist`}
	}
	switch name {
	case "contents":
		n := "12"
		if d.empty() {
			n = "0"
		}
		return [][]*string{{text(n)}}, nil
	case "keys changed":
		return d.keysChanged(parts[0], c.arg(0), c.arg(1))
	case "users since":
		return d.usersSince(parts[0], c.arg(0))
	case "columns":
		for _, t := range d.tables() {
			if t.Name == c.arg(0) {
				for _, column := range t.Columns {
					rows = append(rows, []*string{text(t.Schema), text(column[0]), text(column[1])})
				}
			}
		}
		return rows, nil
	}
	table := postgres.LedgerTable
	if name == "stores" {
		table = postgres.StoresTable
	}
	return d.choose(parts[len(parts)-1], table, parts[:len(parts)-1])
}

func or(s, other string) *string {
	if s == "" {
		s = other
	}
	return &s
}

func (s *State) traits(d *Database) []*string {
	provider := or(d.Provider, "c")
	if s.major() < 15 {
		provider = text("")
	}
	return []*string{or(d.Owner, s.User), or(d.Encoding, "UTF8"), or(d.Collate, "C"), or(d.Ctype, "C"), provider, text(d.Locale), text("")}
}

// choose reads columns of a table; one that is named "" is NULL.
func (d *Database) choose(schema, table string, columns []string) (rows [][]*string, err error) {
	for _, t := range d.tables() {
		if t.Schema != schema || t.Name != table {
			continue
		}
		at := make([]int, len(columns))
		for i, column := range columns {
			at[i] = slices.IndexFunc(t.Columns, func(c [2]string) bool { return c[0] == column })
			if at[i] < 0 && column != "" {
				return nil, &fault{"42703", `column "` + column + `" does not exist`}
			}
		}
		for _, r := range t.Rows {
			row := make([]*string, len(at))
			for i, j := range at {
				if j >= 0 {
					row[i] = r[j]
				}
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	return nil, &fault{"42P01", `relation "` + schema + "." + table + `" does not exist`}
}

// on are the other sessions on a database.
func (s *Server) on(database string, but *session) (all []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.sessions {
		if other != but && other.db == database {
			all = append(all, other)
		}
	}
	return all
}

// terminate ends the sessions of others on a database.
func (c *session) terminate(database string) (int, error) {
	others := c.server.on(database, c)
	for _, other := range others {
		c.server.mu.Lock()
		delete(c.server.sessions, other)
		c.server.mu.Unlock()
		farewell, _ := (&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P01", Message: "terminating connection due to administrator command"}).Encode(nil)
		go func() { // nobody may be reading
			_ = other.conn.SetWriteDeadline(c.server.options.Clock.Now().Add(time.Second))
			_, _ = other.conn.Write(farewell)
			other.conn.Close()
		}()
	}
	n := len(others)
	err := c.server.change(func(s *State) error {
		if d := s.Databases[database]; d != nil && d.Others > 0 {
			n += d.Others
			if d.Returns--; d.Returns < 0 {
				d.Others, d.Returns = 0, 0
			}
		}
		return nil
	})
	return n, err
}

// alter answers the statements that change databases.
func (c *session) alter(ctx context.Context, name string, parts []string) error {
	single := name == "create" || name == "drop"
	switch {
	case c.readOnly:
		return &fault{"25006", "cannot execute this statement in a read-only transaction"}
	case single && c.inside:
		return &fault{"25001", "this statement cannot run inside a transaction block"}
	case name == "rename" && parts[0] == c.db:
		return &fault{"0A000", "current database cannot be renamed"}
	case name == "drop":
		if parts[0] == c.db {
			return &fault{"55006", "cannot drop the currently open database"}
		}
		if _, err := c.terminate(parts[0]); err != nil {
			return err
		}
	case name == "rename":
		if err := c.alone(ctx, parts[0]); err != nil {
			return err
		}
	}
	change := func(s *State) error { return s.alter(name, parts) }
	if !c.inside {
		return c.server.change(change)
	}
	if err := change(c.view); err != nil {
		return err
	}
	c.changes = append(c.changes, change)
	return nil
}

// alone waits, as a real server does, for the other sessions on a database to end.
func (c *session) alone(ctx context.Context, database string) error {
	for tries := 0; ; tries++ {
		others := len(c.server.on(database, c))
		c.server.mu.Lock()
		state, err := c.server.state()
		if err == nil && state.Databases[database] != nil {
			others += state.Databases[database].Others
		}
		c.server.mu.Unlock()
		switch {
		case err != nil:
			return err
		case others == 0:
			return nil
		case tries >= 50:
			return &fault{"55006", `database "` + database + `" is being accessed by other users`}
		}
		if err := c.server.sleep(ctx, 100*time.Millisecond); err != nil {
			return &fault{"57014", "canceling statement due to user request"}
		}
	}
}

func (s *Server) sleep(ctx context.Context, d time.Duration) error {
	timer := s.options.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

func (s *State) alter(name string, parts []string) error {
	d := s.Databases[parts[0]]
	may := !s.Limited || s.Creates
	switch {
	case name == "create" && (!may || !s.owns(parts[1])):
		return &fault{"42501", "permission denied to create database"}
	case d != nil && name != "create" && !s.owns(d.Owner):
		return &fault{"42501", "must be owner of database " + parts[0]}
	case name == "rename" && d != nil && !may:
		return &fault{"42501", "permission denied to rename database"}
	case name == "create" && d != nil:
		return &fault{"42P04", `database "` + parts[0] + `" already exists`}
	case name == "create" && s.bytes()+emptyBytes > s.capacity():
		return &fault{"53100", `could not extend file "base/1": No space left on device`}
	case name == "create":
		made := &Database{Owner: parts[1], Encoding: parts[2], Collate: parts[3], Ctype: parts[4], Bytes: emptyBytes}
		if len(parts) > 5 {
			made.Provider, made.Locale = "i", parts[5]
		}
		s.Databases[parts[0]] = made
	case name == "drop":
		delete(s.Databases, parts[0])
	case d == nil:
		return &fault{"3D000", `database "` + parts[0] + `" does not exist`}
	case name == "comment":
		d.Comment = ""
		if len(parts) > 1 {
			d.Comment = parts[1]
		}
	case name == "rename" && s.Databases[parts[1]] != nil:
		return &fault{"42P04", `database "` + parts[1] + `" already exists`}
	case name == "rename":
		delete(s.Databases, parts[0])
		s.Databases[parts[1]] = d
	}
	return nil
}
