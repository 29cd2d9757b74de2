package sim

import (
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func (q *request) deleteOptions() (metav1.DeleteOptions, bool, error) {
	var o metav1.DeleteOptions
	if err := decodeInto(q, &o); err != nil {
		return o, false, err
	}
	if v := q.query.Get("propagationPolicy"); v != "" {
		p := metav1.DeletionPropagation(v)
		o.PropagationPolicy = &p
	}
	if v := q.query.Get("gracePeriodSeconds"); v != "" {
		var g int64
		if _, err := fmt.Sscan(v, &g); err != nil {
			return o, false, apierrors.NewBadRequest(err.Error())
		}
		o.GracePeriodSeconds = &g
	}
	dry, err := dryRunAll(append(o.DryRun, q.query["dryRun"]...))
	return o, dry, err
}

func (s *Server) serveDelete(q *request) (any, error) {
	opts, dry, err := q.deleteOptions()
	if err != nil {
		return nil, err
	}
	old, err := s.find(q)
	if err != nil {
		return nil, err
	}
	o, gone, err := s.delete(q.res, old, opts, dry)
	if err != nil {
		return nil, err
	}
	if !gone || q.res.returnDeleted {
		return o, nil
	}
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess,
		Details: &metav1.StatusDetails{Name: old.GetName(), Group: q.res.group, Kind: q.res.name, UID: old.GetUID()},
	}, nil
}

func (s *Server) serveDeleteCollection(q *request) (any, error) {
	opts, dry, err := q.deleteOptions()
	if err != nil {
		return nil, err
	}
	sel, err := q.selector()
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, o := range s.store.list(q.res, q.ns) {
		if !sel.matches(o) {
			continue
		}
		items = append(items, o.Object)
		if _, _, err := s.delete(q.res, o, opts, dry); err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	return map[string]any{"kind": q.res.kind + "List", "apiVersion": q.res.apiVersion(),
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(s.store.version)}, "items": items}, nil
}

// delete begins or finishes the deletion of old and tells whether the object is gone.
func (s *Server) delete(r *resource, old *object, opts metav1.DeleteOptions, dry bool) (*object, bool, error) {
	if p := opts.Preconditions; p != nil {
		refused := func(why string) error { // the real server names the kind here, not the resource
			return apierrors.NewConflict(schema.GroupResource{Group: r.group, Resource: r.kind}, old.GetName(), errors.New(why))
		}
		if p.UID != nil && *p.UID != old.GetUID() {
			return nil, false, refused(fmt.Sprintf("the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *p.UID, old.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != old.GetResourceVersion() {
			return nil, false, refused(fmt.Sprintf("the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified", *p.ResourceVersion, old.GetResourceVersion()))
		}
	}
	n := old.DeepCopy()
	grace := graceOf(r, old, opts)
	switch p := opts.PropagationPolicy; {
	case p == nil:
	case *p == metav1.DeletePropagationOrphan:
		withFinalizer(n, metav1.FinalizerOrphanDependents)
	case *p == metav1.DeletePropagationForeground:
		withFinalizer(n, metav1.FinalizerDeleteDependents)
	}
	if at := old.GetDeletionTimestamp(); at == nil {
		t := metav1.NewTime(s.now().UTC().Add(time.Duration(grace) * time.Second))
		n.SetDeletionTimestamp(&t)
		n.SetDeletionGracePeriodSeconds(&grace)
		if hasGeneration(r) {
			n.SetGeneration(n.GetGeneration() + 1)
		}
	} else if had := old.GetDeletionGracePeriodSeconds(); had != nil && grace < *had {
		t := metav1.NewTime(at.Add(time.Duration(grace-*had) * time.Second))
		n.SetDeletionTimestamp(&t)
		n.SetDeletionGracePeriodSeconds(&grace)
	}
	if r == rNamespace {
		_ = unstructured.SetNestedField(n.Object, "Terminating", "status", "phase")
	}
	waits := len(n.GetFinalizers()) > 0 || lives(r, n)
	switch {
	case dry:
	case !waits:
		s.store.remove(r, old)
	case s.store.get(r, old.GetNamespace(), old.GetName()) == nil:
	default:
		s.edit(key{r, old.GetNamespace(), old.GetName()}, func(o *object) { o.Object = n.Object })
	}
	if !waits {
		return old, true, nil
	}
	if !dry {
		if cur := s.store.get(r, old.GetNamespace(), old.GetName()); cur != nil {
			n = cur
		}
	}
	return n, false, nil
}

// graceOf is the number of seconds that a deletion gives: only pods that run somewhere get any.
func graceOf(r *resource, o *object, opts metav1.DeleteOptions) int64 {
	if r != rPod {
		return 0
	}
	node, _, _ := unstructured.NestedString(o.Object, "spec", "nodeName")
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	if node == "" || phase == "Failed" || phase == "Succeeded" {
		return 0
	}
	if opts.GracePeriodSeconds != nil {
		return max(*opts.GracePeriodSeconds, 0)
	}
	if g, found, _ := unstructured.NestedInt64(o.Object, "spec", "terminationGracePeriodSeconds"); found {
		return g
	}
	return 30
}
