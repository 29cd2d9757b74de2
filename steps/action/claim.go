package action

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// claimPatience is how long a claim may take to go or to be bound before the operator is asked.
const claimPatience = 5 * time.Minute

// DeleteClaim deletes the claim of this uid, or the one by which its volume was put back, and waits until it is gone.
// Immediately before it is sent, the volume must
// still be kept and the snapshot still usable: a look at the whole step is too long ago for that.
type DeleteClaim struct {
	Where     kube.Where
	Namespace string
	Name      string
	UID       string
	After     string // what becomes of the data: "its volume pv-1 is kept"
	Lost      string // what cannot be put back; empty when nothing is lost
	Keeps     Object // the volume that must not go with the claim; empty where there is none
	Source    Object // the snapshot that the claim is made from afterwards
}

// Object is an object and no other of its name.
type Object struct{ Name, UID string }

func (d DeleteClaim) Key() string         { return "delete pvc/" + d.Name }
func (d DeleteClaim) Effect() wire.Effect { return wire.Destroy }
func (d DeleteClaim) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeleteClaim(d.Namespace, d.Name)...)
}

func (d DeleteClaim) Show() wire.Preview {
	return wire.Preview{Title: d.Key(), Commands: []string{kube.CommandDeleteClaim(d.Where, d.Namespace, d.Name)},
		Before: "uid " + d.UID, After: "gone; " + d.After, Lost: d.Lost}
}

func (d DeleteClaim) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := d.send(ctx, h); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: d.Key(), Verdict: wire.Holds, Text: "the server would " + d.Key()}}, nil
}

func (d DeleteClaim) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	claim, found, err := w.Kube.Claim(ctx, d.Namespace, d.Name)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	source := "pvc/" + d.Name
	switch {
	case !found:
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "it is gone"}}, nil
	case !d.means(claim):
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "another claim has its name"}}, nil
	case claim.Deleting != nil:
		return wire.ActionPartly, []wire.Evidence{{Source: source, Seen: fmt.Sprintf("is being deleted, held by %v", claim.Finalizers)}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: source, Seen: claim.Phase}}, nil
}

// means says whether the claim is the one to delete. A claim that was taken back holds the same volume under another uid.
func (d DeleteClaim) means(claim kube.Claim) bool {
	return claim.UID == d.UID || d.Keeps.Name != "" && claim.Volume == d.Keeps.Name
}

// send deletes the claim as it stands now; one that is gone is fine.
func (d DeleteClaim) send(ctx context.Context, h steps.Hands) error {
	claim, found, err := h.World.Kube.Claim(ctx, d.Namespace, d.Name)
	if err != nil || !found || !d.means(claim) {
		return err
	}
	if err := h.Kube.DeleteClaim(ctx, d.Namespace, d.Name, claim.UID); err != nil && kube.KindOf(err) != kube.NotFound {
		return err
	}
	return nil
}

// safe says why the claim must not be deleted now, nil if it may.
func (d DeleteClaim) safe(ctx context.Context, w steps.World) error {
	if d.Keeps.Name != "" {
		v, found, err := w.Kube.Volume(ctx, d.Keeps.Name)
		if err != nil {
			return err
		}
		if !found || v.UID != d.Keeps.UID || v.ReclaimPolicy != kube.Retain {
			return &steps.Problem{Tried: d.Key(), Seen: "its volume " + d.Keeps.Name + " is not kept (any more): its data would go with the claim",
				Next: "Nothing was deleted. Set the volume's reclaim policy to Retain, and find out who set it back"}
		}
	}
	if d.Source.Name != "" {
		s, found, err := w.Kube.Snapshot(ctx, d.Namespace, d.Source.Name)
		if err != nil {
			return err
		}
		if !found || s.UID != d.Source.UID || !s.Ready || s.Deleting != nil {
			return &steps.Problem{Tried: d.Key(), Seen: "snapshot " + d.Source.Name + " is gone, was replaced, or is not ready any more",
				Next: "The claim was not deleted. Find out who removed the snapshot; what was replaced before can be taken back"}
		}
	}
	return nil
}

func (d DeleteClaim) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	if err := d.safe(ctx, h.World); err != nil {
		return err
	}
	if err := d.send(ctx, h); err != nil {
		return err
	}
	err := steps.Poll(ctx, h, look, claimPatience, "pvc/"+d.Name+" to be gone", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			state, evidence, err := d.Probe(ctx, h.World)
			if err != nil {
				return wire.Progress{}, false, err
			}
			return wire.Progress{Text: evidence[0].Source + " " + evidence[0].Seen}, state == wire.ActionDone, nil
		})
	return withDetail(err, nil, "A claim stays while a pod uses it: look for a pod that still mounts pvc/"+d.Name)
}

