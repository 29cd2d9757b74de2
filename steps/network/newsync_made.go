package network

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// madePatience is how long somebody may take to commit, and a repository to be applied, before the operator is asked.
const madePatience = 2 * time.Hour

// waitMade waits until the workloads are there of a release that is rendered in a repository. Nothing of it can be compared before.
type waitMade struct {
	namespace string
	release   Deployed
}

func (m waitMade) Key() string         { return "wait until the workloads of " + m.release.Name + " are there" }
func (m waitMade) Effect() wire.Effect { return wire.Observe }
func (m waitMade) Refs() []steps.Ref   { return nil }

func (m waitMade) Show() wire.Preview {
	p := wire.Preview{Title: m.Key(), After: "you have added it to the repository of " + m.release.Managed.String() + ", and it was applied"}
	for _, w := range m.release.Workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s get %s", m.namespace, w.Workload))
	}
	return p
}

func (m waitMade) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (m waitMade) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	p, done, err := m.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	var evidence []wire.Evidence
	for _, i := range p.Items {
		evidence = append(evidence, wire.Evidence{Source: i.Name, Seen: i.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (m waitMade) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var names []string
	for _, w := range m.release.Workloads {
		names = append(names, w.Workload.Name)
	}
	return steps.Poll(ctx, h, watchLooks, madePatience, fmt.Sprintf("%s to make %s", m.release.Managed, strings.Join(names, ", ")), report,
		func(ctx context.Context) (wire.Progress, bool, error) { return m.see(ctx, h.World) })
}

func (m waitMade) see(ctx context.Context, w steps.World) (wire.Progress, bool, error) {
	p := wire.Progress{Unit: "workloads", Total: int64(len(m.release.Workloads))}
	for _, wanted := range m.release.Workloads {
		_, there, err := w.Kube.Workload(ctx, wanted.Workload.Kind, m.namespace, wanted.Workload.Name)
		if err != nil {
			return p, false, err
		}
		item := wire.Item{Name: wanted.Workload.Name, State: "is not there", Done: there}
		if there {
			item.State = "is there"
			p.Done++
		}
		p.Items = append(p.Items, item)
	}
	return p, p.Done == p.Total, nil
}
