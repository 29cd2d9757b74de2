package action

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// MarkFailed marks a revision that Helm has begun and not ended as failed, so that the one that is deployed counts again. It is for one that
// was interrupted: whoever is still at it would go on, and its program then writes that it is deployed.
type MarkFailed struct {
	Pending release.Pending
	Run     string
}

func (m MarkFailed) Key() string {
	return fmt.Sprintf("mark revision %d of release %s as failed", m.Pending.Revision, m.Pending.Name)
}
func (m MarkFailed) Effect() wire.Effect { return wire.Repeatable }
func (m MarkFailed) Refs() []steps.Ref   { return steps.KubeRefs(m.Pending.AccessFail()...) }

func (m MarkFailed) Show() wire.Preview {
	after := fmt.Sprintf("Helm's record says failed; revision %d counts, and its objects stay as the interrupted one left them", m.Pending.Deployed)
	if m.Pending.Deployed == 0 {
		after = "Helm's record says failed; no revision is deployed, and its objects stay as the interrupted one left them"
	}
	return wire.Preview{Title: m.Key(), Before: fmt.Sprintf("%s, begun %s", m.Pending.Status, m.Pending.Who()), After: after}
}

func (m MarkFailed) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := m.fail(ctx, h); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: m.Key(), Verdict: wire.Holds, Text: "the server would " + m.Key()}}, nil
}

func (m MarkFailed) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stands, failed, err := m.Pending.Stands(ctx, w.Kube)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case failed:
		return wire.ActionDone, []wire.Evidence{{Source: "release " + m.Pending.Name, Seen: "Helm says failed"}}, nil
	case stands:
		return wire.ActionPending, []wire.Evidence{{Source: "release " + m.Pending.Name, Seen: "Helm says " + m.Pending.Status}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: "release " + m.Pending.Name, Seen: "somebody has ended it since"}}, nil
}

func (m MarkFailed) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return m.fail(ctx, h)
}

func (m MarkFailed) fail(ctx context.Context, h steps.Hands) error {
	return unsettled(m.Key(), m.Pending.Name, m.Pending.Fail(ctx, h.World.Kube, h.Kube, Mark(m.Run)))
}