// EmptyFor is the annotation of a claim that a run has made without data, because dumps are loaded into it.
const EmptyFor = "svrescue/empty-for"

// CreateClaim creates a claim from a snapshot, bound to a volume that was kept for it, or empty: then its annotation EmptyFor
// tells it from the claim that it replaces.
type CreateClaim struct {
	Where kube.Where
	Spec  kube.ClaimSpec
}

func (c CreateClaim) Key() string         { return "create pvc/" + c.Spec.Name + " from " + c.from() }
func (c CreateClaim) Effect() wire.Effect { return wire.Repeatable }
func (c CreateClaim) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessCreateClaim(c.Spec.Namespace, c.Spec.Name)...)
}

func (c CreateClaim) from() string {
	switch {
	case c.Spec.Volume != "":
		return "pv/" + c.Spec.Volume
	case c.Spec.Snapshot == "":
		return "nothing"
	}
	return c.Spec.Snapshot
}

func (c CreateClaim) Show() wire.Preview {
	p := wire.Preview{Title: c.Key() + ", " + c.Spec.Size, After: fmt.Sprintf("class %s, %s, from %s", c.Spec.Class, c.Spec.Size, c.from())}
	if command, err := kube.CommandCreateClaim(c.Where, c.Spec); err == nil {
		p.Commands = []string{command}
	}
	return p
}

func (c CreateClaim) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	_, found, err := h.World.Kube.Claim(ctx, c.Spec.Namespace, c.Spec.Name)
	if err != nil {
		return nil, err
	}
	if found {
		return []wire.Finding{{ID: c.Key(), Verdict: wire.Undetermined, Text: c.Key() + " can be tried only after the old claim is deleted"}}, nil
	}
	if _, err := h.Kube.CreateClaim(ctx, c.Spec); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: c.Key(), Verdict: wire.Holds, Text: "the server would " + c.Key()}}, nil
}

// Made says whether the claim is the one that this action creates.
func (c CreateClaim) Made(claim kube.Claim) bool {
	if claim.Deleting != nil {
		return false
	}
	if c.Spec.Volume != "" {
		return claim.Volume == c.Spec.Volume
	}
	if c.Spec.Snapshot == "" {
		run := c.Spec.Annotations[EmptyFor]
		return run != "" && claim.Annotations[EmptyFor] == run
	}
	return claim.Source != nil && claim.Source.Kind == "VolumeSnapshot" && claim.Source.Name == c.Spec.Snapshot
}

func (c CreateClaim) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	claim, found, err := w.Kube.Claim(ctx, c.Spec.Namespace, c.Spec.Name)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	source := "pvc/" + c.Spec.Name
	switch {
	case !found:
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "not there"}}, nil
	case c.Made(claim):
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "from " + c.from() + ", " + claim.Phase}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "another claim has its name"}}, nil
}

func (c CreateClaim) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	_, err := h.Kube.CreateClaim(ctx, c.Spec)
	if kube.KindOf(err) != kube.AlreadyExists {
		return err
	}
	claim, found, lookErr := h.World.Kube.Claim(ctx, c.Spec.Namespace, c.Spec.Name)
	if lookErr == nil && found && c.Made(claim) {
		return nil // an answer was lost, not the claim
	}
	return &steps.Problem{Tried: c.Key(), Seen: "a claim of that name is there already, and it is not from " + c.from(), Err: err,
		Next: "Look who made it: an operator or a StatefulSet that was scaled up again. Remove it only if it holds nothing, then try again"}
}

// WaitBound waits until claims have their volume. A claim whose class waits for its first consumer is right while it is
// Pending.
type WaitBound struct {
	Namespace string
	Claims    []Bindable
}

// Bindable is a claim that should be bound.
type Bindable struct {
	Name  string
	Waits bool // its class binds only when a pod wants it
}

func (b WaitBound) Key() string         { return "wait until the claims have their volumes" }
func (b WaitBound) Effect() wire.Effect { return wire.Observe }
func (b WaitBound) Refs() []steps.Ref   { return nil }

func (b WaitBound) Show() wire.Preview {
	return wire.Preview{Title: b.Key(), After: "bound, or waiting for their first pod as their class says",
		Commands: []string{"kubectl -n " + b.Namespace + " get pvc"}}
}

