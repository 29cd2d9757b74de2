package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/wire"
)

// ReadyPatience is how long workloads may take to become ready before the operator is asked. Databases replay their log
// and nodes catch up, so it is long; it never ends the wait by itself.
const ReadyPatience = 10 * time.Minute

// troubleRestarts is how many restarts are normal while a node comes up (reference/deployment.md 5).
const troubleRestarts = 4

// WaitReady waits until the workloads have as many ready pods as they want. A pod that keeps crashing or that cannot get
// its image is told at once, with its last log lines, instead of at the end of patience.
type WaitReady struct {
	Name      string // "the databases"
	Namespace string
	Workloads []Wanted
	// Servers are database servers among them, which have to answer too: the chart of PostgreSQL has no readiness probe
	// (reference/deployment.md 3.4), so their pods are ready while they still replay their logs.
	Servers []postgres.Server
}

// Wanted is a workload and the number of ready pods it should have.
type Wanted struct {
	Pods
	Replicas int32 `json:"replicas"`
}

func (r WaitReady) Key() string         { return "wait until " + r.Name + " are ready" }
func (r WaitReady) Effect() wire.Effect { return wire.Observe }
func (r WaitReady) Refs() []steps.Ref   { return nil }

func (r WaitReady) Show() wire.Preview {
	p := wire.Preview{Title: r.Key(), After: "every pod is ready"}
	for _, w := range r.Workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s rollout status %s --timeout=10m", r.Namespace, w.Workload))
	}
	return p
}

func (r WaitReady) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (r WaitReady) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	var evidence []wire.Evidence
	state := wire.ActionDone
	for _, wanted := range r.Workloads {
		now, found, err := w.Kube.Workload(ctx, wanted.Workload.Kind, r.Namespace, wanted.Workload.Name)
		if err != nil {
			return wire.ActionUnknown, nil, err
		}
		evidence = append(evidence, wire.Evidence{Source: wanted.Workload.String(), Seen: fmt.Sprintf("%d of %d ready", now.Ready, wanted.Replicas)})
		if !found || !settled(now, wanted.Replicas) {
			state = wire.ActionPending
		}
	}
	for _, s := range r.Servers {
		if state != wire.ActionDone {
			break
		}
		if silent := silence(ctx, w, s); silent != "" {
			evidence = append(evidence, wire.Evidence{Source: s.String(), Seen: "it does not answer yet: " + silent})
			state = wire.ActionPending
		}
	}
	return state, evidence, ctx.Err()
}

// silence says why a server does not answer yet, empty where it does. What waiting does not cure is not for this wait to tell: whoever
// needs the server will.
func silence(ctx context.Context, w steps.World, s postgres.Server) string {
	_, _, err := w.Databases.Databases(ctx, s)
	if kube.KindOf(err) == kube.Forbidden {
		return ""
	}
	switch client.KindOf(err) {
	case client.Unreachable, client.Starting, client.Lost, client.Slow, client.Busy:
		return strings.TrimSuffix(steps.FailureOf("", err).Seen, ".")
	}
	return ""
}

// settled says whether the controller has seen the present wish, and all of it is ready. Right after a change the pods of a Deployment that are
// ready are the old ones: what it has updated tells. A StatefulSet may be one that is not updated by itself.
func settled(w kube.Workload, replicas int32) bool {
	return w.ObservedGeneration >= w.Generation && w.Replicas == replicas && w.Ready == replicas && w.Current == replicas && (w.Kind != kube.Deployment || w.Updated == replicas)
}

// NotStarting says that a pod has a trouble that patience does not cure.
type NotStarting struct {
	Pod         string
	Explanation kube.Explanation
	Log         []string
}

func (n *NotStarting) Error() string { return n.Explanation.Summary }

// Failure is the sentence with the last log lines.
func (n *NotStarting) Failure() wire.Failure {
	detail := explained(kube.Explanation{Detail: n.Explanation.Detail})
	return wire.Failure{Tried: "waiting for pod " + n.Pod + " to become ready", Seen: n.Explanation.Summary, Next: n.Explanation.Hint,
		Detail: append(detail, n.Log...)}
}

func (r WaitReady) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var why []string
	before := map[string]int32{} // restarts that were there when this wait began: they were decided about already
	err := steps.Poll(ctx, h, look, ReadyPatience, r.Name+" to be ready", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			progress, done, detail, err := r.see(ctx, h.World, before)
			if err == nil {
				why = detail
			}
			return progress, done, err
		})
	return withDetail(err, why, "")
}

