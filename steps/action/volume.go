package action

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Policy changes what happens to a volume's data when its claim is deleted.
type Policy struct {
	Where    kube.Where
	Volume   string
	UID      string
	From, To string // kube.Retain or kube.Delete
	Why      string // what the volume holds: "participant-pg"
}

func (p Policy) Key() string         { return fmt.Sprintf("set pv/%s to %s", p.Volume, p.To) }
func (p Policy) Effect() wire.Effect { return wire.Repeatable }
func (p Policy) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessPatchVolume(p.Volume)...) }

func (p Policy) Show() wire.Preview {
	return wire.Preview{Title: fmt.Sprintf("%s (%s)", p.Key(), p.Why), Commands: []string{kube.CommandSetReclaimPolicy(p.Where, p.Volume, p.UID, p.From, p.To)},
		Before: "reclaim policy " + p.From, After: "reclaim policy " + p.To}
}

func (p Policy) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := h.Kube.SetReclaimPolicy(ctx, p.Volume, p.UID, p.From, p.To); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: p.Key(), Verdict: wire.Holds, Text: "the server would " + p.Key()}}, nil
}

func (p Policy) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	v, found, err := w.Kube.Volume(ctx, p.Volume)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if !found || v.UID != p.UID {
		return wire.ActionUnknown, []wire.Evidence{{Source: "pv/" + p.Volume, Seen: "it is not there any more"}}, nil
	}
	evidence := []wire.Evidence{{Source: "pv/" + p.Volume, Seen: "reclaim policy " + v.ReclaimPolicy}}
	if v.ReclaimPolicy == p.To {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

// Do refuses to set a volume to Delete that no claim holds: its storage driver would remove it, and its data, at once.
func (p Policy) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	if p.To == kube.Delete {
		v, found, err := h.World.Kube.Volume(ctx, p.Volume)
		if err != nil {
			return err
		}
		if found && v.Phase != "Bound" {
			return &steps.Problem{Tried: p.Key(), Seen: "the volume is " + v.Phase + ": with " + kube.Delete + " its data would be removed at once",
				Next: "Nothing was changed. Give it back to its claim first, or keep it"}
		}
	}
	return h.Kube.SetReclaimPolicy(ctx, p.Volume, p.UID, p.From, p.To)
}

// FreeVolume takes a kept volume out of the hands of its old claim, once that is gone, and keeps it for a new claim of the
// same name. A volume whose old claim is still there is left alone: taken away from under a bound claim, the claim would
// be Lost for ever.
type FreeVolume struct {
	Where  kube.Where
	Volume string
	UID    string
	Held   kube.ClaimRef // the claim it was bound to
}

func (f FreeVolume) Key() string {
	return fmt.Sprintf("keep pv/%s for a new claim %s", f.Volume, f.Held.Name)
}
func (f FreeVolume) Effect() wire.Effect { return wire.Repeatable }
func (f FreeVolume) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessPatchVolume(f.Volume)...) }

func (f FreeVolume) Show() wire.Preview {
	return wire.Preview{Title: f.Key(), Commands: []string{kube.CommandReleaseVolume(f.Where, f.Volume, f.UID, f.Held)},
		Before: "released by the old claim", After: "reserved for " + f.Held.Name}
}

func (f FreeVolume) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (f FreeVolume) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	v, found, err := w.Kube.Volume(ctx, f.Volume)
	if err != nil || !found {
		return wire.ActionUnknown, nil, err
	}
	evidence := []wire.Evidence{{Source: "pv/" + f.Volume, Seen: v.Phase}}
	if f.reserved(v) && v.Claim.UID == "" {
		return wire.ActionDone, evidence, nil
	}
	holder, held, err := f.holder(ctx, w, v)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if held && holder.Deleting == nil {
		return wire.ActionDone, append(evidence, wire.Evidence{Source: "pvc/" + holder.Name, Seen: "it is there and holds the volume"}), nil
	}
	return wire.ActionPending, evidence, nil
}

