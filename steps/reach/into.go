package reach

import (
	"context"
	"slices"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/svapp"
)

// Port is the one on which an app listens in its pod (reference/deployment.md 3.2).
func Port(app svapp.App) int {
	switch app {
	case svapp.SVApp:
		return 5014
	case svapp.ScanApp:
		return 5012
	}
	return 5003 // the validator app
}

// Running are the pods that run, the ready ones first.
func Running(pods []kube.Pod) []kube.Pod {
	pods = slices.DeleteFunc(slices.Clone(pods), func(p kube.Pod) bool { return p.Phase != "Running" || p.Deleting != nil })
	slices.SortStableFunc(pods, func(a, b kube.Pod) int {
		switch {
		case a.Ready == b.Ready:
			return 0
		case a.Ready:
			return -1
		}
		return 1
	})
	return pods
}

// Sender is a container from which requests can leave.
type Sender struct{ Namespace, Pod, Container string }

// SenderIn is the container of a pod that runs; none where no container does.
func SenderIn(p kube.Pod) (Sender, bool) {
	i := slices.IndexFunc(p.Containers, func(k kube.ContainerStatus) bool { return !k.Init && k.State == "running" })
	if i < 0 {
		return Sender{}, false
	}
	return Sender{p.Namespace, p.Name, p.Containers[i].Name}, true
}

// senders are containers from which requests are sent, in the order in which they are tried: the image of the Canton nodes has bash
// (reference/deployment.md 7), of the others that is not verified.
var senders = []string{"participant", "mediator", "sequencer", "scan-app", "validator-app", "sv-app", "postgres"}

// SenderOf is the best of the pods to send from; but is a pod that is not taken.
func SenderOf(pods []kube.Pod, but string) (Sender, bool) {
	pods = Running(pods)
	for _, name := range senders {
		for _, p := range pods {
			if p.Name != but && slices.ContainsFunc(p.Containers, func(k kube.ContainerStatus) bool { return !k.Init && k.Name == name && k.State == "running" }) {
				return Sender{p.Namespace, p.Name, name}, true
			}
		}
	}
	return Sender{}, false
}

// Into are the ways to an app through the cluster: a tunnel to its pod, and, with a sender, a request from another pod of the same namespace.
// host is the name and port by which the app is asked.
func (w *Web) Into(namespace, pod, host string, port int, from Sender) []svapp.Way {
	ways := []svapp.Way{w.Tunnel(namespace, pod, host, port)}
	if from.Pod != "" {
		if way, err := w.FromPod(from.Namespace, from.Pod, from.Container, "http://"+host, true); err == nil {
			ways = append(ways, way)
		}
	}
	return ways
}

// Choose takes the first way that leads to the app, and closes the others. direct is why the first of them did not, where none does: it tells
// most about an app of the own cluster.
func Choose(ctx context.Context, app svapp.App, ways []svapp.Way, s svapp.Settings) (way svapp.Way, release string, direct, err error) {
	way, release, tries, err := svapp.Choose(ctx, app, ways, s)
	for _, w := range ways {
		if err != nil || w.Name != way.Name {
			w.Close()
		}
	}
	if direct = err; err != nil && len(tries) > 0 && tries[0].Error != nil {
		direct = tries[0].Error
	}
	return way, release, direct, err
}
