package rollforward

import (
	"context"
	"maps"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// change is what is made of releases together: first it is derived, rendered and shown, then put in force and proven. Each is two steps of the path:
// the plan of the second comes from what the first has found.
type change struct {
	name, title, summary string // "cap-old"; the first step is cap-old-diff
	diffTitle            string // of the first step; in a narrow list of steps its beginning tells it from title
	pods                 string // whose pods are waited for: "the old synchronizer"
	shown                string // summary of the first step
	effect               wire.Effect

	// What the first step asks, as in a step.
	asks   []steps.Ask
	inputs func(context.Context, steps.World, Facts, []releases.Running) ([]wire.Question, error)
	take   func(*Facts, string, string) error
	forget func(*Facts)

	// idle says why nothing is changed in this situation; empty: something is.
	idle func(Facts) string
	// wants is what is derived. Where what comes out is not as it must be, the next try is made, of tries.
	wants func(f Facts, all []releases.Running, try int) ([]releases.Want, error)
	tries int
	// learn keeps in the facts what of the running releases is needed later; it may be nil.
	learn func(*Facts, []releases.Running) error
	// judge says whether workloads would do, or do, what they must; the workloads that the pods of a step were started from are judged alike.
	judge func(Facts, []kube.Workload) []wire.Finding
	// check is what must hold besides before it is put in force; it may be nil.
	check func(context.Context, steps.World, Facts) ([]wire.Finding, error)
	// before is when the pods have to run at the latest, zero at any time; it may be nil.
	before func(Facts) time.Time
	// ready says that it is waited until the pods are ready; those of an app that rolls forward are not until it has.
	ready bool
	// lost is what taking it back does not bring back; kept says why it is not taken back any more, and guard looks at that when it is; all may be empty.
	lost  string
	kept  func(Facts) string
	guard func(Facts) steps.Action
	// proof is what is looked at besides afterwards; it may be nil.
	proof func(context.Context, steps.World, *Facts) ([]wire.Finding, error)
}

const prefix = "network/roll-forward/"

func (c change) diffID() string { return prefix + c.name + "-diff" }

func (c change) isIdle(f Facts) string {
	if c.idle == nil || f.Node == nil || f.Agreed == nil {
		return ""
	}
	return c.idle(f)
}

// diff is the step that derives and shows.
func (c change) diff() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: c.diffID(), Title: c.diffTitle, Effect: wire.Observe, Firm: true, Summary: c.shown, Asks: c.asks,
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if err := needCard(f); err != nil || c.inputs == nil || c.isIdle(f) != "" {
				return nil, nil
			}
			all, err := releases.InForce(ctx, w, f.Node.Subject.Namespace)
			if err != nil {
				return nil, err
			}
			return c.inputs(ctx, w, f, all)
		},
		Take: c.take,
		Forget: func(f *Facts) {
			f.Changes = maps.Clone(f.Changes)
			delete(f.Changes, c.name)
			if c.forget != nil {
				c.forget(f)
			}
		},
		Remedies: remedies,
		Plan:     func(f Facts) ([]steps.Action, error) { return nil, needCard(f) },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if why := c.isIdle(*f); why != "" {
				return []wire.Finding{{ID: "idle", Verdict: wire.Holds, Text: why}}, nil
			}
			all, err := releases.InForce(ctx, w, f.Node.Subject.Namespace)
			if err != nil {
				return nil, err
			}
			if c.learn != nil {
				if err := c.learn(f, all); err != nil {
					return nil, err
				}
			}
			derived, found, err := c.derive(ctx, w, *f, all)
			if err != nil {
				return nil, err
			}
			f.Changes = maps.Clone(f.Changes)
			if f.Changes == nil {
				f.Changes = map[string][]releases.Derived{}
			}
			delete(f.Changes, c.name)
			if derived != nil {
				f.Changes[c.name] = derived
			}
			return found, nil
		},
	}
}

// remedies are those of releases, and another card while nothing was changed: a time that has passed, or a value that cannot work, is one of the card.
func remedies(err error) []steps.Remedy {
	return append(releases.Remedies(err), steps.Remedy{Choice: "new-card", Label: "Settle another card", Detail: "opens the step Parameter card again, with the values as they were", Again: prefix + "parameter-card"})
}

// derive derives what is wanted, and judges it as it would reach the pods. What does not do what it must is shown and not kept.
func (c change) derive(ctx context.Context, w steps.World, f Facts, all []releases.Running) ([]releases.Derived, []wire.Finding, error) {
	for try := 0; ; try++ {
		wants, err := c.wants(f, all, try)
		if err != nil {
			return nil, nil, err
		}
		var names []string
		for _, want := range wants {
			names = append(names, want.Release)
		}
		if err := releases.Settled(f.site(), all, names...); err != nil {
			return nil, nil, err
		}
		derived, found, err := c.tryOnce(ctx, w, f, all, wants)
		last := try+1 >= max(c.tries, 1)
		if err != nil && last {
			return nil, nil, err
		}
		holds := err == nil && !slices.ContainsFunc(found, func(f wire.Finding) bool { return f.Verdict == wire.Violated && f.Waive == "" })
		switch {
		case holds:
			return derived, found, nil
		case last:
			return nil, found, nil
		}
	}
}

