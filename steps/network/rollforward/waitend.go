package rollforward

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

const (
	// quiet is for how long no line of ingestion may be in a log, as upstream's checklist has it for a network that stands (reference/deployment.md 15).
	quiet       = 10 * time.Minute
	endLook     = 20 * time.Second
	endPatience = 2 * time.Hour
)

// ingesting is what a component logs of what it takes in (reference/deployment.md 11 and 15).
var ingesting = map[node.Part]string{node.Participant: "Processing event at", node.SVApp: "Ingested transaction", node.ScanApp: "Ingested transaction"}

func waitEnd() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/wait-end", Title: "Wait for the end", Effect: wire.Observe,
		Summary: "Waits until participant and apps have taken in everything that the old synchronizer sequenced.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needCard(f); err != nil {
				return nil, err
			}
			if f.Situation == NothingSequenced {
				return nil, nil
			}
			return []steps.Action{f.end()}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if f.Situation == NothingSequenced {
				return []wire.Finding{{ID: "end", Verdict: wire.Holds, Text: "where nothing was sequenced after the announced upgrade nobody has to wait for the end of ingestion"}}, nil
			}
			s, err := f.end().see(ctx, w)
			if err != nil {
				return nil, err
			}
			return s.findings(), nil
		},
	}
}

func (f Facts) end() awaitEnd {
	e := awaitEnd{max: f.Agreed.MaxSequencing}
	for _, part := range []node.Part{node.Participant, node.SVApp, node.ScanApp} {
		for _, c := range f.Node.Of(part) {
			e.of = append(e.of, listenTo(c))
		}
	}
	return e
}

// awaitEnd waits until the maximum sequencing time has passed and no log has had a line of ingestion for a while.
type awaitEnd struct {
	max time.Time
	of  []listened
}

func (e awaitEnd) Key() string         { return "wait for the end of ingestion" }
func (e awaitEnd) Effect() wire.Effect { return wire.Observe }
func (e awaitEnd) Refs() []steps.Ref   { return nil }

func (e awaitEnd) Show() wire.Preview {
	p := wire.Preview{Title: "wait until everything is taken in that the old synchronizer sequenced",
		After: fmt.Sprintf("%s has passed, and for %d minutes no log says that something was taken in", stamp(e.max), int(quiet/time.Minute))}
	for _, l := range e.of {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s logs %s -c %s --since=10m | grep '%s'", l.Of.Namespace, l.Of, l.Container, ingesting[l.Part]))
	}
	return p
}

func (e awaitEnd) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (e awaitEnd) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := e.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if s.over() {
		return wire.ActionDone, nil, nil
	}
	return wire.ActionPending, nil, nil
}

func (e awaitEnd) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	patience := endPatience + max(0, e.max.Sub(h.World.Clock.Now()))
	err := steps.Poll(ctx, h, endLook, patience, "ingestion to end", report, func(ctx context.Context) (wire.Progress, bool, error) {
		s, err := e.see(ctx, h.World)
		return s.progress(), s.over(), err
	})
	if waiting, ok := err.(*steps.StillWaiting); ok {
		waiting.Next = "Look whether the old synchronizer still sequences: then an SV does not have the maximum sequencing time"
	}
	return err
}

// heard is what one log says.
type heard struct {
	of       listened
	now, had bool // in the last minutes; ever, in what the cluster has of the log
}

type ending struct {
	passed bool
	max    time.Time
	heard  []heard
}

func (e awaitEnd) see(ctx context.Context, w steps.World) (ending, error) {
	now := w.Clock.Now()
	s := ending{passed: now.After(e.max), max: e.max}
	for _, l := range e.of {
		h := heard{of: l}
		var err error
		if h.now, err = l.has(ctx, w, now.Add(-quiet), ingesting[l.Part]); err != nil {
			return s, err
		}
		if h.had = h.now; !h.now {
			if h.had, err = l.has(ctx, w, time.Time{}, ingesting[l.Part]); err != nil {
				return s, err
			}
		}
		s.heard = append(s.heard, h)
	}
	return s, nil
}

// over says that nothing is to be waited for. A log that never said anything does not keep anybody waiting: it is told afterwards.
func (s ending) over() bool {
	for _, h := range s.heard {
		if h.now {
			return false
		}
	}
	return s.passed
}

func (s ending) progress() wire.Progress {
	p := wire.Progress{Text: "participant and apps take in what the old synchronizer sequenced"}
	add := func(name, state string, done bool) {
		p.Items = append(p.Items, wire.Item{Name: name, State: state, Done: done})
	}
	add("the maximum "+stamp(s.max), map[bool]string{true: "has passed", false: "is to come"}[s.passed], s.passed)
	for _, h := range s.heard {
		state := "is quiet"
		switch {
		case h.now:
			state = "takes in"
		case !h.had:
			state = "says nothing of it"
		}
		add(h.of.Of.Name, state, !h.now)
	}
	return p
}

func (s ending) findings() []wire.Finding {
	cap := wire.Finding{ID: "maximum", Verdict: wire.Holds, Text: "the maximum sequencing time " + stamp(s.max) + " has passed"}
	if !s.passed {
		cap.Verdict, cap.Text, cap.Next = wire.Violated, "the maximum sequencing time "+stamp(s.max)+" is still to come", "Wait for it"
	}
	found := []wire.Finding{cap}
	for _, h := range s.heard {
		f := wire.Finding{ID: "end-" + string(h.of.Part), Verdict: wire.Holds, Text: fmt.Sprintf("%s has taken in nothing for %d minutes", h.of.Of.Name, int(quiet/time.Minute))}
		switch {
		case h.now:
			f.Verdict, f.Text, f.Next = wire.Violated, h.of.Of.Name+" still takes something in", "Wait until it has ended"
		case !h.had:
			f.Verdict = wire.Undetermined
			f.Text = fmt.Sprintf("whether %s has taken in everything is not seen: its log never says %q", h.of.Of.Name, ingesting[h.of.Part])
			f.Next = "Its log level may be above INFO, or the pod may have been started since. Look in the collected logs"
		}
		found = append(found, f)
	}
	return found
}
