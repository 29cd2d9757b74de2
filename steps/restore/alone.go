package restore

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// alone says whether a Lease can keep other operators away from the node. A run goes on without one.
func alone(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	verdicts, err := w.Kube.Allowed(ctx, kube.AccessLease(f.Namespace))
	if err != nil {
		return nil, err
	}
	var verbs []string
	for _, v := range verdicts {
		if !v.Allowed {
			verbs = append(verbs, v.Access.Verb)
		}
	}
	if len(verbs) == 0 {
		return []wire.Finding{{ID: "lease", Verdict: wire.Holds, Text: "a Lease can keep other operators away from the node"}}, nil
	}
	return []wire.Finding{{ID: "lease", Verdict: wire.Attention,
		Text: fmt.Sprintf("No Lease: the permission to %s leases.coordination.k8s.io in namespace %s is missing, so only the lock on this run holds, and nobody else is kept away from the node", strings.Join(verbs, " and "), f.Namespace),
		Next: "Have it granted, or make sure yourself that nobody else works on this node"}}, nil
}
