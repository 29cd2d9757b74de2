package sim

import (
	"encoding/json"
	"net/http"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// patched applies the body to a JSON document. model is the Go type that strategic merge reads its rules from; nil refuses it.
func patched(q *request, doc []byte, model any) ([]byte, error) {
	switch types.PatchType(q.media) {
	case types.JSONPatchType:
		p, err := jsonpatch.DecodePatch(q.body)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		out, err := p.Apply(doc)
		if err != nil {
			return nil, apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", err.Error(), 0, false)
		}
		return out, nil
	case types.MergePatchType:
		out, err := jsonpatch.MergePatch(doc, q.body)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return out, nil
	case types.StrategicMergePatchType:
		if model != nil {
			out, err := strategicpatch.StrategicMergePatch(doc, q.body, model)
			if err != nil {
				return nil, apierrors.NewBadRequest(err.Error())
			}
			return out, nil
		}
	}
	accepted := []string{string(types.JSONPatchType), string(types.MergePatchType)}
	if model != nil {
		accepted = append(accepted, string(types.StrategicMergePatchType))
	}
	return nil, unsupported(accepted...)
}

func (s *Server) servePatch(q *request) (int, any, error) {
	dry, err := dryRunAll(q.query["dryRun"])
	if err != nil {
		return 0, nil, err
	}
	if q.sub == "scale" {
		return s.patchScale(q, dry)
	}
	if types.PatchType(q.media) == types.ApplyPatchType {
		return s.apply(q, dry)
	}
	old, err := s.find(q)
	if err != nil {
		return 0, nil, err
	}
	doc, err := json.Marshal(old.Object)
	if err != nil {
		return 0, nil, err
	}
	var model any
	if t := q.res.typed(); t != nil {
		model = t
	}
	doc, err = patched(q, doc, model)
	if err != nil {
		return 0, nil, err
	}
	o, err := parseObject(doc, q.res, q.query.Get("fieldValidation"))
	if err != nil {
		return 0, nil, err
	}
	if o.GetName() != q.name {
		return 0, nil, nameMismatch(o.GetName(), q.name)
	}
	n, err := s.commit(q.res, old, o, q.sub, dry)
	return http.StatusOK, n, err
}

// apply is a reduced server-side apply: it merges the given fields and knows no field owners, so it never removes a field
// and never reports an ownership conflict.
func (s *Server) apply(q *request, dry bool) (int, any, error) {
	if q.query.Get("fieldManager") == "" {
		return 0, nil, invalid(q.res, q.name, required("fieldManager", "is required for apply patch"))
	}
	b, err := yaml.YAMLToJSON(q.body)
	if err != nil {
		return 0, nil, apierrors.NewBadRequest(err.Error())
	}
	old, err := s.find(q)
	if apierrors.IsNotFound(err) {
		o, err := parseObject(b, q.res, "")
		if err != nil {
			return 0, nil, err
		}
		o.SetName(q.name)
		if q.res.namespaced {
			o.SetNamespace(q.ns)
		}
		n, err := s.create(q.res, o, dry)
		return http.StatusCreated, n, err
	}
	doc, err := json.Marshal(old.Object)
	if err != nil {
		return 0, nil, err
	}
	if t := q.res.typed(); t != nil {
		doc, err = strategicpatch.StrategicMergePatch(doc, b, t)
	} else {
		doc, err = jsonpatch.MergePatch(doc, b)
	}
	if err != nil {
		return 0, nil, apierrors.NewBadRequest(err.Error())
	}
	o, err := parseObject(doc, q.res, "")
	if err != nil {
		return 0, nil, err
	}
	n, err := s.commit(q.res, old, o, q.sub, dry)
	return http.StatusOK, n, err
}

// scaleOf is the Scale of a workload.
func scaleOf(r *resource, o *object) *autoscalingv1.Scale {
	spec, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	status, _, _ := unstructured.NestedInt64(o.Object, "status", "replicas")
	sc := &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{Kind: "Scale", APIVersion: "autoscaling/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(),
			ResourceVersion: o.GetResourceVersion(), CreationTimestamp: o.GetCreationTimestamp()},
		Spec:   autoscalingv1.ScaleSpec{Replicas: int32(spec)},
		Status: autoscalingv1.ScaleStatus{Replicas: int32(status)},
	}
	if sel := selectorOf(o); sel != nil {
		sc.Status.Selector = sel.String()
	}
	return sc
}

// selectorOf is the pod selector of a workload; nil if it has none.
func selectorOf(o *object) labels.Selector {
	m, found, _ := unstructured.NestedMap(o.Object, "spec", "selector")
	if !found {
		return nil
	}
	var ls metav1.LabelSelector
	b, _ := json.Marshal(m)
	if json.Unmarshal(b, &ls) != nil {
		return nil
	}
	sel, err := metav1.LabelSelectorAsSelector(&ls)
	if err != nil {
		return nil
	}
	return sel
}

func (s *Server) updateScale(q *request, dry bool) (int, any, error) {
	var sc autoscalingv1.Scale
	if err := decodeInto(q, &sc); err != nil {
		return 0, nil, err
	}
	if sc.Name != q.name {
		return 0, nil, nameMismatch(sc.Name, q.name)
	}
	return s.setScale(q, &sc, dry)
}

func (s *Server) patchScale(q *request, dry bool) (int, any, error) {
	old, err := s.find(q)
	if err != nil {
		return 0, nil, err
	}
	doc, err := json.Marshal(scaleOf(q.res, old))
	if err != nil {
		return 0, nil, err
	}
	doc, err = patched(q, doc, &autoscalingv1.Scale{})
	if err != nil {
		return 0, nil, err
	}
	var sc autoscalingv1.Scale
	if err := json.Unmarshal(doc, &sc); err != nil {
		return 0, nil, apierrors.NewBadRequest(err.Error())
	}
	return s.setScale(q, &sc, dry)
}

func (s *Server) setScale(q *request, sc *autoscalingv1.Scale, dry bool) (int, any, error) {
	old, err := s.find(q)
	if err != nil {
		return 0, nil, err
	}
	if sc.Spec.Replicas < 0 {
		err := invalid(q.res, q.name, negative("spec.replicas", sc.Spec.Replicas))
		return 0, nil, err
	}
	o := old.DeepCopy()
	o.SetResourceVersion(sc.ResourceVersion)
	o.SetUID(sc.UID)
	if err := unstructured.SetNestedField(o.Object, int64(sc.Spec.Replicas), "spec", "replicas"); err != nil {
		return 0, nil, err
	}
	n, err := s.commit(q.res, old, o, "", dry)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, scaleOf(q.res, n), nil
}

// splitPath turns "spec.replicas" into its parts.
func splitPath(p string) []string { return strings.Split(p, ".") }
