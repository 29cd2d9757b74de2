package commitment

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clockText is an instant of the day on which tables play.
func clockText(t *testing.T, text string) Instant {
	t.Helper()
	at, ok := parseInstant([]byte("2026-01-11T" + text + ":00Z"))
	if !ok {
		t.Fatalf("%q is no time", text)
	}
	return at
}

// says is a report in short: "Alpha: Beta 08:00 08:30, Gamma 08:00; !Beta 09:00" with what follows ! as mismatches.
func says(t *testing.T, text string) Named {
	t.Helper()
	name, rest, _ := strings.Cut(text, ": ")
	r := Named{File: name + ".json", Report: Report{Version: 1, Reporter: name}}
	if short, id, ok := strings.Cut(name, "="); ok {
		r.Reporter, r.Participant = short, id
	}
	for _, part := range strings.FieldsFunc(rest, func(c rune) bool { return c == ',' || c == ';' }) {
		words := strings.Fields(part)
		who, wrong := strings.CutPrefix(words[0], "!")
		if !strings.Contains(who, "::") {
			who += fmt.Sprintf("::1220%x", who)
		}
		for _, w := range words[1:] {
			e := Entry{who, clockText(t, w) - 30*60e6, clockText(t, w)}
			if wrong {
				r.Mismatches = append(r.Mismatches, e)
			} else {
				r.Agreements = append(r.Agreements, e)
			}
		}
	}
	slices.SortFunc(r.Agreements, byTime)
	slices.SortFunc(r.Mismatches, byTime)
	return r
}

