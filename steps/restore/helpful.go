package restore

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	saved "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// lookAround is what the fence reads of other namespaces to prove by itself that none of them runs the node.
func lookAround() []kube.Access {
	return []kube.Access{{Verb: "list", Group: "apps", Resource: "deployments"}, {Verb: "list", Group: "apps", Resource: "statefulsets"},
		{Verb: "list", Resource: "pods"}}
}

// helpful tells of permissions that a run does without, at a price: it is better known now than asked about in the middle.
func helpful(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, use := range []struct {
		id, without, next string
		accesses          []kube.Access
	}{
		{"permissions-around", "other namespaces cannot be looked at, so you will be asked whether one of them runs this node",
			"Get them granted, or have somebody at hand who can look through all namespaces", lookAround()},
		{"permissions-record", "the record of the node will not be whole", "This restore does not need it; a later one into an empty namespace would", saved.Accesses(f.Namespace)},
		{"permissions-actors", "GitOps and autoscalers cannot be found, so you will be asked to hold them yourself where there are signs of them",
			"Get them granted; or know who can suspend what reconciles this namespace", kube.AccessPausables(f.Namespace)},
	} {
		served, err := w.Kube.Served(ctx, use.accesses)
		if err != nil {
			return nil, err
		}
		verdicts, err := w.Kube.Allowed(ctx, served)
		if err != nil {
			return nil, err
		}
		var denied []string
		var evidence []wire.Evidence
		for _, v := range verdicts {
			if !v.Allowed {
				denied = append(denied, v.Access.String())
				evidence = append(evidence, wire.Evidence{Source: v.Access.String(), Seen: strings.TrimSuffix("denied: "+v.Reason, ": ")})
			}
		}
		if len(denied) > 0 {
			found = append(found, wire.Finding{ID: use.id, Verdict: wire.Attention, Evidence: evidence, Next: use.next,
				Text: fmt.Sprintf("without %s %s", strings.Join(denied, ", "), use.without)})
		}
	}
	return found, nil
}