// reserved says whether the volume refers to a claim of the old one's name.
func (f FreeVolume) reserved(v kube.Volume) bool {
	return v.Claim != nil && v.Claim.Namespace == f.Held.Namespace && v.Claim.Name == f.Held.Name
}

// holder returns the claim that the volume refers to while it is there: the old one, or one by which the volume was put
// back before.
func (f FreeVolume) holder(ctx context.Context, w steps.World, v kube.Volume) (kube.Claim, bool, error) {
	claim, found, err := w.Kube.Claim(ctx, f.Held.Namespace, f.Held.Name)
	return claim, found && (claim.UID == f.Held.UID || f.reserved(v) && claim.UID == v.Claim.UID), err
}

func (f FreeVolume) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	v, found, err := h.World.Kube.Volume(ctx, f.Volume)
	if err != nil {
		return err
	}
	err = steps.Poll(ctx, h, look, claimPatience, "the old pvc/"+f.Held.Name+" to be gone", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			_, held, err := f.holder(ctx, h.World, v)
			return wire.Progress{Text: "the old pvc/" + f.Held.Name + " is being deleted"}, !held, err
		})
	if err != nil {
		return withDetail(err, nil, "A claim stays while a pod uses it: look for a pod that still mounts pvc/"+f.Held.Name)
	}
	if found && v.Claim == nil { // somebody released it by hand
		return h.Kube.BindVolumeTo(ctx, f.Volume, f.UID, nil, f.Held.Namespace, f.Held.Name)
	}
	held := f.Held
	if found && f.reserved(v) {
		held = *v.Claim
	}
	return h.Kube.ReleaseVolume(ctx, f.Volume, f.UID, held)
}

// KeptBy is the annotation on a volume that a restore has kept; its value is the run.
const KeptBy = "svrescue/kept-by"

// MarkVolume writes on a volume which run keeps it, so that a later run can release what is kept and nothing else. Off
// takes the mark away.
type MarkVolume struct {
	Where  kube.Where
	Volume string
	UID    string
	Run    string
	Claim  string
	Off    bool
}

func (m MarkVolume) object() kube.Access {
	return kube.Access{Resource: "persistentvolumes", Name: m.Volume}
}

func (m MarkVolume) mark(now *string) kube.Mark {
	if m.Off {
		return kube.Mark{Key: KeptBy, From: now}
	}
	return kube.Mark{Key: KeptBy, From: now, To: &m.Run}
}

func (m MarkVolume) Key() string {
	if m.Off {
		return "unmark pv/" + m.Volume
	}
	return "mark pv/" + m.Volume
}
func (m MarkVolume) Effect() wire.Effect { return wire.Repeatable }
func (m MarkVolume) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessMark(m.object())...) }

func (m MarkVolume) Show() wire.Preview {
	return wire.Preview{Title: m.Key() + " as kept (" + m.Claim + ")", Commands: []string{kube.CommandAnnotate(m.Where, m.object(), m.mark(nil))}}
}

func (m MarkVolume) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := m.Do(ctx, h, nil); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: m.Key(), Verdict: wire.Holds, Text: "the server would " + m.Key()}}, nil
}

func (m MarkVolume) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	v, found, err := w.Kube.Volume(ctx, m.Volume)
	if err != nil || !found || v.UID != m.UID {
		return wire.ActionUnknown, nil, err
	}
	if now := v.Annotations[KeptBy]; !m.Off && now == m.Run || m.Off && now == "" {
		return wire.ActionDone, nil, nil
	}
	return wire.ActionPending, nil, nil
}

func (m MarkVolume) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	v, found, err := h.World.Kube.Volume(ctx, m.Volume)
	if err != nil {
		return err
	}
	if !found {
		return &steps.Problem{Tried: m.Key(), Seen: "the volume is not there", Next: "Look who removed it before you go on"}
	}
	var now *string
	if value, ok := v.Annotations[KeptBy]; ok {
		now = &value
	}
	return h.Kube.Annotate(ctx, m.object(), m.UID, m.mark(now))
}
