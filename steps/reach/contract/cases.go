package contract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/reach"
	"k8s.io/utils/clock"
)

// Case is one promise.
type Case struct {
	Name string
	Run  func(*testing.T, *World)
}

// Cases are all promises. Each wants a world of its own.
var Cases = []Case{
	{"positions", positions},
	{"keys and users", accounts},
	{"lists", lists},
	{"logins", logins},
	{"create", create},
	{"rename", rename},
	{"rename against sessions", renameAgainstSessions},
	{"rename cut off", renameCut},
	{"drop", drop},
	{"comment", comment},
	{"not shown", notShown},
	{"dry run", dryRun},
	{"load every form", loadForms},
	{"load again", loadAgain},
	{"load what is cut", loadCut},
	{"load over a connection that breaks", loadBroken},
	{"load on a full disk", loadFull},
	{"outside the cluster", outside},
	{"rights of a superuser", rightsOfAll},
	{"a user who is no superuser", plainUser},
	{"free", free},
}

var real = clock.RealClock{}

// Tables of a participant and of an app.
func ledgerTable(schema string, row ...string) Table {
	return Table{schema, postgres.LedgerTable, [][2]string{{"ledger_end", "bigint"}, {"participant_id", "varchar"}, {"participant_pruned_up_to_inclusive", "bigint"}}, [][]string{row}}
}

func storesTable(schema string, rows ...[]string) Table {
	return Table{schema, postgres.StoresTable, [][2]string{{"store_id", "integer"}, {"migration_id", "bigint"}, {"last_ingested_offset", "text"}}, rows}
}

func positions(t *testing.T, w *World) {
	of := func(role postgres.Role, name, schema string) postgres.Position {
		t.Helper()
		p, err := w.databases(real).Position(t.Context(), postgres.Database{Role: role, Name: name, Schema: schema, Server: w.server()})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return p
	}
	n := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name   string
		role   postgres.Role
		schema string
		tables []Table
		want   postgres.Position
		why    string
	}{
		{"participant_0", postgres.Participant, "participant", []Table{ledgerTable("participant", "59", "PAR::sv::1220", "12")},
			postgres.Position{LedgerEnd: n(59), PrunedUpTo: n(12)}, ""},
		{"participant_1", postgres.Participant, "", []Table{ledgerTable("other", "59", "PAR::sv::1220", "NULL")}, postgres.Position{LedgerEnd: n(59)}, ""},
		{"empty ledger", postgres.Participant, "participant", []Table{ledgerTable("participant", "NULL", "NULL", "NULL")}, postgres.Position{LedgerEnd: n(0)}, ""},
		{"old form", postgres.Participant, "participant", []Table{{"participant", postgres.LedgerTable, [][2]string{{"ledger_end", "varchar"}},
			[][]string{{"00000000000000003e"}}}}, postgres.Position{LedgerEnd: n(62)}, ""},
		{"new form", postgres.Participant, "participant", []Table{{"participant", postgres.LedgerTable, [][2]string{{"ledger_end_offset", "bigint"}},
			[][]string{{"62"}}}}, postgres.Position{}, "has no column ledger_end"},
		{"unknown type", postgres.Participant, "participant", []Table{{"participant", postgres.LedgerTable, [][2]string{{"ledger_end", "bytea"}},
			[][]string{{`\x3e`}}}}, postgres.Position{}, "bytea"},
		{"two schemas", postgres.Participant, "", []Table{ledgerTable("a", "1", "x", "NULL"), ledgerTable("b", "2", "x", "NULL")}, postgres.Position{}, "a, b"},
		{"one of two schemas", postgres.Participant, "b", []Table{ledgerTable("a", "1", "x", "NULL"), ledgerTable("b", "2", "x", "NULL")}, postgres.Position{LedgerEnd: n(2)}, ""},
		{"another schema", postgres.Participant, "c", []Table{ledgerTable("a", "1", "x", "NULL")}, postgres.Position{}, "schema c has no table"},
		{"no table", postgres.Participant, "participant", nil, postgres.Position{}, "no table lapi_parameters"},
		{"two rows", postgres.Participant, "p", []Table{{"p", postgres.LedgerTable, [][2]string{{"ledger_end", "bigint"}}, [][]string{{"1"}, {"2"}}}}, postgres.Position{}, "2 rows"},
		{"cantonnet_sv", postgres.SV, "sv", []Table{storesTable("sv", []string{"1", "0", "0000000000000000ff"}, []string{"2", "1", "00000000000000003e"},
			[]string{"3", "1", "000000000000000003"}, []string{"4", "1", "NULL"})}, postgres.Position{MigrationID: n(1), LastIngested: n(62), Behind: n(3)}, ""},
		{"nothing read", postgres.Scan, "scan", []Table{storesTable("scan", []string{"1", "2", "NULL"})}, postgres.Position{MigrationID: n(2)}, "no store has an offset"},
		{"no rows", postgres.Validator, "validator", []Table{storesTable("validator")}, postgres.Position{}, "no rows"},
		{"no offset", postgres.Validator, "validator", []Table{storesTable("validator", []string{"1", "1", "next tuesday"})}, postgres.Position{}, "cannot be read"},
		{"decimal offsets", postgres.Validator, "validator", []Table{{"validator", postgres.StoresTable, [][2]string{{"store_id", "integer"}, {"migration_id", "bigint"},
			{"last_ingested_offset", "bigint"}}, [][]string{{"1", "1", "62"}}}}, postgres.Position{MigrationID: n(1), LastIngested: n(62), Behind: n(62)}, ""},
		{`o'dd "name`, postgres.Participant, `o'dd "schema`, []Table{ledgerTable(`o'dd "schema`, "7", "x", "NULL")}, postgres.Position{LedgerEnd: n(7)}, ""},
		{"sequencer_0", postgres.Sequencer, "", nil, postgres.Position{}, "no position"},
	} {
		w.Seed(t, c.name, c.tables)
		p := of(c.role, c.name, c.schema)
		same := func(a, b *int64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
		if !same(p.LedgerEnd, c.want.LedgerEnd) || !same(p.PrunedUpTo, c.want.PrunedUpTo) || !same(p.LastIngested, c.want.LastIngested) ||
			!same(p.MigrationID, c.want.MigrationID) || !same(p.Behind, c.want.Behind) || !strings.Contains(p.Why, c.why) || (c.why == "") != (p.Why == "") {
			t.Errorf("%s: %+v (%s)", c.name, p, postgres.Evidence([]postgres.Position{p}))
		}
	}
	if p := of(postgres.Participant, "participant_9", ""); !strings.Contains(p.Why, "no database participant_9") {
		t.Errorf("a database that is not there: %+v", p)
	}
}

