package action

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// KeepVolumes plans the policy change and the mark of every volume of the claims that is not what it should be; with kube.Delete it takes the
// same back.
func KeepVolumes(where kube.Where, run string, claims []node.Claim, policy string) []steps.Action {
	var actions []steps.Action
	for _, claim := range claims {
		old := claim.Old
		if old.Name == "" {
			continue
		}
		if old.ReclaimPolicy == kube.Delete {
			from := kube.Delete
			if policy == kube.Delete {
				from = kube.Retain
			}
			actions = append(actions, Policy{Where: where, Volume: old.Name, UID: old.UID, From: from, To: policy, Why: claim.Owner})
		}
		actions = append(actions, MarkVolume{Where: where, Volume: old.Name, UID: old.UID, Run: run, Claim: claim.Name, Off: policy == kube.Delete})
	}
	return actions
}

// VolumesKept proves that no volume of the claims goes away with its claim.
func VolumesKept(ctx context.Context, w steps.World, claims []node.Claim) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "kept", Verdict: wire.Holds}
	var lost []string
	n := 0
	for _, claim := range claims {
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
