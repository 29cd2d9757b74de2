package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
)

// crashes is how often in a row a try finds the container between two crashes before it is given up: one that was killed comes back sooner.
const crashes = 4

// container is where commands are run. One that crashes again and again is not waited for: a copy is done by a helper pod then.
type container struct {
	exec  func(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error
	state func(context.Context) (kube.Carried, error) // nil: it is not looked at
	down  int
}

func (u *uploading) pod(pod, name string, helper bool) *container {
	hands := u.cluster.Hands(kube.AccessExec(u.target.namespace, pod), false)
	c := &container{exec: func(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
		return hands.Exec(ctx, kube.ExecSpec{Namespace: u.target.namespace, Pod: pod, Container: name, Command: command}, stdin, stdout, stderr)
	}}
	if !helper {
		c.state = func(ctx context.Context) (kube.Carried, error) {
			return u.cluster.Carry(ctx, u.target.namespace, pod, name, u.target.path)
		}
	}
	return c
}

func (c *container) Exec(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	err := c.exec(ctx, command, stdin, stdout, stderr)
	if err == nil {
		c.down = 0
		return nil
	}
	if c.state == nil || ctx.Err() != nil {
		return err
	}
	at, why := c.state(ctx)
	if why != nil || at.Running || !strings.Contains(at.State, "CrashLoopBackOff") {
		return err
	}
	if c.down++; c.down < crashes {
		return err
	}
	return &upload.Refused{Why: fmt.Sprintf("container %s of pod %s crashes again and again (%s)", at.Container, at.Pod, at.State),
		Next: "--helper-pod writes to its claim " + at.Claim + " through a pod of its own"}
}
