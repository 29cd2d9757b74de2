package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxName is how much of generateName the server keeps in front of its five characters.
const maxName = 58

func (s *Server) serveCreate(q *request) (any, error) {
	o, err := decode(q, q.res)
	if err != nil {
		return nil, err
	}
	dry, err := dryRunAll(q.query["dryRun"])
	if err != nil {
		return nil, err
	}
	if q.res.namespaced {
		if q.ns == "" {
			return nil, apierrors.NewBadRequest("an empty namespace may not be set during creation")
		}
		if o.GetNamespace() != "" && o.GetNamespace() != q.ns {
			return nil, apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
		}
		o.SetNamespace(q.ns)
	}
	return s.create(q.res, o, dry)
}

// create admits, completes and stores a new object; controllers use it too. o becomes the store's.
func (s *Server) create(r *resource, o *object, dry bool) (*object, error) {
	if r.namespaced {
		if err := s.namespaceOpen(r, o); err != nil {
			return nil, err
		}
	} else {
		o.SetNamespace("")
	}
	o.SetResourceVersion("")
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(s.generate(r, o))
	}
	o.SetUID(s.uid())
	o.SetCreationTimestamp(metav1.NewTime(s.now().UTC()))
	o.SetDeletionTimestamp(nil)
	o.SetDeletionGracePeriodSeconds(nil)
	o.SetManagedFields(nil)
	if r.status {
		delete(o.Object, "status")
	}
	s.complete(r, o)
	if hasGeneration(r) {
		o.SetGeneration(1)
	} else {
		unstructured.RemoveNestedField(o.Object, "metadata", "generation")
	}
	if errs := validate(r, o); len(errs) > 0 {
		return nil, invalid(r, o.GetName(), errs)
	}
	if s.store.get(r, o.GetNamespace(), o.GetName()) != nil {
		return nil, apierrors.NewAlreadyExists(r.gr(), o.GetName())
	}
	if !dry {
		s.store.put(r, o)
	}
	return o, nil
}

func (s *Server) generate(r *resource, o *object) string {
	base := o.GetGenerateName()
	base = base[:min(len(base), maxName)]
	for {
		if n := base + s.suffix(); s.store.get(r, o.GetNamespace(), n) == nil {
			return n
		}
	}
}

// namespaceOpen refuses objects for a namespace that is missing or on its way out.
func (s *Server) namespaceOpen(r *resource, o *object) error {
	ns := s.store.get(rNamespace, "", o.GetNamespace())
	if ns == nil {
		return apierrors.NewNotFound(rNamespace.gr(), o.GetNamespace())
	}
	if ns.GetDeletionTimestamp() != nil && r != rEvent {
		err := apierrors.NewForbidden(r.gr(), o.GetName(), fmt.Errorf(
			"unable to create new content in namespace %s because it is being terminated", o.GetNamespace()))
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
			Type: "NamespaceTerminating", Message: fmt.Sprintf("namespace %s is being terminated", o.GetNamespace()), Field: "metadata.namespace"})
		return err
	}
	return nil
}

func hasGeneration(r *resource) bool {
	switch r.name {
	case "deployments", "replicasets", "statefulsets", "jobs", "pods":
		return true
	}
	return r.crd
}

