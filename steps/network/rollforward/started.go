package rollforward

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

const (
	startLook     = 3 * time.Second
	startPatience = 10 * time.Minute
)

// awaitStarted waits until the pods of workloads are those of their newest template, and run. An app that rolls forward is not ready for a long time,
// so that this is all that can be waited for.
type awaitStarted struct {
	namespace string
	workloads []action.Wanted
	// before is when the pods have to run at the latest; zero: at any time.
	before time.Time
	lost   string // what taking the change back does not bring back
}

func (a awaitStarted) Key() string         { return "wait until the pods are started anew" }
func (a awaitStarted) Effect() wire.Effect { return wire.Observe }
func (a awaitStarted) Refs() []steps.Ref   { return nil }

func (a awaitStarted) Show() wire.Preview {
	p := wire.Preview{Title: a.Key(), After: "each runs with what was rendered; it need not be ready", Lost: a.lost}
	for _, w := range a.workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s get pods -l %s", a.namespace, w.Selector))
	}
	return p
}

func (a awaitStarted) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a awaitStarted) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	p, done, err := a.look(ctx, w)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case done:
		return wire.ActionDone, nil, nil
	}
	var evidence []wire.Evidence
	for _, item := range p.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	return wire.ActionPending, evidence, nil
}

func (a awaitStarted) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	err := steps.Poll(ctx, h, startLook, startPatience, "the pods to be started anew", report, func(ctx context.Context) (wire.Progress, bool, error) {
		p, done, err := a.look(ctx, h.World)
		p.Text += a.until(h.World)
		return p, done, err
	})
	if waiting, ok := err.(*steps.StillWaiting); ok && !a.before.IsZero() {
		waiting.Next = "Look why the pod does not start"
		if !a.before.After(h.World.Clock.Now()) {
			waiting.Next = stamp(a.before) + " has passed meanwhile. Tell the call: where the old synchronizer still runs, it needs a later time and a new card. " + waiting.Next
		}
	}
	return err
}

// until says how the time goes by which the pods have to run.
func (a awaitStarted) until(w steps.World) string {
	switch {
	case a.before.IsZero():
		return ""
	case a.before.After(w.Clock.Now()):
		return ", before " + stamp(a.before)
	}
	return ", though " + stamp(a.before) + " has passed"
}

func (a awaitStarted) look(ctx context.Context, w steps.World) (p wire.Progress, done bool, err error) {
	p.Text, done = "pods are started anew", true
	for _, wanted := range a.workloads {
		now, there, err := w.Kube.Workload(ctx, wanted.Workload.Kind, a.namespace, wanted.Workload.Name)
		if err != nil {
			return p, false, err
		}
		pods, err := w.Kube.Started(ctx, a.namespace, wanted.Selector)
		if err != nil {
			return p, false, err
		}
		running, ending := 0, 0
		for _, pod := range pods {
			switch {
			case pod.Ending:
				ending++
			case pod.Phase == "Running":
				running++
			}
		}
		item := wire.Item{Name: wanted.Workload.Name, State: fmt.Sprintf("%d of %d run", running, wanted.Replicas)}
		item.Done = there && now.ObservedGeneration >= now.Generation && now.Updated >= wanted.Replicas && ending == 0 && int32(running) >= wanted.Replicas
		if ending > 0 {
			item.State += fmt.Sprintf(", %d end", ending)
		}
		p.Items = append(p.Items, item)
		done = done && item.Done
	}
	return p, done, nil
}
