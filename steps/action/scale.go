// Package action holds the actions on a cluster that several paths share. Each is a plain value made from facts, with a
// precondition in every write.
package action

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Scale sets the replica count of one workload.
type Scale struct {
	Where    kube.Where
	Workload kube.WorkloadRef
	From, To int32
}

func (s Scale) Key() string         { return fmt.Sprintf("scale %s to %d", s.Workload, s.To) }
func (s Scale) Effect() wire.Effect { return wire.Repeatable }
func (s Scale) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessScale(s.Workload)...) }

func (s Scale) Show() wire.Preview {
	return wire.Preview{Title: s.Key(), Commands: []string{kube.CommandScale(s.Where, s.Workload, s.From, s.To)},
		Before: fmt.Sprintf("%d wanted", s.From), After: fmt.Sprintf("%d wanted", s.To)}
}

func (s Scale) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	w, found, err := h.World.Kube.Workload(ctx, s.Workload.Kind, s.Workload.Namespace, s.Workload.Name)
	if err != nil {
		return nil, err
	}
	if found && w.Replicas != s.From { // an earlier step of this plan brings it to where this one begins
		return []wire.Finding{{ID: s.Key(), Verdict: wire.Undetermined,
			Text: fmt.Sprintf("%s can be tried only when it stands at %d; it stands at %d", s.Key(), s.From, w.Replicas)}}, nil
	}
	if err := h.Kube.Scale(ctx, s.Workload, s.From, s.To, ""); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Holds, Text: "the server would " + s.Key()}}, nil
}

func (s Scale) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	now, found, err := w.Kube.Workload(ctx, s.Workload.Kind, s.Workload.Namespace, s.Workload.Name)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if !found {
		return wire.ActionUnknown, []wire.Evidence{{Source: s.Workload.String(), Seen: "it is gone"}}, nil
	}
	evidence := []wire.Evidence{{Source: s.Workload.String(), Seen: fmt.Sprintf("%d wanted, %d ready", now.Replicas, now.Ready)}}
	if now.Replicas == s.To {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (s Scale) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return h.Kube.Scale(ctx, s.Workload, s.From, s.To, "")
}
