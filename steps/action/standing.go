package action

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Down scales workloads from the counts with which they were found to 0 and waits until their pods are gone. One that was found at 0
// is only waited for. name is what they are together: "the applications".
func Down(where kube.Where, namespace, name string, components []node.Component) []steps.Action {
	var actions []steps.Action
	gone := WaitGone{Name: name, Namespace: namespace}
	for _, c := range components {
		if c.Replicas > 0 {
			actions = append(actions, Scale{Where: where, Workload: c.Ref, From: c.Replicas, To: 0})
		}
		gone.Workloads = append(gone.Workloads, Pods{Workload: c.Ref, Selector: c.Selector})
	}
	return append(actions, gone)
}

// AsFound finds workloads that somebody has replaced or scaled to something else than was found. One that
// stands at 0 already was stopped by the run, or by hand, and is fine.
func AsFound(ctx context.Context, w steps.World, components []node.Component) ([]wire.Finding, error) {
	var found []wire.Finding
	var seen []wire.Evidence
	for _, c := range components {
		now, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		switch {
		case err != nil:
			return nil, err
		case !there:
			found = append(found, wire.Finding{ID: c.Ref.Name, Verdict: wire.Violated, Text: c.Ref.String() + " is gone since it was first looked at",
				Next: "Look who removed it; start a new run when the node is complete again"})
		case now.UID != c.UID:
			found = append(found, wire.Finding{ID: c.Ref.Name, Verdict: wire.Violated, Text: c.Ref.String() + " was replaced since it was first looked at",
				Next: "Somebody else works on this node. Start a new run when they are done"})
		case now.Replicas != 0 && now.Replicas != c.Replicas:
			found = append(found, wire.Finding{ID: c.Ref.Name, Verdict: wire.Violated,
				Text: fmt.Sprintf("%s wants %d replicas, it wanted %d when it was first looked at", c.Ref, now.Replicas, c.Replicas),
				Next: "Somebody or something else scales it: stop that first"})
		default:
			seen = append(seen, wire.Evidence{Source: c.Ref.String(), Seen: fmt.Sprintf("%d wanted", now.Replicas), At: w.Clock.Now()})
		}
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: "counts", Verdict: wire.Holds, Text: "replica counts are as they were found, or 0", Evidence: seen})
	}
	return found, nil
}

// Standing proves that workloads stand still: nothing is wanted and no pod is left.
func Standing(ctx context.Context, w steps.World, components []node.Component) ([]wire.Finding, error) {
	var found []wire.Finding
	stopped := 0
	var seen []wire.Evidence
	for _, c := range components {
		now, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return nil, err
		}
		pods, err := w.Kube.Pods(ctx, c.Ref.Namespace, c.Selector)
		if err != nil {
			return nil, err
		}
		switch {
		case there && now.Replicas != 0:
			next := "Something scales it up again"
			if len(c.Rivals) > 0 {
				next += fmt.Sprintf(": %v. Suspend that first", c.Rivals)
			}
			found = append(found, wire.Finding{ID: c.Ref.Name, Verdict: wire.Violated, Text: fmt.Sprintf("%s wants %d replicas again", c.Ref, now.Replicas), Next: next})
		case len(pods) > 0:
			e := kube.Why(pods[0], nil, w.Clock.Now())
			found = append(found, wire.Finding{ID: c.Ref.Name, Verdict: wire.Violated, Text: fmt.Sprintf("pod %s is still there", pods[0].Name), Next: e.Hint,
				Evidence: []wire.Evidence{{Source: "pod " + pods[0].Name, Seen: e.Summary, At: w.Clock.Now()}}})
		default:
			stopped++
			seen = append(seen, wire.Evidence{Source: c.Ref.String(), Seen: "no replicas wanted, no pods", At: w.Clock.Now()})
		}
	}
	verdict := wire.Violated
	if stopped == len(components) {
		verdict = wire.Holds
	}
	return append(found, wire.Finding{ID: "stopped", Verdict: verdict,
		Text: fmt.Sprintf("%d of %d workloads want no replicas and have no pods", stopped, len(components)), Evidence: seen}), nil
}
