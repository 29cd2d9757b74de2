package postgres

import (
	"slices"
	"strings"
	"testing"
)

func TestMissingRights(t *testing.T) {
	row := func(super, creates, owner, owns, gives string) [][]string {
		return [][]string{{"sv user", super, creates, "cantonnet", "postgres", "false", "false"}, {"sv user", super, creates, "participant_0", owner, owns, gives}}
	}
	for _, c := range []struct {
		name string
		rows [][]string
		ask  string
		want []string
	}{
		{"a superuser", row("true", "false", "postgres", "true", "true"), "participant_0", nil},
		{"the owner, who may create", row("false", "true", "sv user", "true", "true"), "participant_0", nil},
		{"the owner, who may not", row("false", "false", "sv user", "true", "true"), "participant_0", []string{`(ALTER ROLE "sv user" CREATEDB)`}},
		{"another's", row("false", "true", "postgres", "false", "false"), "participant_0", []string{`who owns participant_0, so it may not rename it (GRANT "postgres" TO "sv user")`}},
		{"a member who cannot act as the owner", row("false", "true", "app", "true", "false"), "participant_0", []string{`(GRANT "app" TO "sv user" WITH SET TRUE)`}},
		{"neither", row("false", "false", "postgres", "false", "false"), "participant_0", []string{"CREATEDB", "may not rename"}},
		{"a database that is not there", row("false", "true", "postgres", "false", "false"), "participant_9", nil},
	} {
		r, err := ReadRights(c.rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Missing([]string{c.ask})
		if !slices.EqualFunc(got, c.want, strings.Contains) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := ReadRights(nil, nil); err == nil {
		t.Error("no rows are taken for rights")
	}
}

func TestExtensionsThatCannotBeMade(t *testing.T) {
	r := Rights{User: "x", Extensions: map[string]bool{"pg_trgm": true, "file_fdw": false}}
	absent, untrusted := r.Cannot([]string{"pg_trgm", "postgis", "file_fdw"})
	if !slices.Equal(absent, []string{"postgis"}) || !slices.Equal(untrusted, []string{"file_fdw"}) {
		t.Errorf("absent %q, untrusted %q", absent, untrusted)
	}
	r.Super = true
	if _, untrusted := r.Cannot([]string{"file_fdw"}); len(untrusted) > 0 {
		t.Errorf("a superuser cannot install %q", untrusted)
	}
}

func TestProgramsThatCanLoad(t *testing.T) {
	for _, c := range []struct {
		kind                     string
		dumper, programs, server int
		want                     string
	}{
		{"custom", 14, 14, 14, ""},
		{"custom", 15, 14, 18, ""}, // the format did not change from 12 to 15
		{"custom", 16, 15, 16, "too old"},
		{"directory", 17, 16, 17, "too old"},
		{"custom", 18, 17, 18, ""},
		{"custom", 15, 17, 16, "too new"},
		{"custom", 15, 17, 17, ""},
		{"custom", 15, 18, 14, "too new"},
		{"plain", 17, 14, 17, ""},
		{"plain", 15, 18, 14, ""},
		{"custom", 0, 14, 14, ""},
		{"custom", 17, 0, 17, ""},
	} {
		if got := CannotLoad(c.kind, c.dumper, c.programs, c.server); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
