package restore

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

func scaleDown() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/scale-down", Title: "Scale down", Effect: wire.Repeatable,
		Summary: "Stops the node: apps first, then its databases, and waits until every pod is gone.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			counts, err := countsAsRecorded(ctx, w, f)
			if err != nil {
				return nil, err
			}
			held, err := stillHeld(ctx, w, f)
			return append(counts, held...), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			actions := down(f, "the applications", applications(*f.Node))
			if len(replaced(f)) > 0 { // databases that dumps are loaded into keep running
				actions = append(actions, down(f, "the databases", replaced(f))...)
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return stillStopped(ctx, w, *f)
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was scaled down"
			}
			return append(up(f, "the databases", replaced(f), false), up(f, "the applications", applications(*f.Node), false)...), ""
		},
	}
}

// down stops workloads of the node.
func down(f Facts, name string, components []node.Component) []steps.Action {
	return action.Down(f.Where, f.Namespace, name, components)
}

// up scales workloads back to their recorded counts and, if wait, waits until they are ready.
func up(f Facts, name string, components []node.Component, wait bool) []steps.Action {
	var actions []steps.Action
	ready := action.WaitReady{Name: name, Namespace: f.Namespace}
	for _, c := range components {
		if c.Replicas == 0 {
			continue
		}
		actions = append(actions, action.Scale{Where: f.Where, Workload: c.Ref, From: 0, To: c.Replicas})
		ready.Workloads = append(ready.Workloads, action.Wanted{Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}, Replicas: c.Replicas})
		ready.Servers = append(ready.Servers, serversIn(f, c)...)
	}
	if wait && len(ready.Workloads) > 0 {
		actions = append(actions, ready)
	}
	return actions
}

// serversIn are the database servers that run in a workload.
func serversIn(f Facts, c node.Component) []postgres.Server {
	var found []postgres.Server
	for _, s := range f.Node.Servers() {
		if !s.Managed() && c.Ref.Kind == kube.StatefulSet && s.Workload == c.Ref.Name {
			found = append(found, s)
		}
	}
	return found
}

// countsAsRecorded finds workloads that somebody has replaced or scaled to something else than was recorded.
func countsAsRecorded(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needSet(f) != nil {
		return nil, nil
	}
	return action.AsFound(ctx, w, append(applications(*f.Node), replaced(f)...))
}

// stillStopped proves that the node stands still: nothing is wanted and no pod is left.
func stillStopped(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return action.Standing(ctx, w, append(applications(*f.Node), replaced(f)...))
}
