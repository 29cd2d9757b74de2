package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"canton.example/svrescue/kube"
)

const (
	helperReady = 5 * time.Minute  // mostly the pull of the image, and a volume that is attached
	helperGone  = 40 * time.Second // for taking it away, also after an interrupt
	helperLook  = 500 * time.Millisecond
)

// throughHelper makes the helper pod once a person has typed yes, copies through it, and takes it away whatever came of it.
func (u *uploading) throughHelper(ctx context.Context, at kube.Carried) (err error) {
	c, err := u.cluster.Carrier(ctx, at, strconv.FormatInt(u.Clock.Now().UnixNano(), 36))
	if kube.KindOf(err) == kube.Invalid {
		return exit(exitRefused, err)
	}
	if err != nil {
		return err
	}
	if err := u.agreedOn(c, at); err != nil {
		return err
	}
	hands := u.cluster.Hands(kube.AccessCarrier(c.Namespace, c.Name), false)
	_, err = hands.CreateCarrier(ctx, c)
	switch {
	case kube.KindOf(err) == kube.AlreadyExists:
		return exit(exitRefused, fmt.Errorf("nothing was sent: there is a pod %s already. Another svrescue writes through it, or was killed before it took it away.\n  Next: if nobody uses it: %s",
			c.Name, kube.CommandDeletePod(u.where(), c.Namespace, c.Name, nil)))
	case err != nil && ctx.Err() == nil && !kube.IsTransient(err):
		return err
	}
	defer func() {
		if left := u.remove(ctx, hands, c); left != nil {
			fmt.Fprintf(u.Err, "svrescue: the helper pod %s could not be taken away: %s. It ends by itself after %d hours.\n  Next: %s\n",
				c.Name, cutText(left), kube.CarrierLives/3600, kube.CommandDeletePod(u.where(), c.Namespace, c.Name, nil))
			err = errors.Join(err, exit(exitFailed, errors.New("the helper pod is left")))
		}
	}()
	if err != nil {
		return err // whether it was made is not known; it is looked for and taken away
	}
	if err := u.wait(ctx, c); err != nil {
		if ctx.Err() != nil {
			return exit(exitInterrupted, errors.New("the upload was interrupted before anything was sent"))
		}
		return err
	}
	return u.copy(ctx, c.Name, kube.CarrierContainer, true)
}

func (u *uploading) where() kube.Where {
	return kube.Where{Kubeconfig: u.kubeconfig(), Context: u.cluster.Target().Context}
}

// agreedOn shows the pod and what there is to know of it, and asks.
func (u *uploading) agreedOn(c kube.Carrier, at kube.Carried) error {
	manifest, err := kube.CommandCreateCarrier(u.where(), c)
	if err != nil {
		return err
	}
	node := "on whatever node the scheduler chooses"
	if c.Node != "" {
		node = "on node " + c.Node + ", where the volume is in use"
	}
	text := fmt.Sprintf("A helper pod %s, %s, with the image of the app and its user, mounts claim %s at %s. It only sleeps, and is taken away at the end.\n\n%s\n", c.Name, node, at.Claim, at.Mount, manifest)
	for _, r := range c.Remarks {
		text += "\n" + r
	}
	if at.Running {
		text += "\nThe app runs as well and may use the volume at the same time."
	}
	yes, err := u.said("yes", text)
	if err == nil && !yes {
		err = exit(exitParked, errors.New("nothing was made and nothing was sent: the answer was not yes"))
	}
	return err
}

// wait returns when the helper runs, or says why it does not.
func (u *uploading) wait(ctx context.Context, c kube.Carrier) error {
	line := u.transferring("waiting for the helper pod " + c.Name)
	defer line.end()
	began, state := u.Clock.Now(), "not seen yet"
	for {
		pod, found, err := u.cluster.Pod(ctx, c.Namespace, c.Name)
		switch {
		case err != nil && !kube.IsTransient(err):
			return err
		case err != nil:
		case !found, pod.Phase == "Succeeded", pod.Phase == "Failed":
			return fmt.Errorf("nothing was sent: the helper pod %s ended before it was used (%s %s)", c.Name, pod.Phase, pod.Message)
		default:
			if slices.ContainsFunc(pod.Containers, func(k kube.ContainerStatus) bool { return k.Name == kube.CarrierContainer && k.State == "running" }) {
				return nil
			}
			state = stateOfPod(pod)
		}
		if u.Clock.Now().Sub(began) > helperReady {
			return fmt.Errorf("nothing was sent: the helper pod %s does not run after %s: %s", c.Name, helperReady, state)
		}
		timer := u.Clock.NewTimer(helperLook)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func stateOfPod(p kube.Pod) string {
	for _, k := range p.Containers {
		if k.Reason != "" {
			return k.Reason + " " + k.Message
		}
	}
	for _, c := range p.Conditions {
		if c.Status == "False" && c.Message != "" {
			return c.Reason + ": " + c.Message
		}
	}
	return p.Phase
}

// remove takes the pod of this call away, should there be one, and waits until it is gone: where its making was not answered it may be there
// all the same.
func (u *uploading) remove(ctx context.Context, hands *kube.Hands, c kube.Carrier) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperGone)
	defer cancel()
	for {
		pod, found, err := u.cluster.Pod(ctx, c.Namespace, c.Name)
		if err == nil && (!found || pod.Labels[kube.CarrierCall] != c.Call) {
			return nil
		}
		if err == nil && pod.Deleting == nil {
			err = hands.DeletePod(ctx, c.Namespace, c.Name, pod.UID, nil)
		}
		if err != nil && !kube.IsTransient(err) && kube.KindOf(err) != kube.NotFound && kube.KindOf(err) != kube.Conflict {
			return err
		}
		timer := u.Clock.NewTimer(helperLook)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return errors.New("it did not go in " + helperGone.String())
		}
	}
}