func lists(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Session(t, "cantonnet_sv")
	stored, version, err := w.databases(real).Databases(t.Context(), w.server())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(stored, func(s postgres.Stored) bool { return s.Name == "cantonnet_sv" })
	if i < 0 || stored[i].Sessions != 1 || stored[i].Bytes < 1<<20 || postgres.ParseVersion(version) < 14 || strings.Contains(version, " ") {
		t.Errorf("version %q, databases %+v", version, stored)
	}
	if slices.ContainsFunc(stored, func(s postgres.Stored) bool { return strings.HasPrefix(s.Name, "template") }) {
		t.Error("templates are listed")
	}
}

func logins(t *testing.T, w *World) {
	good := w.Password
	w.Password = "not it, invented"
	_, _, err := w.databases(real).Databases(t.Context(), w.server())
	if client.KindOf(err) != client.Denied || strings.Contains(err.Error(), "invented") {
		t.Errorf("a wrong password: %v", err)
	}
	w.Password = good
	s := w.server()
	s.Admin = "nowhere"
	if _, _, err := w.databases(real).Databases(t.Context(), s); client.KindOf(err) != client.Missing {
		t.Errorf("a database that is not there: %v", err)
	}
	s = w.server()
	s.Key = "other"
	var p *steps.Problem
	if _, _, err := w.databases(real).Databases(t.Context(), s); !errors.As(err, &p) {
		t.Errorf("a secret without the key: %v", err)
	}
}

func names(t *testing.T, w *World) []string {
	t.Helper()
	stored, _, err := w.databases(real).Databases(t.Context(), w.server())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range stored {
		if s.Name != "postgres" && s.Name != Admin {
			all = append(all, s.Name)
		}
	}
	return all
}

