// Package releases reads the releases of Helm that are in force in a namespace, and derives others from them: an upgrade of a release with
// changed values, or a new release beside it with all values of the running one but those that are changed. It says in lines what changes,
// of values and of objects, and makes the actions that do it. Passwords can be among values: a line never shows what looks like one.
package releases

import (
	"context"
	"errors"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Running is a release as it is in force. It holds secrets: it is read anew in each step, and never journaled.
type Running struct {
	release.Stored
	Newest  int              // the newest revision; the next one is Newest+1
	Pending *release.Pending // the newest revision is one that Helm has not ended; nil: it has
	Managed *Manager         // who puts it back when it is changed here; nil: nobody was seen
}

// Manager is who applies a release from a repository: Argo CD or Flux.
type Manager struct {
	Kind string `json:"kind"` // Application, HelmRelease, Kustomization
	Name string `json:"name"` // "argocd/sv"; the namespace of an Application is not always told: "sv"
}

// String is such as "HelmRelease flux-system/sv".
func (m Manager) String() string { return m.Kind + " " + m.Name }

// InForce are the releases of a namespace, by name, each in the revision that is in force. One whose record cannot be read is among them,
// with its Problem. A release that Argo CD renders has no record of Helm, and is not among them: see ManagerOf.
func InForce(ctx context.Context, w steps.World, namespace string) ([]Running, error) {
	return nil, errors.ErrUnsupported
}

// Named finds a release by its name. Its error is a *steps.Problem.
func Named(all []Running, name string) (Running, error) {
	return Running{}, errors.ErrUnsupported
}

// Making finds the release that makes an object, such as "Deployment", "sv-app"; false where none of them does.
func Making(all []Running, kind, name string) (Running, bool) {
	return Running{}, false
}

// ManagerOf says who applies a workload from a repository, by the marks that Argo CD and Flux leave on it; nil: nobody.
func ManagerOf(ctx context.Context, w steps.World, kind, namespace, name string) (*Manager, error) {
	return nil, errors.ErrUnsupported
}
