package sim

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// collect is the garbage collector's view of one object: orphan or delete its dependents while it waits for that, or
// delete it when all its owners are gone.
func (s *Server) collect(r *resource, ns, name string) {
	o := s.store.get(r, ns, name)
	if o == nil {
		return
	}
	if o.GetDeletionTimestamp() != nil {
		s.finishDependents(r, o)
		return
	}
	refs := o.GetOwnerReferences()
	if len(refs) == 0 {
		return
	}
	for _, ref := range refs {
		if owner := s.byRef(ns, ref); owner != nil &&
			!(owner.GetDeletionTimestamp() != nil && slices.Contains(owner.GetFinalizers(), metav1.FinalizerDeleteDependents)) {
			return
		}
	}
	policy := metav1.DeletePropagationBackground
	for _, ref := range refs {
		if owner := s.byRef(ns, ref); owner != nil {
			policy = metav1.DeletePropagationForeground
		}
	}
	_, _, _ = s.delete(r, o, metav1.DeleteOptions{PropagationPolicy: &policy}, false)
}

// finishDependents handles the orphan and foregroundDeletion finalizers of an object that is being deleted.
func (s *Server) finishDependents(r *resource, o *object) {
	k := key{r, o.GetNamespace(), o.GetName()}
	deps := s.dependents(o)
	switch {
	case slices.Contains(o.GetFinalizers(), metav1.FinalizerOrphanDependents):
		for _, d := range deps {
			s.edit(d, func(x *object) { x.SetOwnerReferences(without(x.GetOwnerReferences(), o.GetUID())) })
		}
		s.edit(k, func(x *object) { withoutFinalizer(x, metav1.FinalizerOrphanDependents) })
	case slices.Contains(o.GetFinalizers(), metav1.FinalizerDeleteDependents):
		blocked := false
		for _, d := range deps {
			s.queueCollect(d.res, d.ns, d.name)
			blocked = true
		}
		if !blocked {
			s.edit(k, func(x *object) { withoutFinalizer(x, metav1.FinalizerDeleteDependents) })
		}
	}
}

func (s *Server) dependents(o *object) []key {
	var out []key
	for _, r := range table {
		for _, d := range s.store.list(r, o.GetNamespace()) {
			for _, ref := range d.GetOwnerReferences() {
				if ref.UID == o.GetUID() {
					out = append(out, key{r, d.GetNamespace(), d.GetName()})
				}
			}
		}
	}
	return out
}

func without(refs []metav1.OwnerReference, uid types.UID) []metav1.OwnerReference {
	return slices.DeleteFunc(slices.Clone(refs), func(r metav1.OwnerReference) bool { return r.UID == uid })
}

// byRef finds an owner; nil when it is gone or has another uid.
func (s *Server) byRef(ns string, ref metav1.OwnerReference) *object {
	for _, r := range table {
		if r.kind != ref.Kind || r.apiVersion() != ref.APIVersion {
			continue
		}
		if !r.namespaced {
			ns = ""
		}
		if o := s.store.get(r, ns, ref.Name); o != nil && o.GetUID() == ref.UID {
			return o
		}
	}
	return nil
}

// syncNamespace empties a namespace that is being deleted, then lets it go.
func (s *Server) syncNamespace(name string) {
	n := s.store.get(rNamespace, "", name)
	if n == nil || n.GetDeletionTimestamp() == nil {
		return
	}
	left := 0
	for _, r := range table {
		if !r.namespaced {
			continue
		}
		for _, o := range s.store.list(r, name) {
			if o.GetDeletionTimestamp() == nil {
				_, _, _ = s.delete(r, o, metav1.DeleteOptions{}, false)
			}
		}
		left += len(s.store.list(r, name))
	}
	if left == 0 {
		s.edit(key{rNamespace, "", name}, func(o *object) {
			unstructured.RemoveNestedField(o.Object, "spec", "finalizers")
		})
	}
}
