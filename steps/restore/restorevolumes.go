package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func restoreVolumes() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/restore-volumes", Title: "Restore volumes", Effect: wire.Destroy,
		Summary: "Deletes each claim and creates it again, under its name, from its snapshot. The old volumes stay.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSet(f) != nil {
				return nil, nil
			}
			stopped, err := stillStopped(ctx, w, f)
			if err != nil {
				return nil, err
			}
			old, err := kept(ctx, w, f)
			if err != nil {
				return nil, err
			}
			snapshots, err := snapshotsStill(ctx, w, f)
			if err != nil {
				return nil, err
			}
			held, err := stillHeld(ctx, w, f)
			return slices.Concat(stopped, old, snapshots, held), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return replaceClaims(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := claimsFromSnapshots(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			moved, err := sameZones(ctx, w, *f)
			return append(found, moved...), err
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was replaced"
			}
			return putBack(f), ""
		},
	}
}

func replaceClaims(f Facts) []steps.Action {
	var actions []steps.Action
	wait := action.WaitBound{Namespace: f.Namespace}
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		if claim.UID != "" {
			d := action.DeleteClaim{Where: f.Where, Namespace: f.Namespace, Name: claim.Name, UID: claim.UID,
				Keeps:  action.Object{Name: claim.Old.Name, UID: claim.Old.UID},
				Source: action.Object{Name: m.Snapshot.Name, UID: m.Snapshot.UID}}
			if claim.Old.Name != "" {
				d.After = "its volume " + claim.Old.Name + " is kept"
			} else {
				d.After = "it had no volume"
			}
			actions = append(actions, d)
		}
		actions = append(actions, action.CreateClaim{Where: f.Where, Spec: claimSpec(f, claim, m)})
		wait.Claims = append(wait.Claims, action.Bindable{Name: claim.Name, Waits: claim.Binding == waitForFirstConsumer})
	}
	if len(wait.Claims) == 0 {
		return nil
	}
	return append(actions, wait)
}

const waitForFirstConsumer = "WaitForFirstConsumer"

// claimSpec is the claim as it was, filled from its snapshot, with at least the size of both.
func claimSpec(f Facts, claim node.Claim, m backup.Member) kube.ClaimSpec {
	annotations := claim.Annotations
	if m.Empty {
		annotations = maps.Clone(annotations)
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[action.EmptyFor] = f.Run
	}
	return kube.ClaimSpec{Namespace: f.Namespace, Name: claim.Name, Labels: claim.Labels, Annotations: annotations,
		Class: className(*f.Node, claim), Modes: claim.Modes, VolumeMode: claim.VolumeMode, Size: largest(claim, m).Text, Snapshot: m.Snapshot.Name}
}

// largest is the size that a restored claim needs: that of the original, or of the snapshot if it is larger.
func largest(claim node.Claim, m backup.Member) kube.Size {
	size := claim.Request
	for _, other := range []kube.Size{claim.Capacity, m.Snapshot.RestoreSize} {
		if other.Bytes > size.Bytes {
			size = other
		}
	}
	return size
}

// putBack deletes the restored claims and binds the old volumes under the same names again. A claim that names its volume
// is bound at once, whatever its class says. It ends when they are bound: what comes next may take their protection away.
func putBack(f Facts) []steps.Action {
	var actions []steps.Action
	wait := action.WaitBound{Namespace: f.Namespace}
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		if claim.Old.Name == "" {
			continue
		}
		spec := claimSpec(f, claim, m)
		actions = append(actions,
			action.RemoveCopy{Where: f.Where, Namespace: f.Namespace, Name: claim.Name, Snapshot: m.Snapshot.Name, Run: f.Run, Original: claim.UID},
			action.FreeVolume{Where: f.Where, Volume: claim.Old.Name, UID: claim.Old.UID,
				Held: kube.ClaimRef{Namespace: f.Namespace, Name: claim.Name, UID: claim.UID}})
		spec.Snapshot, spec.Volume, spec.Size, spec.Annotations = "", claim.Old.Name, claim.Request.Text, claim.Annotations
		actions = append(actions, action.CreateClaim{Where: f.Where, Spec: spec})
		wait.Claims = append(wait.Claims, action.Bindable{Name: claim.Name})
	}
	if len(wait.Claims) > 0 {
		actions = append(actions, wait)
	}
	return actions
}

