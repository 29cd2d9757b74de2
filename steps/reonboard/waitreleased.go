package reonboard

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// releasedPatience is how long somebody else may take to install a release before the operator is asked.
const releasedPatience = 2 * time.Hour

// waitReleased waits until somebody else, such as GitOps, has made the workloads of a release.
type waitReleased struct {
	what      string // "release participant"
	how       string // what that somebody has to know
	release   Deployment
	namespace string
}

func (r waitReleased) Key() string         { return "wait for " + r.what }
func (r waitReleased) Effect() wire.Effect { return wire.Observe }
func (r waitReleased) Refs() []steps.Ref   { return nil }

func (r waitReleased) Show() wire.Preview {
	p := wire.Preview{Title: r.Key() + " to be installed by you in namespace " + r.namespace, After: "its workloads are there. " + r.how}
	for _, w := range r.release.Workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s get %s", r.namespace, w.Workload))
	}
	return p
}

func (r waitReleased) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (r waitReleased) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	p, done, err := r.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	var evidence []wire.Evidence
	for _, item := range p.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (r waitReleased) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return steps.Poll(ctx, h, deployLook, releasedPatience, r.what+" to be installed", report, func(ctx context.Context) (wire.Progress, bool, error) {
		return r.see(ctx, h.World)
	})
}

func (r waitReleased) see(ctx context.Context, w steps.World) (wire.Progress, bool, error) {
	p := wire.Progress{Unit: "workloads", Total: int64(len(r.release.Workloads))}
	for _, wanted := range r.release.Workloads {
		_, there, err := w.Kube.Workload(ctx, wanted.Workload.Kind, r.namespace, wanted.Workload.Name)
		if err != nil && kube.KindOf(err) != kube.NotFound {
			return p, false, err
		}
		item := wire.Item{Name: wanted.Workload.String(), State: "is not there", Done: there}
		if there {
			item.State = "is there"
			p.Done++
		}
		p.Items = append(p.Items, item)
	}
	return p, p.Done == p.Total, nil
}
