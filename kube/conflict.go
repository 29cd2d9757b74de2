package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// changed tells of a precondition that did not hold who changed what, from which value to which. The object is read once more for it;
// where that is not possible the conflict stays as the server has told it. Any other error stays as it is.
func (h *Hands) changed(ctx context.Context, a Access, err error, expected ...op) error {
	if KindOf(err) != Conflict {
		return err
	}
	get := a
	get.Verb, get.Subresource = "get", ""
	body, rerr := h.raw(ctx, get)
	if rerr != nil {
		return err
	}
	seen := "someone else deleted it"
	if body != nil {
		if seen = difference(a, body, expected); seen == "" {
			return err
		}
	}
	return &Error{Kind: Conflict, Tried: a.sentence(), Seen: clean(seen, maxSeen), Next: next(Conflict, &a, nil), Access: &a, Code: codeOf(err), err: err}
}

func codeOf(err error) int { return Explain(err).Code }

// difference is the first expectation that an object does not meet; empty where it meets all.
func difference(a Access, body []byte, expected []op) string {
	var o metav1.PartialObjectMetadata
	content, err := meaning(body)
	if err != nil || json.Unmarshal(body, &o) != nil {
		return ""
	}
	for _, e := range expected {
		path := keysOf(e.Path)
		have, is := valueAt(content, path)
		raw := patchValue(have)
		if is == (e.Value != nil) && (!is || same(raw, e.Value)) {
			continue
		}
		who := by(o.ManagedFields, path)
		switch e.Path {
		case "/metadata/uid":
			return fmt.Sprintf("someone else put another object of this name in its place at %s (uid %s, not %v)%s", o.CreationTimestamp.UTC().Format("15:04:05 UTC"), o.UID, e.Value, who)
		case "/metadata/resourceVersion":
			return fmt.Sprintf("someone else changed it from version %v to %s after it was read%s", e.Value, o.ResourceVersion, who)
		}
		from, to := shown(patchValue(e.Value)), shown(raw)
		if a.Resource == "secrets" {
			from, to = "$OLD", "$NEW"
		}
		return fmt.Sprintf("someone else changed %s from %s to %s%s", strings.Join(path, "."), from, to, who)
	}
	return ""
}

// shown is a value in short; what is not there is nothing.
func shown(raw []byte) string {
	text := string(raw)
	var s string
	switch {
	case text == "null":
		return "nothing"
	case json.Unmarshal(raw, &s) == nil:
		text = s
	}
	return clean(text, 80)
}

// keysOf are the keys of a JSON pointer.
func keysOf(pointer string) []string {
	keys := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, k := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys
}

func valueAt(v any, path []string) (any, bool) {
	for _, k := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		v = m[k]
	}
	return v, v != nil
}

// by is who last wrote a field, as far as the object tells; else who last wrote any of it. It fits behind a sentence.
func by(managed []metav1.ManagedFieldsEntry, path []string) string {
	var last, any *metav1.ManagedFieldsEntry
	for i := range managed {
		e := &managed[i]
		if e.Subresource == "status" { // controllers, which report and decide nothing
			continue
		}
		if owns(e, path) && (last == nil || !timeOf(e).Before(timeOf(last))) {
			last = e
		}
		if any == nil || !timeOf(e).Before(timeOf(any)) {
			any = e
		}
	}
	switch {
	case last != nil:
		return fmt.Sprintf(" (%s, at %s)", clean(last.Manager, 60), timeOf(last).Format("15:04:05 UTC"))
	case any != nil:
		return fmt.Sprintf(" (last written by %s at %s)", clean(any.Manager, 60), timeOf(any).Format("15:04:05 UTC"))
	}
	return ""
}

func timeOf(e *metav1.ManagedFieldsEntry) time.Time {
	if e.Time == nil {
		return time.Time{}
	}
	return e.Time.UTC()
}

// owns says whether an entry names the field at a path, or what it is a part of.
func owns(e *metav1.ManagedFieldsEntry, path []string) bool {
	if e.FieldsV1 == nil {
		return false
	}
	at := bytes.TrimSpace(e.FieldsV1.GetRawBytes())
	for _, k := range path {
		var m map[string]json.RawMessage
		if json.Unmarshal(at, &m) != nil {
			return false
		}
		if len(m) == 0 {
			return true // owned as a whole
		}
		next, ok := m["f:"+k]
		if !ok {
			return false
		}
		at = next
	}
	return true
}
