package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func startDatabases() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/start-databases", Title: "Start databases", Effect: wire.Repeatable,
		Summary: "Starts the databases on the restored volumes, to the counts they had.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSet(f) != nil {
				return nil, nil
			}
			return claimsFromSnapshots(ctx, w, f)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return up(f, "the databases", needed(replaced(f)), true), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return running(ctx, w, needed(databases(*f)), "databases")
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was started"
			}
			return down(f, "the databases", needed(replaced(f))), ""
		},
		Remedies: startAdvice,
	}
}

func scaleUp() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/scale-up", Title: "Scale up", Effect: wire.Repeatable,
		Summary: "Starts the synchronizer and the participant, then the apps, to the counts they had.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSet(f) != nil {
				return nil, nil
			}
			up, err := running(ctx, w, needed(databases(f)), "databases")
			if err != nil || wire.WorstVerdict(up) == wire.Violated {
				return up, err
			}
			elsewhere, err := ranElsewhere(ctx, w, f)
			if err != nil {
				return nil, err
			}
			found, err := beforeTheyStart(ctx, w, f) // the last moment to see that a pair is reversed
			return slices.Concat(up, elsewhere, found), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return append(up(f, "the synchronizer and the participant", f.Node.Of(node.SynchronizerParts...), true),
				up(f, "the apps", f.Node.Of(node.AppParts...), true)...), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return running(ctx, w, applications(*f.Node), "applications")
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was started"
			}
			return down(f, "the applications", applications(*f.Node)), ""
		},
		Remedies: startAdvice,
	}
}

func startAdvice(error) []steps.Remedy {
	return []steps.Remedy{
		{Choice: wire.ChoiceRetry, Detail: "a few restarts are normal while a node comes up"},
		{Choice: wire.ChoiceUndo, Detail: "scales down again; the restored volumes and the old ones stay"},
	}
}

// needed are databases with the counts that they need: one that was found at 0 has to run all the same, since what it holds is
// compared before any app starts.
func needed(databases []node.Component) []node.Component {
	for i := range databases {
		databases[i].Replicas = max(databases[i].Replicas, 1)
	}
	return databases
}

// running proves that workloads have the ready pods they had been recorded with. Ready says that the pods answer their
// probes, not that the node is in step with the network (reference/deployment.md 16.12).
func running(ctx context.Context, w steps.World, components []node.Component, name string) ([]wire.Finding, error) {
	finding := wire.Finding{ID: name, Verdict: wire.Holds, Text: fmt.Sprintf("all %d %s are ready", len(components), name)}
	var open []string
	for _, c := range components {
		now, found, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return nil, err
		}
		seen := "gone"
		if found {
			seen = fmt.Sprintf("%d of %d ready", now.Ready, c.Replicas)
		}
		if !found || now.Replicas != c.Replicas || now.Ready != c.Replicas {
			open = append(open, c.Ref.Name+" "+seen)
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: c.Ref.String(), Seen: seen, At: w.Clock.Now()})
	}
	if len(open) > 0 {
		finding.Verdict, finding.Text = wire.Violated, "not ready: "+strings.Join(open, ", ")
		finding.Next = "Look again when they have come up; a few restarts are normal"
	}
	return []wire.Finding{finding}, nil
}
