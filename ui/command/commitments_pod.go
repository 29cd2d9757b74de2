package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/svapp/commitment"
)

// podLog is the log of one container of a pod, and what must be said of it.
type podLog struct {
	source    commitment.Source
	pod       kube.Pod
	container kube.ContainerStatus
	previous  bool
}

// participantLogs are the logs of the node's participant, or of the pod that is named, and the name of the SV where the node was found.
func (p *program) participantLogs(ctx context.Context, name string) (logs []podLog, sv string, err error) {
	cluster, n, err := p.found(ctx, "commitments scan")
	if err != nil {
		return nil, "", err
	}
	var pods []kube.Pod
	if name != foundPod {
		pod, ok, err := cluster.Pod(ctx, n.Subject.Namespace, name)
		if err != nil {
			return nil, "", err
		}
		if !ok {
			return nil, "", usage("there is no pod %s in namespace %s", name, n.Subject.Namespace)
		}
		pods = append(pods, pod)
	} else {
		for _, c := range n.Of(node.Participant) {
			of, err := cluster.Pods(ctx, c.Ref.Namespace, c.Selector)
			if err != nil {
				return nil, "", err
			}
			pods = append(pods, of...)
		}
	}
	for _, pod := range pods {
		if pod.Phase == "Pending" {
			continue
		}
		logs = append(logs, logsOf(ctx, cluster, pod)...)
	}
	if len(logs) == 0 {
		return nil, "", exit(exitRefused, fmt.Errorf("no pod of the participant in namespace %s has a log: it does not run.\n  Scan log files instead, those of your log collector or of the cluster's node", n.Subject.Namespace))
	}
	return logs, n.Subject.SV, nil
}

// logsOf are the logs of a pod's participant: of the container before the last restart, where there was one, and of the running one.
func logsOf(ctx context.Context, cluster *kube.Cluster, pod kube.Pod) (logs []podLog) {
	i := slices.IndexFunc(pod.Containers, func(c kube.ContainerStatus) bool { return c.Name == foundPod })
	if i < 0 {
		i = slices.IndexFunc(pod.Containers, func(c kube.ContainerStatus) bool { return !c.Init })
	}
	if i < 0 {
		return nil
	}
	container := pod.Containers[i]
	for _, previous := range []bool{true, false} {
		if previous && container.Restarts == 0 {
			continue
		}
		name := "pod " + pod.Namespace + "/" + pod.Name
		if previous {
			name += ", before its restart"
		}
		open := func() (io.ReadCloser, error) {
			return cluster.OpenLog(ctx, pod.Namespace, pod.Name, kube.LogOptions{Container: container.Name, Previous: previous})
		}
		logs = append(logs, podLog{commitment.Source{Name: name, Open: open}, pod, container, previous})
	}
	return logs
}

// remarks say which lines the cluster no longer hands out.
func (l podLog) remarks(s commitment.Scanned) []string {
	if l.previous {
		return nil
	}
	where := fmt.Sprintf("Rotated files are not handed out by the cluster: they lie on its node %s in /var/log/pods/%s_%s_%s/%s, and in your log collector, if they are still there. Scan them too.",
		cmp.Or(l.pod.Node, "(not known)"), l.pod.Namespace, l.pod.Name, l.pod.UID, l.container.Name)
	began := l.container.Started
	switch {
	case began == nil || s.From == nil:
		return []string{"Of pod " + l.pod.Name + " older lines may be gone. " + where}
	case s.From.Time().After(began.Add(time.Minute)):
		return []string{fmt.Sprintf("Lines of pod %s are gone: its container runs since %s, and the first line is of %v. %s", l.pod.Name, began.UTC().Format(time.RFC3339), *s.From, where)}
	}
	return []string{fmt.Sprintf("Of pod %s only what came after its container started, %s, could be read. %s", l.pod.Name, began.UTC().Format(time.RFC3339), where)}
}