func (s *Server) serveUpdate(q *request) (int, any, error) {
	dry, err := dryRunAll(q.query["dryRun"])
	if err != nil {
		return 0, nil, err
	}
	if q.sub == "scale" {
		return s.updateScale(q, dry)
	}
	o, err := decode(q, q.res)
	if err != nil {
		return 0, nil, err
	}
	if o.GetName() != q.name {
		return 0, nil, nameMismatch(o.GetName(), q.name)
	}
	if q.res.namespaced {
		if o.GetNamespace() == "" {
			o.SetNamespace(q.ns)
		}
		if o.GetNamespace() != q.ns {
			return 0, nil, apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
		}
	}
	old, err := s.find(q)
	if u := o.GetUID(); apierrors.IsNotFound(err) && q.res == rLease && u != "" { // an update may make a lease, but not one of this uid
		return 0, nil, conflict(q.res, q.name, uidConflict(storageKey(q.res, o), u, ""))
	}
	if err != nil {
		return 0, nil, err
	}
	if q.res.mustVersion && o.GetResourceVersion() == "" {
		// The real server names the resource here, not the kind.
		return 0, nil, apierrors.NewInvalid(schema.GroupKind{Group: q.res.group, Kind: q.res.name}, q.name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update")})
	}
	n, err := s.commit(q.res, old, o, q.sub, dry)
	return http.StatusOK, n, err
}

func nameMismatch(got, want string) error {
	return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", got, want))
}

// commit replaces old by o as far as the endpoint (main, "status", "finalize") may change it. It checks the versions,
// validates, and stores unless nothing changed or dry is set. o becomes the store's.
func (s *Server) commit(r *resource, old, o *object, sub string, dry bool) (*object, error) {
	if u := o.GetUID(); u != "" && u != old.GetUID() {
		return nil, conflict(r, old.GetName(), uidConflict(storageKey(r, old), u, old.GetUID()))
	}
	if v := o.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		if _, err := strconv.ParseUint(v, 10, 64); err != nil {
			return nil, invalid(r, old.GetName(), field.ErrorList{field.Invalid(field.NewPath("metadata", "resourceVersion"), v, err.Error())})
		}
		return nil, conflict(r, old.GetName(), modified)
	}
	switch sub {
	case "":
		if r.status {
			copyField(o.Object, old.Object, "status")
		}
		s.complete(r, o)
	case "status":
		n := old.DeepCopy()
		copyField(n.Object, o.Object, "status")
		o = n
	}
	keepMeta(o, old)
	if hasGeneration(r) && (!equality.Semantic.DeepEqual(strip(old), strip(o)) ||
		r == rDeployment && sub == "" && !maps.Equal(old.GetAnnotations(), o.GetAnnotations())) {
		o.SetGeneration(old.GetGeneration() + 1)
	}
	if errs := validateUpdate(r, old, o, sub); len(errs) > 0 {
		return nil, invalid(r, old.GetName(), errs)
	}
	if err := s.admitUpdate(r, old, o); err != nil {
		return nil, err
	}
	if equality.Semantic.DeepEqual(old.Object, o.Object) {
		return old, nil
	}
	if dry {
		return o, nil
	}
	s.store.put(r, o)
	if o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 && !lives(r, o) {
		s.store.remove(r, o)
	}
	return o, nil
}

func uidConflict(key string, want, have types.UID) string {
	return fmt.Sprintf("StorageError: invalid object, Code: 4, Key: %s, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: %v, UID in object meta: %v", key, want, have)
}

// lives tells whether an object that is being deleted waits for more than finalizers: a pod for its kubelet, a namespace
// for its content.
func lives(r *resource, o *object) bool {
	switch r {
	case rPod:
		g := o.GetDeletionGracePeriodSeconds()
		return g != nil && *g > 0
	case rNamespace:
		f, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "finalizers")
		return len(f) > 0
	}
	return false
}

// keepMeta restores the metadata that only the server changes.
func keepMeta(o, old *object) {
	o.SetName(old.GetName())
	o.SetNamespace(old.GetNamespace())
	o.SetManagedFields(nil)
	meta, om := o.Object["metadata"].(map[string]any), old.Object["metadata"].(map[string]any)
	for _, f := range []string{"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName", "resourceVersion", "selfLink"} {
		copyField(meta, om, f)
	}
}

// storageKey is where the real server keeps an object; its messages show it.
func storageKey(r *resource, o *object) string {
	k := "/registry/" + r.name
	if r.namespaced {
		k += "/" + o.GetNamespace()
	}
	return k + "/" + o.GetName()
}

func copyField(dst, src map[string]any, f string) {
	if v, ok := src[f]; ok {
		dst[f] = v
	} else {
		delete(dst, f)
	}
}

// strip is the part of an object whose change raises its generation.
func strip(o *object) map[string]any {
	m := map[string]any{}
	for k, v := range o.Object {
		if k != "metadata" && k != "status" {
			m[k] = v
		}
	}
	return m
}

// edit changes a copy of the present object and stores it: the controllers' way to write. It reports whether the object exists.
func (s *Server) edit(k key, change func(*object)) bool {
	old := s.store.get(k.res, k.ns, k.name)
	if old == nil {
		return false
	}
	n := old.DeepCopy()
	change(n)
	if equality.Semantic.DeepEqual(old.Object, n.Object) {
		return true
	}
	if hasGeneration(k.res) && !equality.Semantic.DeepEqual(strip(old), strip(n)) {
		n.SetGeneration(old.GetGeneration() + 1)
	}
	s.store.put(k.res, n)
	if n.GetDeletionTimestamp() != nil && len(n.GetFinalizers()) == 0 && !lives(k.res, n) {
		s.store.remove(k.res, n)
	}
	return true
}

// setStatus replaces the status of an object by the JSON form of v.
func (s *Server) setStatus(k key, v any) {
	s.edit(k, func(o *object) {
		m := raw(k.res, &struct {
			Status any `json:"status"`
		}{v})
		o.Object["status"] = m.Object["status"]
	})
}

func withoutFinalizer(o *object, f string) {
	o.SetFinalizers(slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(x string) bool { return x == f }))
}

func withFinalizer(o *object, f string) {
	if !slices.Contains(o.GetFinalizers(), f) {
		o.SetFinalizers(append(slices.Clone(o.GetFinalizers()), f))
	}
}
