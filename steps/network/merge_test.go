package network

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/wire"
)

// fetched are the facts with a snapshot in the run folder.
func (r *rig) fetched(f Facts) Facts {
	r.t.Helper()
	f.Taking.From = fromApp
	if _, err := r.do(snapshot(), f); err != nil {
		r.t.Fatal(err)
	}
	if _, err := snapshot().Verify(r.t.Context(), r.world, &f); err != nil {
		r.t.Fatal(err)
	}
	return f
}

// merged are the facts with a dump in the run folder.
func (r *rig) dumped(f Facts) Facts {
	r.t.Helper()
	f = r.fetched(f)
	if _, err := r.do(merge(), f); err != nil {
		r.t.Fatal(err)
	}
	found, err := merge().Verify(r.t.Context(), r.world, &f)
	if err != nil || f.Dump == nil {
		r.t.Fatalf("%v, %s", err, said(found))
	}
	return f
}

// The dump is what the reader takes, of these two inputs and of no others.
func TestADumpIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.fetched(r.settledFacts(time.Hour, 0))
		a, err := r.do(merge(), f)
		if err != nil || r.state(a) != wire.ActionDone {
			t.Fatalf("%v, %s", err, r.state(a))
		}
		found, err := merge().Verify(t.Context(), r.world, &f)
		if err != nil || f.Dump == nil || f.Dump.MigrationID != 4 || f.Dump.SHA256 != sum(r.files.files[DumpFile]) {
			t.Fatalf("%v, %+v", err, f.Dump)
		}
		for _, x := range found {
			if x.Verdict == wire.Violated || strings.HasSuffix(x.Text, ".") {
				t.Errorf("%+v", x)
			}
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(r.files.files[DumpFile], &whole); err != nil || len(whole) != 5 {
			t.Errorf("%v, %d members", err, len(whole))
		}
		for name, change := range map[string]func(*Facts){
			"other identities":   func(f *Facts) { i := *f.Identities; i.SHA256 = "x"; f.Identities = &i },
			"another snapshot":   func(f *Facts) { s := *f.Snapshot; s.SHA256 = "x"; f.Snapshot = &s },
			"a snapshot is lent": func(f *Facts) { s := *f.Snapshot; s.Lender = "Beta-SV"; f.Snapshot = &s },
			"another migrationID": func(f *Facts) {
				c := *f.Card
				c.Values = append(c.Values[:1:1], c.Values[1])
				c.Values[1].Text = "5"
				f.Card = &c
			},
		} {
			g := f
			change(&g)
			if _, err := r.do(merge(), g); err == nil {
				t.Errorf("%s: a dump is made", name)
			}
		}
		if sum(r.files.files[DumpFile]) != f.Dump.SHA256 {
			t.Error("a dump that was refused took the place of the one that was there")
		}
		r.files.files[DumpFile][100] ^= 1
		if r.state(a) == wire.ActionDone {
			t.Error("a dump that was changed counts as made")
		}
		if found, _ := merge().Verify(t.Context(), r.world, &f); said(found) != "violated dump" {
			t.Errorf("a dump that was changed: %s", said(found))
		}
	})
}

// A dump with another's data says so, and its keys are this SV's own.
func TestABorrowedDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.apps.snapshots.Party = "Beta-SV::1220bb"
		f := r.settledFacts(time.Hour, 0)
		g := f
		i := *f.Identities
		i.Party = "Beta-SV::1220bb"
		g.Identities = &i
		g = r.fetched(g)
		s := *g.Snapshot
		s.Lender = "Beta-SV"
		f.Snapshot = &s
		if _, err := r.do(merge(), f); err != nil {
			t.Fatal(err)
		}
		found, err := merge().Verify(t.Context(), r.world, &f)
		if err != nil || f.Dump.Borrowed != "Beta-SV" {
			t.Fatalf("%v, %+v", err, f.Dump)
		}
		if u := find(t, found, "dump-users"); u.Verdict != wire.Attention || !strings.Contains(u.Text, "lent by Beta-SV") {
			t.Errorf("%+v", u)
		}
		if !bytes.Contains(r.files.files[DumpFile], []byte(ownParty)) {
			t.Error("the identities are not this SV's")
		}
	})
}
