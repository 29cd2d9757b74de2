package sim

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// reconcile is one round of a controller of Knobs.GitOps.
func (s *Server) reconcile(index string) {
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(s.knobs.GitOps) {
		return // the knobs have been turned since
	}
	g := s.knobs.GitOps[i]
	s.later("gitops", "", index, max(orElse(g.Every, 10*time.Second), lag))
	for _, k := range g.Claims {
		s.remember(k)
	}
	committed := g.Commit != nil && s.committed(i, *g.Commit)
	if s.paused(g) {
		return
	}
	if committed {
		s.enforce(*g.Commit)
	}
	for k, want := range g.Manages {
		ns, name := splitKey(k)
		for _, r := range []*resource{rDeployment, rStatefulSet} {
			s.edit(key{r, ns, name}, func(o *object) { _ = unstructured.SetNestedField(o.Object, int64(want), "spec", "replicas") })
		}
	}
	for _, k := range g.Claims {
		ns, name := splitKey(k)
		if s.store.get(rClaim, ns, name) == nil && s.claims[k] != nil {
			_, _ = s.create(rClaim, s.claims[k].DeepCopy(), false) // a namespace that goes takes no claims
		}
	}
}

// remember keeps what a claim was made from, as a repository does.
func (s *Server) remember(k string) {
	ns, name := splitKey(k)
	o := s.store.get(rClaim, ns, name)
	if o == nil || s.claims[k] != nil {
		return
	}
	c := as[corev1.PersistentVolumeClaim](o)
	spec := c.Spec
	spec.VolumeName, spec.DataSource, spec.DataSourceRef = "", nil, nil
	s.claims[k] = raw(rClaim, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: c.Labels}, Spec: spec})
}

// paused says whether a controller lets things be: its object is not there, or says so.
func (s *Server) paused(g GitOps) bool {
	var r *resource
	for _, x := range []*resource{rApplication, rKustomization, rHelmRelease, rScaledObject} {
		if x.kind == g.Kind {
			r = x
		}
	}
	if r == nil {
		return true
	}
	o := s.store.get(r, g.Namespace, g.Name)
	if o == nil || o.GetDeletionTimestamp() != nil {
		return true
	}
	switch r {
	case rApplication:
		automated, ok, _ := unstructured.NestedMap(o.Object, "spec", "syncPolicy", "automated")
		return !ok || automated["enabled"] == false || automated["selfHeal"] != true
	case rScaledObject:
		v, ok := o.GetAnnotations()["autoscaling.keda.sh/paused"]
		on, err := strconv.ParseBool(v)
		return ok && (on || err != nil)
	}
	suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
	return suspended
}
