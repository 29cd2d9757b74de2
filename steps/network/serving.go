package network

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

const (
	// usualLiveness is how long a probe must fail until the kubelet starts a part anew, where its workload has no probe to tell: five looks, a
	// minute apart, as in upstream's charts (reference/deployment.md 3.4).
	usualLiveness = 5 * time.Minute
	// watchMore is how much longer than that the parts that must stay up are watched after their chain was stopped.
	watchMore = time.Minute
	// watchLooks is how often.
	watchLooks = 5 * time.Second
	// mayWaver is how long one of them may answer that it is not ready before it counts as down.
	mayWaver = time.Minute
)

// serving says whether workloads have the ready pods with which they were found. Ready says that their pods answer their probes, and no
// more (reference/deployment.md 16.12).
func serving(ctx context.Context, w steps.World, components []node.Component) (wire.Finding, error) {
	f := wire.Finding{ID: "serving", Verdict: wire.Holds}
	var up, down []string
	for _, c := range components {
		now, found, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return f, err
		}
		seen := "it is gone"
		if found {
			seen = fmt.Sprintf("%d wanted, %d ready", now.Replicas, now.Ready)
		}
		f.Evidence = append(f.Evidence, wire.Evidence{Source: c.Ref.String(), Seen: seen, At: w.Clock.Now()})
		if found && now.Replicas > 0 && now.Ready == now.Replicas {
			up = append(up, c.Ref.Name)
		} else {
			down = append(down, c.Ref.Name+" ("+seen+")")
		}
	}
	f.Text = "up, as the data snapshot needs them: " + strings.Join(up, ", ")
	if len(down) > 0 {
		f.Verdict, f.Text = wire.Violated, "not up: "+strings.Join(down, ", ")
		f.Next = "Bring them up: a data snapshot is made by participant and sequencer together"
		f.Waive = "this SV takes no snapshot of its own and borrows the dump of another one"
	}
	return f, nil
}

// watchFor is how long workloads are watched: so long that the slowest of their probes has told.
func watchFor(workloads []node.Component) time.Duration {
	slowest := time.Duration(0)
	for _, c := range workloads {
		slowest = max(slowest, cmp.Or(c.Liveness, usualLiveness))
	}
	return slowest + watchMore
}

// watchServing sees that workloads stay up for a while. What it sees in the end is said by the step's proof; whether they stayed up in
// between, only this tells.
type watchServing struct {
	namespace string
	workloads []node.Component
}

func (s watchServing) Key() string         { return "see that sequencer, mediator and participant stay up" }
func (s watchServing) Effect() wire.Effect { return wire.Observe }
func (s watchServing) Refs() []steps.Ref   { return nil }

func (s watchServing) Show() wire.Preview {
	p := wire.Preview{Title: s.Key(), After: fmt.Sprintf("none of them was started anew or was down within %.3g minutes", watchFor(s.workloads).Minutes())}
	for _, c := range s.workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s get pods -l %s --watch", s.namespace, c.Selector))
	}
	return p
}

func (s watchServing) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

// Probe never says that it is done: the world does not show that somebody watched.
func (s watchServing) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionPending, nil, nil
}

func (s watchServing) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	watch := watching{watchServing: s, restarts: map[string]map[string]int32{}, down: map[string]time.Time{}}
	long := watchFor(s.workloads)
	looked, held := h.World.Clock.Now(), time.Duration(0)
	return steps.Poll(ctx, h, watchLooks, 3*long, "sequencer, mediator and participant to have stayed up", report, func(ctx context.Context) (wire.Progress, bool, error) {
		p := wire.Progress{Text: "the old CometBFT is stopped; seeing that the others stay up", Total: int64(long.Seconds()), Unit: "seconds"}
		for _, c := range s.workloads {
			item, err := watch.see(ctx, h.World, c)
			if err != nil {
				return p, false, err
			}
			p.Items = append(p.Items, item)
		}
		now := h.World.Clock.Now()
		held += min(now.Sub(looked), 2*watchLooks) // a time in which nothing was looked at proves nothing
		looked = now
		p.Done = int64(min(held, long).Seconds())
		return p, held >= long && len(watch.down) == 0, nil
	})
}

// watching is a watch under way.
type watching struct {
	watchServing
	restarts map[string]map[string]int32 // at the first look: workload -> uid of a pod -> restarts
	down     map[string]time.Time        // workload -> since when it is not ready
}

// see looks at one workload. That it is down, or was, is an error.
func (s *watching) see(ctx context.Context, w steps.World, c node.Component) (wire.Item, error) {
	item := wire.Item{Name: c.Ref.Name}
	now, found, err := w.Kube.Workload(ctx, c.Ref.Kind, s.namespace, c.Ref.Name)
	if err != nil {
		return item, err
	}
	if !found || now.Replicas == 0 {
		return item, s.fell(c, "it was scaled to 0, or is gone", nil)
	}
	pods, err := w.Kube.Pods(ctx, s.namespace, c.Selector)
	if err != nil {
		return item, err
	}
	first, later := s.restarts[c.Ref.Name]
	if !later {
		first = map[string]int32{}
		s.restarts[c.Ref.Name] = first
	}
	ready := int32(0)
	var why []string
	for _, pod := range pods {
		before, known := first[pod.UID]
		switch most := restarts(pod); {
		case !later:
			first[pod.UID] = most
		case !known:
			return item, s.fell(c, "pod "+pod.Name+" has taken the place of another one", nil)
		case most > before:
			return item, s.fell(c, "pod "+pod.Name+" was started anew", lastWords(ctx, w, pod))
		}
		if pod.Ready && pod.Deleting == nil {
			ready++
		} else {
			why = append(why, kube.Why(pod, nil, w.Clock.Now()).Summary)
		}
	}
	item.State = fmt.Sprintf("%d of %d ready", ready, now.Replicas)
	if ready >= now.Replicas {
		delete(s.down, c.Ref.Name)
		return item, nil
	}
	item.Note = strings.Join(why, "; ")
	if since, was := s.down[c.Ref.Name]; !was {
		s.down[c.Ref.Name] = w.Clock.Now()
	} else if w.Clock.Since(since) >= mayWaver {
		return item, s.fell(c, "it is not ready for a minute", why)
	}
	return item, nil
}

// fell is the error of a workload that did not stay up.
func (s *watching) fell(c node.Component, seen string, detail []string) error {
	return &steps.Problem{Tried: "seeing that " + c.Ref.String() + " stays up without the old CometBFT", Seen: seen, Detail: detail,
		Next: "Take this step back, which starts the old CometBFT again, and say so on the call: a data snapshot needs sequencer and participant"}
}

// restarts is the highest count of the pod's containers.
func restarts(pod kube.Pod) (most int32) {
	for _, k := range pod.Containers {
		most = max(most, k.Restarts)
	}
	return most
}

// lastWords are the last lines of a pod's main container before it was started anew; none where they cannot be read.
func lastWords(ctx context.Context, w steps.World, pod kube.Pod) []string {
	for _, k := range pod.Containers {
		if k.Init || k.Restarts == 0 {
			continue
		}
		if text, err := w.Kube.Logs(ctx, pod.Namespace, pod.Name, kube.LogOptions{Container: k.Name, Tail: 8, Previous: true}); err == nil && strings.TrimSpace(text) != "" {
			return strings.Split(strings.TrimRight(text, "\n"), "\n")
		}
	}
	return nil
}
