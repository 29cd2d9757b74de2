package network

import (
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// What can be taken is taken, in the order in which it could be restored, and a restore finds it as one set.
func TestSafetyBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f, s := r.known(), safetyBackup()
		open, err := s.Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 || len(open[0].Choices) != 2 || open[0].Choices[0].ID != "rig" {
			t.Fatalf("%+v, %v", open, err)
		}
		if err := s.Take(&f, "class", "rig"); err != nil {
			t.Fatal(err)
		}
		if open, err := s.Inputs(t.Context(), r.world, f); err != nil || len(open) != 0 {
			t.Fatalf("%+v, %v", open, err)
		}
		if got := said(r.check(s, f)); got != "holds snapshots" {
			t.Error(got)
		}
		actions := r.planned(s, f)
		order := keys(actions)
		apps, participant, comet := strings.Index(order, "pg-data-apps-pg-0"), strings.Index(order, "pg-data-participant-pg-0"), strings.Index(order, "cometbft-data")
		if !strings.HasPrefix(order, "save the record; ") || apps < 0 || apps > participant || participant > comet {
			t.Errorf("planned: %s", order)
		}
		if err := r.perform(actions); err != nil {
			t.Fatal(err)
		}
		found := r.verify(s, &f)
		for _, id := range []string{"record", "whole", "ready", "order", "age"} {
			for _, x := range found {
				if x.ID == id && x.Verdict != wire.Holds {
					t.Errorf("%+v", x)
				}
			}
		}
		if o := find(t, found, "order"); !strings.Contains(o.Text, "before the participant") {
			t.Errorf("%+v", o)
		}
		if len(f.Safety.Snapshots) != len(f.Node.Claims) || f.Safety.Record == "" || len(f.Safety.NotTaken) != 0 {
			t.Errorf("%+v", f.Safety)
		}
		if saved, err := record.Open(record.Below(r.files, action.RecordFolder)); err != nil || saved.Digest != f.Safety.Record {
			t.Errorf("%v", err)
		}
		all, err := r.world.Kube.Snapshots(t.Context(), "sv")
		if err != nil {
			t.Fatal(err)
		}
		if sets, _ := backup.Sets(*f.Node, all, nil); len(sets) != 1 || sets[0].Run != f.Run || len(sets[0].Missing) != 0 {
			t.Errorf("a restore finds %+v", sets)
		}
		again := len(all)
		if err := r.perform(actions); err != nil { // as after a crash
			t.Fatal(err)
		}
		undo, _ := s.Undo(f)
		if len(undo) != again {
			t.Errorf("%d snapshots, and %d would be taken back", again, len(undo))
		}
		if err := r.perform(undo); err != nil {
			t.Fatal(err)
		}
		if all, err := r.world.Kube.Snapshots(t.Context(), "sv"); err != nil || len(all) != 0 {
			t.Errorf("left: %+v, %v", all, err)
		}
	})
}

// A cluster without snapshots is told so, and going on needs a reason; what is not taken is named.
func TestNoSafetyBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.sim.Set(sim.Knobs{Deny: []sim.Rule{{Verbs: []string{"*"}, Resources: []string{"volumesnapshotclasses"}}}})
		f, s := r.known(), safetyBackup()
		open, err := s.Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 || len(open[0].Choices) != 1 || !strings.Contains(open[0].Choices[0].Detail, "cannot be read") {
			t.Fatalf("%+v, %v", open, err)
		}
		if err := s.Take(&f, "class", noSnapshots); err != nil {
			t.Fatal(err)
		}
		none := find(t, r.check(s, f), "snapshots")
		if none.Verdict != wire.Violated || none.Waive == "" {
			t.Errorf("%+v", none)
		}
		if err := r.perform(r.planned(s, f)); err != nil {
			t.Fatal(err)
		}
		found := r.verify(s, &f)
		missing := find(t, found, "not-taken")
		if len(missing.Evidence) != len(f.Node.Claims) || missing.Verdict != wire.Attention || wire.WorstVerdict(found) == wire.Violated {
			t.Errorf("%+v", found)
		}
		if undo, why := s.Undo(f); len(undo) != 0 || why == "" {
			t.Errorf("%v, %q", undo, why)
		}
	})
}

// A snapshot that the storage refuses is told with its own words, and one that somebody else made is not taken for ours.
func TestASnapshotThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.known()
		f.Safety = &Safety{Classes: map[string]string{f.drivers()[0]: "rig"}}
		first := f.snapshots()[0].(action.TakeSnapshot)
		r.sim.Set(sim.Knobs{Snapshots: map[string]sim.Snapshot{"sv/" + first.Spec.Name: {Error: "quota of the storage is used up"}}})
		err := r.perform([]steps.Action{first})
		if failure := steps.FailureOf("", err); err == nil || !strings.Contains(strings.Join(failure.Detail, " "), "quota of the storage is used up") {
			t.Errorf("%v: %+v", err, failure)
		}
		second := f.snapshots()[1].(action.TakeSnapshot)
		foreign := second.Spec
		foreign.Labels = nil
		if _, err := r.world.Kube.Hands(kube.AccessCreateSnapshot("sv", foreign.Name), false).CreateSnapshot(t.Context(), foreign); err != nil {
			t.Fatal(err)
		}
		if err := r.perform([]steps.Action{second}); err == nil || !strings.Contains(err.Error(), "this run did not take it") {
			t.Errorf("%v", err)
		}
		drop := action.DropSnapshot{Namespace: "sv", Name: second.Spec.Name, Run: f.Run}
		if err := drop.Do(t.Context(), r.hands(drop), func(wire.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if _, there, _ := r.world.Kube.Snapshot(t.Context(), "sv", second.Spec.Name); !there {
			t.Error("the snapshot of somebody else was deleted")
		}
	})
}
