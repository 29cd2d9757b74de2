package restore

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

func keepOldVolumes() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/keep-old-volumes", Title: "Keep old volumes", Effect: wire.Repeatable,
		Summary: "Sets the old volumes to Retain and marks them, so that deleting their claims loses nothing.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return keep(f, kube.Retain), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return kept(ctx, w, *f)
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was changed"
			}
			return keep(f, kube.Delete), ""
		},
	}
}

// keep plans the policy change and the mark of every old volume that is not what it should be; with kube.Delete it
// takes the same back.
func keep(f Facts, policy string) []steps.Action {
	var actions []steps.Action
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		old := claim.Old
		if old.Name == "" {
			continue
		}
		if old.ReclaimPolicy == kube.Delete {
			from := kube.Delete
			if policy == kube.Delete {
				from = kube.Retain
			}
			actions = append(actions, action.Policy{Where: f.Where, Volume: old.Name, UID: old.UID, From: from, To: policy, Why: claim.Owner})
		}
		actions = append(actions, action.MarkVolume{Where: f.Where, Volume: old.Name, UID: old.UID, Run: f.Run, Claim: claim.Name, Off: policy == kube.Delete})
	}
	return actions
}

// kept proves that no old volume goes away with its claim.
func kept(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "kept", Verdict: wire.Holds}
	var lost []string
	n := 0
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		if claim.Old.Name == "" {
			continue
		}
		v, found, err := w.Kube.Volume(ctx, claim.Old.Name)
		if err != nil {
			return nil, err
		}
		if !found || v.UID != claim.Old.UID || v.ReclaimPolicy != kube.Retain {
			lost = append(lost, claim.Old.Name+" of "+claim.Owner)
			continue
		}
		n++
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "pv/" + v.Name, Seen: v.ReclaimPolicy + ", " + v.Phase, At: w.Clock.Now()})
	}
	finding.Text = fmt.Sprintf("%d old volumes are kept when their claims go", n)
	if len(lost) > 0 {
		finding.Verdict, finding.Text = wire.Violated, "not kept: "+strings.Join(lost, ", ")
		finding.Next = "Their data would go with the claim. Set their reclaim policy to Retain"
	}
	return []wire.Finding{finding}, nil
}
