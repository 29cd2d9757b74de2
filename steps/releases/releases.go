// Package releases reads the releases of Helm that are in force in a namespace, and derives others from them: an upgrade of a release with
// changed values, or a new release beside it with all values of the running one but those that are changed. It says in lines what changes,
// of values and of objects, and makes the actions that do it. Passwords can be among values: a line never shows what looks like one.
package releases

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// Running is a release as it is in force. It holds secrets: it is read anew in each step, and never journaled.
type Running struct {
	release.Stored
	Newest  int              // the newest revision; the next one is Newest+1
	Pending *release.Pending // the newest revision is one that Helm has not ended; nil: it has
	Managed *Manager         // who puts it back when it is changed here; nil: nobody was seen
}

// InForce are the releases of a namespace, by name, each in the revision that is in force. One whose record cannot be read is among them,
// with its Problem. A release that Argo CD renders has no record of Helm, and is not among them: see ManagerOf.
func InForce(ctx context.Context, w steps.World, namespace string) ([]Running, error) {
	records := release.In(w.Kube, namespace)
	stored, err := records.InForce(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := records.Newest(ctx)
	if err != nil {
		return nil, err
	}
	pending, err := records.Pending(ctx)
	if err != nil {
		return nil, err
	}
	workloads, err := w.Kube.Workloads(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var all []Running
	for _, s := range stored {
		r := Running{Stored: s, Newest: max(newest[s.Name], s.Revision)}
		if i := slices.IndexFunc(pending, func(p release.Pending) bool { return p.Name == s.Name }); i >= 0 {
			r.Pending = &pending[i]
		}
		r.Managed = managed(s, workloads)
		all = append(all, r)
	}
	return all, nil
}

// Named finds a release by its name. Its error is a *steps.Problem.
func Named(all []Running, name string) (Running, error) {
	var names []string
	for _, r := range all {
		if r.Name != name {
			names = append(names, r.Name)
			continue
		}
		if r.Problem != "" {
			return r, &steps.Problem{Tried: "reading release " + plain.Line(name), Seen: r.Problem, Next: "Look at it by hand: helm history " + plain.Line(name)}
		}
		return r, nil
	}
	seen := "Helm has no record of any release in this namespace"
	if len(names) > 0 {
		seen = "Helm's releases in this namespace are " + strings.Join(names, ", ")
	}
	return Running{}, &steps.Problem{Tried: "reading release " + plain.Line(name), Seen: seen,
		Next: "Name the release as helm list shows it. What Argo CD renders has no record of Helm: change it in its repository"}
}

// Making finds the release that makes an object, such as "Deployment", "sv-app"; false where none of them does.
func Making(all []Running, kind, name string) (Running, bool) {
	for _, r := range all {
		objects, err := r.Objects()
		if err != nil {
			continue // its Problem is told where it is named
		}
		if slices.ContainsFunc(objects, func(o kube.Object) bool { return o.Kind() == kind && o.Name() == name }) {
			return r, true
		}
	}
	return Running{}, false
}

// Unfinished says that releases cannot be changed because Helm has begun and not ended a revision of them. Remedies has the ways out.
type Unfinished struct {
	Pending []release.Pending
	Run     string
}

func (u *Unfinished) Error() string { return u.Failure().Error() }

// Failure is the sentence.
func (u *Unfinished) Failure() wire.Failure {
	var seen, next []string
	for _, p := range u.Pending {
		seen = append(seen, unfinished(p))
		next = append(next, wayOut(p))
	}
	return wire.Failure{Tried: "reading which releases are in force", Seen: strings.Join(seen, "; "), Next: strings.Join(next, " ")}
}

func unfinished(p release.Pending) string {
	return fmt.Sprintf("revision %d of release %s is %s, begun %s", p.Revision, p.Name, p.Status, p.Who())
}

func wayOut(p release.Pending) string {
	next := fmt.Sprintf("Ask who works on %s: a program may be at it at this moment, and then it ends by itself. If it was interrupted, have the revision marked as failed here", p.Name)
	if p.Deployed > 0 {
		return next + fmt.Sprintf(", or go back by hand: helm rollback %s %d.", p.Name, p.Deployed)
	}
	return next + fmt.Sprintf("; or, since none of its revisions was ever deployed, uninstall it by hand: helm uninstall %s.", p.Name)
}

// Settled is an *Unfinished where Helm has not ended with one of the releases of these names, or with any where no name is given.
func Settled(s Site, all []Running, names ...string) error {
	u := &Unfinished{Run: s.Run}
	for _, r := range all {
		if r.Pending != nil && (len(names) == 0 || slices.Contains(names, r.Name)) {
			u.Pending = append(u.Pending, *r.Pending)
		}
	}
	if len(u.Pending) == 0 {
		return nil
	}
	return u
}
