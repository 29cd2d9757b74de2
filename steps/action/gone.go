package action

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// look is how often the world is read while something is waited for.
const look = 2 * time.Second

// GonePatience is how long pods may take to end before the operator is asked; upstream's script gives up after 180 s
// (reference/deployment.md 8.3).
const GonePatience = 180 * time.Second

// WaitGone waits until the pods of the workloads are gone, not merely told to go: a claim cannot be replaced, and a
// second process must not start, while one still runs.
type WaitGone struct {
	Name      string // what is waited for: "the applications"
	Namespace string
	Workloads []Pods
}

// Pods names a workload and selects its pods.
type Pods struct {
	Workload kube.WorkloadRef `json:"workload"`
	Selector string           `json:"selector"`
}

func (g WaitGone) Key() string         { return "wait until the pods of " + g.Name + " are gone" }
func (g WaitGone) Effect() wire.Effect { return wire.Observe }
func (g WaitGone) Refs() []steps.Ref   { return nil }

func (g WaitGone) Show() wire.Preview {
	p := wire.Preview{Title: g.Key(), After: "no pod is left"}
	for _, w := range g.Workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s wait pods -l %s --for=delete --timeout=180s", g.Namespace, w.Selector))
	}
	return p
}

func (g WaitGone) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (g WaitGone) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	progress, done, _, err := g.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	var evidence []wire.Evidence
	for _, item := range progress.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (g WaitGone) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var why []string
	err := steps.Poll(ctx, h, look, GonePatience, "the pods of "+g.Name+" to be gone", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			progress, done, detail, err := g.see(ctx, h.World)
			if err == nil {
				why = detail
			}
			return progress, done, err
		})
	return withDetail(err, why, "Look at the node that the pod runs on; a pod on a dead node goes only when it is deleted by force")
}

// see reads every workload's pods. detail explains each pod that holds on.
func (g WaitGone) see(ctx context.Context, w steps.World) (p wire.Progress, done bool, detail []string, err error) {
	done = true
	p.Unit, p.Total = "workloads", int64(len(g.Workloads))
	for _, workload := range g.Workloads {
		pods, err := w.Kube.Pods(ctx, g.Namespace, workload.Selector)
		if err != nil {
			return p, false, nil, err
		}
		item := wire.Item{Name: workload.Workload.Name, State: "gone", Done: len(pods) == 0}
		if len(pods) == 0 {
			p.Done++
		} else {
			done = false
			item.State = fmt.Sprintf("%d pods left", len(pods))
			if len(pods) == 1 {
				item.State = "1 pod left"
			}
			events, err := w.Kube.Events(ctx, g.Namespace, "Pod", pods[0].Name)
			if err != nil {
				events = nil // the explanation is poorer without them, not wrong
			}
			e := kube.Why(pods[0], events, w.Clock.Now())
			item.Note = e.Summary
			detail = append(detail, explained(e)...)
		}
		p.Items = append(p.Items, item)
	}
	return p, done, detail, nil
}

func explained(e kube.Explanation) []string {
	var lines []string
	for _, line := range []string{e.Summary, e.Detail, e.Hint} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
