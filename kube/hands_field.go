package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// AccessSetField is what SetField needs for the object at this place (its verb is not used).
func AccessSetField(object Access) []Access { return AccessMark(object) }

// CommandSetField is SetField as a command line. What is there now is tested where there is something; a field that is absent is set by a
// merge, which makes what is missing above it.
func CommandSetField(w Where, object Access, path []string, from, to any) string {
	at := pointer(path...)
	body, kind := "", "json"
	switch {
	case absent(from) && absent(to):
	case absent(from):
		body, kind = string(patchValue(nest(path, to))), "merge"
	case absent(to):
		body = string(patchJSON([]op{test(at, from), remove(at)}))
	default:
		body = string(patchJSON([]op{test(at, from), replace(at, to)}))
	}
	return w.kubectl(object.Namespace, "patch", object.kind(), object.Name, "--type="+kind, "-p", body)
}

// SetField changes one field of the object of this uid, from one value to another; nil stands for "not there". The values are anything
// that encoding/json takes. The old value is tested by the server in the same request, and so are the uid, and the version if one
// is given. What is missing above the field is made.
func (h *Hands) SetField(ctx context.Context, object Access, version, uid string, path []string, from, to any) error {
	needs := AccessSetField(object)
	get, a := needs[0], needs[1]
	if err := h.ready(a); err != nil {
		return err
	}
	if len(path) == 0 {
		return &Error{Kind: Invalid, Tried: a.sentence(), Seen: "no field", Next: "name the field", Access: &a}
	}
	body, err := h.raw(ctx, get)
	if err != nil {
		return err
	}
	if body == nil {
		return &Error{Kind: NotFound, Tried: a.sentence(), Seen: "it is not there", Next: next(NotFound, &a, nil), Access: &a}
	}
	o, err := custom(get, body)
	if err != nil {
		return err
	}
	have, is := o.Field(path...)
	switch {
	case o.UID != uid:
		return h.changed(ctx, a, stale(a, "another object of the same name (uid "+o.UID+")"), test("/metadata/uid", uid))
	case is == absent(from) || is && !same(have, from):
		if absent(from) {
			from = nil
		}
		return h.changed(ctx, a, stale(a, strings.Join(path, ".")+" is not as it was read"), test(pointer(path...), from))
	case version != "" && o.ResourceVersion != version:
		return h.changed(ctx, a, stale(a, "it has changed since it was read"), test("/metadata/resourceVersion", version))
	case absent(from) && absent(to), !absent(from) && !absent(to) && same(patchValue(from), to):
		return nil
	}
	ops := []op{test("/metadata/uid", uid)}
	if version != "" {
		ops = append(ops, test("/metadata/resourceVersion", version))
	}
	at := pointer(path...)
	switch {
	case absent(to):
		ops = append(ops, test(at, from), remove(at))
	case !absent(from):
		ops = append(ops, test(at, from), replace(at, to))
	default:
		depth := 1 // of what is the first to be missing
		for depth < len(path) {
			if _, ok := o.Field(path[:depth]...); !ok {
				break
			}
			depth++
		}
		at = pointer(path[:depth]...)
		ops = append(ops, test(at, nil), add(at, nest(path[depth:], to)))
	}
	return h.patch(ctx, a, ops)
}

// absent says whether a value stands for "not there".
func absent(v any) bool {
	if v == nil {
		return true
	}
	raw, ok := v.(json.RawMessage)
	return ok && (len(raw) == 0 || string(raw) == "null")
}

// same compares a value with JSON by meaning.
func same(have json.RawMessage, want any) bool {
	x, errX := meaning(have)
	y, errY := meaning(patchValue(want))
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func meaning(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func patchValue(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("kube: a value that is not JSON: %v", err)) // the values of fields are constants, or came as JSON
	}
	return bytes.TrimSpace(b.Bytes())
}

// nest puts a value at the end of a path.
func nest(path []string, v any) any {
	for i := len(path) - 1; i >= 0; i-- {
		v = map[string]any{path[i]: v}
	}
	return v
}
