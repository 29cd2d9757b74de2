package action

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// RestartPod deletes one pod, so that its workload starts another. It is done when this very pod is gone: the new one has another uid.
type RestartPod struct {
	Where    kube.Where
	Workload kube.WorkloadRef
	Pod, UID string
}

func (r RestartPod) Key() string         { return "restart pod " + r.Pod }
func (r RestartPod) Effect() wire.Effect { return wire.Repeatable }
func (r RestartPod) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeletePod(r.Workload.Namespace, r.Pod)...)
}

func (r RestartPod) Show() wire.Preview {
	return wire.Preview{Title: r.Key(), Commands: []string{kube.CommandDeletePod(r.Where, r.Workload.Namespace, r.Pod, nil)},
		Before: "pod " + r.Pod + " runs", After: r.Workload.String() + " starts another pod on the same claims"}
}

func (r RestartPod) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := h.Kube.DeletePod(ctx, r.Workload.Namespace, r.Pod, r.UID, nil); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Holds, Text: "the server would " + r.Key()}}, nil
}

func (r RestartPod) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	pod, found, err := w.Kube.Pod(ctx, r.Workload.Namespace, r.Pod)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found || pod.UID != r.UID:
		return wire.ActionDone, []wire.Evidence{{Source: "pod " + r.Pod, Seen: "it is gone"}}, nil
	case pod.Deleting != nil:
		return wire.ActionDone, []wire.Evidence{{Source: "pod " + r.Pod, Seen: "it is ending"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "pod " + r.Pod, Seen: "it runs"}}, nil
}

func (r RestartPod) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	err := h.Kube.DeletePod(ctx, r.Workload.Namespace, r.Pod, r.UID, nil)
	if kube.KindOf(err) == kube.NotFound {
		return nil
	}
	return err
}
