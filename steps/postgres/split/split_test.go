package split

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const plain = `--
-- PostgreSQL database dump
--

\restrict abcDEF

SET statement_timeout = 0;
SET transaction_timeout = 0;
SET standard_conforming_strings = on;
CREATE SCHEMA participant;
ALTER SCHEMA participant OWNER TO cnadmin;
CREATE FUNCTION participant.f() RETURNS text
    LANGUAGE plpgsql
    AS $_$
BEGIN
\connect elsewhere
DROP DATABASE participant_0;
  RETURN 'it''s; $$ fine';
END;
$_$;
ALTER FUNCTION participant.f() OWNER TO cnadmin;
CREATE TABLE participant.t (
    a text DEFAULT 'x;
\! rm -rf /
GRANT ALL ON x TO y;
' NOT NULL, -- a comment; with a semicolon
    "odd;name" integer
);
COMMENT ON TABLE participant.t IS E'it\'s; -- no comment
DROP TABLE x;';
COPY participant.t (a, "odd;name") FROM stdin;
it's; a 'row	1
\\connect elsewhere	2
GRANT ALL ON x TO y;	3
-- PostgreSQL database dump complete	4
\.


GRANT SELECT ON TABLE participant.t TO readonly;
ALTER TABLE ONLY participant.t ADD CONSTRAINT pk PRIMARY KEY (a);
--
-- PostgreSQL database dump complete
--

\unrestrict abcDEF

`

const passed = `BEGIN;
--
-- PostgreSQL database dump
--


SET statement_timeout = 0;

SET standard_conforming_strings = on;
CREATE SCHEMA participant;

CREATE FUNCTION participant.f() RETURNS text
    LANGUAGE plpgsql
    AS $_$
BEGIN
\connect elsewhere
DROP DATABASE participant_0;
  RETURN 'it''s; $$ fine';
END;
$_$;

CREATE TABLE participant.t (
    a text DEFAULT 'x;
\! rm -rf /
GRANT ALL ON x TO y;
' NOT NULL, -- a comment; with a semicolon
    "odd;name" integer
);
COMMENT ON TABLE participant.t IS E'it\'s; -- no comment
DROP TABLE x;';
COPY participant.t (a, "odd;name") FROM stdin;
it's; a 'row	1
\\connect elsewhere	2
GRANT ALL ON x TO y;	3
-- PostgreSQL database dump complete	4
\.



ALTER TABLE ONLY participant.t ADD CONSTRAINT pk PRIMARY KEY (a);
--
-- PostgreSQL database dump complete
--


COMMIT;
`

func read(text, database string, cluster bool) (string, error) {
	b, err := io.ReadAll(SQL(strings.NewReader(text), database, cluster))
	return string(b), err
}

func TestPlainDumpPassesWithoutWhatReachesBeyondItsDatabase(t *testing.T) {
	got, err := read(plain, "", false)
	if err != nil || got != passed {
		t.Errorf("%v\n%s", err, got)
	}
	again, err := io.ReadAll(iotest.OneByteReader(SQL(iotest.HalfReader(strings.NewReader(plain)), "", false)))
	if err != nil || string(again) != passed {
		t.Errorf("in small pieces: %v\n%s", err, again)
	}
}

func cluster(sections ...string) string {
	text := "--\n-- PostgreSQL database cluster dump\n--\n\nSET default_transaction_read_only = off;\nCREATE ROLE cnadmin;\nALTER ROLE cnadmin WITH SUPERUSER PASSWORD 'SCRAM-SHA-256$4096:x';\n\n\\connect template1\n\n" +
		"--\n-- PostgreSQL database dump\n--\nSET lock_timeout = 0;\n--\n-- PostgreSQL database dump complete\n--\n"
	for _, name := range sections {
		text += "--\n-- Database \"" + name + "\" dump\n--\n--\n-- PostgreSQL database dump\n--\nSET lock_timeout = 0;\nCREATE DATABASE " + name +
			" WITH TEMPLATE = template0;\nALTER DATABASE " + name + " OWNER TO cnadmin;\n\\connect " + name + "\nSET lock_timeout = 0;\nALTER DATABASE " + name +
			" SET search_path = x;\nCREATE TABLE public.of_" + strings.Trim(name, `"`) + " ();\n--\n-- PostgreSQL database dump complete\n--\n\n"
	}
	return text + "--\n-- PostgreSQL database cluster dump complete\n--\n"
}

