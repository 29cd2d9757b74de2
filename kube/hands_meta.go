package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Mark is a change of one label or annotation, from one value to another; nil stands for "not there".
type Mark struct {
	Key  string  `json:"key"`
	From *string `json:"from,omitempty"`
	To   *string `json:"to,omitempty"`
}

// AccessMark is what Label and Annotate need for the object at this place (its verb is not used).
func AccessMark(object Access) []Access {
	get, patch := object, object
	get.Verb, patch.Verb = "get", "patch"
	return []Access{get, patch}
}

// CommandLabel is Label as a command line.
func CommandLabel(w Where, object Access, m Mark) string { return commandMark(w, "label", object, m) }

// CommandAnnotate is Annotate as a command line.
func CommandAnnotate(w Where, object Access, m Mark) string {
	return commandMark(w, "annotate", object, m)
}

// Label changes a label of the object of this uid.
func (h *Hands) Label(ctx context.Context, object Access, uid string, m Mark) error {
	return h.mark(ctx, object, uid, "labels", m)
}

// Annotate changes an annotation of the object of this uid.
func (h *Hands) Annotate(ctx context.Context, object Access, uid string, m Mark) error {
	return h.mark(ctx, object, uid, "annotations", m)
}

func commandMark(w Where, verb string, object Access, m Mark) string {
	change := m.Key + "-"
	if m.To != nil {
		change = m.Key + "=" + *m.To
	}
	overwrite := ""
	if m.From != nil && m.To != nil {
		overwrite = "--overwrite"
	}
	return w.kubectl(object.Namespace, verb, object.kind(), object.Name, change, overwrite)
}

func (h *Hands) mark(ctx context.Context, object Access, uid, field string, m Mark) error {
	needs := AccessMark(object)
	get, a := needs[0], needs[1]
	if err := h.ready(a); err != nil {
		return err
	}
	path, err := h.path(ctx, get)
	if err != nil {
		return err
	}
	body, err := raw(ctx, h.kube.CoreV1().RESTClient().Get().AbsPath(path))
	if err != nil {
		return failed(get, err)
	}
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(body, &o); err != nil {
		return failed(get, err)
	}
	have := o.Annotations
	if field == "labels" {
		have = o.Labels
	}
	value, is := have[m.Key]
	switch {
	case string(o.UID) != uid:
		return h.changed(ctx, a, stale(a, "another object of the same name (uid "+string(o.UID)+")"), test("/metadata/uid", uid))
	case is != (m.From != nil) || is && value != *m.From:
		seen := stale(a, fmt.Sprintf("%s %s is not as it was read", strings.TrimSuffix(field, "s"), m.Key))
		if m.From == nil {
			return h.changed(ctx, a, seen, test(pointer("metadata", field, m.Key), nil))
		}
		return h.changed(ctx, a, seen, test(pointer("metadata", field, m.Key), *m.From))
	case !is && m.To == nil:
		return nil
	}
	return h.patch(ctx, a, markOps(uid, field, m, len(have) > 0))
}

// markOps tests again on the server what mark has seen. The map itself has to be made where there is none.
func markOps(uid, field string, m Mark, hasMap bool) []op {
	all, one := pointer("metadata", field), pointer("metadata", field, m.Key)
	ops := []op{test("/metadata/uid", uid)}
	switch {
	case !hasMap:
		return append(ops, test(all, nil), add(all, map[string]string{m.Key: *m.To}))
	case m.From == nil:
		return append(ops, test(one, nil), add(one, *m.To))
	case m.To == nil:
		return append(ops, test(one, *m.From), remove(one))
	}
	return append(ops, test(one, *m.From), replace(one, *m.To))
}
