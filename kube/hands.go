package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Hands are the writing side of a Cluster, bounded by what they were allowed. Every write carries a precondition, and a write whose
// precondition does not hold changes nothing and answers an *Error of kind Conflict. On Timeout, Server, Unreachable and Canceled
// it is not known whether the write was done: look before sending it again.
type Hands struct {
	cluster *Cluster
	allowed []Access
	dryRun  bool
	err     error // of preparing the clients
	clients
}

// DryRun says whether these hands only try.
func (h *Hands) DryRun() bool { return h.dryRun }

// Allowed lists the writes that these hands may send.
func (h *Hands) Allowed() []Access { return slices.Clone(h.allowed) }

// ready answers why these hands cannot be used, if they cannot.
func (h *Hands) ready(a Access) error { return failed(a, h.err) }

// op is one operation of a JSON patch. A test with a nil value holds where the field is absent.
type op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (o op) MarshalJSON() ([]byte, error) {
	if o.Op == "remove" {
		return json.Marshal(map[string]string{"op": o.Op, "path": o.Path})
	}
	type plain op
	return json.Marshal(plain(o))
}

func test(path string, value any) op    { return op{"test", path, value} }
func replace(path string, value any) op { return op{"replace", path, value} }
func add(path string, value any) op     { return op{"add", path, value} }
func remove(path string) op             { return op{Op: "remove", Path: path} }

// pointer joins keys to a JSON pointer.
func pointer(keys ...string) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(k))
	}
	return b.String()
}

func patchJSON(ops []op) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(ops); err != nil {
		panic(fmt.Sprintf("kube: a patch that is not JSON: %v", err)) // only strings, numbers and maps are put in
	}
	return bytes.TrimSpace(b.Bytes())
}

// patch sends a JSON patch to the object that a names.
func (h *Hands) patch(ctx context.Context, a Access, ops []op) error {
	if err := h.ready(a); err != nil {
		return err
	}
	path, err := h.path(ctx, a)
	if err != nil {
		return err
	}
	err = failed(a, h.kube.CoreV1().RESTClient().Patch(types.JSONPatchType).AbsPath(path).Body(patchJSON(ops)).Do(ctx).Error())
	return h.changed(ctx, a, err, tests(ops)...)
}

// tests are what a patch expects of the object.
func tests(ops []op) []op {
	return slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.Op != "test" })
}

// stale is a precondition that was found broken before the write was sent.
func stale(a Access, seen string) error {
	return &Error{Kind: Conflict, Tried: a.sentence(), Seen: clean(seen, maxSeen), Next: next(Conflict, &a, nil), Access: &a}
}
