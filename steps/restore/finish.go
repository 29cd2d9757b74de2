package restore

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

func finish() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/finish", Title: "Finish", Effect: wire.Observe,
		Summary: "Proves once more that the node runs on the restored claims and that the old volumes are kept.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			claims, err := claimsFromSnapshots(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			databases, err := running(ctx, w, replaced(*f), "databases")
			if err != nil {
				return nil, err
			}
			apps, err := running(ctx, w, applications(*f.Node), "applications")
			if err != nil {
				return nil, err
			}
			found := append(append(claims, databases...), apps...)
			return append(found, wire.Finding{ID: "catch-up", Verdict: wire.Attention,
				Text: "ready pods are not proof that the node has caught up with the network",
				Next: "Watch the SV UI (CometBFT peers, Domain Node Status) and fresh lines in the participant log until it is in step"}), nil
		},
	}
}
