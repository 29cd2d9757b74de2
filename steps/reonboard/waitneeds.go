package reonboard

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// How often the cluster is looked at, and how long before the operator is asked.
const (
	deployLook    = 5 * time.Second
	needsPatience = 30 * time.Minute
)

// waitNeeds waits until the Secrets are there that only the operator can make: the passwords and logins are nobody else's to know.
type waitNeeds struct {
	where     kube.Where
	namespace string
	needs     []Need
}

func (n waitNeeds) Key() string         { return "wait for the Secrets that pods need" }
func (n waitNeeds) Effect() wire.Effect { return wire.Observe }
func (n waitNeeds) Refs() []steps.Ref   { return nil }

func (n waitNeeds) Show() wire.Preview {
	p := wire.Preview{Title: n.Key(), After: "they are there, each with its keys. Those that are missing you make yourself; their values are not looked at"}
	for _, x := range n.needs {
		if x.Kind == "Secret" && !x.Optional {
			p.Commands = append(p.Commands, kube.CommandSecret(n.where, n.namespace, x.Name, "", keysOf(x)))
		}
	}
	return p
}

func (n waitNeeds) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	missing, err := needsLacking(ctx, h.World, n.where, n.namespace, n.needs)
	if err != nil {
		return nil, err
	}
	found := []wire.Finding{}
	for _, x := range missing {
		found = append(found, wire.Finding{ID: n.Key(), Verdict: wire.Attention, Text: x.what + " is not there yet", Next: x.command})
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: n.Key(), Verdict: wire.Holds, Text: "all are there"})
	}
	return found, nil
}

func (n waitNeeds) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	missing, err := needsLacking(ctx, w, n.where, n.namespace, n.needs)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if len(missing) == 0 {
		return wire.ActionDone, nil, nil
	}
	var evidence []wire.Evidence
	for _, x := range missing {
		evidence = append(evidence, wire.Evidence{Source: x.what, Seen: "is not there"})
	}
	return wire.ActionPending, evidence, nil
}

func (n waitNeeds) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return steps.Poll(ctx, h, deployLook, needsPatience, "what pods need", report, func(ctx context.Context) (wire.Progress, bool, error) {
		missing, err := needsLacking(ctx, h.World, n.where, n.namespace, n.needs)
		p := wire.Progress{Text: fmt.Sprintf("%d to be made by you", len(missing))}
		for _, x := range missing {
			p.Items = append(p.Items, wire.Item{Name: x.what, State: "is not there", Note: x.command})
		}
		return p, len(missing) == 0, err
	})
}
