package network

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

const (
	commitmentLook     = time.Minute
	commitmentPatience = 90 * time.Minute // commitments are exchanged once in half an hour on some networks
)

// awaitCommitments waits until the new participant has agreed with another SV on what they hold: the proof that both work on the same data.
type awaitCommitments struct {
	namespace, participant string
	svs                    []string
	since                  time.Time // the agreed time: what ends before it is of the old synchronizer
}

func (a awaitCommitments) Key() string         { return "wait for commitments on the new synchronizer" }
func (a awaitCommitments) Effect() wire.Effect { return wire.Observe }
func (a awaitCommitments) Refs() []steps.Ref   { return nil }

func (a awaitCommitments) Show() wire.Preview {
	return wire.Preview{Title: a.Key(), After: "the log of " + a.participant + " says of a commitment of another SV that it agrees. They come once in a period, which may have half an hour",
		Commands: []string{fmt.Sprintf("kubectl -n %s logs deployment/%s | svrescue commitments scan -", a.namespace, a.participant)}}
}

func (a awaitCommitments) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return nil, nil
}

func (a awaitCommitments) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	seen, err := a.look(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if len(seen.with) > 0 {
		return wire.ActionDone, []wire.Evidence{{Source: "the log of " + a.participant, Seen: seen.text()}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "the log of " + a.participant, Seen: seen.text()}}, nil
}

func (a awaitCommitments) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	err := steps.Poll(ctx, h, commitmentLook, commitmentPatience, "a commitment that agrees", report, func(ctx context.Context) (wire.Progress, bool, error) {
		seen, err := a.look(ctx, h.World)
		return wire.Progress{Text: seen.text(), Done: int64(len(seen.with)), Total: int64(max(0, len(a.svs)-1)), Unit: "SVs"}, len(seen.with) > 0, err
	})
	if waiting, ok := err.(*steps.StillWaiting); ok {
		waiting.Next = "Some releases do not log it: look the commitments up on the participant's console with " + commitment.Lookup + ". Leave the action out with what it says, or wait longer"
	}
	return err
}

// agreements are what the new participant's log says.
type agreements struct {
	with       []string // names of SVs
	mismatches int
	until      time.Time
}

func (a agreements) text() string {
	text := "no commitment agrees yet"
	if len(a.with) > 0 {
		text = fmt.Sprintf("commitments agree with %s, at the latest until %s UTC", strings.Join(a.with, ", "), minute(a.until))
	}
	if a.mismatches > 0 {
		text += fmt.Sprintf("; %d periods do not match", a.mismatches)
	}
	return text
}

// look reads the log of the new participant. Counterparties that are no SVs do not count.
func (a awaitCommitments) look(ctx context.Context, w steps.World) (agreements, error) {
	var found agreements
	now, there, err := w.Kube.Workload(ctx, kube.Deployment, a.namespace, a.participant)
	if err != nil {
		return found, err
	}
	if !there {
		return found, &steps.Problem{Tried: a.Key(), Seen: "there is no deployment " + a.participant, Next: "Look who removed the new participant"}
	}
	pods, err := w.Kube.Pods(ctx, a.namespace, now.Selector)
	if err != nil {
		return found, err
	}
	var from []commitment.Source
	for _, pod := range pods {
		for _, c := range pod.Containers {
			if c.Init || c.State != "running" {
				continue
			}
			from = append(from, commitment.Source{Name: pod.Name, Open: func() (io.ReadCloser, error) {
				return w.Kube.OpenLog(ctx, a.namespace, pod.Name, kube.LogOptions{Container: c.Name})
			}})
		}
	}
	if len(from) == 0 {
		return found, nil
	}
	r, err := commitment.Scan(ctx, from, commitment.Options{Workers: 1})
	if err != nil {
		return found, err
	}
	after := commitment.InstantOf(a.since)
	for _, e := range r.Agreements {
		name, _, _ := strings.Cut(e.Counterparty, "::")
		if e.To <= after || !slices.Contains(a.svs, name) {
			continue
		}
		if found.until = e.To.Time(); !slices.Contains(found.with, name) {
			found.with = append(found.with, name)
		}
	}
	for _, e := range r.Mismatches {
		if e.To > after {
			found.mismatches++
		}
	}
	slices.Sort(found.with)
	return found, nil
}

// finding is what the new participant's commitments prove.
func (a awaitCommitments) finding(ctx context.Context, w steps.World) (wire.Finding, error) {
	f := wire.Finding{ID: "commitments", Verdict: wire.Holds}
	seen, err := a.look(ctx, w)
	if ctx.Err() != nil {
		return f, ctx.Err()
	}
	switch f.Text = seen.text(); {
	case err != nil:
		f.Verdict, f.Text, f.Next = wire.Undetermined, "the new participant's commitments could not be read: "+why(err), "Look into its log"
	case seen.mismatches > 0:
		f.Verdict, f.Next, f.Waive = wire.Violated, "Tell the call: two SVs hold different contracts", "the call knows which SVs, and why"
	case len(seen.with) == 0:
		f.Verdict, f.Next = wire.Undetermined, "Look the commitments up on the participant's console with "+commitment.Lookup+": some releases do not log them"
	}
	return f, nil
}
