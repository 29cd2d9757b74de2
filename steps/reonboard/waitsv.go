package reonboard

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// waitSV waits until somebody else has made the apps of the fresh SV.
type waitSV struct {
	release   Deployment
	namespace string
}

func (s waitSV) Key() string         { return "wait for the fresh SV" }
func (s waitSV) Effect() wire.Effect { return wire.Observe }
func (s waitSV) Refs() []steps.Ref   { return nil }

func (s waitSV) Show() wire.Preview {
	p := waitReleased{s.release, s.namespace}.Show()
	p.Title, p.After = "wait for the fresh SV to be installed by you in namespace "+s.namespace,
		"its apps are there. Install it as any SV: the same name and key pair, new keys for CometBFT, empty databases and claims, stateSync.enable where the chain is pruned, no imported identities"
	return p
}

func (s waitSV) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (s waitSV) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return waitReleased{s.release, s.namespace}.Probe(ctx, w)
}

func (s waitSV) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return waitReleased{s.release, s.namespace}.Do(ctx, h, report)
}
