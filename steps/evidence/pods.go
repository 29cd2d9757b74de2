package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
)

const (
	patience = 15 * time.Minute // a pod that starts for longer than this is not said to be starting
	lastLog  = 40               // lines of a log that are read
	lately   = 15 * time.Minute // how old a line of a component that is ready may be, to mean something
	settling = 2 * time.Minute  // a container that crashed and runs again for less than this may only be between two crashes
	maxLogs  = 12               // logs that are read of pods in trouble
)

// working are the parts that triage judges.
func working() []node.Part {
	return slices.Concat([]node.Part{node.Postgres}, node.SynchronizerParts, node.AppParts)
}

// readPods tells what keeps the pods of the node from working: status and events first, then with the last log lines.
func readPods(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.parts()
	if err != nil {
		return err
	}
	pods, err := l.pods()
	if err != nil {
		return err
	}
	events, err := once(ctx, func(ctx context.Context) ([]kube.Event, error) { return l.Cluster.Events(ctx, l.Namespace, "", "") })()
	if err != nil {
		return err
	}
	found := l.troubles(n, pods, events)
	hand := func() {
		p := triage.Pods{Reading: l.reading("pods")}
		for _, t := range found {
			if t.Kind != "" {
				p.Troubles = append(p.Troubles, t.Trouble)
			}
		}
		deliver(func(e *triage.Evidence) { e.Pods = p })
	}
	hand()
	var all sync.WaitGroup
	reading := 0
	for i := range found {
		t := &found[i]
		if t.pod.Name == "" || reading == maxLogs || t.Kind == triage.Image || t.Kind == triage.Config || t.Kind == triage.Room {
			continue // nothing has run that could have written a log
		}
		reading++
		all.Go(func() { l.readLog(ctx, t) })
	}
	all.Wait()
	hand()
	return nil
}

// trouble is one with the pod that it was seen of. One without a kind is a component that is ready, whose log may still tell.
type trouble struct {
	triage.Trouble
	pod   kube.Pod
	texts []string
}

func (l *look) troubles(n node.Node, pods []kube.Pod, events []kube.Event) []trouble {
	of := map[string][]kube.Event{}
	for _, e := range events {
		of[e.Kind+"/"+e.Name] = append(of[e.Kind+"/"+e.Name], e)
	}
	var found []trouble
	for _, c := range n.Of(working()...) {
		if c.Replicas == 0 {
			continue
		}
		own, err := selected(pods, c.Selector)
		if err != nil || len(own) == 0 {
			t := trouble{Trouble: triage.Trouble{Part: c.Part, Name: c.Ref.Name, Kind: triage.NotReady, Why: kube.Explanation{Summary: c.Ref.Name + " has no pod"}}}
			for _, e := range of[c.Ref.Kind+"/"+c.Ref.Name] {
				if e.Type == "Warning" {
					t.Why.Detail = e.Message
					break
				}
			}
			found = append(found, t)
			continue
		}
		for _, p := range own {
			if t, is := l.troubleOf(c, p, of["Pod/"+p.Name]); is {
				found = append(found, t)
			}
		}
	}
	return found
}

// troubleOf is what status and events of one pod tell. A participant and a mediator that are ready are looked into as well: Ready proves
// nothing about them (reference/deployment.md 3.4).
func (l *look) troubleOf(c node.Component, p kube.Pod, events []kube.Event) (trouble, bool) {
	now := l.Clock.Now()
	t := trouble{Trouble: triage.Trouble{Part: c.Part, Name: c.Ref.Name, Why: kube.Why(p, events, now)}, pod: p}
	if k, again := restarted(p, now); again && t.Why.Summary == "" {
		t.Kind, t.Why = triage.Starting, kube.Explanation{Waiting: true, Detail: fmt.Sprintf("it ended with exit code %d", k.Last.Code),
			Summary: fmt.Sprintf("container %s of pod %s has crashed and runs again since %s ago (restarts: %d)", k.Name, p.Name, triage.Span(now.Sub(*k.Started)), k.Restarts)}
		return t, true
	}
	if t.Why.Summary == "" {
		return t, c.Part == node.Participant || c.Part == node.Mediator
	}
	t.texts = append(t.texts, p.Reason, p.Message)
	crashed := false
	for _, k := range p.Containers {
		t.texts = append(t.texts, k.Reason, k.Message)
		for _, end := range []*kube.Termination{k.Exit, k.Last} {
			if end != nil && !k.Ready {
				t.texts = append(t.texts, end.Reason, end.Message)
				crashed = crashed || end.Code != 0
			}
		}
	}
	for _, cond := range p.Conditions {
		t.texts = append(t.texts, cond.Reason, cond.Message)
	}
	since, said := lastChange(p), map[string]bool{}
	for _, e := range events {
		if e.Type == "Warning" && now.Sub(e.Last) < patience && !e.Last.Before(since) && !said[e.Reason+e.Message] {
			said[e.Reason+e.Message] = true
			t.texts = append(t.texts, e.Reason, e.Message)
		}
	}
	switch kind := kindOf(c.Part, t.texts...); {
	case kind != "":
		t.Kind = kind
	case strings.Contains(t.Why.Summary, "no node has enough room"), strings.Contains(t.Why.Summary, "no node is meant for it"):
		t.Kind = triage.Room
	case crashed:
		t.Kind = triage.Crash
	case t.Why.Waiting && now.Sub(p.Created) < patience:
		t.Kind = triage.Starting
	default:
		t.Kind = triage.NotReady
	}
	return t, true
}

