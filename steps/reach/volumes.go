package reach

import (
	"context"
	"errors"
	"io"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/steps"
)

// Volumes looks at files on the volumes of pods.
type Volumes struct{ cluster *kube.Cluster }

// NewVolumes makes a reader. It sends nothing.
func NewVolumes(cluster *kube.Cluster) Volumes { return Volumes{cluster} }

var _ steps.VolumeReader = Volumes{}

// Find says what is at a path in the running container of a workload.
func (v Volumes) Find(ctx context.Context, namespace, workload, path string) (upload.Found, error) {
	tried := "looking at " + path + " in " + namespace + "/" + workload
	at, err := v.cluster.Carry(ctx, namespace, workload, "", path)
	if err != nil {
		return upload.Found{}, err
	}
	if !at.Running {
		return upload.Found{}, &steps.Problem{Tried: tried, Seen: "no container of it runs", Next: "Start it, or find out why it does not run"}
	}
	found, err := upload.Find(ctx, Container{Hands: v.cluster.Hands(kube.AccessExec(namespace, at.Pod), false), Namespace: namespace, Pod: at.Pod, Name: at.Container}, path)
	if refused, ok := errors.AsType[*upload.Refused](err); ok {
		return found, &steps.Problem{Tried: tried, Seen: refused.Why, Next: refused.Next}
	}
	return found, err
}

// Container is where commands are run that hands may run.
type Container struct {
	Hands                *kube.Hands
	Namespace, Pod, Name string
}

// Exec runs a command in it.
func (c Container) Exec(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return c.Hands.Exec(ctx, kube.ExecSpec{Namespace: c.Namespace, Pod: c.Pod, Container: c.Name, Command: command}, stdin, stdout, stderr)
}
