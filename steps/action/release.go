package action

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// releasePatience is how long the storage driver may take to remove a volume before the operator is asked.
const releasePatience = 5 * time.Minute

// ReleaseVolume gives a kept volume away: with the policy Delete the storage driver removes it and its data.
type ReleaseVolume struct {
	Where       kube.Where
	Volume, UID string
	Claim, Size string
	Run         string // that keeps it, as its mark says
}

func (r ReleaseVolume) Key() string         { return "release pv/" + r.Volume }
func (r ReleaseVolume) Effect() wire.Effect { return wire.Destroy }
func (r ReleaseVolume) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessPatchVolume(r.Volume)...) }

func (r ReleaseVolume) Show() wire.Preview {
	return wire.Preview{Title: r.Key() + " (was " + r.Claim + ", " + r.Size + ")",
		Commands: []string{kube.CommandSetReclaimPolicy(r.Where, r.Volume, r.UID, kube.Retain, kube.Delete)},
		Before:   "kept", After: "removed by its storage driver", Lost: "the data that " + r.Claim + " had before the restore"}
}

func (r ReleaseVolume) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := h.Kube.SetReclaimPolicy(ctx, r.Volume, r.UID, kube.Retain, kube.Delete); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Holds, Text: "the server would " + r.Key()}}, nil
}

func (r ReleaseVolume) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	v, found, err := w.Kube.Volume(ctx, r.Volume)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found || v.UID != r.UID:
		return wire.ActionDone, []wire.Evidence{{Source: "pv/" + r.Volume, Seen: "it is gone"}}, nil
	case v.ReclaimPolicy == kube.Delete:
		return wire.ActionPartly, []wire.Evidence{{Source: "pv/" + r.Volume, Seen: "is being removed"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "pv/" + r.Volume, Seen: v.Phase}}, nil
}

func (r ReleaseVolume) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	state, _, err := r.Probe(ctx, h.World)
	if err != nil {
		return err
	}
	if state == wire.ActionPending {
		// Between the confirmation and this volume others were removed, which takes time: somebody may use it by now.
		v, found, err := h.World.Kube.Volume(ctx, r.Volume)
		if err != nil {
			return err
		}
		if found && (v.Phase != "Released" || v.Annotations[KeptBy] != r.Run) {
			return &steps.Problem{Tried: r.Key(), Seen: fmt.Sprintf("it is %s now, kept by %q", v.Phase, v.Annotations[KeptBy]),
				Next: "It was not touched. Leave it out: somebody took it into use"}
		}
		if err := h.Kube.SetReclaimPolicy(ctx, r.Volume, r.UID, kube.Retain, kube.Delete); err != nil {
			return err
		}
	}
	return steps.Poll(ctx, h, look, releasePatience, "pv/"+r.Volume+" to be removed", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			state, _, err := r.Probe(ctx, h.World)
			return wire.Progress{Text: "the storage driver removes " + r.Volume}, state == wire.ActionDone, err
		})
}
