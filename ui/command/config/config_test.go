package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// docs/configuration.md is what the parser reads now.
func TestDocumentation(t *testing.T) {
	const path = "../../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, Document(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Document()) {
		t.Error("docs/configuration.md is not what the table of keys says now: make configuration")
	}
}

// The value of a key goes where no other key's goes, and its example is right.
func TestEveryKeyHasAPlaceOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, k := range keys() {
		for _, name := range []string{"path " + k.Path, "variable " + k.Env()} {
			if other := seen[name]; other != "" {
				t.Errorf("%s and %s have the same %s", k.Path, other, name)
			}
			seen[name] = k.Path
		}
		if k.Help == "" || !strings.HasSuffix(k.Help, ".") {
			t.Errorf("the help of %s is no sentence: %q", k.Path, k.Help)
		}
		var c Config
		if why := k.set(&c, strings.Split(k.Example, "\n")); why != "" {
			t.Errorf("the example of %s %s", k.Path, why)
		}
		var same Config
		if why := k.set(&same, k.Values(c)); why != "" || !cmp.Equal(same, c) {
			t.Errorf("%s does not give back its value: %v %s", k.Path, k.Values(c), why)
		}
		changed := 0
		for _, other := range keys() {
			if !cmp.Equal(other.field(&c), other.field(&Config{})) {
				changed++
			}
		}
		if changed != 1 {
			t.Errorf("%s changes %d values", k.Path, changed)
		}
	}
}

func TestParse(t *testing.T) {
	text := `# a comment
kubeconfig: kube/config
context: 'prod'
namespace: sv-1   # after a value
runDir:
operator: 7
hosts:
  scan: https://scan.sv.example.com
  sv:
ca: /etc/ca.pem
oidc:
  audiences: {sv: https://sv.example.com/api}
  discovery: https://p.example.com/.well-known/openid-configuration
peers: https://scan.sv-2.example.com
backups:
  folders:
    - /mnt/a
    - /mnt/b
  zone: "+02:00"
retention: 30d
`
	want := Config{Kubeconfig: "kube/config", Context: "prod", Namespace: "sv-1", Operator: "7", Hosts: Hosts{Scan: "https://scan.sv.example.com"}, CA: "/etc/ca.pem",
		OIDC:  OIDC{Discovery: "https://p.example.com/.well-known/openid-configuration", Audiences: Audiences{SV: "https://sv.example.com/api"}},
		Peers: []string{"https://scan.sv-2.example.com"}, Backups: Backups{Folders: []string{"/mnt/a", "/mnt/b"}, Zone: "+02:00"}, Retention: 30 * 24 * time.Hour}
	got, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, nothing := range []string{"", "\n", "# only a comment\n", "---\n", "hosts:\n", "peers: []\n"} {
		if c, err := Parse([]byte(nothing)); err != nil || !cmp.Equal(c, Config{}) {
			t.Errorf("%q gives %+v, %v", nothing, c, err)
		}
	}
}

func TestEntries(t *testing.T) {
	text := `
backups:
  managed:
    - server: db.example.com:5432
      command: [/usr/bin/newest, "a, b", "--of={x}"]
    - {server: "pg:5432", taken: 2026-11-22T01:00:00+01:00, until: 2026-11-29}
copies: {what: sv-key, where: "safe, in Zurich", until: 2027-03-01}
acknowledged:
- condition: clock
  why: known
  until: 2027-01-15T12:00:00Z
`
	day := func(m time.Month, d, h int) time.Time { return time.Date(2027, m, d, h, 0, 0, 0, time.UTC) }
	want := Config{Backups: Backups{Managed: ManagedList{{Server: "db.example.com:5432", Command: []string{"/usr/bin/newest", "a, b", "--of={x}"}},
		{Server: "pg:5432", Taken: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)}}},
		Copies:       CopyList{{What: "sv-key", Where: "safe, in Zurich", Until: day(3, 1, 0)}},
		Acknowledged: AcknowledgementList{{Condition: "clock", Why: "known", Until: day(1, 15, 12)}}}
	got, err := Parse([]byte(text))
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%v %s", err, cmp.Diff(want, got))
	}
	fill, env := map[string]Fill{}, map[string]string{}
	for _, k := range keys() {
		if v := k.Values(got); k.Kind == Entries {
			fill[k.Path] = Fill{Values: v}
			env[k.Env()] = "[" + strings.Join(v, ", ") + "]"
		}
	}
	written := Commented(nil, fill)
	if again, err := Parse(written); err != nil || !cmp.Equal(again, want) {
		t.Errorf("%v %s\n%s", err, cmp.Diff(want, again), written)
	}
	c, err := Load("", false, func(name string) string { return env[name] })
	if err != nil || !cmp.Equal(c, want) {
		t.Errorf("from the environment: %v %s", err, cmp.Diff(want, c))
	}
}

func TestParseTellsWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"namespaces: sv", `line 1: there is no key "namespaces"; did you mean "namespace"?`},
		{"context: a\n\nNameSpace: sv", `line 3: there is no key "NameSpace"; did you mean "namespace"?`},
		{"hosts:\n  scann: x", `line 2: there is no key "hosts.scann"; did you mean "hosts.scan"?`},
		{"host:\n  scan: x", `line 1: there is no key "host"; did you mean "hosts"?`},
		{"discovery: https://x", `line 1: there is no key "discovery"; did you mean "oidc.discovery"?`},
		{"rundir: x", `did you mean "runDir"?`},
		{"favourite: x", `line 1: there is no key "favourite": docs/configuration.md has all that there are`},
		{"a1: x\ncontext: y\nb2: z", "line 1: there is no key \"a1\": docs/configuration.md has all that there are\n  line 3: there is no key \"b2\""},
		{"context: a\ncontext: b", "line 2: context stands there twice: first in line 1"},
		{"context: [a]", "line 1: context is no text"},
		{"context: {a: b}", "line 1: context is no text"},
		{"context: ''", "line 1: context is no text"},
		{"context: *x", "unknown anchor"},
		{"x: &a y\ncontext: *a", "line 2: context is no text"},
		{"hosts: https://x", "line 1: hosts holds keys with their values, such as: sv: https://sv.sv.example.com"},
		{"- a", "line 1: the file holds keys with their values, such as: kubeconfig: /home"},
		{"hosts:\n  sv: sv.example.com", "line 2: hosts.sv is not an address: write it as https://"},
		{"hosts:\n  sv: https://u:hidden@sv.example.com", "line 2: hosts.sv has a user name or a password in it"},
		{"peers:\n- https://a.example.com\n- https://b.example.com?x=hidden", "line 2: peers has more than a host and a path"},
		{"peers: [[https://a]]", "line 1: peers is no list of addresses"},
		{"backups: {folders: mnt/backup}", "line 1: backups.folders is not an absolute path"},
		{"ca: ca.pem", "line 1: ca is not an absolute path"},
		{"retention: 30", "line 1: retention is not a length of time: write it as 30d or 720h"},
		{"retention: -3d", "is not a length of time"},
		{"backups: {zone: Mars}", "line 1: backups.zone is not a zone"},
		{"oidc: {token: hidden}", "line 1: oidc.token is no reference to a secret: write it as env:NAME, file:/PATH or stdin, and never the secret itself"},
		{"oidc: {client: {secret: 'file:hidden'}}", "oidc.client.secret is no reference"},
		{"acknowledged:\n- condition: clock\n  why: hidden", "line 2: an entry of acknowledged has no until: when it counts again"},
		{"acknowledged:\n- {condition: clock, why: x, untill: 2027-01-01}", `line 2: an entry of acknowledged has no "untill": did you mean "until"?`},
		{"acknowledged:\n- {condition: clock, why: x, until: hidden}", "line 2: until of acknowledged is no time: write it as 2027-03-01"},
		{"acknowledged:\n- {condition: clock, why: x, until: 2027-01-01}\n- {condition: clock, why: y, until: 2027-01-01}", "line 2: acknowledged names a condition twice"},
		{"acknowledged: forever", "line 1: acknowledged is a list of entries, each with condition, why, until"},
		{"copies: {what: sv-key, where: '', until: 2027-01-01}", "line 1: where of copies is no text"},
		{"copies: {what: sv-key, what: sv-key, where: x, until: 2027-01-01}", "line 1: an entry of copies has what twice"},
		{"backups: {managed: [{server: db:5432, command: [a], until: 2027-01-01}]}", "line 1: backups.managed has an entry with a command and a word of yours"},
		{"backups: {managed: [{server: db:5432, taken: 2027-01-01}]}", "line 1: backups.managed has an entry without an end"},
		{"backups: {managed: [{server: db, command: [a]}]}", "line 1: backups.managed has a server without its port"},
		{"backups: {managed: [{server: db:5432, command: [a, {b: c}]}]}", "line 1: command of backups.managed is no program"},
		{"context: a\n---\ncontext: b", "a second document begins"},
		{"context: [", "line 1: "},
		{"\tcontext: a", "cannot start any token"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: the value is in the error: %v", c.text, err)
		}
	}
}

