package reach

import (
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/steps/postgres"
)

// What a program says can repeat rows, which can hold keys and tokens: none of it is shown.
func TestLinesHoldNoRows(t *testing.T) {
	var said tail
	for _, line := range []string{
		`pg_restore: error: COPY failed for table "user_tokens": ERROR:  invalid input syntax for type integer: "hunter2"`,
		`CONTEXT:  COPY user_tokens, line 7, column token: "hunter2"`,
		`pg_restore: error: could not execute query: ERROR:  duplicate key value violates unique constraint "pk_tokens"`,
		`DETAIL:  Key (token)=(hunter2) already exists.`,
		`Command was: INSERT INTO user_tokens VALUES ('hunter2',`,
		`'hunter2');`,
		`psql:<stdin>:12: ERROR:  extra data after last expected column`,
		`psql:<stdin>:12: ERROR:  syntax error at or near "hunter2"`,
		`pg_restore: error: connection to server on socket "/tmp/x" failed: FATAL:  role "cnadmin" does not exist`,
		"pg_restore: \x1b]0;evil\x07 done",
	} {
		_, _ = said.Write([]byte(line + "\n"))
	}
	got := said.lines()
	all := strings.Join(got, "\n")
	if strings.Contains(all, "hunter2") || strings.Contains(all, "\x1b") {
		t.Errorf("shown:\n%s", all)
	}
	for _, want := range []string{"user_tokens", "unique constraint", "extra data", "syntax error", "FATAL:  role \"cnadmin\" does not exist"} {
		if !strings.Contains(strings.Join(strings.Fields(all), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%q is missing:\n%s", want, all)
		}
	}
	_, _ = said.Write([]byte(strings.Repeat("pg_restore: more\n", 10000)))
	if got := said.lines(); len(got) != 8 || len(said.text) > tailMax {
		t.Errorf("%d lines, %d bytes are kept", len(got), len(said.text))
	}
}

func TestEndsOfLoadsAreExplained(t *testing.T) {
	for _, c := range []struct {
		code       int
		said, want string
	}{
		{1, `pg_restore: error: unsupported version (1.16) in file header`, "newer pg_dump"},
		{1, `pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"`, "newer pg_dump"},
		{1, `pg_restore: error: could not read from input file: end of file`, "cut off"},
		{1, `psql:<stdin>:3: ERROR:  could not extend file "base/1/2": No space left on device`, "full"},
		{2, `psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "cnadmin"`, "password"},
		{postgres.ExitNoProgram, "the image has no tar", "no tar"},
		{postgres.ExitNoRoom, "tar: x: Cannot write: Disk quota exceeded", "Cannot write"},
		{127, "sh: 9: exec: pg_restore: not found", "no pg_restore"},
		{3, "", "exit code 3"},
	} {
		var said tail
		_, _ = said.Write([]byte(c.said + "\n"))
		p := explain(c.code, said.lines())
		if !strings.Contains(p.Seen, c.want) || p.Next == "" || c.said != "" && !slices.Equal(p.Detail, said.lines()) {
			t.Errorf("%d %q: %q, %q", c.code, c.said, p.Seen, p.Next)
		}
	}
}
