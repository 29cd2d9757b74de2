package sim

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func invalid(r *resource, name string, errs field.ErrorList) *apierrors.StatusError {
	return apierrors.NewInvalid(r.gvk().GroupKind(), name, errs)
}

func required(p, text string) field.ErrorList {
	return field.ErrorList{field.Required(fieldPath(p), text)}
}

func forbidden(p, text string) field.ErrorList {
	return field.ErrorList{field.Forbidden(fieldPath(p), text)}
}

func notSupported(p, v string, known ...string) field.ErrorList {
	return field.ErrorList{field.NotSupported(fieldPath(p), v, known)}
}

func negative(p string, v int32) field.ErrorList {
	return field.ErrorList{field.Invalid(fieldPath(p), v, apivalidation.IsNegativeErrorMsg).WithOrigin("minimum")}
}

func fieldPath(p string) *field.Path {
	parts := splitPath(p)
	return field.NewPath(parts[0], parts[1:]...)
}

// nameRule is the check of a resource's names.
func nameRule(r *resource) apivalidation.ValidateNameFunc {
	switch r.name {
	case "namespaces":
		return apivalidation.NameIsDNSLabel
	case "services":
		return apivalidation.NameIsDNS1035Label
	}
	return apivalidation.NameIsDNSSubdomain
}

// validate checks a new object: the rules that an operator or a tool can plausibly run into.
func validate(r *resource, o *object) field.ErrorList {
	var errs field.ErrorList
	meta := field.NewPath("metadata")
	if o.GetName() == "" {
		errs = append(errs, field.Required(meta.Child("name"), "name or generateName is required"))
	} else {
		for _, m := range nameRule(r)(o.GetName(), false) {
			errs = append(errs, field.Invalid(meta.Child("name"), o.GetName(), m))
		}
	}
	errs = append(errs, validateLabels(o)...)
	switch r.name {
	case "deployments", "replicasets", "statefulsets":
		errs = append(errs, validateWorkload(o)...)
	case "pods":
		errs = append(errs, validateContainers(o.Object, field.NewPath("spec"), "spec", "containers")...)
	case "persistentvolumeclaims":
		errs = append(errs, validateClaim(o)...)
	case "persistentvolumes":
		if _, ok, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "capacity", "storage"); !ok {
			errs = append(errs, field.Required(fieldPath("spec.capacity"), ""))
		}
	case "volumesnapshots":
		src, _, _ := unstructured.NestedMap(o.Object, "spec", "source")
		if _, ok, _ := unstructured.NestedMap(o.Object, "spec"); !ok {
			errs = append(errs, field.Required(field.NewPath("spec"), ""))
		} else if (src["persistentVolumeClaimName"] == nil) == (src["volumeSnapshotContentName"] == nil) {
			errs = append(errs, field.Invalid(fieldPath("spec.source"), src, "exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set"))
		}
	}
	return errs
}

func validateLabels(o *object) field.ErrorList {
	var errs field.ErrorList
	p := field.NewPath("metadata", "labels")
	for k, v := range o.GetLabels() {
		for _, m := range validation.IsQualifiedName(k) {
			errs = append(errs, field.Invalid(p, k, m))
		}
		for _, m := range validation.IsValidLabelValue(v) {
			errs = append(errs, field.Invalid(p, v, m))
		}
	}
	return errs
}

func validateContainers(m map[string]any, p *field.Path, fields ...string) field.ErrorList {
	var errs field.ErrorList
	l, _, _ := unstructured.NestedSlice(m, fields...)
	p = p.Child("containers")
	if len(l) == 0 {
		return append(errs, field.Required(p, ""))
	}
	for i, e := range l {
		c := e.(map[string]any)
		if n, _ := c["name"].(string); n == "" {
			errs = append(errs, field.Required(p.Index(i).Child("name"), ""))
		}
		if n, _ := c["image"].(string); n == "" {
			errs = append(errs, field.Required(p.Index(i).Child("image"), ""))
		}
	}
	return errs
}

func validateWorkload(o *object) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); n < 0 {
		errs = append(errs, negative("spec.replicas", int32(n))...)
	}
	sel := selectorOf(o)
	lbl, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
	switch {
	case sel == nil:
		errs = append(errs, field.Required(spec.Child("selector"), ""))
	case sel.Empty():
		raw, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "selector")
		errs = append(errs, field.Invalid(spec.Child("selector"), raw, "empty selector is invalid for deployment"))
	case !sel.Matches(labels.Set(lbl)):
		errs = append(errs, field.Invalid(spec.Child("template", "metadata", "labels"), lbl, "`selector` does not match template `labels`"))
	}
	return append(errs, validateContainers(o.Object, spec.Child("template", "spec"), "spec", "template", "spec", "containers")...)
}

func validateClaim(o *object) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	if l, _, _ := unstructured.NestedSlice(o.Object, "spec", "accessModes"); len(l) == 0 {
		errs = append(errs, field.Required(spec.Child("accessModes"), "at least 1 access mode is required"))
	}
	if _, ok, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "resources", "requests", "storage"); !ok {
		errs = append(errs, field.Required(spec.Child("resources").Key("storage"), ""))
	} else if q := quantity(o, "spec", "resources", "requests", "storage"); q.Sign() <= 0 {
		errs = append(errs, field.Invalid(spec.Child("resources").Key("storage"), q.String(), "must be greater than zero"))
	}
	return errs
}