func TestOnlyTheSectionOfTheDatabasePasses(t *testing.T) {
	got, err := read(cluster("cantonnet_scan", "cantonnet_sv", "cantonnet_validator"), "cantonnet_sv", true)
	if err != nil || got != "BEGIN;\nSET lock_timeout = 0;\n\nCREATE TABLE public.of_cantonnet_sv ();\n--\n-- PostgreSQL database dump complete\nCOMMIT;\n" {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := read(cluster("participant_0"), "", true); err != nil || !strings.Contains(got, "of_participant_0") || !strings.HasSuffix(got, "COMMIT;\n") {
		t.Errorf("the only database: %v\n%s", err, got)
	}
	for _, c := range []struct{ text, database string }{
		{cluster("a", "b"), ""},
		{cluster("a", "b"), "c"},
		{strings.Replace(cluster("a", "b"), "CREATE TABLE public.of_b ();\n--\n-- PostgreSQL database dump complete", "", 1), "b"},
	} {
		if got, err := read(c.text, c.database, true); err == nil || strings.Contains(got, "COMMIT") {
			t.Errorf("%q was found: %v\n%s", c.database, err, got)
		}
	}
}

func TestWhatIsNotWholeOrNotKnownIsNeverCommitted(t *testing.T) {
	for name, text := range map[string]string{
		"cut in data":        plain[:strings.Index(plain, "GRANT ALL ON x TO y;	3")],
		"cut between":        plain[:strings.Index(plain, "GRANT SELECT")],
		"shell":              strings.Replace(plain, "CREATE SCHEMA participant;", "\\! id", 1),
		"program":            strings.Replace(plain, "CREATE SCHEMA participant;", "\\copy t from program 'id'", 1),
		"another database":   strings.Replace(plain, "CREATE SCHEMA participant;", "\\connect a\n\\connect b", 1),
		"unknown connection": strings.Replace(plain, "CREATE SCHEMA participant;", "\\connect a host=b", 1),
		"empty":              "",
	} {
		if got, err := read(text, "", false); err == nil || strings.Contains(got, "COMMIT") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	broken := errors.New("truncated stream")
	b, err := io.ReadAll(SQL(io.MultiReader(strings.NewReader(plain), iotest.ErrReader(broken)), "", false))
	if !errors.Is(err, broken) || strings.Contains(string(b), "COMMIT") {
		t.Errorf("a broken stream: %v", err)
	}
}

func TestNamesInConnect(t *testing.T) {
	for arg, want := range map[string]string{
		"participant_0":                             "participant_0",
		`"Odd""name"`:                               `Odd"name`,
		`-reuse-previous=on "dbname='my db'"`:       "my db",
		`-reuse-previous=on "dbname='it\'s""x'"`:    `it's"x`,
		`-reuse-previous=on "dbname=participant-0"`: "participant-0",
		"a b": "", "": "", `"a`: "",
	} {
		if got, ok := connected(arg); got != want || ok != (want != "") {
			t.Errorf("connected(%q) = %q, %v", arg, got, ok)
		}
	}
}

func TestLongLinesPass(t *testing.T) {
	long := strings.Repeat("0123456789abcdef;'", 40000)
	text := strings.Replace(plain, "it's; a 'row", long, 1)
	text = strings.Replace(text, "'x;\n", "'"+strings.ReplaceAll(long, "'", "''")+"\n", 1)
	got, err := read(text, "", false)
	if err != nil || !strings.HasSuffix(got, "COMMIT;\n") || !strings.Contains(got, long) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
}

func BenchmarkData(b *testing.B) {
	text := strings.Replace(plain, "it's; a 'row", strings.Repeat("it's; a row with some length to it	1\n", 100000), 1)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = io.Copy(io.Discard, SQL(strings.NewReader(text), "", false))
	}
}

func FuzzSQL(f *testing.F) {
	f.Add(plain, "", false)
	f.Add(cluster("a", "b"), "b", true)
	f.Fuzz(func(t *testing.T, text, database string, cluster bool) {
		got, err := read(text, database, cluster)
		again, err2 := io.ReadAll(SQL(iotest.OneByteReader(strings.NewReader(text)), database, cluster))
		if got != string(again) || (err == nil) != (err2 == nil) {
			t.Errorf("read in pieces it differs: %v, %v", err, err2)
		}
	})
}
