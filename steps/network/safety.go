package network

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// noSnapshots is the answer that claims of a storage driver are not snapshotted.
const noSnapshots = "none"

func safetyBackup() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/safety-backup", Title: "Safety backup", Effect: wire.Repeatable,
		Summary: "Takes snapshots of the node's volumes, apps before participant, and saves the record of the node; says what it cannot take.",
		Asks:    []steps.Ask{{Name: "class", Kind: wire.AskChoice, Help: "the snapshot class for the volumes of a storage driver; none: no snapshots of them"}},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			driver, open := f.openDriver()
			if !open {
				return nil, nil
			}
			q, err := classQuestion(ctx, w, f, driver)
			return []wire.Question{q}, err
		},
		Take: func(f *Facts, _, value string) error {
			driver, open := f.openDriver()
			if !open {
				return fmt.Errorf("there is nothing left to choose a class for")
			}
			s := f.safety()
			s.Classes[driver] = value
			f.Safety = &s
			return nil
		},
		Forget: func(f *Facts) { f.Safety = nil },
		Check: func(_ context.Context, _ steps.World, f Facts) ([]wire.Finding, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			return []wire.Finding{f.planned()}, nil
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return append([]steps.Action{action.SaveRecord{Node: *f.Node}}, f.snapshots()...), nil
		},
		Verify: verifySafety,
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil {
				return nil, "no snapshot was taken"
			}
			var actions []steps.Action
			for _, a := range slices.Backward(f.snapshots()) {
				s := a.(action.TakeSnapshot)
				actions = append(actions, action.DropSnapshot{Where: f.Where, Namespace: s.Spec.Namespace, Name: s.Spec.Name, Run: f.Run})
			}
			return actions, "no snapshot was taken"
		},
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceSkip, Detail: "this snapshot is not taken; the recovery does not need it, a way back would"}}
		},
	}
}

// safety is a copy of what is known of the backup: that of the facts before is still in use.
func (f Facts) safety() Safety {
	s := Safety{Classes: map[string]string{}}
	if f.Safety != nil {
		s.Snapshots, s.Record, s.NotTaken = f.Safety.Snapshots, f.Safety.Record, f.Safety.NotTaken
		for driver, class := range f.Safety.Classes {
			s.Classes[driver] = class
		}
	}
	return s
}

// openDriver is the first storage driver of the node's claims for which no snapshot class was chosen.
func (f Facts) openDriver() (string, bool) {
	for _, driver := range f.drivers() {
		if f.Safety == nil || f.Safety.Classes[driver] == "" {
			return driver, true
		}
	}
	return "", false
}

// drivers are those of the node's claims, in their order.
func (f Facts) drivers() (all []string) {
	for _, c := range f.Node.Claims {
		if driver := driverOf(c); driver != "" && !slices.Contains(all, driver) {
			all = append(all, driver)
		}
	}
	return all
}

// driverOf is the storage driver of a claim; empty where neither its class nor its volume tells it.
func driverOf(c node.Claim) string { return c.StorageClass.Provisioner }

