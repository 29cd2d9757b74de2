package action

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

const (
	// snapshotPatience is how long the storage may take to cut and keep a snapshot before the operator is asked; big disks take minutes.
	snapshotPatience = 20 * time.Minute
	// snapshotApart is the least time between two snapshots: those of apps and participant must not be cut within the same second, or which
	// came first cannot be told (reference/backups.md 1).
	snapshotApart = 2 * time.Second
)

// TakenBy is the label on a snapshot that a run has taken; its value is the run.
const TakenBy = "svrescue/taken-by"

// TakeSnapshot asks for a snapshot of a claim and waits until the storage has it. The Labels of its Spec name the run, by TakenBy: one of that
// name that another made is never taken for it.
type TakeSnapshot struct {
	Where kube.Where
	Spec  kube.SnapshotSpec
	Whose string // what the claim holds, for people: "participant-pg"
}

func (t TakeSnapshot) Key() string         { return "take snapshot " + t.Spec.Name }
func (t TakeSnapshot) Effect() wire.Effect { return wire.Repeatable }
func (t TakeSnapshot) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessCreateSnapshot(t.Spec.Namespace, t.Spec.Name)...)
}

func (t TakeSnapshot) Show() wire.Preview {
	p := wire.Preview{Title: fmt.Sprintf("%s of %s", t.Key(), t.Whose), Before: "no snapshot of pvc/" + t.Spec.Claim + " of this run",
		After: "a snapshot of class " + t.Spec.Class + ", which the storage has whole"}
	if command, err := kube.CommandCreateSnapshot(t.Where, t.Spec); err == nil {
		p.Commands = []string{command}
	}
	return p
}

func (t TakeSnapshot) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if state, _, err := t.Probe(ctx, h.World); err != nil || state != wire.ActionPending {
		return nil, err
	}
	if _, err := h.Kube.CreateSnapshot(ctx, t.Spec); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: t.Key(), Verdict: wire.Holds, Text: "the server would " + t.Key()}}, nil
}

func (t TakeSnapshot) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, found, err := w.Kube.Snapshot(ctx, t.Spec.Namespace, t.Spec.Name)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	evidence := func(seen string) []wire.Evidence {
		return []wire.Evidence{{Source: "volumesnapshot/" + t.Spec.Name, Seen: seen}}
	}
	switch {
	case !found:
		return wire.ActionPending, evidence("it is not there"), nil
	case !t.own(s):
		return wire.ActionPending, evidence("another one has its name"), nil // Do says so
	case s.Ready && s.Taken != nil:
		return wire.ActionDone, evidence("the storage has it, cut at " + s.Taken.UTC().Format(time.RFC3339)), nil
	}
	return wire.ActionPartly, evidence("it is being taken"), nil
}

func (t TakeSnapshot) own(s kube.Snapshot) bool {
	return s.SourceClaim == t.Spec.Claim && s.Labels[TakenBy] == t.Spec.Labels[TakenBy] && s.Deleting == nil
}

func (t TakeSnapshot) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	s, found, err := h.World.Kube.Snapshot(ctx, t.Spec.Namespace, t.Spec.Name)
	switch {
	case err != nil:
		return err
	case found && !t.own(s):
		return &steps.Problem{Tried: t.Key(), Seen: "there is a snapshot of that name, and this run did not take it",
			Next: "Nothing was changed. Look who made it; if it is not needed, remove it: " + kube.CommandDeleteSnapshot(t.Where, t.Spec.Namespace, t.Spec.Name)}
	case !found:
		if _, err := h.Kube.CreateSnapshot(ctx, t.Spec); err != nil {
			return err
		}
	}
	began := h.World.Clock.Now()
	why := ""
	err = steps.Poll(ctx, h, look, snapshotPatience, "the snapshot of "+t.Whose, report, func(ctx context.Context) (wire.Progress, bool, error) {
		s, found, err := h.World.Kube.Snapshot(ctx, t.Spec.Namespace, t.Spec.Name)
		if err != nil {
			return wire.Progress{}, false, err
		}
		if !found {
			return wire.Progress{}, false, &steps.Problem{Tried: t.Key(), Seen: "it is gone again", Next: "Look who removed it, and try again"}
		}
		item := wire.Item{Name: t.Spec.Name, State: "the storage takes it", Note: s.Error}
		if why = s.Error; s.Ready && s.Taken != nil {
			item.State, item.Done = "taken", true
		}
		return wire.Progress{Text: "the storage takes " + t.Spec.Name, Items: []wire.Item{item}}, item.Done && h.World.Clock.Since(began) >= snapshotApart, nil
	})
	if why != "" {
		return withDetail(err, []string{"The storage says: " + why}, "Leave this snapshot out with a reason, or have the storage looked at; the step tells at its end what was not taken")
	}
	return withDetail(err, nil, "A snapshot of a big disk can take long; it may also be left out, with a reason")
}

// DropSnapshot removes a snapshot that a run has taken, and no other.
type DropSnapshot struct {
	Where           kube.Where
	Namespace, Name string
	Run             string
}

func (d DropSnapshot) Key() string         { return "delete snapshot " + d.Name }
func (d DropSnapshot) Effect() wire.Effect { return wire.Destroy }
func (d DropSnapshot) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeleteSnapshot(d.Namespace, d.Name)...)
}

func (d DropSnapshot) Show() wire.Preview {
	return wire.Preview{Title: d.Key(), Commands: []string{kube.CommandDeleteSnapshot(d.Where, d.Namespace, d.Name)}, Before: "taken by this run", After: "gone",
		Lost: "the backup that this snapshot is"}
}

func (d DropSnapshot) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: d.Key(), Verdict: wire.Undetermined, Text: d.Key() + " can be tried only when it was taken"}}, nil
}

func (d DropSnapshot) own(ctx context.Context, w steps.World) (kube.Snapshot, bool, error) {
	s, found, err := w.Kube.Snapshot(ctx, d.Namespace, d.Name)
	if kube.KindOf(err) == kube.NotFound { // the cluster has no snapshots
		return s, false, nil
	}
	return s, found && s.Labels[TakenBy] == d.Run, err
}

func (d DropSnapshot) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, own, err := d.own(ctx, w)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !own:
		return wire.ActionDone, []wire.Evidence{{Source: "volumesnapshot/" + d.Name, Seen: "there is none of this run"}}, nil
	case s.Deleting != nil:
		return wire.ActionPartly, []wire.Evidence{{Source: "volumesnapshot/" + d.Name, Seen: "it is being deleted"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "volumesnapshot/" + d.Name, Seen: "it is there"}}, nil
}

// Do waits until it is gone: the name is free only then.
func (d DropSnapshot) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	s, own, err := d.own(ctx, h.World)
	if err != nil || !own {
		return err
	}
	if s.Deleting == nil {
		if err := h.Kube.DeleteSnapshot(ctx, d.Namespace, d.Name, s.UID); err != nil {
			return err
		}
	}
	err = steps.Poll(ctx, h, look, GonePatience, "snapshot "+d.Name+" to be gone", report, func(ctx context.Context) (wire.Progress, bool, error) {
		_, there, err := d.own(ctx, h.World)
		return wire.Progress{Text: "the storage deletes " + d.Name}, !there, err
	})
	return withDetail(err, nil, "A snapshot stays while a claim is made from it, and as long as the storage needs: look at it with kubectl describe volumesnapshot")
}
