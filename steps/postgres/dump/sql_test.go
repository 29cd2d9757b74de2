package dump

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// recorder writes down what a scan tells it.
type recorder struct{ got []string }

func (r *recorder) comment(text []byte) { r.got = append(r.got, "comment"+string(text)) }
func (r *recorder) command(text []byte) { r.got = append(r.got, "command "+string(text)) }
func (r *recorder) matters([]byte) bool { return true }
func (r *recorder) long([]byte)         { r.got = append(r.got, "long") }
func (r *recorder) cut()                { r.got = append(r.got, "cut") }
func (r *recorder) sql(text []byte) *block {
	r.got = append(r.got, "sql "+strings.Join(strings.Fields(string(text)), " "))
	if !bytes.HasPrefix(text, []byte("COPY")) {
		return nil
	}
	w := allRows
	if bytes.Contains(text, []byte("skip")) {
		w = nothing
	}
	return &block{want: w, row: func(line []byte) { r.got = append(r.got, fmt.Sprintf("row %.40s", line)) },
		tooBig: func() { r.got = append(r.got, "too big") }, end: func() { r.got = append(r.got, "end") }}
}

func scanned(r io.Reader) []string {
	var to recorder
	s := newScan(r, &to)
	if err := s.run(); err != nil {
		to.got = append(to.got, err.Error())
	}
	return to.got
}

func TestScan(t *testing.T) {
	long := strings.Repeat("x", rowLimit+bufferSize)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"statements", "SELECT 1;\n  SELECT 2; SELECT 3;\n", []string{"sql SELECT 1;"}}, // what does not begin a line is not pg_dump's
		{"strings", "SELECT 'a;''b', \"c;\"\"d\", 'back\\';\nX;\n", []string{"sql SELECT 'a;''b', \"c;\"\"d\", 'back\\';", "sql X;"}},
		{"escapes", "SELECT E'a\\';', e'\\\\', name'x\\';\nX;\n", []string{"sql SELECT E'a\\';', e'\\\\', name'x\\';", "sql X;"}},
		{"escape after doubled quote", "SELECT E'a''\\';';\nX;\n", []string{"sql SELECT E'a''\\';';", "sql X;"}},
		{"dollars", "SELECT $$a;'$$, $tag$ $$; $tag$, $1, a$b$c;\nX;\n", []string{"sql SELECT $$a;'$$, $tag$ $$; $tag$, $1, a$b$c;", "sql X;"}},
		{"comments", "-- a;\n /* b; /* c */ -- */ SELECT 1 -- ;\n, /* ; */ 2;\nX;\n", []string{"comment a;", "sql X;"}},
		{"comment inside a statement", "SELECT 1 -- it's; not the end\n;\nX;\n", []string{"sql SELECT 1 ;", "sql X;"}},
		{"commands", "\\connect a\nSELECT 'x\n\\connect b\n';\n", []string{`command \connect a`, `sql SELECT 'x \connect b ';`}},
		{"data", "COPY t (a) FROM stdin;\n1\n\\x\n\\.x\n\\.\nX;\n", []string{"sql COPY t (a) FROM stdin;", "row 1", `row \x`, `row \.x`, "end", "sql X;"}},
		{"no data", "COPY t (a) FROM stdin;\n\\.\nX;\n", []string{"sql COPY t (a) FROM stdin;", "end", "sql X;"}},
		{"data at the end", "COPY t (a) FROM stdin;\n1\n\\.", []string{"sql COPY t (a) FROM stdin;", "row 1", "end"}},
		{"data with Windows' line ends", "COPY t (a) FROM stdin;\r\n1\r\n\\.\r\n", []string{"sql COPY t (a) FROM stdin;", "row 1", "end"}},
		{"data skipped", "COPY skip (a) FROM stdin;\n1\n\\N\n\\.x\nSELECT 1;\n\\.\nX;\n", []string{"sql COPY skip (a) FROM stdin;", "end", "sql X;"}},
		{"data cut off", "COPY skip (a) FROM stdin;\n1\n2", []string{"sql COPY skip (a) FROM stdin;", "cut"}},
		{"rows cut off", "COPY t (a) FROM stdin;\n1\n2", []string{"sql COPY t (a) FROM stdin;", "row 1", "cut"}},
		{"statement cut off", "SELECT 'a", []string{"cut"}},
		{"long row", "COPY t (a) FROM stdin;\n" + long + "\n2\n\\.\n", []string{"sql COPY t (a) FROM stdin;", "too big", "row 2", "end"}},
		{"long row skipped", "COPY skip (a) FROM stdin;\n" + long + "\n" + long + "\n\\.\nX;\n", []string{"sql COPY skip (a) FROM stdin;", "end", "sql X;"}},
		{"long statement", "SELECT '" + strings.Repeat("y", statementLimit) + "';\nX;\n", []string{"long", "sql X;"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := scanned(strings.NewReader(c.text)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(c.text) > 10_000 {
				return
			}
			if got := scanned(iotest.OneByteReader(strings.NewReader(c.text))); !slices.Equal(got, c.want) {
				t.Errorf("byte by byte: got %q, want %q", got, c.want)
			}
			// In front of it, so much that its parts fall on the border of the buffer.
			for n := bufferSize - len(c.text); n < bufferSize+3; n++ {
				text := "--" + strings.Repeat("-", n-3) + "\n" + c.text
				if got := scanned(strings.NewReader(text)); !slices.Equal(slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "comment--") }), c.want) {
					t.Fatalf("behind %d bytes: got %.200q, want %q", n, got, c.want)
				}
			}
		})
	}
}