func all(t *testing.T, texts ...string) (reports []Named) {
	for _, text := range texts {
		reports = append(reports, says(t, text))
	}
	return reports
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []string
		svs     string
		at      string // empty: no quorum
		members string
		leftOut string // name=latest
		minimum string
		warned  string // a part of a warning
		missing string // a part of what is missing
	}{
		{"all agree", []string{"A: B 08:00 08:30, C 08:00 08:30", "B: A 08:00 08:30, C 08:00 08:30", "C: A 08:00 08:30, B 08:00 08:30"}, "",
			"08:30", "A B C", "", "08:30", "margin of 15 min is smaller than the distance between ticks, 30 min", ""},
		{"one side is not enough", []string{"A: B 08:00 08:30, C 08:00 08:30", "B: A 08:00, C 08:00 08:30", "C: A 08:00 08:30, B 08:00 08:30"}, "",
			"08:00", "A B C", "", "08:30", "", "B does not report to agree with A"},
		{"three of four are a quorum", []string{"A: B 08:30, C 08:30, D 08:00", "B: A 08:30, C 08:30, D 08:00", "C: A 08:30, B 08:30, D 08:00", "D: A 08:00, B 08:00, C 08:00"}, "",
			"08:30", "A B C", "D=08:00", "08:00", "", ""},
		{"pairs are not a set", []string{"A: B 08:00, C 08:00, D 08:00", "B: A 08:00, C 08:00", "C: B 08:00, D 08:00, A 08:00", "D: A 08:00, C 08:00"}, "",
			"08:00", "A B C", "D=08:00", "08:00", "another set is as large: A, C, D", ""},
		{"a mismatch at the time forbids", []string{"A: B 08:00 08:30; !B 08:30", "B: A 08:00 08:30"}, "",
			"08:00", "A B", "", "08:00", "", "A and B have a mismatch"},
		{"a mismatch on the other side forbids as well", []string{"A: B 08:00 08:30", "B: A 08:00 08:30; !A 08:30"}, "",
			"08:00", "A B", "", "08:00", "", "mismatch"},
		{"a mismatch before warns", []string{"A: B 08:00 08:30; !B 07:30", "B: A 08:00 08:30"}, "",
			"08:30", "A B", "", "08:30", "A found a mismatch with B for the period until 2026-01-11T07:30:00Z, before the agreed time", ""},
		{"an SV without a report counts as known", []string{"A: B 08:00, C 08:00", "B: A 08:00, C 08:00", "C: A 08:00, B 08:00"}, "A,B,C,D",
			"08:00", "A B C", "D=", "08:00", "No report of D", ""},
		{"too many without a report", []string{"A: B 08:00", "B: A 08:00"}, "A,B,C,D", "", "", "A=08:00 B=08:00 C= D=", "08:00", "", "C has sent no report"},
		{"a report of somebody else", []string{"A: B 08:00, X 08:00", "B: A 08:00", "X: A 08:30"}, "A,B", "08:00", "A B", "", "08:00", "X.json is of X, who is not among the SVs", ""},
		{"one report", []string{"A: B 08:00, V 08:30"}, "", "08:30", "A", "", "08:30", "one report only", ""},
		{"one report, its last period has a mismatch", []string{"A: B 08:00, V 08:30; !W 08:30"}, "", "08:00", "A", "", "08:00", "", ""},
		{"one report and the names of all", []string{"A: B 08:00 08:30, C 08:00, V 09:00"}, "A,B,C", "08:00", "A B C", "", "08:30", "one report only", "C does not agree by the only report"},
		{"one report that agrees with nobody", []string{"A: "}, "A,B,C", "", "", "A= B= C=", "", "", ""},
		{"validators do not count", []string{"A: B 08:00, V 09:00", "B: A 08:00, V 09:00"}, "", "08:00", "A B", "", "08:00", "", ""},
		{"shortened fingerprints", []string{"A=part-a::1220aabbccdd: part-b::1220bbbb 08:00", "B=part-b::1220bbbb0011: part-a::1220aabb 08:00"}, "", "08:00", "A B", "", "08:00", "", ""},
		{"a namesake is somebody else", []string{"A: B::1220ffff 08:00, B::1220bbbb 07:30", "B=B::1220bbbb0011: A 08:00 07:30"}, "", "07:30", "A B", "", "07:30", "B::1220ffff in the report of A is not the participant of B, B::1220bbbb0011", ""},
		{"a report twice", []string{"A: B 08:00", "B: A 08:00", "A: B 08:00"}, "", "08:00", "A B", "", "08:00", "", ""},
		{"periods of different length", []string{"A: B 08:00 08:30 09:00", "B: A 08:00 08:30 09:00"}, "", "09:00", "A B", "", "09:00", "", ""},
		{"a gap", []string{"A: B 08:00 08:30 12:00", "B: A 08:00 08:30 12:00"}, "", "12:00", "A B", "", "12:00", "No period ends between 2026-01-11T08:30:00Z and 2026-01-11T12:00:00Z, 3 h 30 min instead of 30 min", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var svs []string
			if c.svs != "" {
				svs = strings.Split(c.svs, ",")
			}
			a, err := Agree(all(t, c.reports...), AgreeOptions{SVs: svs, Margin: DefaultMargin})
			if err != nil {
				t.Fatal(err)
			}
			text := func(i *Instant) string {
				if i == nil {
					return ""
				}
				return i.Time().Format("15:04")
			}
			var left []string
			for _, l := range a.LeftOut {
				left = append(left, l.Name+"="+text(l.Latest))
			}
			got := []string{text(a.AgreedAt), strings.Join(a.Members, " "), strings.Join(left, " "), text(a.Minimum)}
			if diff := cmp.Diff([]string{c.at, c.members, c.leftOut, c.minimum}, got); diff != "" {
				t.Errorf("agreed at, members, left out, minimum (-want +got):\n%s%+v", diff, a)
			}
			if !strings.Contains(strings.Join(a.Warnings, "\n"), c.warned) {
				t.Errorf("no %q in the warnings\n%s", c.warned, strings.Join(a.Warnings, "\n"))
			}
			if !strings.Contains(strings.Join(a.Missing, "\n"), c.missing) {
				t.Errorf("no %q in what is missing\n%s", c.missing, strings.Join(a.Missing, "\n"))
			}
			if (a.Timestamp == nil) != (c.at == "") || a.Timestamp != nil && *a.Timestamp != *a.AgreedAt-15*60e6 || (a.Fingerprint == "") != (c.at == "") {
				t.Errorf("timestamp %v, fingerprint %q", a.Timestamp, a.Fingerprint)
			}
		})
	}
}

func TestAgreeRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []string
		svs     []string
		margin  time.Duration
		want    []string
	}{
		{"a contradiction", []string{"A: B 08:00", "A: B 08:30"}, nil, DefaultMargin, []string{"A.json and A.json are both of A and contradict each other"}},
		{"a prefix that fits two", []string{"A=p::1220aabb: x::1220 08:00", "B=p::1220aacc: p::1220aa 08:00"}, nil, DefaultMargin, []string{"p::1220aa in the report of B", "p::1220aabb from p::1220aacc"}},
		{"two participants of one name", []string{"A: B::1220aa 08:00, B::1220bb 08:30", "B: A 08:00"}, nil, DefaultMargin, []string{"B::1220aa and B::1220bb", "name it with its id"}},
		{"no report of the named", []string{"A: B 08:00"}, []string{"X", "Y"}, DefaultMargin, []string{"none of the reports is of an SV that was named: X, Y"}},
		{"another id", []string{"A=A::1220aa: B 08:00"}, []string{"A::1220bb"}, DefaultMargin, []string{"was named with participant 1220bb, and A=A::1220aa.json says 1220aa"}},
		{"a name that is none", []string{"A: B 08:00"}, []string{"A", "B::xyz"}, DefaultMargin, []string{`"B::xyz" is no name`}},
		{"no margin", []string{"A: B 08:00"}, nil, 0, []string{"margin must be at least one second"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Agree(all(t, c.reports...), AgreeOptions{SVs: c.svs, Margin: c.margin})
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %q", want, err)
				}
			}
		})
	}
}

