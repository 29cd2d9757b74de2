package action

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
)

// podLogLines are how many lines of a log are read at each look.
const podLogLines = 4000

// PodLog is what is known of a workload's pod, for whoever follows in logs how far an app has got.
type PodLog struct {
	Pod     string
	Text    string // the end of what it has said
	State   string // for people: "sv-app 0 of 1 ready (crash loop)"
	Command string // the command that shows the log
	Ready   bool
	Ends    int32 // how often a container of it has ended
}

// ReadPodLog reads what the pods of workloads have said since a time, and since their last start but one where they are not ready. started is when
// the container that counts was started, zero where it has not been. tried is what a workload that is gone is an error of.
func ReadPodLog(ctx context.Context, w steps.World, tried, namespace string, workloads []Wanted, since time.Time) (l PodLog, started time.Time, err error) {
	l.State = "not there"
	for _, wanted := range workloads {
		now, found, err := w.Kube.Workload(ctx, wanted.Workload.Kind, namespace, wanted.Workload.Name)
		if err != nil {
			return l, started, err
		}
		if !found {
			return l, started, &steps.Problem{Tried: tried, Seen: wanted.Workload.String() + " does not exist", Next: "Look who removed it"}
		}
		l.Ready = settled(now, wanted.Replicas)
		l.State = fmt.Sprintf("%s %d of %d ready", wanted.Workload.Name, now.Ready, wanted.Replicas)
		pods, err := w.Kube.Pods(ctx, namespace, wanted.Selector)
		if err != nil {
			return l, started, err
		}
		for _, pod := range pods {
			if pod.Deleting != nil {
				continue
			}
			if !pod.Ready {
				if e := kube.Why(pod, nil, w.Clock.Now()); e.Summary != "" {
					l.State += " (" + e.Summary + ")"
				}
			}
			l.Pod, l.Command = pod.Name, fmt.Sprintf("kubectl -n %s logs %s", namespace, pod.Name)
			for _, c := range pod.Containers {
				if !c.Init && c.Started != nil && (started.IsZero() || c.Started.Before(started)) {
					started = *c.Started
				}
				l.Ends = max(l.Ends, c.Restarts)
				// A container of preparation that was passed has nothing more to say.
				if c.Init && (c.State != "running" && c.State != "waiting" || c.State == "waiting" && c.Restarts == 0) {
					continue
				}
				text, err := w.Kube.Logs(ctx, namespace, pod.Name, kube.LogOptions{Container: c.Name, Tail: podLogLines, Since: since})
				if err := unsaid(err); err != nil {
					return l, started, err
				}
				l.Text += text + "\n"
				if !c.Ready && c.Restarts > 0 {
					text, err := w.Kube.Logs(ctx, namespace, pod.Name, kube.LogOptions{Container: c.Name, Tail: podLogLines, Previous: true, Since: since})
					if err := unsaid(err); err != nil {
						return l, started, err
					}
					l.Text += text + "\n"
				}
			}
		}
	}
	l.Text = strings.TrimSpace(l.Text)
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