// snapshots counts the claims that are made from a snapshot.
func snapshots(f Facts) int {
	n := 0
	for _, m := range f.Set.Members {
		if !m.Empty {
			n++
		}
	}
	return n
}

// snapshotsStill proves that the chosen snapshots are the ones that were judged, and still usable.
func snapshotsStill(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "snapshots", Verdict: wire.Holds, Text: fmt.Sprintf("all %d snapshots of run %s are ready", snapshots(f), f.SetRun)}
	for _, m := range f.Set.Members {
		if m.Empty {
			continue
		}
		s, found, err := w.Kube.Snapshot(ctx, f.Namespace, m.Snapshot.Name)
		if err != nil {
			return nil, err
		}
		if !found || s.UID != m.Snapshot.UID || !s.Ready || s.Deleting != nil {
			return []wire.Finding{{ID: "snapshots", Verdict: wire.Violated, Text: "snapshot " + m.Snapshot.Name + " is gone, was replaced, or is not ready any more",
				Next: "Nothing was deleted. Find out who removed it; a new run can choose another set"}}, nil
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "volumesnapshot " + s.Name, Seen: "ready", At: w.Clock.Now()})
	}
	return []wire.Finding{finding}, nil
}

// sameZones finds restored volumes that cannot be reached from the zone of the old one.
func sameZones(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, m := range f.Set.Members {
		old, _ := f.Node.Claim(m.Claim)
		if len(old.Old.Zones) == 0 {
			continue
		}
		claim, there, err := w.Kube.Claim(ctx, f.Namespace, m.Claim)
		if err != nil || !there || claim.Volume == "" { // Pending until its first pod: the scheduler chooses the zone
			if err != nil {
				return nil, err
			}
			continue
		}
		volume, there, err := w.Kube.Volume(ctx, claim.Volume)
		if err != nil {
			return nil, err
		}
		if there && len(volume.Zones) > 0 && !slices.ContainsFunc(volume.Zones, func(z string) bool { return slices.Contains(old.Old.Zones, z) }) {
			found = append(found, wire.Finding{ID: "zone-" + m.Claim, Verdict: wire.Violated,
				Text:  fmt.Sprintf("the restored volume of %s is in zone %s, the old one was in %s", m.Claim, strings.Join(volume.Zones, ", "), strings.Join(old.Old.Zones, ", ")),
				Next:  "Its pod may find no node there. Take the step back and restrict the class to the old zone; or go on, if pods may run in the new zone",
				Waive: "the pods can run in the new zone"})
		}
	}
	return found, nil
}

// claimsFromSnapshots proves that each claim is a new one, made from its snapshot, and that the old volume is there.
func claimsFromSnapshots(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "claims", Verdict: wire.Holds, Text: fmt.Sprintf("all %d claims are made from the snapshots of run %s", snapshots(f), f.SetRun)}
	switch n := len(f.Set.Members) - snapshots(f); {
	case len(f.Set.Members) == 0:
		finding.Text = "no claim is replaced"
	case n > 0:
		finding.Text = fmt.Sprintf("%d claims are made from snapshots, %d are made empty for dumps", snapshots(f), n)
	}
	for _, m := range f.Set.Members {
		old, _ := f.Node.Claim(m.Claim)
		claim, found, err := w.Kube.Claim(ctx, f.Namespace, m.Claim)
		if err != nil {
			return nil, err
		}
		made := action.CreateClaim{Spec: claimSpec(f, old, m)}
		if !found || claim.UID == old.UID || !made.Made(claim) {
			return []wire.Finding{{ID: "claims", Verdict: wire.Violated, Text: "claim " + m.Claim + " is not the one made from " + cmp.Or(m.Snapshot.Name, "nothing, for dumps"), Next: "Do this step again"}}, nil
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "pvc/" + claim.Name, Seen: claim.Phase + " from " + cmp.Or(m.Snapshot.Name, "nothing"), At: w.Clock.Now()})
	}
	old, err := kept(ctx, w, f)
	return append([]wire.Finding{finding}, old...), err
}