func (r WaitReady) see(ctx context.Context, w steps.World, before map[string]int32) (p wire.Progress, done bool, detail []string, err error) {
	done = true
	p.Unit, p.Total = "workloads", int64(len(r.Workloads))
	for _, wanted := range r.Workloads {
		now, found, err := w.Kube.Workload(ctx, wanted.Workload.Kind, r.Namespace, wanted.Workload.Name)
		if err != nil {
			return p, false, nil, err
		}
		if !found {
			return p, false, nil, &steps.Problem{Tried: r.Key(), Seen: wanted.Workload.String() + " does not exist",
				Next: "Look who removed it; the record of this run has its manifest"}
		}
		item := wire.Item{Name: wanted.Workload.Name, State: fmt.Sprintf("%d of %d ready", now.Ready, wanted.Replicas), Done: settled(now, wanted.Replicas)}
		if item.Done {
			p.Done++
		} else {
			done = false
			explanation, err := r.why(ctx, w, wanted, before)
			if err != nil {
				return p, false, nil, err
			}
			item.Note = explanation.Summary
			detail = append(detail, explained(explanation)...)
		}
		p.Items = append(p.Items, item)
	}
	for _, s := range r.Servers {
		if !done {
			break
		}
		silent := silence(ctx, w, s)
		if silent == "" {
			continue
		}
		done = false
		for i, item := range p.Items {
			if item.Name == s.Workload {
				p.Items[i].State, p.Items[i].Done, p.Items[i].Note = "does not answer yet", false, silent
				p.Done--
			}
		}
	}
	return p, done, detail, ctx.Err()
}

// why explains the pods of a workload; trouble that patience does not cure is an error. before holds the restarts of
// each pod when it was first seen, and is added to.
func (r WaitReady) why(ctx context.Context, w steps.World, wanted Wanted, before map[string]int32) (kube.Explanation, error) {
	pods, err := w.Kube.Pods(ctx, r.Namespace, wanted.Selector)
	if err != nil {
		return kube.Explanation{}, err
	}
	for _, pod := range pods {
		if pod.Ready && pod.Deleting == nil {
			continue
		}
		events, err := w.Kube.Events(ctx, r.Namespace, "Pod", pod.Name)
		if err != nil {
			events = nil
		}
		e := kube.Why(pod, events, w.Clock.Now())
		if _, seen := before[pod.UID]; !seen {
			before[pod.UID] = restarts(pod)
		}
		if c := stuck(pod, before[pod.UID]); c != "" {
			return e, &NotStarting{Pod: pod.Name, Explanation: e, Log: lastLines(ctx, w, pod, c)}
		}
		return e, nil
	}
	return kube.Explanation{Summary: "its pods are not there yet"}, nil
}

// stuck returns the container whose trouble will not pass by itself, "" when there is none. Restarts up to before do
// not count: an operator who chose to wait longer is asked again only when it goes on.
func stuck(pod kube.Pod, before int32) string {
	for _, c := range pod.Containers {
		fresh := c.Restarts - before
		switch {
		case c.Reason == "CrashLoopBackOff" && fresh >= troubleRestarts,
			slices.Contains([]string{"ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"}, c.Reason),
			c.Last != nil && c.Last.Reason == "OOMKilled" && fresh >= troubleRestarts/2:
			return c.Name
		}
	}
	return ""
}

// restarts is the highest count of the pod's containers.
func restarts(pod kube.Pod) int32 {
	var most int32
	for _, c := range pod.Containers {
		most = max(most, c.Restarts)
	}
	return most
}

// lastLines are the end of the log of the container before its last restart, else of the one that runs.
func lastLines(ctx context.Context, w steps.World, pod kube.Pod, container string) []string {
	for _, previous := range []bool{true, false} {
		text, err := w.Kube.Logs(ctx, pod.Namespace, pod.Name, kube.LogOptions{Container: container, Tail: 8, Previous: previous})
		if err == nil && strings.TrimSpace(text) != "" {
			return strings.Split(strings.TrimRight(text, "\n"), "\n")
		}
	}
	return nil
}

// withDetail adds what was last seen to a wait that ran out of patience.
func withDetail(err error, detail []string, next string) error {
	var waiting *steps.StillWaiting
	if errors.As(err, &waiting) {
		waiting.Detail = detail
		if waiting.Next == "" {
			waiting.Next = next
		}
	}
	return err
}
