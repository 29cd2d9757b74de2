package restore

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// releaseReach makes the pod through which servers outside the cluster are looked at that this machine does not reach.
func releaseReach() steps.Step[ReleaseFacts] {
	return steps.Step[ReleaseFacts]{
		ID: "release-old-volumes/reach", Title: "Reach servers", Effect: wire.Repeatable,
		Summary: "Makes a pod where servers outside the cluster are reached only from inside it, and looks there for what restores have put aside.",
		Plan: func(f ReleaseFacts) ([]steps.Action, error) {
			if !f.Looked {
				return nil, &steps.NotYet{Step: "release-old-volumes/find", What: "which servers there are"}
			}
			if len(f.Outside) == 0 {
				return nil, nil
			}
			return []steps.Action{action.OpenClient{Where: f.Where, Spec: releasePod(f)}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
			return findOutside(ctx, w, f)
		},
		Undo: func(f ReleaseFacts) ([]steps.Action, string) {
			return closeReleasePod(f), "no pod was made"
		},
	}
}

// releaseFinish takes the pod away.
func releaseFinish() steps.Step[ReleaseFacts] {
	return steps.Step[ReleaseFacts]{
		ID: "release-old-volumes/finish", Title: "Finish", Effect: wire.Repeatable,
		Summary: "Takes the run's own pod away, where there is one.",
		Plan: func(f ReleaseFacts) ([]steps.Action, error) {
			if !f.Looked {
				return nil, &steps.NotYet{Step: "release-old-volumes/find", What: "which servers there are"}
			}
			return closeReleasePod(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
			if len(f.Outside) == 0 {
				return []wire.Finding{{ID: "pod", Verdict: wire.Holds, Text: "this run made no pod"}}, nil
			}
			spec := releasePod(*f)
			_, there, err := w.Kube.Pod(ctx, spec.Namespace, spec.Name)
			if err != nil || there {
				return []wire.Finding{{ID: "pod", Verdict: wire.Violated, Text: "pod " + spec.Name + " is still there", Next: "Do this step again"}}, err
			}
			return []wire.Finding{{ID: "pod", Verdict: wire.Holds, Text: "pod " + spec.Name + " is gone"}}, nil
		},
	}
}

func releasePod(f ReleaseFacts) kube.ClientSpec {
	server := f.Outside[0].Server
	return action.ClientOf(server.Namespace, server.Image, f.Run)
}

func closeReleasePod(f ReleaseFacts) []steps.Action {
	if len(f.Outside) == 0 {
		return nil
	}
	spec := releasePod(f)
	return []steps.Action{action.CloseClient{Where: f.Where, Namespace: spec.Namespace, Name: spec.Name}}
}

// findOutside looks on the servers that only the pod reaches.
func findOutside(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
	if len(f.Outside) == 0 {
		return []wire.Finding{{ID: "outside", Verdict: wire.Holds, Text: "no server is reached through a pod"}}, nil
	}
	finding := wire.Finding{ID: "outside", Verdict: wire.Holds}
	n := 0
	for _, s := range serversOf(f.Outside) {
		f.Databases = slices.DeleteFunc(slices.Clone(f.Databases), func(d OldDatabase) bool { return d.Server.String() == s.String() })
		stored, _, err := w.Databases.Databases(ctx, s)
		switch {
		case kube.IsTransient(err):
			return nil, err
		case err != nil:
			finding.Verdict, finding.Next = wire.Attention, "Run this again when it answers, if a restore has put databases aside there"
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: s.String(), Seen: steps.FailureOf("asking it", err).Seen, At: w.Clock.Now()})
			continue
		}
		own := slices.DeleteFunc(slices.Clone(f.Outside), func(d postgres.Database) bool { return d.Server.String() != s.String() })
		found, evidence := asideOn(s, stored, own, w.Clock.Now())
		f.Databases, finding.Evidence = append(f.Databases, found...), append(finding.Evidence, evidence...)
		n += len(found)
	}
	finding.Text = fmt.Sprintf("%d databases were put aside by restores on %s", n, names(serversOf(f.Outside)))
	if finding.Verdict == wire.Attention {
		finding.Text += "; not all of them answer"
	}
	return []wire.Finding{finding}, nil
}
