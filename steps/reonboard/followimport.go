package reonboard

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

const (
	// importPatience is how long an import may take before the operator is asked; it never ends by itself.
	importPatience = 30 * time.Minute
	// importLines are how many lines of a log are read at each look.
	importLines = 4000
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
	app, since, err := i.logs(ctx, w, i.validator, time.Time{})
	if err != nil {
		return p, false, err
	}
	node, _, err := i.logs(ctx, w, i.participant, since)
	if err != nil {
		return p, false, err
	}
	reached := -1
	for n, phase := range importPhases {
		if phase.says.MatchString(app.text) || phase.says.MatchString(node.text) {
			reached = n
		}
	}
	ready := app.ready && node.ready
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
	end := wire.Item{Name: "participant and validator app are ready", State: app.state + "; " + node.state, Done: ready}
	if ready {
		p.Done++
	}
	p.Items = append(p.Items, end)
	for _, l := range []podLog{app, node} {
		if fail, ok := failureIn(l.text); ok {
			return p, false, &ImportFailed{Kind: fail.id, Pod: l.pod, fail: fail, where: l.command}
		}
	}
	if !node.ready && node.ends >= crashEnds {
		return p, false, &ImportFailed{Kind: crashing.id, Pod: node.pod, fail: crashing, where: node.command}
	}
	return p, ready, nil
}

// podLog is what is known of a workload's pod.
type podLog struct {
	pod, text, state, command string
	ready                     bool
	ends                      int32
}

// logs reads what the pod of a workload has said since a time, and since its last start but one where it is not ready. started is when the
// container that counts was started, zero where it has not been.
func (i followImport) logs(ctx context.Context, w steps.World, workloads []action.Wanted, since time.Time) (l podLog, started time.Time, err error) {
	l.state = "not there"
	for _, wanted := range workloads {
		now, found, err := w.Kube.Workload(ctx, wanted.Workload.Kind, i.namespace, wanted.Workload.Name)
		if err != nil {
			return l, started, err
		}
		if !found {
			return l, started, &steps.Problem{Tried: i.Key(), Seen: wanted.Workload.String() + " does not exist", Next: "Look who removed it"}
		}
		l.ready = now.ObservedGeneration >= now.Generation && now.Replicas == wanted.Replicas && now.Ready == wanted.Replicas && now.Current == wanted.Replicas
		l.state = fmt.Sprintf("%s %d of %d ready", wanted.Workload.Name, now.Ready, wanted.Replicas)
		pods, err := w.Kube.Pods(ctx, i.namespace, wanted.Selector)
		if err != nil {
			return l, started, err
		}
		for _, pod := range pods {
			if pod.Deleting != nil {
				continue
			}
			if !pod.Ready {
				if e := kube.Why(pod, nil, w.Clock.Now()); e.Summary != "" {
					l.state += " (" + e.Summary + ")"
				}
			}
			l.pod, l.command = pod.Name, fmt.Sprintf("kubectl -n %s logs %s", i.namespace, pod.Name)
			for _, c := range pod.Containers {
				if !c.Init && c.Started != nil && (started.IsZero() || c.Started.Before(started)) {
					started = *c.Started
				}
				l.ends = max(l.ends, c.Restarts)
				// A container of preparation that was passed has nothing more to say.
				if c.Init && (c.State != "running" && c.State != "waiting" || c.State == "waiting" && c.Restarts == 0) {
					continue
				}
				text, err := w.Kube.Logs(ctx, i.namespace, pod.Name, kube.LogOptions{Container: c.Name, Tail: importLines, Since: since})
				if err := unsaid(err); err != nil {
					return l, started, err
				}
				l.text += text + "\n"
				if !c.Ready && c.Restarts > 0 {
					text, err := w.Kube.Logs(ctx, i.namespace, pod.Name, kube.LogOptions{Container: c.Name, Tail: importLines, Previous: true, Since: since})
					if err := unsaid(err); err != nil {
						return l, started, err
					}
					l.text += text + "\n"
				}
			}
		}
	}
	l.text = strings.TrimSpace(l.text)
	return l, started, nil
}

// unsaid leaves out the errors that say that a container has no log yet, or none any more.
func unsaid(err error) error {
	switch kube.KindOf(err) {
	case kube.NotFound, kube.Invalid:
		return nil
	}
	return err
}
