package evidence

import (
	"fmt"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	clocktesting "k8s.io/utils/clock/testing"
)

// BenchmarkTroubles finds what is the matter among many pods and events of one namespace: the time grows with them, and not with their product.
func BenchmarkTroubles(b *testing.B) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	l := &look{Options: Options{Clock: clocktesting.NewFakeClock(now)}}
	var n node.Node
	for _, part := range working() {
		n.Components = append(n.Components, node.Component{Part: part, Ref: kube.WorkloadRef{Kind: kube.Deployment, Name: string(part)}, Replicas: 1, Selector: "app=" + string(part)})
	}
	for _, size := range []int{1, 10} {
		var pods []kube.Pod
		var events []kube.Event
		for i := range 300 * size {
			p := kube.Pod{Phase: "Running", Containers: []kube.ContainerStatus{{Name: "one", State: "waiting", Reason: "CrashLoopBackOff", Restarts: 3}}}
			p.Name, p.Labels = fmt.Sprintf("pod-%d", i), map[string]string{"app": string(working()[i%len(working())])}
			pods = append(pods, p)
		}
		for i := range 5000 * size {
			events = append(events, kube.Event{Kind: "Pod", Name: pods[i%len(pods)].Name, Type: "Warning", Reason: "BackOff", Message: "Back-off restarting failed container", Last: now.Add(-time.Minute)})
		}
		b.Run(fmt.Sprintf("%d-pods-%d-events", len(pods), len(events)), func(b *testing.B) {
			for b.Loop() {
				l.troubles(n, pods, events)
			}
		})
	}
}
