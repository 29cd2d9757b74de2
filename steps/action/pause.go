package action

import (
	"context"
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// settle is how long a pause is watched after it was sent: what manages the paused object itself puts it back within seconds of noticing.
const settle = 30 * time.Second

// Pause tells somebody who acts on the node's workloads to stand still, and sees that it stays so for a while.
type Pause struct {
	Where     kube.Where
	Namespace string        // of the workloads that it acts on
	Actor     kube.Pausable // as it was found; what it is put back to
	Parent    string        // who manages it and may put it back, where that is known
}

func (p Pause) Key() string         { return "pause " + ActorName(p.Actor) }
func (p Pause) Effect() wire.Effect { return wire.Repeatable }
func (p Pause) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessPause(p.Actor)...) }

func (p Pause) Show() wire.Preview {
	preview := wire.Preview{Title: p.Key(), Commands: []string{kube.CommandPause(p.Where, p.Actor)},
		Before: "it acts by itself", After: "it stands still; the run puts it back at its end"}
	if p.Actor.Note != "" {
		preview.Before += "; " + p.Actor.Note
	}
	return preview
}

func (p Pause) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if err := h.Kube.Pause(ctx, p.Actor); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: p.Key(), Verdict: wire.Holds, Text: "the server would " + p.Key()}}, nil
}

func (p Pause) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	now, found, err := FindActor(ctx, w, p.Namespace, p.Actor)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found:
		return wire.ActionDone, []wire.Evidence{{Source: ActorName(p.Actor), Seen: "it is gone"}}, nil
	case now.Paused:
		return wire.ActionDone, []wire.Evidence{{Source: ActorName(p.Actor), Seen: "paused"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: ActorName(p.Actor), Seen: "it acts"}}, nil
}

func (p Pause) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	if state, _, err := p.Probe(ctx, h.World); err != nil {
		return err
	} else if state != wire.ActionDone {
		if err := h.Kube.Pause(ctx, p.Actor); err != nil {
			return err
		}
	}
	began := h.World.Clock.Now()
	return steps.Poll(ctx, h, look, 2*settle, ActorName(p.Actor)+" to stay paused", report,
		func(ctx context.Context) (wire.Progress, bool, error) {
			state, _, err := p.Probe(ctx, h.World)
			held := h.World.Clock.Since(began)
			switch {
			case err != nil:
				return wire.Progress{}, false, err
			case state != wire.ActionDone:
				return wire.Progress{}, false, &Unpaused{Actor: p.Actor, Parent: p.Parent, After: held}
			}
			return wire.Progress{Text: "it is paused; seeing that it stays so", Done: int64(min(held, settle).Seconds()), Total: int64(settle.Seconds()), Unit: "seconds"},
				held >= settle, nil
		})
}

// Unpaused says that a pause did not last: something manages the object that was paused.
type Unpaused struct {
	Actor  kube.Pausable
	Parent string // who manages it, where that is known
	After  time.Duration
}

func (u *Unpaused) Error() string { return u.Failure().Error() }

// Failure is the sentence.
func (u *Unpaused) Failure() wire.Failure {
	next := "Find what manages it and pause that first, in its own tool or where its manifests are kept; then try again"
	switch {
	case u.Actor.Note != "":
		next = "It is known that " + u.Actor.Note + ". Then try again"
	case u.Parent != "":
		next = "Pause " + u.Parent + " first, which manages it; then try again"
	}
	return wire.Failure{Tried: "pausing " + ActorName(u.Actor), Seen: fmt.Sprintf("it was set to act again within %s", Span(max(u.After, time.Second))), Next: next}
}

// Resume lets somebody who was paused act again, as before.
type Resume struct {
	Where     kube.Where
	Namespace string        // of the workloads that it acts on
	Actor     kube.Pausable // as it was before it was paused
}

func (r Resume) Key() string         { return "let " + ActorName(r.Actor) + " act again" }
func (r Resume) Effect() wire.Effect { return wire.Repeatable }
func (r Resume) Refs() []steps.Ref   { return steps.KubeRefs(kube.AccessPause(r.Actor)...) }

func (r Resume) Show() wire.Preview {
	return wire.Preview{Title: r.Key(), Commands: []string{kube.CommandResume(r.Where, r.Actor)}, Before: "paused", After: "as it was found"}
}

func (r Resume) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	now, found, err := FindActor(ctx, h.World, r.Namespace, r.Actor)
	if err != nil {
		return nil, err
	}
	if !found || !now.Paused {
		return []wire.Finding{{ID: r.Key(), Verdict: wire.Undetermined, Text: r.Key() + " can be tried only when it is paused"}}, nil
	}
	if err := h.Kube.Resume(ctx, r.Actor); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Holds, Text: "the server would " + r.Key()}}, nil
}

// Probe says done where it acts, in whatever way: what somebody else has set since is theirs.
func (r Resume) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	now, found, err := FindActor(ctx, w, r.Namespace, r.Actor)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !found:
		return wire.ActionDone, []wire.Evidence{{Source: ActorName(r.Actor), Seen: "it is gone"}}, nil
	case !now.Paused:
		return wire.ActionDone, []wire.Evidence{{Source: ActorName(r.Actor), Seen: "it acts"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: ActorName(r.Actor), Seen: "paused"}}, nil
}

func (r Resume) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return h.Kube.Resume(ctx, r.Actor)
}

// FindActor reads an actor on the workloads of a namespace as it is now. That others cannot be read does not matter where it can.
func FindActor(ctx context.Context, w steps.World, namespace string, a kube.Pausable) (kube.Pausable, bool, error) {
	all, err := w.Kube.Pausables(ctx, namespace)
	if i := slices.IndexFunc(all, func(o kube.Pausable) bool { return o.UID == a.UID }); i >= 0 {
		return all[i], true, nil
	}
	return kube.Pausable{}, false, err
}

// ActorName names an actor for people: "Application argocd/sv".
func ActorName(a kube.Pausable) string { return a.Kind + " " + a.Namespace + "/" + a.Name }
