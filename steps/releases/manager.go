package releases

import (
	"context"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Manager is who applies a release from a repository: Argo CD or Flux.
type Manager struct {
	Kind string `json:"kind"` // Application, HelmRelease, Kustomization
	Name string `json:"name"` // "flux-system/sv"; the namespace of an Application is not always told: "sv"
}

// String is such as "HelmRelease flux-system/sv".
func (m Manager) String() string { return m.Kind + " " + m.Name }

// ManagerOf says who applies a workload from a repository, by the marks that Argo CD and Flux leave on it; nil: nobody.
func ManagerOf(ctx context.Context, w steps.World, kind, namespace, name string) (*Manager, error) {
	wl, there, err := w.Kube.Workload(ctx, kind, namespace, name)
	if err != nil || !there {
		return nil, err
	}
	return marked(wl.Labels, wl.Annotations), nil
}

// managed looks at the marks of the workloads that a release makes, and at those that were rendered with it: Flux puts its own there.
func managed(s release.Stored, workloads []kube.Workload) *Manager {
	objects, err := s.Objects()
	if err != nil {
		return nil
	}
	for _, o := range objects {
		if m := marked(o.Labels(), o.Annotations()); m != nil {
			return m
		}
		if i := slices.IndexFunc(workloads, func(w kube.Workload) bool { return w.Kind == o.Kind() && w.Name == o.Name() }); i >= 0 {
			if m := marked(workloads[i].Labels, workloads[i].Annotations); m != nil {
				return m
			}
		}
	}
	return nil
}

// marked reads the marks of Argo CD (docs/user-guide/resource_tracking.md of it) and of Flux's helm-controller and kustomize-controller.
func marked(labels, annotations map[string]string) *Manager {
	if id := annotations["argocd.argoproj.io/tracking-id"]; id != "" {
		app, _, _ := strings.Cut(id, ":")
		if ns, name, ok := strings.Cut(app, "_"); ok { // an Application outside Argo CD's own namespace
			app = ns + "/" + name
		}
		return &Manager{"Application", plain.Line(app)}
	}
	if app := labels["argocd.argoproj.io/instance"]; app != "" {
		return &Manager{"Application", plain.Line(app)}
	}
	for _, by := range [][2]string{{"HelmRelease", "helm.toolkit.fluxcd.io"}, {"Kustomization", "kustomize.toolkit.fluxcd.io"}} {
		if name := labels[by[1]+"/name"]; name != "" {
			return &Manager{by[0], plain.Line(labels[by[1]+"/namespace"] + "/" + name)}
		}
	}
	return nil
}