func TestParseConnect(t *testing.T) {
	for line, want := range map[string]string{
		`\connect a`:     "a",
		`\connect "a b"`: "a b",
		`\connect -reuse-previous=on "dbname='it\'s odd'"`: "it's odd",
		`\connect -reuse-previous=on "dbname='a\\b'"`:      `a\b`,
		`\connect -reuse-previous=on "dbname='say ""x""'"`: `say "x"`,
		`\connect "participant-0" - - -`:                   "participant-0",
		`\c x`:                                             "x",
		`\connect -`:                                       "",
		`\connect "`:                                       "",
		`\restrict abc`:                                    "",
		`\connect`:                                         "",
	} {
		if got, ok := parseConnect(line); got != want && ok || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", line, got, ok, want)
		}
	}
}

func TestParseCopy(t *testing.T) {
	for _, c := range []struct {
		text, schema, table string
		columns             []string
		ok                  bool
	}{
		{`COPY a.b (c, "D d", "e""f") FROM stdin;`, "a", "b", []string{"c", "D d", `e"f`}, true},
		{`COPY "A.b"."c" FROM stdin;`, "A.b", "c", nil, true},
		{`COPY b (c) FROM stdin;`, "", "b", []string{"c"}, true},
		{`COPY b (c) FROM '/etc/passwd';`, "", "b", []string{"c"}, false},
		{`COPY b (c) FROM stdin WITH (FORMAT csv);`, "", "b", []string{"c"}, false},
		{`COPY (SELECT 1) TO stdout;`, "", "", nil, false},
		{`COPY "a`, "", "", nil, false},
		{`COPY b (`, "", "", nil, false},
	} {
		got, columns, ok := parseCopy([]byte(c.text))
		if ok != c.ok || ok && (got != table{c.schema, c.table} || !slices.Equal(columns, c.columns)) {
			t.Errorf("%s: %v %q %v", c.text, got, columns, ok)
		}
	}
}