func classQuestion(ctx context.Context, w steps.World, f Facts, driver string) (wire.Question, error) {
	var claims []string
	for _, c := range f.Node.Claims {
		if driverOf(c) == driver {
			claims = append(claims, c.Name)
		}
	}
	q := wire.Question{Name: "class", Kind: wire.AskChoice, Title: "With which snapshot class shall these volumes be snapshotted?",
		Text: fmt.Sprintf("Storage driver %s: %s. They are taken in an order in which they could be restored, apps before participant, while the apps run.", driver, strings.Join(claims, ", "))}
	classes, err := w.Kube.SnapshotClasses(ctx)
	if err != nil && !kube.IsMissing(err) {
		return q, err
	}
	slices.SortStableFunc(classes, func(a, b kube.SnapshotClass) int {
		switch {
		case a.Default && !b.Default:
			return -1
		case b.Default && !a.Default:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, c := range classes {
		if c.Driver == driver {
			q.Choices = append(q.Choices, wire.Choice{ID: c.Name, Label: "Class " + c.Name, Detail: keeps(c)})
		}
	}
	none := wire.Choice{ID: noSnapshots, Label: "Take no snapshots", Detail: "the step asks for a reason"}
	if len(q.Choices) == 0 {
		none.Detail = "the cluster has no snapshot class for this driver"
		if err != nil {
			none.Detail = "snapshot classes cannot be read: " + steps.FailureOf("", err).Seen
		}
	}
	q.Choices = append(q.Choices, none)
	return q, nil
}

func keeps(c kube.SnapshotClass) string {
	text := "when a snapshot of it is deleted, the storage deletes it too"
	if c.DeletionPolicy == kube.Retain {
		text = "when a snapshot of it is deleted, the storage keeps it"
	}
	if c.Default {
		text += "; the default"
	}
	return text
}

// snapshots are taken one after the other, each when the one before is whole: those with data of apps alone first, then those with data of the
// participant, then the others. In that order they can be restored (reference/backups.md 1, reference/deployment.md 8.1).
func (f Facts) snapshots() (actions []steps.Action) {
	claims := slices.Clone(f.Node.Claims)
	slices.SortStableFunc(claims, func(a, b node.Claim) int { return turn(a) - turn(b) })
	for _, c := range claims {
		if class := f.class(c); class != "" {
			actions = append(actions, action.TakeSnapshot{Where: f.Where, Whose: c.Owner, Spec: kube.SnapshotSpec{Namespace: f.Namespace, Name: c.Name + "-" + f.Run, Claim: c.Name, Class: class,
				Labels: map[string]string{action.TakenBy: f.Run}, Annotations: map[string]string{"migrationId": f.Node.Serial}}})
		}
	}
	return actions
}

// class is the snapshot class for a claim; empty: none is taken of it.
func (f Facts) class(c node.Claim) string {
	if f.Safety == nil || f.Safety.Classes[driverOf(c)] == noSnapshots {
		return ""
	}
	return f.Safety.Classes[driverOf(c)]
}

func turn(c node.Claim) int {
	switch {
	case slices.Contains(c.Parts, node.Participant):
		return 1
	case slices.ContainsFunc(c.Parts, func(p node.Part) bool { return slices.Contains(node.AppParts, p) }):
		return 0
	}
	return 2
}

// planned says what will be taken and what not. Taking nothing needs a reason.
func (f Facts) planned() wire.Finding {
	n, all := len(f.snapshots()), len(f.Node.Claims)
	if n > 0 {
		return wire.Finding{ID: "snapshots", Verdict: wire.Holds, Text: fmt.Sprintf("%d of %d volumes with data of the node will be snapshotted", n, all)}
	}
	return wire.Finding{ID: "snapshots", Verdict: wire.Violated, Text: fmt.Sprintf("none of the %d volumes with data of the node is snapshotted here", all),
		Next: "Have your own backup run now, apps before participant, or choose a snapshot class", Waive: "a backup is made by other means, or the way back is given up"}
}

func verifySafety(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	s := f.safety()
	s.Snapshots, s.NotTaken, s.Record = nil, nil, ""
	var found []wire.Finding
	if saved, err := record.Open(record.Below(w.Files, action.RecordFolder)); err != nil {
		found = append(found, wire.Finding{ID: "record", Verdict: wire.Violated, Text: "the record of the node is not whole: " + err.Error(), Next: "Do this step again",
			Waive: "manifests and Helm values are saved by other means"})
	} else {
		s.Record = saved.Digest
		found = append(found, wire.Finding{ID: "record", Verdict: wire.Holds, Text: fmt.Sprintf("the record of the node is saved: %d files with its manifests, Helm releases and values", len(saved.Files)),
			Evidence: []wire.Evidence{{Source: "artifacts/" + action.RecordFolder, Seen: "SHA-256 " + saved.Digest}}})
	}
	set, err := ownSet(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	for _, m := range set.Members {
		s.Snapshots = append(s.Snapshots, SafetySnapshot{Claim: m.Claim, Name: m.Snapshot.Name, UID: m.Snapshot.UID, Taken: m.Taken})
	}
	found = append(found, judged(set, *f, w.Clock.Now())...)
	s.NotTaken = f.notTaken(set)
	if len(s.NotTaken) > 0 {
		missing := wire.Finding{ID: "not-taken", Verdict: wire.Attention, Text: fmt.Sprintf("%d things are not backed up here", len(s.NotTaken)),
			Next: "Have them backed up by other means, the apps before the participant; this tool makes no dumps of running databases"}
		for _, text := range s.NotTaken {
			missing.Evidence = append(missing.Evidence, wire.Evidence{Source: "not taken", Seen: text})
		}
		found = append(found, missing)
	}
	f.Safety = &s
	return found, nil
}

// ownSet are the snapshots of this run, as a backup that a restore would find.
func ownSet(ctx context.Context, w steps.World, f Facts) (backup.Set, error) {
	if len(f.snapshots()) == 0 {
		return backup.Set{}, nil
	}
	all, err := w.Kube.Snapshots(ctx, f.Namespace)
	if err != nil {
		return backup.Set{}, err
	}
	own := slices.DeleteFunc(all, func(s kube.Snapshot) bool { return s.Labels[action.TakenBy] != f.Run })
	contents, err := w.Kube.SnapshotContents(ctx)
	if err != nil && !kube.IsMissing(err) { // without them the times are known to the second
		return backup.Set{}, err
	}
	sets, _ := backup.Sets(*f.Node, own, contents)
	for _, set := range sets {
		if set.Run == f.Run {
			return set, nil
		}
	}
	return backup.Set{}, nil
}

// judged says what the snapshots would be worth. What is wrong with them stops nobody: the recovery does not need them.
func judged(set backup.Set, f Facts, now time.Time) []wire.Finding {
	if len(set.Members) == 0 {
		return []wire.Finding{{ID: "snapshots", Verdict: wire.Attention, Text: "no snapshot of a volume was taken", Next: "There is no way back but by backups that others have made"}}
	}
	var found []wire.Finding
	for _, j := range backup.Judge(set, *f.Node, now) {
		if j.Verdict == wire.Violated || j.Verdict == wire.Undetermined {
			j.Text = "as a backup these snapshots are not enough: " + j.Text
			j.Verdict, j.Next = wire.Attention, "The recovery does not need them; a way back would"
		}
		found = append(found, j)
	}
	return found
}

// notTaken says of which stores there is no snapshot, and why.
func (f Facts) notTaken(set backup.Set) (all []string) {
	for _, c := range f.Node.Claims {
		if _, ok := set.Member(c.Name); ok {
			continue
		}
		why := "the snapshot was left out"
		switch {
		case driverOf(c) == "":
			why = "its storage driver is not known"
		case f.class(c) == "":
			why = "no snapshot class was chosen for " + driverOf(c)
		}
		all = append(all, fmt.Sprintf("pvc/%s of %s: %s", c.Name, c.Owner, why))
	}
	for _, s := range f.Node.Servers() {
		if !s.Managed() {
			continue
		}
		var names []string
		for _, d := range f.Node.On(s) {
			names = append(names, d.Name)
		}
		all = append(all, fmt.Sprintf("%s: the server %s is outside the cluster, where its provider backs it up", strings.Join(names, ", "), s.String()))
	}
	return all
}
