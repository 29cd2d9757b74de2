package triage_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	. "canton.example/svrescue/steps/triage"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/triage-situations.md anew")

var paths = []string{Restore, Reonboard, Network}

func verdicts(r Result) (v [3]Verdict) {
	for i, p := range paths {
		v[i] = r.Path(p).Verdict
	}
	return v
}

func TestSituations(t *testing.T) {
	all := situations()
	if len(all) < 60 {
		t.Fatalf("only %d situations", len(all))
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			r := Judge(s.evidence, now)
			if got := verdicts(r); r.Situation != s.want || got != s.paths {
				t.Errorf("got %s %v, want %s %v\n%s", r.Situation, got, s.want, s.paths, document(t, r))
			}
			if s.aid != "" && !slices.ContainsFunc(r.FirstAid, func(a FirstAid) bool { return a.ID == s.aid }) {
				t.Errorf("no first aid %s in %s", s.aid, document(t, r.FirstAid))
			}
			if !strings.Contains(document(t, r), s.says) {
				t.Errorf("nothing says %q in %s", s.says, document(t, r))
			}
			wellFormed(t, r)
		})
	}
}

func document(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var jargon = regexp.MustCompile(`%!|\bnil\b|\berr\b|\bstruct\b|goroutine|0001-01-01|map\[|\[\]|[{}]|  |\.\.|undetermined|wire\.`)

// wellFormed is what holds of every result.
func wellFormed(t *testing.T, r Result) {
	t.Helper()
	ids := map[string]bool{}
	text := func(what, s string) {
		t.Helper()
		word, _, _ := strings.Cut(s, " ")
		switch first := []rune(s + " ")[0]; {
		case s == "", !unicode.IsUpper(first) && !strings.ContainsAny(strings.TrimRight(word, ".,:;"), "-_./0123456789"), !strings.ContainsRune(".?", rune(s[len(s)-1])), jargon.MatchString(s):
			t.Errorf("%s is not plain sentences: %q", what, s)
		}
	}
	for _, i := range r.Evidence {
		if ids[i.ID] {
			t.Errorf("evidence %s is there twice", i.ID)
		}
		ids[i.ID] = true
		text("evidence "+i.ID, i.Detail)
		if i.Source == "" || !slices.Contains([]Verdict{Holds, Violated, NotDetermined}, i.Verdict) {
			t.Errorf("evidence %s has source %q and verdict %q", i.ID, i.Source, i.Verdict)
		}
	}
	cites := func(what string, evidence []string) {
		t.Helper()
		if len(evidence) == 0 {
			t.Errorf("%s stands on no evidence", what)
		}
		for _, id := range evidence {
			if !ids[id] {
				t.Errorf("%s stands on %q, which is not among the evidence", what, id)
			}
		}
	}
	text("summary", r.Summary)
	recommended := 0
	for _, p := range r.Paths {
		for _, reason := range slices.Concat(p.For, p.Against) {
			text(p.Path, reason.Text)
			cites(p.Path+": "+reason.Text, reason.Evidence)
		}
		for _, s := range slices.Concat(p.Lost, p.Needs, []string{p.Takes}) {
			text(p.Path, s)
		}
		switch p.Verdict {
		case Recommended:
			recommended++
			if len(p.For) == 0 {
				t.Errorf("%s is recommended for no reason", p.Path)
			}
		case Possible, Impossible, NotDetermined:
			if len(p.Against) == 0 {
				t.Errorf("%s is %s and nothing is said against it", p.Path, p.Verdict)
			}
		default:
			t.Errorf("%s has the verdict %q", p.Path, p.Verdict)
		}
	}
	if len(r.Paths) != 3 || recommended > 1 {
		t.Errorf("%d paths, %d of them recommended", len(r.Paths), recommended)
	}
	for _, a := range r.FirstAid {
		for _, s := range []string{a.Seen, a.Means, a.First} {
			text("first aid "+a.ID, s)
		}
		cites("first aid "+a.ID, a.Evidence)
	}
	for _, q := range r.Questions {
		text("question "+q.ID, q.Text)
		text("question "+q.ID, q.Why)
		if q.Default != DontKnow || !slices.Contains(q.Choices, DontKnow) {
			t.Errorf("question %s cannot be answered with %q", q.ID, DontKnow)
		}
	}
}

// row is a situation in the table: what was judged, what is said, what is to be done first, and what most speaks against the other paths.
func row(s labelled, r Result) string {
	cells := []string{s.name, string(r.Situation)}
	said := []string{r.Summary}
	if len(r.FirstAid) > 0 {
		said = append(said, "*First: "+r.FirstAid[0].First+"*")
	}
	for _, p := range r.Paths {
		if p.Verdict == Recommended {
			cells = append(cells, "**recommended**")
			continue
		}
		cells = append(cells, string(p.Verdict))
		said = append(said, fmt.Sprintf("Against %s: %s", p.Path, p.Against[0].Text))
	}
	cells = append(cells, fmt.Sprint(r.ExitCode()), strings.Join(said, "<br>"))
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", "\\|")
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// The table in docs is what the program judges now.
func TestTable(t *testing.T) {
	const path = "../../docs/triage-situations.md"
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Situations and what triage says of them

Written by %s; the situations are in %s. Exit code 0: a path is recommended,
a cause that is no disaster was found, or nothing is wrong; 6: a person has to look. The last column has the summary, the first of the things
to do first, and of each path that is not recommended the first reason against it.
`, "`go test ./steps/triage -run TestTable -update`", "`steps/triage/situations_test.go`")
	group := ""
	for _, s := range situations() {
		if s.group != group {
			group = s.group
			fmt.Fprintf(&b, "\n## %s\n\n| What is so | Situation | restore | reonboard | network | Exit | What is said |\n|---|---|---|---|---|---|---|\n", group)
		}
		b.WriteString(row(s, Judge(s.evidence, now)))
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(got), b.String()); d != "" {
		t.Errorf("docs/triage-situations.md is not what triage says now, write it with -update:\n%s", d)
	}
}

func TestExitCode(t *testing.T) {
	for _, s := range situations() {
		r := Judge(s.evidence, now)
		benign := slices.Contains([]Situation{Healthy, Fixable, Waiting}, s.want)
		want := 6
		if benign || slices.Contains(s.paths[:], Recommended) {
			want = 0
		}
		if got := r.ExitCode(); got != want {
			t.Errorf("%s: exit code %d, want %d", s.name, got, want)
		}
		if benign && r.Recommended() != "" {
			t.Errorf("%s: %s is recommended although nothing is lost", s.name, r.Recommended())
		}
	}
}

// The document has the shape that scripts rely on, and nothing in it is null.
func TestDocument(t *testing.T) {
	for _, e := range []Evidence{{}, whole()} {
		text := document(t, Judge(e, now))
		if strings.Contains(text, "null") {
			t.Errorf("something is null in %s", text)
		}
		var d struct {
			Version   int
			Situation string
			FirstAid  []any `json:"first_aid"`
			Release   map[string]string
			Evidence  []map[string]any
			Paths     []map[string]any
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if d.Version != 1 || len(d.Paths) != 3 || d.Release["family"] == "" || d.Release["ordering"] == "" {
			t.Errorf("the document is %s", text)
		}
	}
}

// readings are those of every part, the scans of the peers included.
func readings(e *Evidence) []*Reading {
	all := []*Reading{&e.Own.Reading, &e.Cluster.Reading, &e.Pods.Reading, &e.Storage.Reading, &e.Leftovers.Volumes.Reading, &e.Leftovers.Claims.Reading, &e.Leftovers.Secrets.Reading,
		&e.Databases.Reading, &e.Chain.Reading, &e.Apps.Reading, &e.Peers.Reading, &e.Pruning.Reading, &e.Backups.Snapshots.Reading, &e.Backups.Dumps.Reading, &e.Backups.Managed.Reading,
		&e.Identities.Reading, &e.KMS.Reading, &e.Record.Reading, &e.Hold.Reading}
	for i := range e.Peers.Scans {
		all = append(all, &e.Peers.Scans[i].Reading)
	}
	return all
}

// forget is one of the ways to have less evidence: a source that was not read, one that did not answer, an answer that was not given.
func forget(e *Evidence, r *rand.Rand) {
	answers := []*Answer{&e.Answers.DeclaredLost, &e.Answers.BackupsElsewhere, &e.Answers.IdentitiesElsewhere, &e.Answers.OnPurpose, &e.Answers.RightNamespace}
	all := readings(e)
	if r.IntN(5) == 0 {
		*answers[r.IntN(len(answers))] = []Answer{"", DontKnow}[r.IntN(2)]
		return
	}
	reading := all[r.IntN(len(all))]
	switch r.IntN(3) {
	case 0:
		*reading = Reading{}
	case 1:
		reading.Problem = "it did not answer"
	default:
		reading.At = ago(3 * time.Hour)
	}
}

// copied is evidence that shares no list with e.
func copied(t *testing.T, e Evidence) (c Evidence) {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// mixed takes each part from one of the situations, so that things come together that no table thinks of.
func mixed(r *rand.Rand, all []labelled) Evidence {
	from := func() Evidence { return all[r.IntN(len(all))].evidence }
	e := from()
	for _, take := range []func(Evidence){
		func(x Evidence) { e.Own = x.Own }, func(x Evidence) { e.Cluster = x.Cluster }, func(x Evidence) { e.Pods = x.Pods }, func(x Evidence) { e.Storage = x.Storage },
		func(x Evidence) { e.Leftovers = x.Leftovers }, func(x Evidence) { e.Databases = x.Databases }, func(x Evidence) { e.Chain = x.Chain }, func(x Evidence) { e.Apps = x.Apps },
		func(x Evidence) { e.Peers = x.Peers }, func(x Evidence) { e.Pruning = x.Pruning }, func(x Evidence) { e.Backups = x.Backups }, func(x Evidence) { e.Identities = x.Identities },
		func(x Evidence) { e.KMS = x.KMS }, func(x Evidence) { e.Record = x.Record }, func(x Evidence) { e.Hold = x.Hold },
		func(x Evidence) { e.Answers = x.Answers },
	} {
		if r.IntN(3) == 0 {
			take(from())
		}
	}
	if r.IntN(2) == 0 {
		e.Answers.DeclaredLost, e.Answers.BackupsElsewhere = []Answer{Yes, No}[r.IntN(2)], No
	}
	return e
}

func less(t *testing.T, e Evidence, r *rand.Rand) {
	t.Helper()
	before := Judge(e, now)
	fewer := copied(t, e)
	for range 1 + r.IntN(4) {
		forget(&fewer, r)
	}
	after := Judge(fewer, now)
	for _, path := range []string{Reonboard, Network} {
		if after.Path(path).Verdict == Recommended && before.Path(path).Verdict != Recommended {
			t.Errorf("with less evidence %s is recommended and was %s:\n%s\nbefore, from %s", path, before.Path(path).Verdict, document(t, after), document(t, e))
		}
	}
	if before.Situation != AssetsLost && after.Situation == AssetsLost {
		t.Errorf("with less evidence all is lost:\n%s\nfrom %s", document(t, after), document(t, e))
	}
}

func shuffled[T any](r *rand.Rand, all []T) {
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

func inAnyOrder(t *testing.T, e Evidence, r *rand.Rand) {
	t.Helper()
	want := Judge(e, now)
	c := copied(t, e)
	shuffled(r, c.Cluster.Node.Components)
	shuffled(r, c.Pods.Troubles)
	shuffled(r, c.Storage.Stores)
	shuffled(r, c.Leftovers.Volumes.Found)
	shuffled(r, c.Leftovers.Claims.Found)
	shuffled(r, c.Leftovers.Secrets.Found)
	shuffled(r, c.Databases.All)
	shuffled(r, c.Chain.Samples)
	shuffled(r, c.Apps.Lags)
	shuffled(r, c.Apps.Failed)
	shuffled(r, c.Peers.Scans)
	for _, p := range []*Place{&c.Backups.Snapshots, &c.Backups.Dumps, &c.Backups.Managed} {
		shuffled(r, p.Sets)
		for i := range p.Sets {
			shuffled(r, p.Sets[i].Checks)
		}
	}
	shuffled(r, c.Identities.Files)
	if d := cmp.Diff(want, Judge(c, now)); d != "" {
		t.Errorf("the order of the evidence changes the result:\n%s", d)
	}
}

// Properties that hold of all evidence, whatever comes together in it.
func TestProperties(t *testing.T) {
	all := situations()
	r := rand.New(rand.NewPCG(1, 2))
	recommended := map[string]int{}
	for range 500 {
		e := mixed(r, all)
		result := Judge(e, now)
		recommended[result.Recommended()]++
		wellFormed(t, result)
		less(t, e, r)
		if t.Failed() {
			return
		}
	}
	for range 60 {
		inAnyOrder(t, mixed(r, all), r)
	}
	for _, p := range paths {
		if recommended[p] == 0 {
			t.Errorf("%s was never recommended in what was tried (%v), so nothing was shown of it", p, recommended)
		}
	}
}

// Each labelled situation, with its own answers and with those that let the most be recommended, with each single source taken away.
func TestLessEvidenceOfEachSituation(t *testing.T) {
	type of struct {
		name     string
		evidence Evidence
	}
	var all []of
	for _, s := range situations() {
		all = append(all, of{s.name, s.evidence})
		for _, declared := range []Answer{Yes, No} {
			e := s.evidence
			says(declared, No, No)(&e)
			all = append(all, of{fmt.Sprintf("%s (declared lost: %s, no backups elsewhere)", s.name, declared), e})
		}
	}
	for _, s := range all {
		before := Judge(s.evidence, now)
		for i, r := range readings(&s.evidence) {
			was := *r
			*r = Reading{}
			after := Judge(s.evidence, now)
			*r = was
			for _, path := range []string{Reonboard, Network} {
				if after.Path(path).Verdict == Recommended && before.Path(path).Verdict != Recommended {
					t.Errorf("%s: without source %d, %s is recommended", s.name, i, path)
				}
			}
		}
	}
}

// Evidence of two hours ago recommends nothing.
func TestOldEvidence(t *testing.T) {
	for _, s := range situations() {
		r := Judge(s.evidence, now.Add(2*time.Hour))
		if v := verdicts(r); r.Recommended() != "" || r.ExitCode() != 6 {
			t.Errorf("%s: two hours later it is still %s %v", s.name, r.Situation, v)
		}
	}
}

// The borders between the families, and what is none (reference/deployment.md 1).
func TestFamilies(t *testing.T) {
	for version, want := range map[string]Family{"0.3.20": FamilyUnknown, "0.4.0": FamilyA, "0.5.18": FamilyA, "0.6.1": FamilyA, "v0.6.1": FamilyA, "0.6.2": FamilyB, "0.6.2-snapshot.1": FamilyB,
		"0.7.5": FamilyB, "0.8.0": FamilyC, "1.0.0": FamilyC, "latest": FamilyUnknown, "": FamilyUnknown} {
		r := Judge(with(release(version)), now)
		if r.Release.Family != want || r.Release.Splice != version {
			t.Errorf("%q is %+v, want family %s", version, r.Release, want)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		want  Kind
		texts []string
	}{
		{DiskFull, []string{`PANIC: could not write to file "pg_wal/xlogtemp.27": No space left on device`}},
		{DiskFull, []string{"invalid page in block 4 of relation", "No space left on device"}},
		{Damaged, []string{"PANIC:  could not locate a valid checkpoint record"}},
		{Disabled, []string{"Unhealthy", "Request failed: MemberDisabled(PAR::Acme-SV)", "No space left on device"}},
		{Pruned, []string{"EventsUnavailableForTimestamp"}},
		{Certificate, []string{"javax.net.ssl: CertificateExpiredException: NotAfter"}},
		{Certificate, []string{`Get "https://scan.example/": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-22T03:00:00Z is after 2026-11-21T00:00:00Z`}},
		{Certificate, []string{"remote error: tls: expired certificate"}},
		{Certificate, []string{"upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream"}},
		{Certificate, []string{"PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed"}},
		{Certificate, []string{"javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_expired"}},
		{Password, []string{`FATAL: password authentication failed for user "cnadmin"`}},
		{Image, []string{"ImagePullBackOff"}},
		{Config, []string{"CreateContainerConfigError", `secret "x" not found`}},
		{Memory, []string{"OOMKilled"}},
		{Mount, []string{"FailedAttachVolume"}},
		{"", []string{"CrashLoopBackOff", "exit code 1"}},
		{"", nil},
	} {
		if got, ok := KindOf(c.texts...); got != c.want || ok != (c.want != "") {
			t.Errorf("%q is %q, want %q", c.texts, got, c.want)
		}
	}
}

// The evidence is not changed by being judged, since it is judged again after each arrival.
func TestEvidenceIsLeftAlone(t *testing.T) {
	for _, s := range situations() {
		before := document(t, s.evidence)
		Judge(s.evidence, now)
		if after := document(t, s.evidence); after != before {
			t.Errorf("%s: the evidence was changed", s.name)
		}
	}
}

func FuzzLessEvidence(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(77))
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		e := mixed(r, situations())
		wellFormed(t, Judge(e, now))
		less(t, e, r)
		inAnyOrder(t, e, r)
	})
}