func TestParseRow(t *testing.T) {
	r, err := parseRow([]byte(`1	\N	a\tb\\\.\x41\101`), []string{"a", "b", "c"})
	if err != nil || r["a"].text != "1" || !r["b"].null || r["c"].text != "a\tb\\.AA" {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := parseRow([]byte("1\t2"), []string{"a"}); err == nil {
		t.Error("a row with more values than columns is read")
	}
	if _, err := parseRow([]byte("1"), nil); err == nil {
		t.Error("a row without columns is read")
	}
}

func TestParseValues(t *testing.T) {
	rows, columns, err := parseValues([]byte(` (a, "B") OVERRIDING SYSTEM VALUE VALUES (1, 'it''s \'), (-2, NULL), (3, E'a\\b') ON CONFLICT DO NOTHING;`), false)
	if err != nil || !slices.Equal(columns, []string{"a", "B"}) || len(rows) != 3 || rows[0]["B"].text != `it's \` || !rows[1]["B"].null || rows[1]["a"].text != "-2" || rows[2]["B"].text != `a\b` {
		t.Errorf("%v %q %v", rows, columns, err)
	}
	for _, text := range []string{` VALUES (1, 2);`, ` (a) VALUES (1, 2);`, ` (a, b) VALUES (1);`, ` (a) VALUES (f(1));`, ` (a) VALUES ('x);`, ` (a) SELECT 1;`, ` (a) VALUES (E'\x41');`, ``} {
		if rows, _, err := parseValues([]byte(text), false); err == nil {
			t.Errorf("%s: %v", text, rows)
		}
	}
}

// sqlOf reads SQL as a file of that content.
func sqlOf(text string) []Artifact { return bytesOf([]byte(text)) }

func bytesOf(data []byte) []Artifact {
	b, err := unwrap(bytes.NewReader(data))
	if err != nil {
		return unknown(b.compression, "%s", sentenceOf(b.compression, err))
	}
	defer b.close()
	return recognise(&meter{}, b, Options{}, source{path: "file"})
}

const (
	head = "--\n-- PostgreSQL database dump\n--\n\n"
	foot = "--\n-- PostgreSQL database dump complete\n--\n\n"
)

func TestPlainDumps(t *testing.T) {
	participant := "COPY %s.lapi_parameters (%s) FROM stdin;\n%s\n\\.\n"
	app := "COPY %s.store_last_ingested_offsets (store_id, migration_id, last_ingested_offset) FROM stdin;\n%s\\.\n"
	for _, c := range []struct {
		name, text string
		role       postgres.Role
		end, last  int64 // -1: not known
		why        string
	}{
		{"columns in another order", fmt.Sprintf(participant, "participant", "participant_id, ledger_end", "x\t7"), postgres.Participant, 7, -1, ""},
		{"schema of another name", fmt.Sprintf(participant, "canton", "ledger_end, participant_id", "7\tx"), postgres.Participant, 7, -1, ""},
		{"hexadecimal ledger end", fmt.Sprintf(participant, "participant", "ledger_end, participant_id", "00000000000000003e\tx"), postgres.Participant, 62, -1, ""},
		{"empty ledger", fmt.Sprintf(participant, "participant", "ledger_end, participant_id", "\\N\tx"), postgres.Participant, 0, -1, ""},
		{"column renamed", fmt.Sprintf(participant, "participant", "ledger_last, participant_id", "7\tx"), postgres.Participant, -1, -1, "no column ledger_end"},
		{"no columns", "COPY participant.lapi_parameters FROM stdin;\n7\tx\n\\.\n", postgres.Participant, -1, -1, "no column ledger_end"},
		{"two rows", fmt.Sprintf(participant, "participant", "ledger_end, participant_id", "7\tx\n8\ty"), postgres.Participant, -1, -1, "2 rows"},
		{"no number", fmt.Sprintf(participant, "participant", "ledger_end, participant_id", "seven\tx"), postgres.Participant, -1, -1, "seven"},
		{"no row", "COPY participant.lapi_parameters (ledger_end, participant_id) FROM stdin;\n\\.\n", postgres.Participant, -1, -1, "never started"},
		{"old search path", "SET search_path = participant, pg_catalog;\nCOPY lapi_parameters (ledger_end, participant_id) FROM stdin;\n7\tx\n\\.\n", postgres.Participant, 7, -1, ""},
		{"newest migration has no offset", fmt.Sprintf(app, "sv", "1\t0\t0000000000000000ff\n1\t1\t\\N\n"), postgres.SV, -1, -1, "migration 1"},
		{"migrations out of order", fmt.Sprintf(app, "scan", "1\t2\t000000000000000005\n1\t0\t0000000000000000ff\n2\t2\t000000000000000003\n"), postgres.Scan, -1, 5, ""},
		{"offset is no number", fmt.Sprintf(app, "sv", "1\t0\txyz\n"), postgres.SV, -1, -1, "xyz"},
		{"values are missing", fmt.Sprintf(app, "sv", "1\t0\n"), postgres.SV, -1, -1, "2 values for 3 columns"},
		{"app told by its stores", "COPY app.store_descriptors (id, descriptor) FROM stdin;\n1\t{\"name\": \"DbScanStore\"}\n\\.\n" + fmt.Sprintf(app, "app", "1\t0\t000000000000000005\n"), postgres.Scan, -1, 5, ""},
		{"app of no known name", fmt.Sprintf(app, "app", "1\t0\t000000000000000005\n"), postgres.Unknown, -1, 5, ""},
		{"sequencer with the tables of a participant", "COPY sequencer.lapi_parameters (ledger_end) FROM stdin;\n\\.\nCOPY sequencer.sequencer_members (member) FROM stdin;\nx\n\\.\n", postgres.Sequencer, -1, -1, ""},
		{"sequencer and mediator in one", "COPY x.sequencer_members (member) FROM stdin;\nx\n\\.\nCOPY x.mediator_synchronizer_configuration (lock) FROM stdin;\nX\n\\.\n", postgres.Unknown, -1, -1, ""},
		{"something else", "COPY public.things (id) FROM stdin;\n1\n\\.\n", postgres.Unknown, -1, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := sqlOf(head + c.text + foot)
			if len(all) != 1 {
				t.Fatalf("%d artifacts", len(all))
			}
			a := all[0]
			if a.Role != c.role || a.Complete == nil || !*a.Complete {
				t.Errorf("role %s, want %s; %+v", a.Role, c.role, a)
			}
			if a.Position == nil {
				if c.end >= 0 || c.last >= 0 || c.why != "" {
					t.Error("no position")
				}
				return
			}
			is := func(got *int64, want int64) bool { return got == nil && want < 0 || got != nil && *got == want }
			if !is(a.Position.LedgerEnd, c.end) || !is(a.Position.LastIngested, c.last) || !strings.Contains(a.Position.Why, c.why) || (a.Position.Why != "") != (c.why != "") {
				t.Errorf("position %+v", *a.Position)
			}
		})
	}
}

