package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

const (
	followLook = 10 * time.Second
	skewLook   = 6 // readings after which the cluster is asked for its time again
	// FollowPatience is how long a catch-up may take before the operator is asked; upstream's script gives up after 8 h
	// (reference/deployment.md 8.4).
	FollowPatience = 8 * time.Hour
)

// FollowCatchUp follows how a node catches up with its network, until all of it that can be read is in step, or nothing can. What
// cannot be read is for the proof at the end of the step to say: that this is over is no proof.
type FollowCatchUp struct {
	Where      kube.Where // for the commands that are shown
	Namespace  string
	Components []Followed
}

func (c FollowCatchUp) Key() string         { return "follow how the node catches up" }
func (c FollowCatchUp) Effect() wire.Effect { return wire.Observe }
func (c FollowCatchUp) Refs() []steps.Ref   { return nil }

func (c FollowCatchUp) Show() wire.Preview {
	p := wire.Preview{Title: c.Key(), After: fmt.Sprintf("each of %d components is less than %s behind, or it is said that this cannot be read", len(c.Components), Span(InStep))}
	for _, f := range c.Components {
		port, path := metricsPort, metricsPath
		if f.Follows == ByChain {
			port, path = chainPort, chainStatus
		}
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s port-forward %s/%s %d & curl -s localhost:%d%s",
			c.Namespace, strings.ToLower(f.Workload.Kind), f.Workload.Name, port, port, path))
	}
	return p
}

func (c FollowCatchUp) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

// Probe says done when one reading shows everything in step. A sequencer's delay is of its last block, however old; that it is not
// old is shown by the mediator, which gets its events from this sequencer and tells the time of the last one.
func (c FollowCatchUp) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	lags, err := ReadLags(ctx, w, c.Components, ReadSkew(ctx, w))
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	state := wire.ActionDone
	var evidence []wire.Evidence
	for _, l := range lags {
		evidence = append(evidence, wire.Evidence{Source: l.Source, Seen: l.Seen})
		if l.Verdict() != wire.Holds {
			state = wire.ActionPending
		}
	}
	if len(lags) == 0 {
		state = wire.ActionPending
	}
	return state, evidence, nil
}

func (c FollowCatchUp) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	w := h.World
	var course course
	var skew Skew
	readings := 0
	return steps.Poll(ctx, h, followLook, FollowPatience, "the node to be in step with its network", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			if readings%skewLook == 0 {
				if s := ReadSkew(ctx, w); s.Known {
					skew = s
				}
			}
			readings++
			lags, err := ReadLags(ctx, w, c.Components, skew)
			if err != nil {
				return wire.Progress{}, false, err
			}
			n := course.add(w.Clock.Now(), lags)
			switch {
			case n.over, n.blind:
				return n.progress, true, nil
			case n.stalled != nil:
				return n.progress, false, c.stuck(ctx, w, *n.stalled)
			case n.dull > 0:
				return n.progress, false, &steps.StillWaiting{What: "any progress of the node", Waited: n.dull, Items: open(n.progress.Items),
					Next: "Look at the logs of what is behind, and ask other super validators whether the network itself stands still"}
			}
			return n.progress, false, nil
		})
}

// ChainStuck says that CometBFT runs and gets no block.
type ChainStuck struct {
	Where    kube.Where
	Workload kube.WorkloadRef
	Pod, UID string // empty where there is no pod
	Height   int64
	Still    time.Duration
	Peers    int // -1: not told
	Replays  bool
	Log      []string
}

func (s *ChainStuck) Error() string { return s.Failure().Error() }

// Failure is the sentence with the last log lines.
func (s *ChainStuck) Failure() wire.Failure {
	f := wire.Failure{Tried: "following how CometBFT catches up", Detail: s.Log,
		Seen: fmt.Sprintf("%s stands at height %d for %s, with %s", s.Workload.Name, s.Height, Span(s.Still), peers(s.Peers))}
	if s.Replays {
		f.Seen += ", and its log says that it replays"
	}
	switch s.Peers {
	case 0:
		f.Next = "Look why it has no peers: its p2p port must be reachable, and its node key must be the one that the network knows. Then wait, or restart it"
	default:
		f.Next = "Ask other super validators whether the network itself stands still. If it does not, restart CometBFT"
	}
	return f
}

// stuck looks at the pod of a chain that stands still.
func (c FollowCatchUp) stuck(ctx context.Context, w steps.World, s stalled) error {
	e := &ChainStuck{Where: c.Where, Workload: s.lag.Of.Workload, Height: s.lag.Height, Still: w.Clock.Now().Sub(s.since), Peers: s.lag.Peers}
	pods, err := w.Kube.Pods(ctx, c.Namespace, s.lag.Of.Selector)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if pod.Deleting != nil {
			continue
		}
		e.Pod, e.UID = pod.Name, pod.UID
		text, err := w.Kube.Logs(ctx, pod.Namespace, pod.Name, kube.LogOptions{Container: chainContainer(pod), Tail: 40})
		if err == nil {
			lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
			e.Replays = strings.Contains(strings.ToLower(text), "replay")
			for _, line := range lines[max(0, len(lines)-8):] {
				e.Log = append(e.Log, plain.Cut(line, 400))
			}
		}
		break
	}
	return e
}

// chainContainer is the container that runs CometBFT; from 0.7.4 on a watchdog stands beside it.
func chainContainer(pod kube.Pod) string {
	first := ""
	for _, c := range pod.Containers {
		switch {
		case c.Init:
		case c.Name == "cometbft":
			return c.Name
		case first == "":
			first = c.Name
		}
	}
	return first
}

// RestartChain is the remedy for a chain that stands still; ok is false where there is no pod to restart or the error is another one.
func RestartChain(err error) (steps.Remedy, bool) {
	var s *ChainStuck
	if !errors.As(err, &s) || s.Pod == "" {
		return steps.Remedy{}, false
	}
	return steps.Remedy{Choice: "restart-cometbft", Label: "Restart CometBFT",
		Detail:  "deletes its pod; its Deployment starts another on the same data",
		Actions: []steps.Action{RestartPod{Where: s.Where, Workload: s.Workload, Pod: s.Pod, UID: s.UID}}}, true
}
