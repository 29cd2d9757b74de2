package kube

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Meta is what every object has.
type Meta struct {
	Namespace       string            `json:"namespace,omitempty"`
	Name            string            `json:"name"`
	UID             string            `json:"uid"`
	ResourceVersion string            `json:"resourceVersion"`
	Generation      int64             `json:"generation,omitempty"`
	Created         time.Time         `json:"created"`
	Deleting        *time.Time        `json:"deleting,omitempty"` // since when it is being deleted (the end of its grace period)
	GraceSeconds    *int64            `json:"graceSeconds,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"` // without kubectl's copy of the whole object
	Finalizers      []string          `json:"finalizers,omitempty"`
	Owners          []Owner           `json:"owners,omitempty"`
	Managers        []string          `json:"managers,omitempty"` // who wrote fields of it, sorted, such as "argocd-controller", "helm"
}

// Owner is an object on whose behalf another exists; the garbage collector removes the other with it.
type Owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
	Controller bool   `json:"controller,omitempty"`
}

// Size is an amount of storage: bytes, and the text it was written as.
type Size struct {
	Bytes int64  `json:"bytes"`
	Text  string `json:"text"`
}

func (s Size) String() string { return s.Text }

// lastApplied repeats the whole object, secrets in env values included.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func metaOf(o metav1.Object) Meta {
	m := Meta{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(),
		Generation: o.GetGeneration(), Created: o.GetCreationTimestamp().UTC(), GraceSeconds: o.GetDeletionGracePeriodSeconds(),
		Labels: maps.Clone(o.GetLabels()), Annotations: maps.Clone(o.GetAnnotations()), Finalizers: slices.Clone(o.GetFinalizers()),
	}
	m.Deleting = when(o.GetDeletionTimestamp())
	delete(m.Annotations, lastApplied)
	for _, r := range o.GetOwnerReferences() {
		m.Owners = append(m.Owners, Owner{APIVersion: r.APIVersion, Kind: r.Kind, Name: r.Name, UID: string(r.UID),
			Controller: r.Controller != nil && *r.Controller})
	}
	for _, f := range o.GetManagedFields() {
		m.Managers = append(m.Managers, f.Manager)
	}
	slices.Sort(m.Managers)
	m.Managers = slices.Compact(m.Managers)
	return m
}

func when(t *metav1.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

func sizeOf(q resource.Quantity) Size {
	if q.IsZero() {
		return Size{}
	}
	return Size{Bytes: q.Value(), Text: q.String()}
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// byName sorts what a server lists in the order of its storage, which is by name already on etcd but not promised.
func byName[T any](list []T, meta func(T) Meta) []T {
	slices.SortStableFunc(list, func(a, b T) int {
		x, y := meta(a), meta(b)
		if c := cmp.Compare(x.Namespace, y.Namespace); c != 0 {
			return c
		}
		return cmp.Compare(x.Name, y.Name)
	})
	return list
}