// What is written with every key filled reads back as that, and what is commented out reads back when the # is taken away.
func TestCommentedReadsBack(t *testing.T) {
	fill := map[string]Fill{}
	var want Config
	for _, k := range keys() {
		values := strings.Split(k.Example, "\n")
		fill[k.Path] = Fill{Values: slices.Clone(values), From: "somewhere", Notes: []string{"Look at: this # and that."}}
		k.set(&want, values)
	}
	full := Commented([]string{"head: of the file", "", "more"}, fill)
	if got, err := Parse(full); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v %s\n%s", err, cmp.Diff(want, got), full)
	}
	empty := Commented(nil, map[string]Fill{"hosts.sv": {Why: "no ingress was there"}})
	if got, err := Parse(empty); err != nil || !cmp.Equal(got, Config{}) {
		t.Errorf("%v %+v\n%s", err, got, empty)
	}
	if !strings.Contains(string(empty), "  # NOT SEEN: no ingress was there.\n  #sv: https://") {
		t.Errorf("the reason is not there:\n%s", empty)
	}
	var lines []string
	for line := range strings.SplitSeq(string(empty), "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "#"); ok && !strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "  - ") || strings.HasPrefix(rest, "    ") {
			line = strings.Replace(line, "#", "", 1)
		}
		lines = append(lines, line)
	}
	if got, err := Parse([]byte(strings.Join(lines, "\n"))); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v %s\n%s", err, cmp.Diff(want, got), strings.Join(lines, "\n"))
	}
	for line := range strings.SplitSeq(string(full), "\n") {
		if len(line) > 100 {
			t.Errorf("%d letters: %s", len(line), line)
		}
	}
}

// Texts that YAML would take for something else are written so that they stay texts.
func TestScalar(t *testing.T) {
	for _, v := range []string{"yes", "null", "7", "a: b", "#x", "- y", "*z", "'", `"`, " space ", "ü", "a\nb", "{a}", "@x", "0x1F", "~"} {
		got, err := Parse([]byte("context: " + scalar(v) + "\n"))
		if err != nil || got.Context != strings.TrimSpace(v) {
			t.Errorf("%q is written %s and read %q, %v", v, scalar(v), got.Context, err)
		}
	}
}

func TestTheEnvironmentComesBeforeTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "svrescue.yaml")
	if err := os.WriteFile(path, []byte("context: from-file\nnamespace: from-file\nretention: 10d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SVRESCUE_CONTEXT": "from-env", "SVRESCUE_HOSTS_SCAN": "https://scan.example.com", "SVRESCUE_OIDC_AUDIENCES_SV": "a", "SVRESCUE_RUN_DIR": "runs",
		"SVRESCUE_PEERS": "https://a.example.com,https://b.example.com", "SVRESCUE_BACKUPS_FOLDERS": "/a:/b", "SVRESCUE_RETENTION": "720h"}
	c, err := Load(path, false, func(name string) string { return env[name] })
	want := Config{Context: "from-env", Namespace: "from-file", RunDir: "runs", Hosts: Hosts{Scan: "https://scan.example.com"}, OIDC: OIDC{Audiences: Audiences{SV: "a"}},
		Peers: []string{"https://a.example.com", "https://b.example.com"}, Backups: Backups{Folders: []string{"/a", "/b"}}, Retention: 720 * time.Hour}
	if err != nil || !cmp.Equal(c, want) {
		t.Errorf("%v %s", err, cmp.Diff(want, c))
	}
	env["SVRESCUE_RETENTION"] = "hidden"
	if _, err := Load(path, false, func(name string) string { return env[name] }); err == nil || err.Error() !=
		"the environment is not right: SVRESCUE_RETENTION is not a length of time: write it as 30d or 720h" {
		t.Error(err)
	}
}

func TestAMissingFileIsFineOnlyWhereNobodyNamedItOrItIsToBeWritten(t *testing.T) {
	empty := func(string) string { return "" }
	missing := filepath.Join(t.TempDir(), "svrescue.yaml")
	if _, err := Load(missing, true, empty); err != nil {
		t.Error(err)
	}
	if _, err := Load("", false, func(name string) string { return map[string]string{"HOME": t.TempDir()}[name] }); err != nil {
		t.Error(err)
	}
	if _, err := Load(missing, false, empty); err == nil {
		t.Error("a file that is named and missing is taken for an empty one")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("context: a\nhosts: {sv: https://x.example.com}\npeers:\n- https://y.example.com\n")
	f.Add("a: &a [*a]\n? b\n: c\n<<: *a\n")
	f.Fuzz(func(t *testing.T, text string) { // no text may make it panic or never end
		_, _ = Parse([]byte(text))
	})
}

// Whatever entries a configuration has, they are written so that they read back.
func FuzzEntries(f *testing.F) {
	f.Add("copies: [{what: a, where: 'b, c', until: 2027-01-01}]")
	f.Add("backups: {managed: [{server: 'a:1', command: [x, '- y', '#z']}]}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse([]byte(text))
		if err != nil {
			return
		}
		for _, k := range keys() {
			if k.Kind != Entries {
				continue
			}
			var same Config
			if why := k.set(&same, k.Values(c)); why != "" || !cmp.Equal(same.Copies, c.Copies) && k.Path == "copies" {
				t.Errorf("%q: %v %s", text, k.Values(c), why)
			}
		}
	})
}
