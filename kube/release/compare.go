package release

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"canton.example/svrescue/kube"
)

// Verb is what an upgrade does to an object.
type Verb string

const (
	Makes   Verb = "make"   // it is not there
	Changes Verb = "change" // it is merged as Helm does it, from what was rendered, what is rendered, and what is there
	Removes Verb = "remove" // it left the release
	Leaves  Verb = "leave"  // it left the release, and stays: its policy says so, or it holds data
)

// Touched is an object that an upgrade does something to.
type Touched struct {
	Part
	Verb Verb `json:"verb"`
}

// Difference is what an upgrade does to one object. What it holds can be secret.
type Difference struct {
	Touched
	// Was and Now are the object as it was rendered and as it is rendered; nil: it was or is not in the release.
	Was, Now map[string]any
	// Live and After are the object in the cluster, before and after the upgrade; nil: it is not there.
	Live, After map[string]any
}

// Upgradable says why a release cannot be upgraded here (*Unusable), nil where it can.
func Upgradable(s Stored) error {
	switch {
	case s.Problem != "" || s.rls == nil:
		return &Unusable{Why: "has a record that cannot be read: " + s.Problem, Next: "Look at it by hand: helm history " + s.Name}
	case s.ServerSide:
		return &Unusable{Why: "is applied on the server's side, as Helm 4 does it, and this program merges on the client's side: who owns which field would be mixed up",
			Next: "Upgrade it by Helm itself"}
	}
	return nil
}

// identity tells an object of a release from the others. Another version of the same kind is the same object.
type identity struct{ group, kind, namespace, name string }

func (p Part) identity() identity { return identity{p.Group, p.Kind, p.Namespace, p.Name} }

// placed are the objects of a release with where each goes, in the order in which Helm makes them.
type placed struct {
	parts   []Part
	objects map[identity]kube.Object
}

func (s Stored) placed(ctx context.Context, site Site) (placed, error) {
	parts, err := s.Rendered(ctx, site)
	if err != nil {
		return placed{}, err
	}
	objects, err := s.Objects()
	if err != nil {
		return placed{}, err
	}
	p := placed{parts, map[identity]kube.Object{}}
	for i, part := range parts {
		p.objects[part.identity()] = objects[i].Marked(part.Namespace, nil, nil)
	}
	return p, nil
}

// Compare says what an upgrade from one to the other would do, object by object; what it would not touch is left out. Objects that are to be
// removed come last. An object of somebody else in the way is *Taken. Whether the release can be upgraded at all, Upgradable says.
func Compare(ctx context.Context, site Site, was, now Stored) ([]Difference, error) {
	before, err := was.placed(ctx, site)
	if err != nil {
		return nil, err
	}
	after, err := now.placed(ctx, site)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, p := range after.parts {
		d, err := comparePart(ctx, site, was.Name, was.Namespace, p, before, after)
		if err != nil {
			return nil, err
		}
		if d.Verb != "" {
			all = append(all, d)
		}
	}
	for _, p := range before.parts {
		if _, stays := after.objects[p.identity()]; stays {
			continue
		}
		live, m, found, err := site.Live(ctx, p.Place, p.Namespace, p.Name)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		d := Difference{Touched: Touched{p, Removes}, Was: before.objects[p.identity()].Content(), Live: live.Content()}
		if p.Keep || !Owned(m, was.Name, was.Namespace) || strings.EqualFold(m.Annotations[policy], "keep") {
			d.Verb, d.After = Leaves, d.Live
		}
		all = append(all, d)
	}
	return all, nil
}

func comparePart(ctx context.Context, site Site, name, ns string, p Part, before, after placed) (Difference, error) {
	target := after.objects[p.identity()]
	d := Difference{Touched: Touched{Part: p}, Now: target.Content()}
	base, was := before.objects[p.identity()]
	if was {
		d.Was = base.Content()
	} else {
		base = target // nothing is taken away from what the release did not make
	}
	live, m, found, err := site.Live(ctx, p.Place, p.Namespace, p.Name)
	switch {
	case err != nil:
		return d, err
	case !found:
		d.Verb, d.After = Makes, d.Now
		return d, nil
	}
	if err := foreign(p, m, name, ns, was); err != nil {
		return d, err
	}
	merge, err := kube.Merging(base, target, live)
	if err != nil {
		return d, err
	}
	if was && merge.Empty() && reflect.DeepEqual(d.Was, d.Now) {
		return d, nil
	}
	merged, err := merge.On(live)
	d.Verb, d.Live, d.After = Changes, live.Content(), merged.Content()
	return d, err
}

// foreign says why an object that is there is not the release's to change. Helm takes what stood in the release before for its own even
// where it has lost its marks, and so does this; but not what another release has marked.
func foreign(p Part, m kube.Meta, name, ns string, was bool) error {
	switch by := m.Annotations[ofRelease]; {
	case m.Deleting != nil:
		return &Taken{fmt.Sprintf("%s is being deleted", p)}
	case by != "" && (by != name || m.Annotations[ofNamespace] != ns):
		return &Taken{fmt.Sprintf("%s is there already, and of release %s", p, by)}
	case !was && !Owned(m, name, ns):
		return &Taken{fmt.Sprintf("%s is there already, and not of release %s", p, name)}
	}
	return nil
}

// Shown says of each object that two renderings do not share, and of each that is not there, how it stands in the cluster: to be made, to be
// changed, to be removed; or without a verb, where nothing is left to do. Whose marks an object has does not matter: it is for what somebody
// else applies.
func Shown(ctx context.Context, site Site, was, now Stored) ([]Difference, error) {
	before, err := was.placed(ctx, site)
	if err != nil {
		return nil, err
	}
	after, err := now.placed(ctx, site)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, p := range after.parts {
		d := Difference{Touched: Touched{Part: p, Verb: Makes}}
		live, _, found, err := site.Live(ctx, p.Place, p.Namespace, p.Name)
		if err != nil {
			return nil, err
		}
		if found {
			base, had := before.objects[p.identity()]
			if !had {
				base = after.objects[p.identity()]
			}
			merge, err := kube.Merging(base, after.objects[p.identity()], live)
			if err != nil {
				return nil, err
			}
			merged, err := merge.On(live)
			if err != nil {
				return nil, err
			}
			d.Verb, d.Live, d.After = Changes, live.Content(), merged.Content()
			if merge.Empty() {
				d.Verb = ""
			}
		}
		all = append(all, d)
	}
	for _, p := range before.parts {
		if _, stays := after.objects[p.identity()]; stays || p.Keep {
			continue
		}
		_, found, err := site.Find(ctx, p.Place, p.Namespace, p.Name)
		if err != nil {
			return nil, err
		}
		if found {
			all = append(all, Difference{Touched: Touched{Part: p, Verb: Removes}})
		}
	}
	return all, nil
}
