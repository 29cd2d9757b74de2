package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/wire"
)

const (
	helperLook  = 2 * time.Second
	helperReady = 5 * time.Minute  // mostly the pull of the image, and a volume that is attached
	helperGone  = 40 * time.Second // for taking it away, also after an interrupt
)

// throughHelper makes the pod that carries the dump, or takes up the one that this run has made before, copies through it, and takes it away
// whatever came of it. One that is left behind ends by itself.
func (a uploadDump) throughHelper(ctx context.Context, h steps.Hands, source *upload.Source, report func(wire.Progress)) (err error) {
	at, err := h.World.Kube.Carry(ctx, a.app.Namespace, a.app.Name, "", dumpPath)
	if err != nil {
		return err
	}
	c, err := h.World.Kube.Carrier(ctx, at, a.run)
	if err != nil {
		return err
	}
	report(wire.Progress{Text: strings.Join(append([]string{"making pod " + c.Name}, c.Remarks...), ". ")})
	defer func() {
		if left := a.remove(ctx, h, c); left != nil {
			err = errors.Join(err, &steps.Problem{Tried: "taking away pod " + c.Name, Seen: why(left),
				Next: fmt.Sprintf("It ends by itself after %d hours. To remove it now: %s", kube.CarrierLives/3600, kube.CommandDeletePod(a.where, c.Namespace, c.Name, nil))})
		}
	}()
	if _, err := h.Kube.CreateCarrier(ctx, c); kube.KindOf(err) == kube.AlreadyExists {
		pod, found, err := h.World.Kube.Pod(ctx, c.Namespace, c.Name)
		if err != nil {
			return err
		}
		if found && pod.Labels[kube.CarrierCall] != a.run {
			return &steps.Problem{Tried: a.Key(), Seen: "there is a pod " + c.Name + " already, which this run has not made: another svrescue writes through it, or was killed before it took it away",
				Next: "If nobody uses it: " + kube.CommandDeletePod(a.where, c.Namespace, c.Name, nil)}
		}
	} else if err != nil {
		return err
	}
	if err := a.runs(ctx, h, c, report); err != nil {
		return err
	}
	return a.copy(ctx, h, reach.Container{Hands: h.Kube, Namespace: c.Namespace, Pod: c.Name, Name: kube.CarrierContainer}, source, report)
}

// runs waits until the pod runs.
func (a uploadDump) runs(ctx context.Context, h steps.Hands, c kube.Carrier, report func(wire.Progress)) error {
	return steps.Poll(ctx, h, helperLook, helperReady, "pod "+c.Name+" to run", report, func(ctx context.Context) (wire.Progress, bool, error) {
		p := wire.Progress{Text: "waiting for pod " + c.Name}
		pod, found, err := h.World.Kube.Pod(ctx, c.Namespace, c.Name)
		switch {
		case err != nil:
			return p, false, err
		case !found, pod.Phase == "Succeeded", pod.Phase == "Failed":
			return p, false, &steps.Problem{Tried: a.Key(), Seen: "pod " + c.Name + " ended before it was used", Next: "Look why, and try again"}
		case slices.ContainsFunc(pod.Containers, func(k kube.ContainerStatus) bool { return k.Name == kube.CarrierContainer && k.State == "running" }):
			return p, true, nil
		}
		p.Items = []wire.Item{{Name: c.Name, State: pod.Phase, Note: kube.Why(pod, nil, h.World.Clock.Now()).Summary}}
		return p, false, nil
	})
}

// remove takes the pod of this run away, should there be one, and waits until it is gone.
func (a uploadDump) remove(ctx context.Context, h steps.Hands, c kube.Carrier) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperGone)
	defer cancel()
	for {
		pod, found, err := h.World.Kube.Pod(ctx, c.Namespace, c.Name)
		if err == nil && (!found || pod.Labels[kube.CarrierCall] != a.run) {
			return nil
		}
		if err == nil && pod.Deleting == nil {
			err = h.Kube.DeletePod(ctx, c.Namespace, c.Name, pod.UID, nil)
		}
		if err != nil && !kube.IsTransient(err) && kube.KindOf(err) != kube.NotFound && kube.KindOf(err) != kube.Conflict {
			return err
		}
		timer := h.World.Clock.NewTimer(helperLook)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return errors.New("it did not go in " + helperGone.String())
		}
	}
}
