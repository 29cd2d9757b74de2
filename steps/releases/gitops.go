package releases

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Expected is a variable that reaches a container once a change is in force.
type Expected struct {
	Kind      string `json:"kind"` // Deployment, StatefulSet
	Name      string `json:"name"` // of the workload
	Container string `json:"container,omitempty"`
	Env       string `json:"env"`
	Value     string `json:"value"`            // no secret; it is enough that the variable has it in it
	Absent    bool   `json:"absent,omitempty"` // the variable is not to be there
}

// OfRepository is a change of what Argo CD renders, of which Helm has no record: nothing can be rendered here, so that there are only the changes
// to commit, and what the cluster shows when they are in force. chart is the name of the chart.
func OfRepository(namespace, chart string, m Manager, want Want, expect []Expected) (Derived, error) {
	d := Derived{Want: want, Namespace: namespace, Name: want.Release, Chart: chart, Managed: &m, Expect: expect}
	if d.New() {
		d.Name = want.As
	}
	was, err := want.Edit.on(release.Values{})
	if err == nil {
		d.Values = ofValues(release.Values{}, was)
		for _, path := range want.Edit.Drop {
			d.Values = append(d.Values, path+": taken out")
		}
		d.Patch, err = want.Edit.patch(fmt.Sprintf("Values of %s (%s), which %s applies: merge these over those in its repository.", d.Name, chart, m))
	}
	if err != nil {
		return d, wrong(d.Name, err)
	}
	return d, nil
}

const (
	shownLook     = 5 * time.Second
	shownPatience = 2 * time.Hour
)

// waitShown waits until the cluster shows what somebody has committed to a repository.
type waitShown struct {
	where   kube.Where
	derived Derived
}

func (w waitShown) Key() string {
	return "wait until the cluster shows the changes of release " + w.derived.Name
}
func (w waitShown) Effect() wire.Effect { return wire.Observe }
func (w waitShown) Refs() []steps.Ref   { return nil }

func (w waitShown) Show() wire.Preview {
	d := w.derived
	p := wire.Preview{Title: w.Key(), Before: d.Managed.String() + " applies it from a repository",
		After: fmt.Sprintf("you have committed artifacts/%s of this run there, and %s has applied it", d.patchFile(), d.Managed)}
	for _, x := range d.Workloads {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s get %s -o yaml", d.Namespace, x.Workload))
	}
	return p
}

func (w waitShown) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (w waitShown) Probe(ctx context.Context, world steps.World) (wire.ActionState, []wire.Evidence, error) {
	see, err := w.seeing(ctx, world)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	p, done, err := see(ctx)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	var evidence []wire.Evidence
	for _, i := range p.Items {
		evidence = append(evidence, wire.Evidence{Source: i.Name, Seen: i.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (w waitShown) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	see, err := w.seeing(ctx, h.World)
	if err != nil {
		return err
	}
	d := w.derived
	return steps.Poll(ctx, h, shownLook, shownPatience, fmt.Sprintf("%s to apply what you commit (artifacts/%s)", d.Managed, d.patchFile()), report, see)
}

// seeing prepares the looks: what was rendered is rendered once.
func (w waitShown) seeing(ctx context.Context, world steps.World) (func(context.Context) (wire.Progress, bool, error), error) {
	d := w.derived
	if d.Digest == "" {
		return func(ctx context.Context) (wire.Progress, bool, error) { return d.expected(ctx, world) }, nil
	}
	now, err := d.Render(ctx, world)
	if err != nil {
		return nil, err
	}
	was := now // what is new is compared with itself
	if !d.New() {
		old, kept, err := release.In(world.Kube, d.Namespace).At(ctx, d.Want.Release, d.Base)
		if err != nil {
			return nil, err
		}
		if kept {
			was = old
		}
	}
	return func(ctx context.Context) (wire.Progress, bool, error) { return d.applied(ctx, world, was, now) }, nil
}

// applied says which objects are as they were rendered, but for the marks of whoever applies them.
func (d Derived) applied(ctx context.Context, w steps.World, was, now release.Stored) (wire.Progress, bool, error) {
	differ, err := release.Shown(ctx, w.Kube, was, now)
	p := wire.Progress{Unit: "objects"}
	if err != nil {
		return p, false, err
	}
	for _, x := range differ {
		item := wire.Item{Name: x.String(), State: "is as it was rendered", Done: true}
		switch x.Verb {
		case release.Makes:
			item.State, item.Done = "is not there", false
		case release.Removes:
			item.State, item.Done = "is still there", false
		case release.Changes:
			var lines []string
			for _, l := range differences(any(x.Live), any(x.After)) {
				if len(l.path) > 0 && l.path[0] == "metadata" || inTemplateMarks(l.path) {
					continue
				}
				lines = append(lines, strings.TrimPrefix(ofLeaf("", x.Kind, l, single(x.Live) && single(x.After)), " "))
			}
			if len(lines) > 0 {
				item.State, item.Done = "is not yet so: "+strings.Join(lines[:min(3, len(lines))], "; "), false
			}
		}
		p.Total++
		if item.Done {
			p.Done++
		}
		p.Items = append(p.Items, item)
	}
	return p, p.Done == p.Total, nil
}

// inTemplateMarks says whether a path is that of a label or an annotation of pods, which whoever applies adds to.
func inTemplateMarks(path []string) bool {
	return len(path) > 3 && path[1] == "template" && path[2] == "metadata"
}

// expected says which of the expected variables reach their containers.
func (d Derived) expected(ctx context.Context, w steps.World) (wire.Progress, bool, error) {
	p := wire.Progress{Unit: "variables", Total: int64(len(d.Expect))}
	for _, x := range d.Expect {
		wl, there, err := w.Kube.Workload(ctx, x.Kind, d.Namespace, x.Name)
		if err != nil {
			return p, false, err
		}
		item := wire.Item{Name: x.Kind + "/" + x.Name + " env " + x.Env, State: "is not there"}
		if there {
			item.State, item.Done = x.in(wl)
		}
		if item.Done {
			p.Done++
		}
		p.Items = append(p.Items, item)
	}
	return p, len(d.Expect) > 0 && p.Done == p.Total, nil
}

// in looks for the variable in a workload.
func (x Expected) in(w kube.Workload) (state string, done bool) {
	for _, c := range w.Containers {
		if x.Container != "" && c.Name != x.Container {
			continue
		}
		for _, e := range c.Env {
			if e.Name != x.Env {
				continue
			}
			if x.Absent {
				return "is still there", false
			}
			if e.Value == x.Value || x.Value != "" && strings.Contains(e.Value, x.Value) {
				return "is as expected", true
			}
			return "is " + shown([]string{e.Name}, e.Value), false
		}
	}
	return "is not there", x.Absent
}
