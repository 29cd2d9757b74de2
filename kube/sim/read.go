package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// selector is a label and a field selector of one request.
type selector struct {
	res    *resource
	labels labels.Selector
	fields fields.Selector
}

// fieldsOf names the selectable fields of a resource beside metadata.name and metadata.namespace.
func fieldsOf(r *resource) []string {
	switch r.name {
	case "pods":
		return []string{"spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.podIP"}
	case "events":
		return []string{"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
			"involvedObject.apiVersion", "involvedObject.fieldPath", "reason", "type", "reportingComponent"}
	case "secrets":
		return []string{"type"}
	case "namespaces":
		return []string{"status.phase"}
	case "nodes":
		return []string{"spec.unschedulable"}
	case "replicasets":
		return []string{"status.replicas"}
	}
	return nil
}

func (q *request) selector() (selector, error) {
	sel := selector{res: q.res}
	var err error
	if sel.labels, err = labels.Parse(q.query.Get("labelSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	if sel.fields, err = fields.ParseSelector(q.query.Get("fieldSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	for _, req := range sel.fields.Requirements() {
		ok := req.Field == "metadata.name" || req.Field == "metadata.namespace"
		for _, f := range fieldsOf(q.res) {
			ok = ok || f == req.Field
		}
		if !ok {
			return sel, apierrors.NewBadRequest("field label not supported: " + req.Field)
		}
	}
	if q.name != "" { // a watch on one name
		sel.fields = fields.AndSelectors(sel.fields, fields.OneTermEqualSelector("metadata.name", q.name))
	}
	return sel, nil
}

func (sel selector) matches(o *object) bool {
	if o == nil || !sel.labels.Matches(labels.Set(o.GetLabels())) {
		return false
	}
	if sel.fields.Empty() {
		return true
	}
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	for _, f := range fieldsOf(sel.res) {
		v, found, _ := unstructured.NestedFieldNoCopy(o.Object, splitPath(f)...)
		set[f] = ""
		if found {
			set[f] = fmt.Sprint(v)
		} else if f == "spec.unschedulable" {
			set[f] = "false"
		}
	}
	return sel.fields.Matches(set)
}

// find returns the object of a request or NotFound.
func (s *Server) find(q *request) (*object, error) {
	ns := q.ns
	if !q.res.namespaced {
		ns = ""
	}
	if o := s.store.get(q.res, ns, q.name); o != nil {
		return o, nil
	}
	return nil, apierrors.NewNotFound(q.res.gr(), q.name)
}

func (s *Server) read(q *request) (any, error) {
	o, err := s.find(q)
	if err != nil {
		return nil, err
	}
	if q.sub == "scale" {
		return scaleOf(q.res, o), nil
	}
	return o, nil
}

// page is a continue token: the version of the first page and the last key sent.
type page struct {
	V    int64  `json:"rv"`
	Last string `json:"start"`
}

// listPage answers a list. Later pages are read from the present state, not from that of the first page.
func (s *Server) listPage(q *request) (any, error) {
	sel, err := q.selector()
	if err != nil {
		return nil, err
	}
	from := page{V: s.store.version}
	if tok := q.query.Get("continue"); tok != "" {
		b, err := base64.RawURLEncoding.DecodeString(tok)
		if err != nil || json.Unmarshal(b, &from) != nil {
			return nil, apierrors.NewBadRequest("continue key is not valid: illegal base64 data")
		}
		if from.V < s.store.dropped {
			return nil, apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
		}
	}
	limit, _ := strconv.Atoi(q.query.Get("limit"))
	ns := q.ns
	if !q.res.namespaced {
		ns = ""
	}
	items := []any{}
	meta := map[string]any{"resourceVersion": strconv.FormatInt(from.V, 10)}
	last, left := "", 0
	for _, o := range s.store.list(q.res, ns) {
		p := path(o.GetNamespace(), o.GetName())
		if p <= from.Last || !sel.matches(o) {
			continue
		}
		if limit > 0 && len(items) == limit {
			left++
			continue
		}
		items = append(items, o.Object)
		last = p
	}
	if left > 0 {
		tok, _ := json.Marshal(page{from.V, last})
		meta["continue"] = base64.RawURLEncoding.EncodeToString(tok)
		if sel.labels.Empty() && sel.fields.Empty() {
			meta["remainingItemCount"] = left
		}
	}
	return map[string]any{"kind": q.res.kind + "List", "apiVersion": q.res.apiVersion(), "metadata": meta, "items": items}, nil
}
