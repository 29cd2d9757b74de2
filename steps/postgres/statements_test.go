package postgres

import (
	"slices"
	"strings"
	"testing"
)

func TestIdentifiersAreQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"cantonnet_sv":                `"cantonnet_sv"`,
		"participant-3":               `"participant-3"`,
		`a"; DROP DATABASE "b`:        `"a""; DROP DATABASE ""b"`,
		"Ünï":                         `"Ünï"`,
		strings.Repeat("x", 63):       `"` + strings.Repeat("x", 63) + `"`,
		"":                            "",
		"a\x00b":                      "",
		"a\xffb":                      "",
		strings.Repeat("x", 64):       "",
		strings.Repeat("ü", 31) + "x": `"` + strings.Repeat("ü", 31) + `x"`,
	} {
		got, err := Identifier(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Identifier(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestStatementsAreRecognisedWithTheirParts(t *testing.T) {
	must := func(s Statement, err error) Statement {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	odd := `o'dd "name\`
	icu := Traits{Owner: "cnadmin", Encoding: "UTF8", Collate: "C", Ctype: "C", Provider: "i", Locale: "und"}
	rules := icu
	rules.Rules = "&a < b"
	for _, c := range []struct {
		s    Statement
		name string
		want []string
	}{
		{Look(), "look", nil},
		{Begin(), "begin", nil},
		{Databases(), "databases", nil},
		{must(Ledger("participant", LedgerEndColumn, "", ParticipantColumn)), "ledger", []string{"ledger_end", "", "participant_id", "participant"}},
		{must(Stores("sv")), "stores", []string{"store_id", "migration_id", "last_ingested_offset", "sv"}},
		{must(RenameTo(Rename{"a", odd})), "rename", []string{"a", odd}},
		{must(Comment("a", odd)), "comment", []string{"a", odd}},
		{must(Comment("a", "")), "comment", []string{"a"}},
		{must(Drop("svrescue_old_sv_1")), "drop", []string{"svrescue_old_sv_1"}},
		{must(Create("n", Traits{"o", "UTF8", "C", "C", "", "", ""})), "create", []string{"n", "o", "UTF8", "C", "C"}},
		{must(Create("n", Traits{"o", "UTF8", "C", "C", "c", "", ""})), "create", []string{"n", "o", "UTF8", "C", "C"}},
		{must(Create("n", icu)), "create", []string{"n", "cnadmin", "UTF8", "C", "C", "und"}},
		{must(Create("n", rules)), "create", []string{"n", "cnadmin", "UTF8", "C", "C", "und", "&a < b"}},
	} {
		name, parts, ok := Recognise(c.s.SQL)
		if !ok || name != c.name || !slices.Equal(parts, c.want) {
			t.Errorf("%s: recognised as %q %q (%v), want %q %q", c.s.SQL, name, parts, ok, c.name, c.want)
		}
	}
	for _, sql := range []string{"SELECT 1", "DROP DATABASE IF EXISTS \"a\" WITH (FORCE); SELECT 1", `ALTER DATABASE "a" RENAME TO b`} {
		if name, _, ok := Recognise(sql); ok {
			t.Errorf("%s was recognised as %s", sql, name)
		}
	}
}

func TestOnlyOursIsDroppedAndLoaded(t *testing.T) {
	for _, name := range []string{"cantonnet_sv", "participant_0", "", "x_svrescue_new_"} {
		if _, err := Drop(name); err == nil {
			t.Errorf("%q would be dropped", name)
		}
		if _, err := Archive(Place{User: "cnadmin", Port: 5432}, name); err == nil {
			t.Errorf("%q would be loaded into", name)
		}
	}
	if _, err := Plain(Place{User: "cnadmin", Port: 5432}, "svrescue_new_a host=elsewhere"); err == nil {
		t.Error("a connection string was taken for a name")
	}
	if _, err := Create("n", Traits{"o", "UTF8", "C", "C", "z", "", ""}); err == nil {
		t.Error("an unknown locale provider was accepted")
	}
}

func TestCommandsAreRecognised(t *testing.T) {
	c, err := Archive(Place{User: "cnadmin", Port: 5432}, "svrescue_new_sv_1")
	if err != nil {
		t.Fatal(err)
	}
	name, args, ok := RecogniseCommand(c.Argv)
	if !ok || name != RestoreArchive || !slices.Equal(args, []string{"cnadmin", "svrescue_new_sv_1", "", "5432"}) {
		t.Errorf("recognised as %q %q %v", name, args, ok)
	}
	if _, _, ok := RecogniseCommand([]string{"sh", "-c", "rm -rf /", "svrescue"}); ok {
		t.Error("another script was recognised")
	}
}

func TestHostsAreChecked(t *testing.T) {
	for host, good := range map[string]bool{
		"participant-pg": true, "pg.sv.svc.cluster.local": true, "10.0.0.7": true, "fd00::1": true, "a.b.": true, "my_host": true,
		"": false, "-oProxy": false, "a b": false, "$(id)": false, "a;id": false, "a/../b": false, "a\nb": false, "a'b": false,
	} {
		if err := CheckHost(host, 5432); (err == nil) != good {
			t.Errorf("CheckHost(%q) = %v", host, err)
		}
	}
	for _, port := range []int{0, -1, 65536} {
		if CheckHost("a", port) == nil {
			t.Errorf("port %d was accepted", port)
		}
	}
}

func TestAnswersOfPrograms(t *testing.T) {
	n, err := ParseFree("Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/my disk      1000000  400000    600000      40% /var/lib/post gres\n")
	if err != nil || n != 600000<<10 {
		t.Errorf("ParseFree = %d, %v", n, err)
	}
	if _, err := ParseFree("df: no such file"); err == nil {
		t.Error("an error was taken for a number")
	}
	for text, want := range map[string]int{"pg_restore (PostgreSQL) 15.4 (Debian 15.4-1.pgdg)": 15, "17beta1": 17, "14.9": 14, "": 0, "sh: not found": 0} {
		if got := ParseVersion(text); got != want {
			t.Errorf("ParseVersion(%q) = %d, want %d", text, got, want)
		}
	}
}