// restarted is a container that is ready, and that ended by itself with an error a moment before.
func restarted(p kube.Pod, now time.Time) (kube.ContainerStatus, bool) {
	for _, k := range p.Containers {
		if k.Ready && !k.Init && k.Restarts > 0 && k.Last != nil && k.Last.Code != 0 && k.Started != nil && now.Sub(*k.Started) < settling {
			return k, true
		}
	}
	return kube.ContainerStatus{}, false
}

// lastChange is when a container of the pod last started or ended; zero: none has. What events told before that is over: a volume that could not
// be mounted for a moment, an image that was there in the end.
func lastChange(p kube.Pod) (at time.Time) {
	later := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	for _, k := range p.Containers {
		if k.Started != nil {
			later(*k.Started)
		}
		for _, end := range []*kube.Termination{k.Exit, k.Last} {
			if end != nil {
				later(end.Finished)
			}
		}
	}
	return at
}

// readLog looks into the last lines of the container that is in trouble. Of a component that is ready only what means that it cannot go on
// counts, and only if it was said lately.
func (l *look) readLog(ctx context.Context, t *trouble) {
	o := kube.LogOptions{Tail: lastLog}
	for _, k := range t.pod.Containers {
		if k.Init && k.State == "running" && !t.pod.Ready {
			o.Container, o.Previous = k.Name, false // what it waits for, it alone says
			break
		}
		if !k.Init && o.Container == "" || !k.Ready && (k.State == "waiting" || k.State == "terminated") && (k.Restarts > 0 || k.Exit != nil) {
			o.Container, o.Previous = k.Name, k.Restarts > 0 && k.State != "terminated" && k.State != "running"
		}
	}
	if k, again := restarted(t.pod, l.Clock.Now()); again {
		o.Container, o.Previous = k.Name, true // why it crashed is in the log of before
	}
	if t.Kind == "" {
		o.Since = l.Clock.Now().Add(-lately)
	}
	log, err := l.Cluster.Logs(ctx, t.pod.Namespace, t.pod.Name, o)
	if err != nil {
		return // what status and events say stands by itself
	}
	line, kind := telling(t.Part, log)
	switch {
	case t.Kind == "":
		if kind == triage.Disabled || kind == triage.Pruned {
			t.Kind = kind
			t.Why = kube.Explanation{Summary: t.Name + " runs, and its log says: " + line, Detail: line}
		}
	case kind != "":
		t.Kind = kindOf(t.Part, append(t.texts, line)...)
		t.Why.Summary += "; its log says: " + line
	case t.Kind == triage.Crash:
		if last := lastLine(log); last != "" {
			t.Why.Detail = last
		}
	}
}

// telling is the last line of a log that tells what is the matter.
func telling(part node.Part, log string) (string, triage.Kind) {
	lines := strings.Split(log, "\n")
	for _, line := range slices.Backward(lines) {
		if kind := kindOf(part, line); kind != "" {
			return short(line), kind
		}
	}
	return "", ""
}

// kindOf is what texts of a part mean; empty where none tells. That a member is disabled, or what it needs is pruned, is said of itself only by
// a participant or a mediator: a sequencer says it of others, and that is no fault of this node.
func kindOf(part node.Part, texts ...string) triage.Kind {
	if part != node.Participant && part != node.Mediator {
		texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool {
			kind, _ := triage.KindOf(text)
			return kind == triage.Disabled || kind == triage.Pruned
		})
	}
	kind, _ := triage.KindOf(texts...)
	return kind
}

func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return short(lines[len(lines)-1])
}

func short(line string) string { return plain.Cut(plain.Line(line), 160) }
