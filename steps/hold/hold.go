// Package hold pauses whoever acts on a node's workloads beside this tool, such as GitOps and autoscalers, and lets them act again.
package hold

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/twin"
	"canton.example/svrescue/steps/wire"
)

// Hold is an actor outside this tool that acts on the node's workloads, as it stood before it was paused: what it is put back to. It is
// in the facts before anything is paused, so that a crash loses no old value.
type Hold struct {
	Actor  kube.Pausable `json:"actor"`
	Parent string        `json:"parent,omitempty"` // who manages the object itself and may put it back, where its marks tell
}

// On is the node whose workloads others must leave alone, and those of them who are known.
type On struct {
	Where     kube.Where
	Namespace string
	Node      *node.Node
	Held      []Hold
}

// Ready says what must hold before anybody is paused: nobody is new, no setting has changed, and those who are not paused from here stand still.
func (f On) Ready(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	now, err := othersNow(ctx, w, f)
	if err != nil {
		return nil, err
	}
	return slices.Concat(newcomers(now, f), changed(now, f), byHandOnly(now, f)), nil
}

// Gather finds who acts on the node's workloads and can be paused. What was found before stays as it was found then: by now it may
// be this run that paused it. It is called where facts may be added, before the step that pauses.
func (f On) Gather(ctx context.Context, w steps.World) ([]Hold, error) {
	now, err := othersNow(ctx, w, f)
	if err != nil {
		return f.Held, err
	}
	held := slices.Clone(f.Held)
	for _, h := range now.found {
		if !slices.ContainsFunc(held, func(old Hold) bool { return old.Actor.UID == h.Actor.UID }) {
			held = append(held, h)
		}
	}
	return held, nil
}

// Pause pauses what acted when it was found: what manages another first, or it would put the other back.
func (f On) Pause() []steps.Action {
	var actions []steps.Action
	for _, h := range inOrder(f.Held) {
		if !h.Actor.Paused {
			actions = append(actions, action.Pause{Where: f.Where, Namespace: f.Namespace, Actor: h.Actor, Parent: h.Parent})
		}
	}
	return actions
}

// LetGo puts back what this run paused, in the reverse of the order in which it was paused. What was paused when it was found stays so.
func (f On) LetGo() []steps.Action {
	var actions []steps.Action
	for _, h := range slices.Backward(inOrder(f.Held)) {
		if !h.Actor.Paused {
			actions = append(actions, action.Resume{Where: f.Where, Namespace: f.Namespace, Actor: h.Actor})
		}
	}
	return actions
}

// Still proves that whoever was to be paused stands still, and that nobody new acts. Steps that rely on it call it in their checks,
// since what manages a paused object may put it back at any time. What cannot be paused was decided about in the step that pauses, and
// is not asked about again.
func (f On) Still(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	now, err := othersNow(ctx, w, f)
	if err != nil {
		return nil, err
	}
	found := newcomers(now, f)
	var held []string
	var evidence []wire.Evidence
	for _, h := range f.Held {
		name := action.ActorName(h.Actor)
		i := slices.IndexFunc(now.found, func(o Hold) bool { return o.Actor.UID == h.Actor.UID })
		switch {
		case i < 0 && now.unread != "":
			found = append(found, wire.Finding{ID: "held-" + h.Actor.UID, Verdict: wire.Undetermined, Text: "whether " + name + " stands still: " + now.unread,
				Next: "Have somebody who may read it look, and pause it if it acts: " + kube.CommandPause(f.Where, h.Actor)})
		case i < 0:
			evidence = append(evidence, wire.Evidence{Source: name, Seen: "it is gone, or does not act on this node any more", At: w.Clock.Now()})
		case !now.found[i].Actor.Paused:
			found = append(found, wire.Finding{ID: "held-" + h.Actor.UID, Verdict: wire.Violated,
				Text:  fmt.Sprintf("%s acts on namespace %s again", name, f.Namespace),
				Next:  "Pause it, and what manages it, then look again: " + kube.CommandPause(f.Where, h.Actor),
				Waive: "it may undo what is done here, and you watch it"})
		default:
			held = append(held, name)
			evidence = append(evidence, wire.Evidence{Source: name, Seen: "paused", At: w.Clock.Now()})
		}
	}
	if len(held) > 0 {
		found = append(found, wire.Finding{ID: "held", Verdict: wire.Holds, Text: "paused: " + strings.Join(held, ", "), Evidence: evidence})
	} else if len(found) == 0 {
		found = append(found, wire.Finding{ID: "held", Verdict: wire.Holds, Text: "nobody else was found that acts on the node's workloads", Evidence: evidence})
	}
	return found, nil
}

// Released proves that what this run paused acts again.
func (f On) Released(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	var found []wire.Finding
	var acting []string
	for _, h := range f.Held {
		name := action.ActorName(h.Actor)
		if h.Actor.Paused {
			found = append(found, wire.Finding{ID: "released-" + h.Actor.UID, Verdict: wire.Attention, Text: name + " was paused before this run and was left so",
				Next: "If it should act, let it: " + kube.CommandResume(f.Where, h.Actor)})
			continue
		}
		now, there, err := action.FindActor(ctx, w, f.Namespace, h.Actor)
		switch {
		case err != nil && kube.IsMissing(err):
			found = append(found, wire.Finding{ID: "released-" + h.Actor.UID, Verdict: wire.Undetermined, Text: "whether " + name + " acts again: it may not be read any more",
				Next: "Look yourself, and if it is paused: " + kube.CommandResume(f.Where, h.Actor)})
		case err != nil:
			return nil, err
		case there && now.Paused:
			found = append(found, wire.Finding{ID: "released-" + h.Actor.UID, Verdict: wire.Violated, Text: name + " is still paused",
				Next: "Let it act again: " + kube.CommandResume(f.Where, h.Actor), Waive: "somebody keeps it paused on purpose"})
		case !there:
			found = append(found, wire.Finding{ID: "released-" + h.Actor.UID, Verdict: wire.Attention, Text: name + " is gone since this run paused it",
				Next: "Find out who removed it"})
		default:
			acting = append(acting, name)
		}
	}
	if len(acting) > 0 {
		found = append(found, wire.Finding{ID: "released", Verdict: wire.Holds, Text: "these act again as before: " + strings.Join(acting, ", ")})
	}
	return found, nil
}

