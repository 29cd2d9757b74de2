package kube

import (
	"fmt"
	"strings"
	"time"
)

// terminating explains a pod that is being deleted. Deleting is the moment at which its grace period ends.
func terminating(p Pod, events []Event, now time.Time) Explanation {
	left := p.Deleting.Sub(now).Round(time.Second)
	e := Explanation{Detail: newest(events)}
	if node, ok := condition(p, "Ready"); ok && node.Reason == "NodeNotReady" || p.Reason == "NodeLost" {
		e.Summary = fmt.Sprintf("pod %s cannot end because its node %s does not answer", p.Name, p.Node)
		e.Detail = join(node.Reason, node.Message)
		e.Hint = "bring the node back or have it removed; forcing the pod away while the node may still run it can ruin a database"
		return e
	}
	if left > 0 {
		e.Summary = fmt.Sprintf("pod %s is ending and has %s of its grace period left", p.Name, left)
		e.Hint = "a node that writes its state needs this time: wait"
		e.Waiting = true
		return e
	}
	running := 0
	for _, c := range p.Containers {
		if c.State == "running" {
			running++
		}
	}
	switch {
	case len(p.Finalizers) > 0 && running == 0:
		e.Summary = fmt.Sprintf("pod %s is kept by %s %s", p.Name, plural(len(p.Finalizers), "the finalizer", "the finalizers"), strings.Join(p.Finalizers, ", "))
		e.Hint = "the program behind a finalizer has to remove it: find out why it does not"
	case running > 0:
		e.Summary = fmt.Sprintf("pod %s should have ended %s ago and still runs", p.Name, -left)
		e.Hint = fmt.Sprintf("node %s has not stopped it: look at the node and its kubelet", p.Node)
	default:
		e.Summary = fmt.Sprintf("pod %s ended its containers but is still there, %s after its grace period", p.Name, -left)
		e.Hint = fmt.Sprintf("node %s may be releasing its volumes, or may not answer: look at the node", p.Node)
	}
	return e
}

func failedPod(p Pod) Explanation {
	e := Explanation{Summary: "pod " + p.Name + " has failed", Detail: join(p.Reason, p.Message), Hint: "its controller makes a new one; read the log of this one"}
	switch p.Reason {
	case "Evicted":
		e.Summary = fmt.Sprintf("pod %s was evicted from node %s", p.Name, p.Node)
		e.Hint = "the node ran short of what the message names; the controller makes a new pod"
	default:
		for _, c := range p.Containers {
			if c.Exit != nil && c.Exit.Code != 0 {
				e.Detail = join("container "+c.Name, ending(c.Exit))
			}
		}
	}
	return e
}

// notReady explains a pod whose containers run or are about to.
func notReady(p Pod, events []Event) Explanation {
	var waits, unready []string
	for _, c := range p.Containers {
		switch {
		case c.Init, c.Ready:
		case c.State == "running":
			unready = append(unready, c.Name)
		default:
			waits = append(waits, c.Name)
		}
	}
	e := Explanation{Summary: "pod " + p.Name + " is not ready", Detail: newest(events), Waiting: true,
		Hint: "it may be starting up; if it stays so, read its log"}
	if node, ok := condition(p, "Ready"); ok && node.Reason == "NodeNotReady" {
		return Explanation{Summary: fmt.Sprintf("pod %s is not ready because its node %s does not answer", p.Name, p.Node), Detail: node.Message,
			Hint: "look at the node"}
	}
	switch {
	case len(waits) > 0:
		e.Summary = fmt.Sprintf("pod %s waits for %s %s to start", p.Name, plural(len(waits), "container", "containers"), strings.Join(waits, ", "))
	case len(unready) > 0:
		e.Summary = fmt.Sprintf("%s %s of pod %s %s but %s not ready", plural(len(unready), "container", "containers"), strings.Join(unready, ", "), p.Name,
			plural(len(unready), "runs", "run"), plural(len(unready), "is", "are"))
	}
	for _, x := range events {
		if x.Reason == "Unhealthy" {
			e.Detail = x.Message
			break
		}
	}
	return e
}

func condition(p Pod, kind string) (Condition, bool) {
	for _, c := range p.Conditions {
		if c.Type == kind {
			return c, true
		}
	}
	return Condition{}, false
}

// ending says how a container ended.
func ending(t *Termination) string {
	if t == nil {
		return ""
	}
	s := fmt.Sprintf("it ended with exit code %d", t.Code)
	if t.Signal != 0 {
		s = fmt.Sprintf("it was ended by signal %d", t.Signal)
	}
	if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
		s += " (" + t.Reason + ")"
	}
	if !t.Finished.IsZero() {
		s += " at " + t.Finished.UTC().Format("15:04:05") + " UTC"
	}
	return join(s, t.Message)
}

// newest is the newest warning, else the newest event.
func newest(events []Event) string {
	for _, e := range events {
		if e.Type == "Warning" {
			return join(e.Reason, e.Message)
		}
	}
	if len(events) > 0 {
		return join(events[0].Reason, events[0].Message)
	}
	return ""
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

func times(n int32, what string) string {
	return fmt.Sprintf("%d %s", n, plural(int(n), what, what+"s"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
