package network

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
	clocktesting "k8s.io/utils/clock/testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 1, 11, 12, 0, 0, 0, time.UTC)

// call is a call of thirteen SVs, of which some have sent their reports: the last has a mismatch, one has not got as far as the others, one is silent.
func call(t *testing.T) (Facts, steps.World) {
	t.Helper()
	var names []string
	for i := range 13 {
		names = append(names, fmt.Sprintf("Validator-%02d-of-Europe", i+1))
	}
	ticks := []time.Time{}
	for i := range 6 {
		ticks = append(ticks, noon.Add(-3*time.Hour+time.Duration(i)*30*time.Minute))
	}
	all := func(name string, until int) commitment.Report {
		r := commitment.Report{Version: 1, Reporter: name, Agreements: []commitment.Entry{}, Mismatches: []commitment.Entry{}, Warnings: []string{}}
		for i, tick := range ticks[:until] {
			for _, other := range names {
				e := commitment.Entry{Counterparty: fmt.Sprintf("%s::1220%x", other, other), From: commitment.InstantOf(tick.Add(-30 * time.Minute)), To: commitment.InstantOf(tick)}
				switch {
				case other == name:
				case name == names[12] && other == names[0] && i == 5:
					r.Mismatches = append(r.Mismatches, e)
				default:
					r.Agreements = append(r.Agreements, e)
				}
			}
		}
		return r
	}
	files := &memory{files: map[string][]byte{}, room: 50 << 30}
	f := Facts{Node: &node.Node{Release: "0.5.10", Serial: "3", Subject: wire.Subject{Network: "MainNet", SV: names[0]}}, Gate: &Gate{Release: "0.5.10"},
		Declared: Decision{Who: "alice", Where: "the call", At: noon}, Agree: Agreeing{SVs: names, Margin: "15m"}}
	for i, name := range names {
		until := 6
		switch i {
		case 4:
			continue // silent
		case 7:
			until = 4
		}
		packed, err := pack(all(name, until))
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			latest := ticks[until-1]
			f.Agree.Reports = append(f.Agree.Reports, Packed{SV: name, From: "pasted", Latest: &latest, Gzip: packed})
			continue
		}
		own, err := (Packed{SV: name, Gzip: packed}).report()
		if err != nil {
			t.Fatal(err)
		}
		text := marshal(t, own.Report)
		files.files[ReportFile] = text
		f.Report = &OwnReport{Reporter: name, SHA256: sum(text), Made: noon}
	}
	return f, steps.World{Files: files, Clock: clocktesting.NewFakeClock(noon)}
}

// The question with the table is readable at 60 columns for thirteen SVs.
func TestTheTableOfACall(t *testing.T) {
	f, w := call(t)
	q, err := agreeInputs(t.Context(), w, f)
	if err != nil || len(q) != 1 || q[0].Name != "next" {
		t.Fatalf("%v, %+v", err, q)
	}
	for l := range strings.Lines(q[0].Text) {
		if l = strings.TrimRight(l, "\n"); len(l) > 58 && strings.Contains(l, "  ") {
			t.Errorf("%d cells: %q", len(l), l)
		}
	}
	var b strings.Builder
	b.WriteString(q[0].Text + "\n")
	for _, c := range q[0].Choices {
		fmt.Fprintf(&b, "\n[%s] %s\n    %s\n", c.ID, c.Label, c.Detail)
	}
	path := filepath.Join("testdata", "table.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the question is another one, -update writes it anew:\n%s", b.String())
	}
}

// What is put in is taken or refused with a sentence, and the facts before stay as they are.
func TestWhatIsPutIn(t *testing.T) {
	f, _ := call(t)
	own := f.Report.Reporter
	for _, c := range []struct{ ask, value, says string }{
		{"svs", "Beta-SV, Gamma-SV", own + ", this SV itself, must be among them"},
		{"svs", own + ", Beta-SV, Beta-SV", "named twice"},
		{"svs", own, "from 2 to 52"},
		{"svs", own + "::1220aa, Beta-SV", ""},
		{"margin", "fifteen", "no length of time"},
		{"margin", "1500ms", "no length of time"},
		{"margin", "45m", ""},
		{"report", "/nowhere/report.json", "neither a report nor a file"},
		{"report", `{"version":1}`, "no report of svrescue commitments scan"},
		{"report", reportOf(own, nil), "this SV itself"},
		{"report", reportOf("Beta-SV", []time.Time{noon}, own), ""},
		{"timestamp", "yesterday", "is no moment"},
		{"timestamp", "2026-01-11 08:15", ""},
		{"timestamp", "2026-01-11T09:15:00+01:00", ""},
		{"migration-id", "5", "the new one is 4"},
		{"migration-id", "04", "no migration ID"},
		{"migration-id", "4", ""},
		{"port", "70000", "is no port"},
		{"chart-version", "0.6.2", "know no migration dump any more"},
		{"chart-version", "latest", "no version"},
		{"chart-version", "0.6.1", ""},
		{"roles", "", "is needed"},
		{"roles", strings.Repeat("x", 200), "too long"},
		{"decided-when", "soon", "is no moment"},
		{"next", "at:never", "is no time"},
		{"next", "fly", "is no choice"},
		{"remove", "back", ""},
		{"their-card", "12345", "neither a fingerprint"},
	} {
		before := fmt.Sprintf("%+v", f.Agree)
		got := f
		err := takeAgree(&got, c.ask, c.value)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %q: %v", c.ask, c.value, err)
		}
		if fmt.Sprintf("%+v", f.Agree) != before {
			t.Errorf("%s %q changed the facts before", c.ask, c.value)
		}
	}
}