func quantity(o *object, fields ...string) apiresource.Quantity {
	v, _, _ := unstructured.NestedString(o.Object, fields...)
	q, _ := apiresource.ParseQuantity(v)
	return q
}

// The real server's sentences for what may not change.
const (
	claimFixed       = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
	statefulSetFixed = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
	podFixed         = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)

// validateUpdate checks what may not change.
func validateUpdate(r *resource, old, o *object, sub string) field.ErrorList {
	var errs field.ErrorList
	if sub != "" {
		return nil
	}
	if old.GetDeletionTimestamp() != nil {
		for _, f := range o.GetFinalizers() {
			if !slices.Contains(old.GetFinalizers(), f) {
				errs = append(errs, field.Forbidden(field.NewPath("metadata", "finalizers"),
					fmt.Sprintf("no new finalizers can be added if the object is being deleted, found new finalizers []string{%q}", f)))
			}
		}
	}
	errs = append(errs, validate(r, o)...)
	spec := field.NewPath("spec")
	switch r.name {
	case "deployments", "replicasets":
		if !same(old, o, "spec", "selector") {
			v, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "selector")
			errs = append(errs, field.Invalid(spec.Child("selector"), v, apivalidation.FieldImmutableErrorMsg))
		}
	case "statefulsets":
		if !sameWithout(old, o, "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds") {
			errs = append(errs, field.Forbidden(spec, statefulSetFixed))
		}
	case "persistentvolumeclaims":
		errs = append(errs, validateClaimUpdate(old, o)...)
	case "persistentvolumes":
		if !sameWithout(old, o, "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions", "nodeAffinity", "volumeMode", "volumeAttributesClassName") {
			errs = append(errs, field.Forbidden(spec.Child("persistentvolumesource"), "spec.persistentvolumesource is immutable after creation"))
		}
		if !same(old, o, "spec", "volumeMode") {
			errs = append(errs, field.Invalid(spec.Child("volumeMode"), "", apivalidation.FieldImmutableErrorMsg))
		}
	case "pods":
		if !sameWithout(old, o, "containers", "initContainers", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds") {
			errs = append(errs, field.Forbidden(spec, podFixed))
		}
	case "secrets", "configmaps":
		if old.Object["immutable"] == true && !(reflect.DeepEqual(old.Object["data"], o.Object["data"]) && o.Object["immutable"] == true) {
			errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
		}
		if r.name == "secrets" && old.Object["type"] != o.Object["type"] {
			errs = append(errs, field.Invalid(field.NewPath("type"), o.Object["type"], apivalidation.FieldImmutableErrorMsg))
		}
	case "storageclasses":
		for _, f := range []string{"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"} {
			if !same(old, o, f) {
				errs = append(errs, field.Forbidden(field.NewPath(f), "updates to "+f+" are forbidden."))
			}
		}
	}
	return errs
}

func validateClaimUpdate(old, o *object) field.ErrorList {
	spec := field.NewPath("spec")
	a, b := old.DeepCopy(), o.DeepCopy()
	if phase, _, _ := unstructured.NestedString(old.Object, "status", "phase"); phase == "Bound" {
		unstructured.RemoveNestedField(a.Object, "spec", "resources", "requests")
		unstructured.RemoveNestedField(b.Object, "spec", "resources", "requests")
	}
	if v, _, _ := unstructured.NestedString(a.Object, "spec", "volumeName"); v == "" { // the binder may set it once
		unstructured.RemoveNestedField(b.Object, "spec", "volumeName")
		unstructured.RemoveNestedField(a.Object, "spec", "volumeName")
	}
	if !sameWithout(a, b, "volumeAttributesClassName") {
		return field.ErrorList{field.Forbidden(spec, claimFixed)}
	}
	if q, was := quantity(o, "spec", "resources", "requests", "storage"), quantity(old, "spec", "resources", "requests", "storage"); q.Cmp(was) < 0 {
		return field.ErrorList{field.Forbidden(spec.Child("resources", "requests", "storage"), "field can not be less than status.capacity")}
	}
	return nil
}

func same(a, b *object, fields ...string) bool {
	x, _, _ := unstructured.NestedFieldNoCopy(a.Object, fields...)
	y, _, _ := unstructured.NestedFieldNoCopy(b.Object, fields...)
	return equality.Semantic.DeepEqual(x, y)
}

func sameWithout(a, b *object, fields ...string) bool {
	x, _, _ := unstructured.NestedMap(a.Object, "spec")
	y, _, _ := unstructured.NestedMap(b.Object, "spec")
	for _, f := range fields {
		delete(x, f)
		delete(y, f)
	}
	return equality.Semantic.DeepEqual(x, y)
}

// admitUpdate is the one admission check that operators meet: growing a claim whose class does not allow it.
func (s *Server) admitUpdate(r *resource, old, o *object) error {
	if r != rClaim {
		return nil
	}
	q, was := quantity(o, "spec", "resources", "requests", "storage"), quantity(old, "spec", "resources", "requests", "storage")
	if q.Cmp(was) <= 0 {
		return nil
	}
	name, _, _ := unstructured.NestedString(o.Object, "spec", "storageClassName")
	if c := s.store.get(rClass, "", name); c != nil && c.Object["allowVolumeExpansion"] == true {
		return nil
	}
	return apierrors.NewForbidden(r.gr(), o.GetName(), fmt.Errorf(
		"only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"))
}