// A table whose data were cut off is not taken for what was left of it, also when it stands in INSERT statements.
func TestCutTables(t *testing.T) {
	for _, text := range []string{
		"CREATE TABLE sv.store_last_ingested_offsets (x int);\nCOPY sv.store_last_ingested_offsets (store_id, migration_id, last_ingested_offset) FROM stdin;\n1\t0\t000000000000000005\n",
		"INSERT INTO sv.store_last_ingested_offsets (store_id, migration_id, last_ingested_offset) VALUES (1, 0, '000000000000000005');\n",
	} {
		a := sqlOf(head + text)[0]
		if a.Role != postgres.SV || a.Position == nil || a.Position.Known() || a.Position.Why == "" || *a.Complete {
			t.Errorf("%+v, position %+v", a, a.Position)
		}
	}
}

// Several schemas of one database are told apart.
func TestSchemasOfOneDatabase(t *testing.T) {
	copyOf := "COPY %s.store_last_ingested_offsets (store_id, migration_id, last_ingested_offset) FROM stdin;\n1\t0\t00000000000000000%d\n\\.\n"
	all := sqlOf(`\connect apps` + "\n" + head + fmt.Sprintf(copyOf, "scan", 1) + fmt.Sprintf(copyOf, "sv", 2) + foot)
	if len(all) != 2 || all[0].Role != postgres.Scan || all[1].Role != postgres.SV || *all[0].Position.LastIngested != 1 || *all[1].Position.LastIngested != 2 || all[1].Position.Name != "apps.sv" {
		t.Errorf("%+v", all)
	}
}

// Only a file of pg_dumpall, and only one of them, tells by its order in which order its databases were dumped.
func TestOrderInAFile(t *testing.T) {
	const cluster, end = "--\n-- PostgreSQL database cluster dump\n--\n", "--\n-- PostgreSQL database cluster dump complete\n--\n"
	one := func(name string) string {
		return "\\connect " + name + "\n\n" + head + "CREATE TABLE public.x (\n);\n" + foot
	}
	for _, c := range []struct {
		text          string
		inTurn, whole bool
	}{
		{cluster + one("a") + one("b") + end, true, true},
		{one("a") + one("b"), false, true},
		{cluster + one("a") + end + cluster + one("b") + end, false, true},
		{cluster + one("a") + end + cluster + one("b"), false, false},
		{cluster + one("a") + one("b"), true, false},
	} {
		all := sqlOf(c.text)
		if len(all) != 2 {
			t.Fatalf("%d artifacts: %+v", len(all), all)
		}
		for i, a := range all {
			if a.Kind != Cluster || a.Order != i || a.InTurn != c.inTurn || *a.Complete != c.whole || a.Database != []string{"a", "b"}[i] {
				t.Errorf("%q: %+v", c.text, a)
			}
		}
	}
}