func is(t *testing.T, w *World, want ...string) {
	t.Helper()
	if got := names(t, w); !slices.Equal(got, want) {
		t.Errorf("the databases are %v, want %v", got, want)
	}
}

var (
	fresh = postgres.NewName("cantonnet_sv", "run1")
	old   = postgres.OldName("cantonnet_sv", "run1")
)

func changes(verb string, names ...string) []postgres.Change {
	var all []postgres.Change
	for _, n := range names {
		all = append(all, postgres.Change{Verb: verb, Name: n})
	}
	return all
}

func create(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", []Table{storesTable("sv")})
	wr := w.writer(real, changes("create", fresh, "cantonnet_sv", old)...)
	for range 2 { // sent again, it is there
		if err := wr.Create(t.Context(), w.server(), fresh, "cantonnet_sv"); err != nil {
			t.Fatal(err)
		}
	}
	if err := wr.Create(t.Context(), w.server(), old, "not there"); err != nil {
		t.Error(err)
	}
	if a, b := w.Locale(t, "cantonnet_sv"), w.Locale(t, fresh); a != b {
		t.Errorf("made with %q, like one with %q", b, a)
	}
	if _, there := w.Count(t, fresh, storesTable("sv")); there {
		t.Error("it is not empty")
	}
	if err := wr.Create(t.Context(), w.server(), "cantonnet_sv", ""); client.KindOf(err) != client.Exists {
		t.Errorf("one that is not ours: %v", err)
	}
	is(t, w, "cantonnet_sv", fresh, old)
}

var swap = []postgres.Rename{{From: "cantonnet_sv", To: old}, {From: fresh, To: "cantonnet_sv"}}

func renames(names []postgres.Rename) []postgres.Change {
	var all []postgres.Change
	for _, n := range names {
		all = append(all, postgres.Change{Verb: "rename", Name: n.From, To: n.To})
	}
	return all
}

func rename(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", []Table{storesTable("sv", []string{"1", "1", "01"})})
	w.Seed(t, fresh, []Table{storesTable("sv", []string{"1", "1", "01"}, []string{"2", "1", "02"})})
	w.Session(t, "cantonnet_sv") // somebody who does not mind being ended
	backwards := slices.Clone(swap)
	slices.Reverse(backwards)
	wr := w.writer(real, append(renames(swap), postgres.Change{Verb: "rename", Name: "x", To: "y"})...)
	for range 2 { // sent again, it is done
		if err := wr.Rename(t.Context(), w.server(), backwards); err != nil {
			t.Fatal(err)
		}
		is(t, w, "cantonnet_sv", old)
	}
	if n, _ := w.Count(t, "cantonnet_sv", storesTable("sv")); n != 2 {
		t.Errorf("the new one has %d rows", n)
	}
	if n, _ := w.Count(t, old, storesTable("sv")); n != 1 {
		t.Errorf("the old one has %d rows", n)
	}
	if err := wr.Rename(t.Context(), w.server(), []postgres.Rename{{From: "x", To: "y"}}); client.KindOf(err) != client.Conflict {
		t.Errorf("one that is not there: %v", err)
	}
}

// The second of two databases cannot be renamed: the first one keeps its name.
func renameAgainstSessions(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Seed(t, fresh, nil)
	w.Hold(t, fresh)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := w.writer(real, renames(swap)...).Rename(ctx, w.server(), swap); client.KindOf(err) != client.Canceled {
		t.Errorf("given up: %v", err)
	}
	is(t, w, "cantonnet_sv", fresh)
	err := w.writer(&hasty{}, renames(swap)...).Rename(t.Context(), w.server(), swap)
	if client.KindOf(err) != client.InUse {
		t.Errorf("against a session that stays: %v", err)
	}
	is(t, w, "cantonnet_sv", fresh)
}

// The connection breaks at the COMMIT: before the server had it, or before its answer came. Either way, sending it again ends well.
func renameCut(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Seed(t, fresh, nil)
	dial := w.Dial
	for _, forward := range []bool{false, true} {
		commits := 0
		w.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			return &cut{Conn: conn, forward: forward, commits: &commits}, err
		}
		if err := w.writer(real, renames(swap)...).Rename(t.Context(), w.server(), swap); client.KindOf(err) != client.Lost {
			t.Errorf("forwarded %v: %v", forward, err)
		}
		w.Dial = dial
		if forward {
			is(t, w, "cantonnet_sv", old)
		} else {
			is(t, w, "cantonnet_sv", fresh)
		}
	}
	if err := w.writer(real, renames(swap)...).Rename(t.Context(), w.server(), swap); err != nil {
		t.Error(err)
	}
	is(t, w, "cantonnet_sv", old)
}

