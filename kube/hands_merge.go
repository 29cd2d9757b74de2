package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// Live reads an object as the server has it, with all that is in it: the content of a Secret too. false where there is none of the name.
func (c *Cluster) Live(ctx context.Context, p Place, ns, name string) (Object, Meta, bool, error) {
	a := p.Access("get", ns, name)
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath(p.path(ns, name)).SetHeader("Accept", "application/json"))
	if err != nil {
		if e := failed(a, err); KindOf(e) != NotFound {
			return Object{}, Meta{}, false, e
		}
		return Object{}, Meta{}, false, nil
	}
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(body); err != nil {
		return Object{}, Meta{}, false, &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not an object", Next: next(Server, &a, nil), Access: &a}
	}
	return Object{&u}, metaOf(&u), true, nil
}

// Content is a copy of all that is in the object. That of a Secret holds its values.
func (o Object) Content() map[string]any {
	if o.u == nil {
		return nil
	}
	return o.u.DeepCopy().Object
}

// Merge is a change of an object that leaves alone what others have set and the manifest does not speak of.
type Merge struct {
	kind types.PatchType
	body []byte
	gvk  schema.GroupVersionKind
}

// Merging compares what was applied, what is to be applied and what the server has, as Helm and kubectl do it on the client's side: what
// is to be there is set, what was applied and no longer is to be is taken away, and the rest stays. Lists that have names in them, such as
// containers and their variables, are merged by name. Kinds that a definition (CRD) makes have no such rules: of these only the difference
// between the two manifests is sent, as Helm does it.
func Merging(was, now, live Object) (Merge, error) {
	m := Merge{gvk: now.u.GroupVersionKind()}
	var docs [3][]byte
	for i, o := range []Object{was, now, live} {
		var err error
		if docs[i], err = o.u.MarshalJSON(); err != nil {
			return m, fmt.Errorf("%s cannot be written as JSON", now)
		}
	}
	typed, err := scheme.Scheme.New(m.gvk)
	if err != nil {
		m.kind = types.MergePatchType
		m.body, err = jsonpatch.CreateMergePatch(docs[0], docs[1])
	} else {
		m.kind = types.StrategicMergePatchType
		var rules strategicpatch.PatchMetaFromStruct
		if rules, err = strategicpatch.NewPatchMetaFromStruct(typed); err == nil {
			m.body, err = strategicpatch.CreateThreeWayMergePatch(docs[0], docs[1], docs[2], rules, true)
		}
	}
	if err != nil { // the text of these errors can hold what stands in the object
		return m, fmt.Errorf("what %s has cannot be merged with what it is to have", now)
	}
	if m.Empty() {
		return m, nil
	}
	// What was applied before is taken away again and again, also where it is gone: a merge that changes nothing is none.
	after, err := m.On(live)
	if err == nil && reflect.DeepEqual(after.u.Object, live.u.Object) {
		m.body = nil
	}
	return m, err
}

// Empty says that nothing is to be changed.
func (m Merge) Empty() bool { return len(m.body) == 0 || string(m.body) == "{}" }

// On is the object as it is after the merge, but for what a server adds.
func (m Merge) On(live Object) (Object, error) {
	doc, err := live.u.MarshalJSON()
	if err == nil && m.kind == types.MergePatchType {
		doc, err = jsonpatch.MergePatch(doc, m.body)
	} else if err == nil {
		var typed any
		if typed, err = scheme.Scheme.New(m.gvk); err == nil {
			doc, err = strategicpatch.StrategicMergePatch(doc, m.body, typed)
		}
	}
	var u unstructured.Unstructured
	if err == nil {
		err = u.UnmarshalJSON(doc)
	}
	if err != nil {
		return Object{}, fmt.Errorf("what %s would be after the merge cannot be told", live)
	}
	return Object{&u}, nil
}

// Merge sends a merge to the object that has this uid and this version, in the name of a field manager.
func (h *Hands) Merge(ctx context.Context, p Place, o Object, was Meta, m Merge, manager string) error {
	a := p.Access("patch", o.Namespace(), o.Name())
	if err := h.ready(a); err != nil {
		return err
	}
	if was.UID == "" || was.ResourceVersion == "" {
		return failed(a, errors.New("a merge without uid and version"))
	}
	if m.Empty() {
		return nil
	}
	body, err := m.only(was)
	if err != nil {
		return failed(a, err)
	}
	err = failed(a, h.kube.CoreV1().RESTClient().Patch(m.kind).AbsPath(p.path(o.Namespace(), o.Name())).
		Param("fieldManager", manager).Body(body).Do(ctx).Error())
	return h.changed(ctx, a, err, test("/metadata/uid", was.UID), test("/metadata/resourceVersion", was.ResourceVersion))
}

// only is the merge for one version of the object: the server refuses it for any other.
func (m Merge) only(was Meta) ([]byte, error) {
	var patch map[string]json.RawMessage
	meta := map[string]json.RawMessage{}
	if err := json.Unmarshal(m.body, &patch); err != nil {
		return nil, errors.New("a merge that is no object")
	}
	if raw, ok := patch["metadata"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil || meta == nil {
			return nil, errors.New("a merge whose metadata is no object")
		}
	}
	meta["uid"], meta["resourceVersion"] = patchValue(was.UID), patchValue(was.ResourceVersion)
	patch["metadata"] = patchValue(meta)
	return json.Marshal(patch)
}