// The clock's hour that comes twice is told apart by the header's flag for daylight saving.
func TestMoment(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Skip("no zones here:", err)
	}
	for dst, want := range map[int64]string{1: "2026-10-25T02:30:00+02:00", 0: "2026-10-25T02:30:00+01:00"} {
		if m := moment([7]int64{0, 30, 2, 25, 9, 126, dst}, zone); m == nil || m.Wall.Format(time.RFC3339) != want {
			t.Errorf("daylight saving %d: %v, want %s", dst, m, want)
		}
	}
	if m := moment([7]int64{0, 0, 25, 1, 0, 126, 0}, nil); m != nil {
		t.Errorf("hour 25: %v", m)
	}
}

// A newer format is not guessed at.
func TestNewerArchives(t *testing.T) {
	data, err := os.ReadFile("testdata/participant_0.18.custom")
	if err != nil {
		t.Fatal(err)
	}
	data[6] = newestMinor + 1
	a := bytesOf(data)[0]
	if a.Kind != Custom || a.Complete != nil || a.Position != nil || len(a.Problems) == 0 || !strings.Contains(a.Problems[0], "1.17") {
		t.Errorf("%+v", a)
	}
}

// Older formats differ in what an entry has.
func TestOlderArchives(t *testing.T) {
	for _, minor := range []byte{12, 13, 14, 15, 16} {
		a := bytesOf(archiveOf(minor))[0]
		if a.Role != postgres.Participant || a.Position == nil || a.Position.LedgerEnd == nil || *a.Position.LedgerEnd != 7 || !*a.Complete || a.Database != "db" {
			t.Errorf("1.%d: %+v, position %+v", minor, a, a.Position)
		}
	}
}

