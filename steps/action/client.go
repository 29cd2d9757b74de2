package action

import (
	"context"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/wire"
)

// clientPatience is how long the client pod may take: mostly the pull of its image.
const clientPatience = 3 * time.Minute

// clientLives is after how many seconds the pod of a run ends by itself.
const clientLives = 7 * 24 * 3600

// ClientOf is the pod through which a run reaches what only the cluster reaches: package reach finds it by its label.
func ClientOf(namespace, image, run string) kube.ClientSpec {
	name := strings.ToLower(run)
	return kube.ClientSpec{Namespace: namespace, Name: "svrescue-client-" + name[max(0, len(name)-9):], Image: image, Lives: clientLives,
		Labels: map[string]string{reach.ClientLabel: run}}
}

// OpenClient makes the pod through which servers outside the cluster are reached that only the cluster reaches, and waits until
// it is ready.
type OpenClient struct {
	Where kube.Where
	Spec  kube.ClientSpec
}

func (o OpenClient) Key() string         { return "open pod/" + o.Spec.Name }
func (o OpenClient) Effect() wire.Effect { return wire.Repeatable }
func (o OpenClient) Refs() []steps.Ref {
	return steps.KubeRefs(append(kube.AccessCreateClient(o.Spec.Namespace, o.Spec.Name), kube.AccessDeletePod(o.Spec.Namespace, o.Spec.Name)...)...)
}

func (o OpenClient) Show() wire.Preview {
	p := wire.Preview{Title: "create pod/" + o.Spec.Name + ", through which private servers are reached", After: "a pod of image " + o.Spec.Image + " that only sleeps; the run takes it away at its end"}
	if command, err := kube.CommandCreateClient(o.Where, o.Spec); err == nil {
		p.Commands = []string{command}
	}
	return p
}

func (o OpenClient) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, err := h.Kube.CreateClient(ctx, o.Spec); err != nil && kube.KindOf(err) != kube.AlreadyExists {
		return nil, err
	}
	return []wire.Finding{{ID: o.Key(), Verdict: wire.Holds, Text: "the server would " + o.Key()}}, nil
}

func (o OpenClient) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	pod, found, err := w.Kube.Pod(ctx, o.Spec.Namespace, o.Spec.Name)
	source := "pod/" + o.Spec.Name
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found:
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
	case pod.Ready && pod.Deleting == nil:
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is ready"}}, nil
	}
	return wire.ActionPartly, []wire.Evidence{{Source: source, Seen: pod.Phase}}, nil
}

func (o OpenClient) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	pod, found, err := h.World.Kube.Pod(ctx, o.Spec.Namespace, o.Spec.Name)
	if err != nil {
		return err
	}
	if found && (pod.Phase == "Succeeded" || pod.Phase == "Failed") { // its time was over, or it was evicted
		if err := (CloseClient{Where: o.Where, Namespace: o.Spec.Namespace, Name: o.Spec.Name}).Do(ctx, h, report); err != nil {
			return err
		}
	}
	if _, err := h.Kube.CreateClient(ctx, o.Spec); err != nil && kube.KindOf(err) != kube.AlreadyExists {
		return err
	}
	return steps.Poll(ctx, h, look, clientPatience, "pod/"+o.Spec.Name+" to be ready", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			state, evidence, err := o.Probe(ctx, h.World)
			if err != nil {
				return wire.Progress{}, false, err
			}
			return wire.Progress{Text: evidence[0].Source + " " + evidence[0].Seen}, state == wire.ActionDone, nil
		})
}

// CloseClient takes the client pod away.
type CloseClient struct {
	Where     kube.Where
	Namespace string
	Name      string
}

func (c CloseClient) Key() string         { return "close pod/" + c.Name }
func (c CloseClient) Effect() wire.Effect { return wire.Repeatable }
func (c CloseClient) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeletePod(c.Namespace, c.Name)...)
}

func (c CloseClient) Show() wire.Preview {
	return wire.Preview{Title: "delete pod/" + c.Name, Commands: []string{kube.CommandDeletePod(c.Where, c.Namespace, c.Name, nil)}, After: "gone; it held nothing"}
}

func (c CloseClient) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (c CloseClient) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	pod, found, err := w.Kube.Pod(ctx, c.Namespace, c.Name)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found:
		return wire.ActionDone, []wire.Evidence{{Source: "pod/" + c.Name, Seen: "is not there"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "pod/" + c.Name, Seen: pod.Phase}}, nil
}

func (c CloseClient) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	pod, found, err := h.World.Kube.Pod(ctx, c.Namespace, c.Name)
	if err != nil || !found {
		return err
	}
	if err := h.Kube.DeletePod(ctx, c.Namespace, c.Name, pod.UID, nil); err != nil && kube.KindOf(err) != kube.NotFound {
		return err
	}
	return steps.Poll(ctx, h, look, clientPatience, "pod/"+c.Name+" to be gone", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			_, found, err := h.World.Kube.Pod(ctx, c.Namespace, c.Name)
			return wire.Progress{Text: "pod/" + c.Name}, !found, err
		})
}