// cut breaks a connection at the second COMMIT; the first one ends the look at the names.
type cut struct {
	net.Conn
	forward bool
	commits *int
	broken  bool
}

func (c *cut) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("COMMIT")) {
		*c.commits++
		if c.broken = *c.commits == 2; c.broken && !c.forward {
			c.Close()
			return 0, io.ErrClosedPipe
		}
	}
	return c.Conn.Write(p)
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.broken {
		return n, err
	}
	for answer := bytes.Clone(p[:n]); err == nil && !bytes.Contains(answer, []byte("COMMIT\x00")); answer = append(answer, p[:n]...) {
		n, err = c.Conn.Read(p)
	}
	c.Close()
	return 0, io.ErrUnexpectedEOF
}

func drop(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Seed(t, old, nil)
	w.Session(t, old)
	wr := w.writer(real, changes("drop", old, "cantonnet_sv")...)
	for range 2 { // sent again, it is gone
		if err := wr.Drop(t.Context(), w.server(), old); err != nil {
			t.Error(err)
		}
	}
	if err := wr.Drop(t.Context(), w.server(), "cantonnet_sv"); client.KindOf(err) != client.Refused {
		t.Errorf("one that is not ours: %v", err)
	}
	is(t, w, "cantonnet_sv")
}

func comment(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	wr := w.writer(real, changes("comment", "cantonnet_sv")...)
	for _, text := range []string{"svrescue run 1: loaded from C:\\dumps\\it's \"it\"; --", "", "x"} {
		if err := wr.Comment(t.Context(), w.server(), "cantonnet_sv", text); err != nil {
			t.Fatal(err)
		}
		stored, _, err := w.databases(real).Databases(t.Context(), w.server())
		if err != nil || !slices.ContainsFunc(stored, func(s postgres.Stored) bool { return s.Name == "cantonnet_sv" && s.Comment == text }) {
			t.Errorf("%v, %+v; want %q", err, stored, text)
		}
	}
}

func notShown(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Seed(t, fresh, nil)
	wr := w.writer(real, changes("comment", fresh)...)
	var refused *reach.NotShown
	for name, err := range map[string]error{
		"create":  wr.Create(t.Context(), w.server(), old, ""),
		"drop":    wr.Drop(t.Context(), w.server(), fresh),
		"rename":  wr.Rename(t.Context(), w.server(), swap),
		"comment": wr.Comment(t.Context(), w.server(), "cantonnet_sv", "x"),
		"load":    wr.Load(t.Context(), w.server(), fresh, postgres.Source{File: "/nowhere"}, nil),
	} {
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	is(t, w, "cantonnet_sv", fresh)
}

func dryRun(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	w.Seed(t, fresh, nil)
	allowed := append(renames(swap), append(changes("create", old), append(changes("drop", fresh), append(changes("comment", fresh), changes("load", fresh)...)...)...)...)
	for i := range allowed {
		allowed[i].Server = workload
	}
	wr := w.databases(real).Writer(allowed, true)
	file := w.Dumps(t, "cantonnet_sv")[Plain]
	for name, err := range map[string]error{
		"create":  wr.Create(t.Context(), w.server(), old, ""),
		"drop":    wr.Drop(t.Context(), w.server(), fresh),
		"rename":  wr.Rename(t.Context(), w.server(), swap),
		"comment": wr.Comment(t.Context(), w.server(), fresh, "x"),
		"load":    wr.Load(t.Context(), w.server(), fresh, postgres.Source{File: file}, nil),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	is(t, w, "cantonnet_sv", fresh)
}

func free(t *testing.T, w *World) {
	n, err := w.databases(real).Free(t.Context(), w.server())
	if err != nil || n < 1<<20 {
		t.Errorf("Free = %d, %v", n, err)
	}
	s := w.server()
	s.Workload = ""
	if _, err := w.databases(real).Free(t.Context(), s); err == nil {
		t.Error("the room of a server outside the cluster was seen")
	}
}