// archiveOf writes a small custom archive without compression, with one table and one large object.
func archiveOf(minor byte) []byte {
	var b bytes.Buffer
	number := func(n int) {
		sign := byte(0)
		if n < 0 {
			sign, n = 1, -n
		}
		b.Write([]byte{sign, byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	}
	text := func(all ...string) {
		for _, s := range all {
			number(len(s))
			b.WriteString(s)
		}
	}
	b.Write([]byte{'P', 'G', 'D', 'M', 'P', 1, minor, 0, 4, 8, formatCustom})
	if minor >= 15 {
		b.WriteByte(0)
	} else {
		number(0)
	}
	for _, n := range []int{1, 2, 3, 4, 5, 126, 0} {
		number(n)
	}
	text("db", "9.6.24", "9.6.24")
	entry := func(id int, tag, desc, copy, schema string) {
		number(id)
		number(1)
		text("0", "0", tag, desc)
		number(3)
		text("", "", copy, schema, "")
		if minor >= 14 {
			text("")
		}
		if minor >= 16 {
			number('r')
		}
		text("owner", "false", "17")
		number(-1)
		b.Write(make([]byte, 9))
	}
	number(2)
	entry(5, "lapi_parameters", "TABLE DATA", "COPY lapi_parameters (ledger_end, participant_id) FROM stdin;\n", "participant")
	entry(6, "BLOBS", "BLOBS", "", "")
	b.WriteByte(blockData)
	number(5)
	text("7\tx\n\\.", "\n\n\n")
	number(0)
	b.WriteByte(blockBlobs)
	number(6)
	number(4711)
	text("large")
	number(0)
	number(0)
	return b.Bytes()
}

// pg_restore reads what this package cannot.
func TestProgram(t *testing.T) {
	const program = "/usr/lib/postgresql/15/bin/pg_restore"
	if _, err := os.Stat(program); err != nil {
		t.Skip("pg_restore 15 is not installed")
	}
	m := &meter{ctx: t.Context()}
	for _, path := range []string{"testdata/participant_0.15.custom", "testdata/participant_0.15.dir"} {
		s := source{path: path, directory: filepath.Ext(path) == ".dir"}
		a := readByProgram(m, Options{Restore: program}, s, newerError{"1.17"})[0]
		if a.Role != postgres.Participant || a.Position == nil || a.Position.LedgerEnd == nil || *a.Position.LedgerEnd != 62 || !*a.Complete || a.Kind == Plain {
			t.Errorf("%s: %+v, position %+v", path, a, a.Position)
		}
	}
	a := readByProgram(m, Options{Restore: program}, source{path: "testdata/participant_0.18.custom"}, newerError{"1.17"})[0]
	if a.Complete != nil || a.Position != nil || !strings.Contains(a.Problems[0], "could not read it either") {
		t.Errorf("%+v", a)
	}
}

func TestOpen(t *testing.T) {
	for path, want := range map[string]Kind{"testdata/participant_0.18.custom": Custom, "testdata/cantonnet_sv.18.sql.zstd": Plain, "testdata/all.15.sql": Cluster, "testdata/cantonnet_sv.15.dir": Directory} {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(s)
		if err != nil || s.Close() != nil || s.Kind != want {
			t.Errorf("%s: %s, %v", path, s.Kind, err)
		}
		switch want {
		case Custom:
			if file, _ := os.ReadFile(path); !bytes.Equal(data, file) {
				t.Errorf("%s comes out otherwise", path)
			}
		case Plain, Cluster:
			if !looksSQL(data) {
				t.Errorf("%s: %.60q", path, data)
			}
		case Directory:
			if !isTar(data) || !bytes.Contains(data, magic) {
				t.Errorf("%s is no tar stream", path)
			}
		}
	}
	for _, path := range []string{"testdata", "testdata/make.sh", "testdata/cantonnet_sv.15.tar", "/dev/null"} {
		if s, err := Open(path); err == nil {
			t.Errorf("%s is a %s", path, s.Kind)
		}
	}
}

func seeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/*_*.1*")
	for _, path := range files {
		if data, err := os.ReadFile(path); err == nil && len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Add(archiveOf(12))
	f.Add([]byte(`{"id":"PAR::x","keys":[{}],"authorizedStoreSnapshot":"x"}`))
}

// Whatever the bytes are, they are one artifact or more, each with a kind, and none that is whole without an end.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		all := bytesOf(data)
		if len(all) == 0 && len(data) > 0 {
			t.Fatal("no artifact")
		}
		for _, a := range all {
			if a.Kind == "" || a.Complete != nil && !*a.Complete && len(a.Problems) == 0 {
				t.Errorf("%+v", a)
			}
		}
	})
}

// SQL says the same however it comes in.
func FuzzScan(f *testing.F) {
	f.Add("SELECT E'a\\';', $x$;$x$ /* ; */ -- ;\n;\nCOPY t (a) FROM stdin;\n1\n\\.\nCOPY skip (a) FROM stdin;\n1\n\\.\n\\connect x\n")
	f.Fuzz(func(t *testing.T, text string) {
		whole, bytewise := scanned(strings.NewReader(text)), scanned(iotest.OneByteReader(strings.NewReader(text)))
		if !slices.Equal(whole, bytewise) {
			t.Errorf("%q and %q", whole, bytewise)
		}
	})
}

func FuzzStatements(f *testing.F) {
	for _, s := range []string{`COPY a.b (c, "D") FROM stdin;`, `\connect -reuse-previous=on "dbname='a'"`, ` (a) VALUES (1), ('x''y');`, "1\t\\N\t\\x41\\101", "SET search_path = a, b;", "2026-11-22 10:15:00 UTC"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parseCopy([]byte(text))
		parseConnect(text)
		parseSearchPath([]byte(text))
		parseClock(text, nil)
		if rows, columns, err := parseValues([]byte(text), true); err == nil && (len(rows) == 0 || len(columns) == 0) {
			t.Errorf("%v %v", rows, columns)
		}
		columns := []string{"a", "b", "c"}
		if r, err := parseRow([]byte(text), columns); err == nil && len(r) != len(columns) {
			t.Errorf("%v", r)
		}
	})
}

func FuzzArchive(f *testing.F) {
	for minor := byte(oldestMinor); minor <= newestMinor; minor++ {
		f.Add(archiveOf(minor))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readHeader(bufio.NewReader(bytes.NewReader(data)), nil)
		if err == nil {
			_ = a.walk(&database{}, true)
		}
	})
}