// naive finds the latest time by the words of the rule, trying every set.
func naive(reports []Named) (at Instant, size int) {
	agrees := func(list []Entry, with string, at Instant) bool {
		return slices.ContainsFunc(list, func(e Entry) bool { name, _ := split(e.Counterparty); return name == with && e.To == at })
	}
	mutual := func(a, b Named, at Instant) bool {
		return agrees(a.Agreements, b.Reporter, at) && agrees(b.Agreements, a.Reporter, at) && !agrees(a.Mismatches, b.Reporter, at) && !agrees(b.Mismatches, a.Reporter, at)
	}
	for _, r := range reports {
		for _, e := range r.Agreements {
			for set := 1; set < 1<<len(reports); set++ {
				n := bits.OnesCount(uint(set))
				if 3*n <= 2*len(reports) || e.To < at || e.To == at && n <= size {
					continue
				}
				good := true
				for i := range reports {
					for j := range i {
						good = good && ((set>>i)&(set>>j)&1 == 0 || mutual(reports[i], reports[j], e.To))
					}
				}
				if good {
					at, size = e.To, n
				}
			}
		}
	}
	return at, size
}

// Networks that agree and disagree by chance: the answer is that of the rule, and is the same whatever the order of the reports.
func TestAgreeIsTheRule(t *testing.T) {
	for i := range 300 {
		r := rand.New(rand.NewPCG(11, uint64(i)))
		n := newNetwork(r, 2+r.IntN(5), 1+r.IntN(6), time.Minute)
		quiet, wrong := r.IntN(12)+2, r.IntN(20)+2
		n.silent = func(_, _ string, _ int) bool { return r.IntN(quiet) == 0 }
		n.wrong = func(_, _ string, _ int) bool { return r.IntN(wrong) == 0 }
		remember(n)
		var reports []Named
		for _, name := range n.names {
			reports = append(reports, Named{name + ".json", n.report(name)})
		}
		a, err := Agree(reports, AgreeOptions{Margin: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		at, size := naive(reports)
		if size == 0 != (a.AgreedAt == nil) || size > 0 && (*a.AgreedAt != at || len(a.Members) != size) {
			t.Fatalf("network %d: %v with %v, want %v with %d", i, a.AgreedAt, a.Members, at, size)
		}
		r.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		again, err := Agree(append(reports, reports[0]), AgreeOptions{Margin: time.Minute})
		if diff := cmp.Diff(a, again, cmp.AllowUnexported(Ticks{}, lengthCount{})); err != nil || diff != "" {
			t.Fatalf("network %d, other order: %v (-want +got):\n%s", i, err, diff)
		}
		for j := 1; j < len(a.Candidates); j++ {
			if a.Candidates[j].AgreedAt >= a.Candidates[j-1].AgreedAt || len(a.Candidates[j].Members) <= len(a.Candidates[j-1].Members) {
				t.Fatalf("network %d: candidates %v", i, a.Candidates)
			}
		}
	}
}

func TestFingerprintIsOfTheValues(t *testing.T) {
	agree := func(margin time.Duration, svs []string, texts ...string) string {
		a, err := Agree(all(t, texts...), AgreeOptions{Margin: margin, SVs: svs})
		if err != nil {
			t.Fatal(err)
		}
		return a.Fingerprint
	}
	base := []string{"A: B 08:00 08:30", "B: A 08:00 08:30"}
	seen := map[string]string{}
	for name, f := range map[string]string{
		"base":           agree(DefaultMargin, nil, base...),
		"another margin": agree(time.Minute, nil, base...),
		"another time":   agree(DefaultMargin, nil, "A: B 08:00", "B: A 08:00"),
		"known":          agree(DefaultMargin, nil, append(base, "C: A 07:00")...),
	} {
		if len(f) != 11 && name != "known" {
			t.Errorf("%s: %q", name, f)
		}
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s are both %s", name, other, f)
		}
		seen[f] = name
	}
	if f := agree(DefaultMargin, []string{"B", "A"}, base...); seen[f] != "base" {
		t.Errorf("the order of the names matters: %s", f)
	}
	// What stands on parameter cards that were read out must not change with a version of this program.
	if f := agree(DefaultMargin, nil, base...); f != "507-180-990" {
		t.Errorf("the fingerprint is %s", f)
	}
}

func TestClockJumpsAreTold(t *testing.T) {
	reports := all(t, "A: B 08:00 08:30", "B: A 08:00 08:30")
	reports[0].Warnings = []string{"its clock was behind"}
	reports[1].Agreements = append(reports[1].Agreements, Entry{"A::122041", clockText(t, "08:15"), clockText(t, "08:45")})
	a, err := Agree(reports, AgreeOptions{Margin: DefaultMargin})
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Join(a.Warnings, "\n")
	for _, want := range []string{"A: its clock was behind", "overlap, until 2026-01-11T08:30:00Z and from 2026-01-11T08:15:00Z"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in\n%s", want, told)
		}
	}
}

