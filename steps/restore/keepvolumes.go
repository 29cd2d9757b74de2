package restore

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
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
	var claims []node.Claim
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		claims = append(claims, claim)
	}
	return action.KeepVolumes(f.Where, f.Run, claims, policy)
}

// kept proves that no old volume goes away with its claim.
func kept(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var claims []node.Claim
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		claims = append(claims, claim)
	}
	return action.VolumesKept(ctx, w, claims)
}