func (c change) tryOnce(ctx context.Context, w steps.World, f Facts, all []releases.Running, wants []releases.Want) ([]releases.Derived, []wire.Finding, error) {
	var derived []releases.Derived
	var found []wire.Finding
	var workloads []kube.Workload
	for _, want := range wants {
		running, err := releases.Named(all, want.Release)
		if err != nil {
			return nil, nil, err
		}
		d, err := releases.Derive(ctx, w, running, want)
		if err != nil {
			return nil, nil, err
		}
		derived = append(derived, d)
		found = append(found, d.Findings()...)
		made, err := rendered(ctx, w, d)
		if err != nil {
			return nil, nil, err
		}
		workloads = append(workloads, made...)
	}
	return derived, append(found, where("as rendered", c.judge(f, workloads))...), nil
}

// where says of findings that are worded alike for what was rendered and for what runs which of them was looked at.
func where(seen string, found []wire.Finding) []wire.Finding {
	for i := range found {
		found[i].Text = seen + ", " + found[i].Text
	}
	return found
}

// rendered are the workloads of a release as they were rendered.
func rendered(ctx context.Context, w steps.World, d releases.Derived) ([]kube.Workload, error) {
	stored, err := d.Render(ctx, w)
	if err != nil {
		return nil, err
	}
	objects, err := stored.Objects()
	if err != nil {
		return nil, err
	}
	var all []kube.Workload
	for _, o := range objects {
		if workload, ok := o.Workload(); ok {
			all = append(all, workload)
		}
	}
	return all, nil
}

// apply is the step that puts it in force.
func (c change) apply() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: prefix + c.name, Title: c.title, Effect: c.effect, Summary: c.summary, Remedies: remedies,
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Agreed == nil || c.isIdle(f) != "" || len(f.Changes[c.name]) == 0 {
				return nil, nil
			}
			var found []wire.Finding
			if c.check != nil {
				var err error
				if found, err = c.check(ctx, w, f); err != nil {
					return nil, err
				}
			}
			return append(found, f.differing()...), nil
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needCard(f); err != nil {
				return nil, err
			}
			if c.isIdle(f) != "" {
				return nil, nil
			}
			if len(f.Changes[c.name]) == 0 {
				return nil, &steps.NotYet{Step: c.diffID(), What: "what changes"}
			}
			return c.actions(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if why := c.isIdle(*f); why != "" {
				return []wire.Finding{{ID: "idle", Verdict: wire.Holds, Text: why}}, nil
			}
			started, err := c.started(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			found := where("as it runs", c.judge(*f, started))
			if c.proof != nil {
				more, err := c.proof(ctx, w, f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			return found, nil
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if c.kept != nil {
				if why := c.kept(f); why != "" {
					return nil, why
				}
			}
			var all []steps.Action
			for _, d := range slices.Backward(f.Changes[c.name]) {
				actions, byHand := d.Undo(f.site())
				if byHand != "" {
					return nil, byHand
				}
				all = append(all, actions...)
			}
			if len(all) == 0 {
				return nil, "nothing was changed"
			}
			if c.guard != nil {
				all = append([]steps.Action{c.guard(f)}, all...)
			}
			return all, ""
		},
	}
}

func (f Facts) site() releases.Site { return releases.Site{Where: f.Where, Run: f.Run} }

func (c change) actions(f Facts) []steps.Action {
	var all []steps.Action
	var workloads []action.Wanted
	for _, d := range f.Changes[c.name] {
		all = append(all, d.Actions(f.site())...)
		workloads = append(workloads, d.Workloads...)
	}
	if len(workloads) == 0 {
		return all
	}
	started := awaitStarted{namespace: f.Node.Subject.Namespace, workloads: workloads, lost: c.lost}
	if c.before != nil {
		started.before = c.before(f)
	}
	all = append(all, started)
	if c.ready {
		all = append(all, action.WaitReady{Name: "the pods of " + c.pods, Namespace: f.Node.Subject.Namespace, Workloads: workloads})
	}
	return all
}

// started are the workloads of the change as their running pods have them: what counts is the pod's own spec, not what a Deployment or a values file
// says. A workload without a running pod has no containers here, so that what is judged of it does not hold.
func (c change) started(ctx context.Context, w steps.World, f Facts) ([]kube.Workload, error) {
	var all []kube.Workload
	for _, d := range f.Changes[c.name] {
		for _, wanted := range d.Workloads {
			ref := wanted.Workload
			now, there, err := w.Kube.Workload(ctx, ref.Kind, ref.Namespace, ref.Name)
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
			pods, err := w.Kube.Started(ctx, ref.Namespace, wanted.Selector)
			if err != nil {
				return nil, err
			}
			now.Containers = nil
			for _, p := range pods {
				if !p.Ending && p.Phase == "Running" {
					now.Containers = p.Containers
				}
			}
			all = append(all, now)
		}
	}
	return all, nil
}

// workload finds one by its name.
func workload(all []kube.Workload, name string) (kube.Workload, bool) {
	i := slices.IndexFunc(all, func(w kube.Workload) bool { return w.Name == name })
	if i < 0 {
		return kube.Workload{}, false
	}
	return all[i], true
}