func TestReadReport(t *testing.T) {
	const good = `{"version":1,"reporter":"A","participant":"PAR::A::1220aa...","scanned":{"files":1,"bytes":2,"matches":3,"decoys":4,"from":null,"to":null},
		"agreements":[{"counterparty":"PAR::B::1220bb...","from_exclusive":"2026-01-11T09:00:00+01:00","to_inclusive":"2026-01-11T08:30:00Z"}],"mismatches":[],"warnings":[]}`
	r, err := ReadReport(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if r.Participant != "A::1220aa" || len(r.Agreements) != 1 || r.Agreements[0].Counterparty != "B::1220bb" || r.Agreements[0].From.String() != "2026-01-11T08:00:00Z" {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct{ text, want string }{
		{"", "it is empty"},
		{"hello", "not JSON, from byte 1 on"},
		{good + "{}", "not JSON"},
		{`[1]`, "array where"},
		{strings.Replace(good, `"A"`, `"A\u202e"`, 1), "cannot be shown"},
		{`{}`, "no version"},
		{strings.Replace(good, `"version":1`, `"version":2`, 1), "version 2"},
		{strings.Replace(good, `"agreements"`, `"agreement"`, 1), "no agreements"},
		{strings.Replace(good, `"mismatches":[]`, `"mismatches":null`, 1), "no mismatches"},
		{strings.Replace(good, "08:30:00Z", "07:30:00Z", 1), "ends before it begins"},
		{strings.Replace(good, "08:30:00Z", "08:30:00", 1), "no time"},
		{strings.Replace(good, "B::1220bb", "B", 1), "is no participant"},
		{strings.Replace(good, "A::1220aa", "A", 1), "is no id"},
		{strings.Replace(strings.Replace(good, `"reporter":"A"`, `"reporter":" "`, 1), "PAR::A::1220aa...", "", 1), "does not say whose"},
	} {
		if _, err := ReadReport(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %q", c.text, err, c.want)
		}
	}
}

// Whatever reports say, the answer keeps the rule, or it is a sentence.
func FuzzAgree(f *testing.F) {
	for _, texts := range [][]string{{"A: B 08:00", "B: A 08:00"}, {"A: B 08:00 08:30; !C 08:00", "C: A 08:00"}, {"A: V 08:00"}} {
		var documents []string
		for _, text := range texts {
			name, rest, _ := strings.Cut(text, ": ")
			r := Report{Version: 1, Reporter: name, Agreements: []Entry{}, Mismatches: []Entry{}, Warnings: []string{}}
			for i, word := range strings.Fields(rest) {
				r.Agreements = append(r.Agreements, Entry{strings.Trim(word, ";!:") + "::1220ab", Instant(i) * 60e6, Instant(i+1) * 60e6})
			}
			documents = append(documents, marshalled(r))
		}
		f.Add(strings.Join(documents, "\n"), "A,B,C", int64(900))
		f.Add(strings.Join(documents, "\n"), "", int64(1))
	}
	f.Fuzz(func(t *testing.T, documents, svs string, margin int64) {
		var reports []Named
		for i, text := range strings.Split(documents, "\n") {
			r, err := ReadReport(strings.NewReader(text))
			if err != nil {
				continue
			}
			reports = append(reports, Named{fmt.Sprint(i), r})
		}
		var names []string
		if svs != "" {
			names = strings.Split(svs, ",")
		}
		a, err := Agree(reports, AgreeOptions{SVs: names, Margin: time.Duration(margin%1e6) * time.Second})
		if err != nil {
			return
		}
		if len(a.Members)+len(a.LeftOut) != a.Quorum.Known || (a.AgreedAt == nil) != (len(a.Members) == 0) || (a.AgreedAt == nil) != (a.Fingerprint == "") {
			t.Fatalf("%+v", a)
		}
		if a.AgreedAt != nil && (3*len(a.Members) <= 2*a.Quorum.Known || *a.Timestamp >= *a.AgreedAt) {
			t.Fatalf("%+v", a)
		}
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
	})
}