// A chain ID ends in the new migration ID.
func TestTheChainID(t *testing.T) {
	f, _ := call(t)
	f.Agree.Values = map[string]string{ValueMigrationID: "4"}
	for text, ok := range map[string]bool{"MainNet-4": true, "MainNet-3": false, "MainNet": false, "Main Net-4": false} {
		if err := takeAgree(&f, "chain-id", text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if got := proposeChain(f); got != "MainNet-4" {
		t.Errorf("proposed is %s", got)
	}
	if got := proposePort(f); got != "26456" {
		t.Errorf("proposed is %s", got)
	}
}

// settled answers the rest of the questions with their proposals and settles the card.
func settled(t *testing.T, f Facts, w steps.World) Facts {
	t.Helper()
	for range 20 {
		q, err := agreeInputs(t.Context(), w, f)
		if err != nil {
			t.Fatal(err)
		}
		if len(q) == 0 {
			return f
		}
		value := q[0].Default
		if q[0].Kind == wire.AskChoice {
			value = "settle"
		}
		if err := takeAgree(&f, q[0].Name, value); err != nil {
			t.Fatalf("%s %q: %v", q[0].Name, value, err)
		}
	}
	t.Fatal("there is always another question")
	return f
}

// What is settled says who is left out, what is proven here and what is not.
func TestWhatIsSaidOfTheChoices(t *testing.T) {
	for name, c := range map[string]struct {
		choose func(*testing.T, *Facts)
		want   map[string]wire.Verdict
		says   map[string]string
	}{
		"the latest quorum": {func(t *testing.T, f *Facts) { next(t, f, "at:2026-01-11T11:30:00Z") },
			map[string]wire.Verdict{"members": wire.Holds, "own-commitment": wire.Holds, "own-sequencer": wire.Undetermined, "left-out": wire.Attention, "card-Validator-02-of-Europe": wire.Undetermined},
			map[string]string{"left-out": "Validator-05-of-Europe, Validator-08-of-Europe", "lost": "15 minutes at least", "waiting": "Validator-05-of-Europe; waited for since 2026-01-11 12:00 UTC"}},
		"a time that the call named": {func(t *testing.T, f *Facts) {
			next(t, f, "typed")
			if err := takeAgree(f, "timestamp", "2026-01-11T11:45:00Z"); err != nil {
				t.Fatal(err)
			}
		},
			map[string]wire.Verdict{"timestamp": wire.Holds, "own-commitment": wire.Undetermined, "members": wire.Undetermined},
			map[string]string{"own-commitment": "the latest agreement in its logs is of 2026-01-11T11:30:00Z"}},
		"a time that is still to come": {func(t *testing.T, f *Facts) {
			next(t, f, "typed")
			if err := takeAgree(f, "timestamp", "2026-01-12T11:45:00Z"); err != nil {
				t.Fatal(err)
			}
		}, map[string]wire.Verdict{"timestamp": wire.Violated}, nil},
		"upstream's own rule": {func(t *testing.T, f *Facts) { next(t, f, "minimum:2026-01-11T10:30:00Z") },
			map[string]wire.Verdict{"members": wire.Holds}, map[string]string{"timestamp": "the earliest of the SVs' latest agreed times", "lost": "75 minutes at least"}},
		"no quorum there": {func(t *testing.T, f *Facts) {
			f.Agree.Reports = f.Agree.Reports[:3]
			next(t, f, "at:2026-01-11T11:30:00Z")
		}, map[string]wire.Verdict{"members": wire.Violated}, map[string]string{"members": "no quorum is seen"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, w := call(t)
			c.choose(t, &f)
			f = settled(t, f, w)
			found, err := settle(t.Context(), w, &f)
			if err != nil {
				t.Fatal(err)
			}
			for id, v := range c.want {
				if got := find(t, found, id); got.Verdict != v {
					t.Errorf("%s is %s: %s", id, got.Verdict, got.Text)
				}
			}
			for id, text := range c.says {
				if got := find(t, found, id); !strings.Contains(got.Text, text) {
					t.Errorf("%s: %s", id, got.Text)
				}
			}
			if f.Card == nil || shownCard(f) == nil || !shownCard(f).Frozen {
				t.Error("the card is not settled")
			}
			back, err := card.Parse(f.Card.Text())
			if err != nil || len(card.Compare(*f.Card, back)) > 0 {
				t.Errorf("the card cannot be read back: %v", err)
			}
		})
	}
}

func next(t *testing.T, f *Facts, value string) {
	t.Helper()
	if err := takeAgree(f, "next", value); err != nil {
		t.Fatal(err)
	}
}

// A report can be taken out again, and put in anew.
func TestReportsAreReplaced(t *testing.T) {
	f, _ := call(t)
	n := len(f.Agree.Reports)
	next(t, &f, "remove")
	if err := takeAgree(&f, "remove", "Validator-02-of-Europe"); err != nil {
		t.Fatal(err)
	}
	if len(f.Agree.Reports) != n-1 || !slices.Contains(f.waiting(), "Validator-02-of-Europe") {
		t.Errorf("%d reports, waiting for %v", len(f.Agree.Reports), f.waiting())
	}
	for range 2 {
		next(t, &f, "add")
		if err := takeAgree(&f, "report", reportOf("Validator-02-of-Europe", []time.Time{noon}, f.Report.Reporter)); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.Agree.Reports) != n || slices.Contains(f.waiting(), "Validator-02-of-Europe") {
		t.Errorf("%d reports, waiting for %v", len(f.Agree.Reports), f.waiting())
	}
}