// inOrder puts what manages another before it.
func inOrder(held []Hold) []Hold {
	sorted := slices.Clone(held)
	rank := func(h Hold) int {
		depth := 0
		for parent := h.Parent; parent != "" && depth < len(held); depth++ {
			i := slices.IndexFunc(held, func(o Hold) bool { return action.ActorName(o.Actor) == parent })
			if i < 0 {
				break
			}
			parent = held[i].Parent
		}
		return depth
	}
	slices.SortStableFunc(sorted, func(a, b Hold) int { return rank(a) - rank(b) })
	return sorted
}

// newcomers are those who act now and were not there when the node was looked at: their old value is not in the facts, so this run
// neither pauses nor puts them back.
func newcomers(now others, f On) []wire.Finding {
	var found []wire.Finding
	for _, h := range now.found {
		if h.Actor.Paused || slices.ContainsFunc(f.Held, func(old Hold) bool { return old.Actor.UID == h.Actor.UID }) {
			continue
		}
		found = append(found, wire.Finding{ID: "new-" + h.Actor.UID, Verdict: wire.Violated,
			Text:  fmt.Sprintf("%s acts on namespace %s and was not there when the node was first looked at", action.ActorName(h.Actor), f.Namespace),
			Next:  "Pause it by hand, look again, and let it act again by hand afterwards: " + kube.CommandPause(f.Where, h.Actor),
			Waive: "it does nothing to the replica counts and claims of these workloads"})
	}
	return found
}

// changed are those whose setting is no longer the one that this run would put back.
func changed(now others, f On) []wire.Finding {
	var found []wire.Finding
	for _, h := range f.Held {
		i := slices.IndexFunc(now.found, func(o Hold) bool { return o.Actor.UID == h.Actor.UID })
		if i < 0 || h.Actor.Paused || now.found[i].Actor.Paused || SameSetting(now.found[i].Actor.Present, h.Actor.Present) {
			continue
		}
		found = append(found, wire.Finding{ID: "changed-" + h.Actor.UID, Verdict: wire.Violated,
			Text: fmt.Sprintf("somebody changed %s since it was first looked at: %s is %s, it was %s", action.ActorName(h.Actor), strings.Join(h.Actor.Path, "."),
				value(now.found[i].Actor.Present), value(h.Actor.Present)),
			Next: "Set it back to what it was, or pause it by hand and look again; at its end the run sets it to what it was then: " + kube.CommandPause(f.Where, now.found[i].Actor)})
	}
	return found
}

// others are those who act on the node's workloads now.
type others struct {
	found  []Hold
	unread string // why some may not have been seen
	scaled []kube.Autoscaler
}

// partsHeld are the components that others must leave alone.
func partsHeld(n node.Node) []node.Component {
	return n.Of(append(slices.Clone(twin.NodeParts), node.Postgres)...)
}

func othersNow(ctx context.Context, w steps.World, f On) (others, error) {
	var now others
	all, err := w.Kube.Pausables(ctx, f.Namespace)
	for _, e := range each(err) {
		if !kube.IsMissing(e) {
			return now, e
		}
		now.unread = steps.FailureOf("reading who acts on the node", e).Seen
	}
	for _, p := range all {
		parent := managedBy(p)
		p.Meta = node.Lean(p.Meta)
		now.found = append(now.found, Hold{Actor: p, Parent: parent})
	}
	if now.scaled, err = w.Kube.Autoscalers(ctx, f.Namespace); err != nil && !kube.IsMissing(err) {
		return now, err
	}
	return now, nil
}

// each are the errors that were joined, or the one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// managedBy is who puts back what is changed in an actor's own object, by the marks that Argo CD and Flux leave on what they apply.
func managedBy(p kube.Pausable) string {
	if app, _, ok := strings.Cut(p.Annotations["argocd.argoproj.io/tracking-id"], ":"); ok && app != p.Name {
		return "Application " + p.Namespace + "/" + app
	}
	if app := p.Labels["argocd.argoproj.io/instance"]; app != "" && app != p.Name {
		return "Application " + p.Namespace + "/" + app
	}
	for _, o := range p.Owners {
		if o.Kind == "ApplicationSet" {
			return "ApplicationSet " + p.Namespace + "/" + o.Name
		}
	}
	for _, by := range [][2]string{{"Kustomization", "kustomize.toolkit.fluxcd.io"}, {"HelmRelease", "helm.toolkit.fluxcd.io"}} {
		if name := p.Labels[by[1]+"/name"]; name != "" && name != p.Name {
			return by[0] + " " + p.Labels[by[1]+"/namespace"] + "/" + name
		}
	}
	return ""
}

// SameSetting compares two settings by what they mean: one of them has been through the journal.
func SameSetting(a, b json.RawMessage) bool {
	var x, y any
	if len(a) > 0 && json.Unmarshal(a, &x) != nil || len(b) > 0 && json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// value is a setting in words.
func value(raw []byte) string {
	if len(raw) == 0 {
		return "absent"
	}
	return plain.Cut(plain.Line(string(raw)), 120)
}