func (b WaitBound) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (b WaitBound) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	progress, done, _, err := b.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	var evidence []wire.Evidence
	for _, item := range progress.Items {
		evidence = append(evidence, wire.Evidence{Source: "pvc/" + item.Name, Seen: item.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (b WaitBound) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var why []string
	err := steps.Poll(ctx, h, look, claimPatience, "the claims to have their volumes", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			progress, done, detail, err := b.see(ctx, h.World)
			if err == nil {
				why = detail
			}
			return progress, done, err
		})
	return withDetail(err, why, "The storage driver decides how long a copy takes: look at its events")
}

func (b WaitBound) see(ctx context.Context, w steps.World) (p wire.Progress, done bool, detail []string, err error) {
	done = true
	p.Unit, p.Total = "claims", int64(len(b.Claims))
	for _, wanted := range b.Claims {
		claim, found, err := w.Kube.Claim(ctx, b.Namespace, wanted.Name)
		if err != nil {
			return p, false, nil, err
		}
		item := wire.Item{Name: wanted.Name, State: claim.Phase}
		switch {
		case !found:
			item.State = "not there"
		case claim.Phase == "Bound":
			item.State, item.Done = "bound to "+claim.Volume, true
		case claim.Phase == "Lost":
			return p, false, nil, &steps.Problem{Tried: b.Key(), Seen: "pvc/" + wanted.Name + " is Lost: its volume is gone", Next: "Look at the volume; take this step back"}
		case wanted.Waits:
			item.State, item.Done = "waits for its first pod, as its class says", true
		default:
			events, err := w.Kube.Events(ctx, b.Namespace, "PersistentVolumeClaim", wanted.Name)
			if err == nil && len(events) > 0 {
				item.Note = events[0].Message
				detail = append(detail, wanted.Name+": "+events[0].Reason+": "+events[0].Message)
			}
		}
		if item.Done {
			p.Done++
		} else {
			done = false
		}
		p.Items = append(p.Items, item)
	}
	return p, done, detail, nil
}

// RemoveCopy deletes the claim that was made from a snapshot, whatever its uid, and no other: the original that an undo
// has already put back is left alone.
type RemoveCopy struct {
	Where     kube.Where
	Namespace string
	Name      string
	Snapshot  string // that it was made from; empty: it was made empty, by Run
	Run       string
	Original  string // uid of the claim that the copy replaced; it may have been made from the same snapshot once
}

// is says whether the claim is the copy.
func (r RemoveCopy) is(claim kube.Claim) bool {
	if r.Snapshot == "" {
		return claim.UID != r.Original && r.Run != "" && claim.Annotations[EmptyFor] == r.Run
	}
	return claim.UID != r.Original && claim.Source != nil && claim.Source.Name == r.Snapshot
}

func (r RemoveCopy) Key() string         { return "delete the restored pvc/" + r.Name }
func (r RemoveCopy) Effect() wire.Effect { return wire.Destroy }
func (r RemoveCopy) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeleteClaim(r.Namespace, r.Name)...)
}

func (r RemoveCopy) Show() wire.Preview {
	from, lost := "restored from "+r.Snapshot, "what was written to it since; the snapshot stays"
	if r.Snapshot == "" {
		from, lost = "made empty for dumps", "what was loaded into it; the dumps stay"
	}
	return wire.Preview{Title: r.Key(), Commands: []string{kube.CommandDeleteClaim(r.Where, r.Namespace, r.Name)},
		Before: from, After: "gone, with its copy of the data", Lost: lost}
}

func (r RemoveCopy) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (r RemoveCopy) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	claim, found, err := w.Kube.Claim(ctx, r.Namespace, r.Name)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found || !r.is(claim):
		return wire.ActionDone, []wire.Evidence{{Source: "pvc/" + r.Name, Seen: "is not the restored one"}}, nil
	case claim.Deleting != nil:
		return wire.ActionPartly, []wire.Evidence{{Source: "pvc/" + r.Name, Seen: "is being deleted"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "pvc/" + r.Name, Seen: claim.Phase}}, nil
}

func (r RemoveCopy) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	claim, found, err := h.World.Kube.Claim(ctx, r.Namespace, r.Name)
	if err != nil || !found || !r.is(claim) {
		return err
	}
	return DeleteClaim{Where: r.Where, Namespace: r.Namespace, Name: r.Name, UID: claim.UID}.Do(ctx, h, report)
}
