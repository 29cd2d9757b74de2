package release

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
)

// touch changes the objects of a release.
type touch struct {
	name, ns string
	site     Site
	hands    Hands
}

// all touches the objects in their order, from what was rendered to what is rendered.
func (t touch) all(ctx context.Context, parts []Touched, was, now placed, report func(done int, what string)) error {
	for n, p := range parts {
		report(n, p.String())
		var err error
		switch p.Verb {
		case Makes:
			err = t.make(ctx, p.Part, now.objects[p.identity()])
		case Changes:
			err = t.change(ctx, p.Part, was, now.objects[p.identity()])
		case Removes:
			err = t.remove(ctx, p.Part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// make makes an object that is not there. One of the release that is there was made by a try before.
func (t touch) make(ctx context.Context, p Part, o kube.Object) error {
	for range 2 {
		m, found, err := t.site.Find(ctx, p.Place, p.Namespace, p.Name)
		switch {
		case err != nil:
			return err
		case found:
			return foreign(p, m, t.name, t.ns, false)
		}
		err = t.hands.Create(ctx, p.Place, o, manager)
		if kube.KindOf(err) != kube.AlreadyExists { // else an answer was lost, or somebody was faster
			return err
		}
	}
	return &Taken{fmt.Sprintf("%s comes and goes", p)}
}

// lookAgain is how often an object is read again that changed between the look and the merge, as controllers do it at any time.
const lookAgain = 8

// change merges what is to be there into what is there.
func (t touch) change(ctx context.Context, p Part, before placed, target kube.Object) error {
	base, was := before.objects[p.identity()]
	if !was {
		base = target
	}
	var conflict error
	for range lookAgain {
		live, m, found, err := t.site.Live(ctx, p.Place, p.Namespace, p.Name)
		switch {
		case err != nil:
			return err
		case !found:
			return &Taken{fmt.Sprintf("%s is gone since it was shown", p)}
		}
		if err := foreign(p, m, t.name, t.ns, was); err != nil {
			return err
		}
		merge, err := kube.Merging(base, target, live)
		if err != nil {
			return err
		}
		if conflict = t.hands.Merge(ctx, p.Place, target, m, merge, manager); kube.KindOf(conflict) != kube.Conflict {
			return conflict
		}
	}
	return conflict
}

// remove removes an object of the release. What is not the release's is left alone.
func (t touch) remove(ctx context.Context, p Part) error {
	m, found, err := t.site.Find(ctx, p.Place, p.Namespace, p.Name)
	if err != nil || !found || !Owned(m, t.name, t.ns) {
		return err
	}
	return t.hands.Remove(ctx, p.Place, p.Namespace, p.Name, m.UID)
}
