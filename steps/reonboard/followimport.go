package reonboard

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

const (
	// importPatience is how long an import may take before the operator is asked; it never ends by itself.
	importPatience = 30 * time.Minute
	// ends is how many ends of the participant are normal while a node comes up (reference/deployment.md 5).
	crashEnds = 4
)

// importPhases of the import, by what the apps log (reference/apis.md 9.4).
var importPhases = []struct {
	name string
	says *regexp.Regexp
}{
	{"the identities are read", regexp.MustCompile(`Loading participant identities dump from file`)},
	{"the keys are imported", regexp.MustCompile(`Uploading node keys`)},
	{"the topology is imported", regexp.MustCompile(`AuthorizedStore snapshot is imported`)},
}

// followImport waits until the validator app is ready, follows in the logs how far the import has got, and recognises the ways in which it
// fails. Ready alone does not say that it worked: what the validator has is proven after it.
type followImport struct {
	where                  kube.Where
	namespace              string
	participant, validator []action.Wanted
}

func (i followImport) Key() string         { return "follow the import" }
func (i followImport) Effect() wire.Effect { return wire.Observe }
func (i followImport) Refs() []steps.Ref   { return nil }

func (i followImport) Show() wire.Preview {
	p := wire.Preview{Title: i.Key(), After: "the validator app is ready, and no failure that is known stands in the logs"}
	for _, w := range append(i.validator, i.participant...) {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s logs -f %s", i.namespace, w.Workload))
	}
	return p
}

func (i followImport) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (i followImport) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	progress, done, err := i.see(ctx, w)
	var evidence []wire.Evidence
	for _, item := range progress.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	switch {
	case err != nil && kube.KindOf(err) != "":
		return wire.ActionUnknown, nil, err
	case err == nil && done:
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (i followImport) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return steps.Poll(ctx, h, deployLook, importPatience, "the validator to have imported the identities", report, func(ctx context.Context) (wire.Progress, bool, error) {
		return i.see(ctx, h.World)
	})
}

// see looks once. What the logs said before the validator app was last started does not count: whoever cures a failure starts it anew.
func (i followImport) see(ctx context.Context, w steps.World) (wire.Progress, bool, error) {
	p := wire.Progress{Unit: "phases", Total: int64(len(importPhases) + 1)}
	app, since, err := action.ReadPodLog(ctx, w, i.Key(), i.namespace, i.validator, time.Time{})
	if err != nil {
		return p, false, err
	}
	node, _, err := action.ReadPodLog(ctx, w, i.Key(), i.namespace, i.participant, since)
	if err != nil {
		return p, false, err
	}
	reached := -1
	for n, phase := range importPhases {
		if phase.says.MatchString(app.Text) || phase.says.MatchString(node.Text) {
			reached = n
		}
	}
	ready := app.Ready && node.Ready
	for n, phase := range importPhases {
		item := wire.Item{Name: phase.name, State: "not seen in the log", Done: n <= reached}
		switch {
		case item.Done:
			item.State = "done"
			p.Done++
		case ready: // levels of logs differ, and old lines are rotated away
			item.State = "not seen in the log, and over"
		}
		p.Items = append(p.Items, item)
	}
	end := wire.Item{Name: "participant and validator app are ready", State: app.State + "; " + node.State, Done: ready}
	if ready {
		p.Done++
	}
	p.Items = append(p.Items, end)
	for _, l := range []action.PodLog{app, node} {
		if fail, ok := failureIn(l.Text); ok {
			return p, false, &ImportFailed{Kind: fail.id, Pod: l.Pod, fail: fail, where: l.Command}
		}
	}
	if !node.Ready && node.Ends >= crashEnds {
		return p, false, &ImportFailed{Kind: crashing.id, Pod: node.Pod, fail: crashing, where: node.Command}
	}
	return p, ready, nil
}
