package kube

import (
	"context"
	"encoding/json"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Custom is an object of any kind, for kinds that this package has no type for.
type Custom struct {
	Meta
	Group    string          `json:"group,omitempty"`
	Resource string          `json:"resource"`
	Content  json.RawMessage `json:"content"` // all of it, as the server sent it
}

// Access names the object; the verb is "get".
func (o Custom) Access() Access { return access("get", o.Group, o.Resource, o.Namespace, o.Name) }

// Field is a part of the object as JSON, and false where it is absent or null.
func (o Custom) Field(path ...string) (json.RawMessage, bool) {
	at := o.Content
	for _, k := range path {
		var m map[string]json.RawMessage
		if json.Unmarshal(at, &m) != nil {
			return nil, false
		}
		at = m[k]
	}
	return at, len(at) > 0 && string(at) != "null"
}

// Text is a part of the object that is a string; empty otherwise.
func (o Custom) Text(path ...string) string {
	var s string
	if raw, ok := o.Field(path...); ok && json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Custom looks up one object of any kind. A kind that the cluster does not serve has no objects.
func (c *Cluster) Custom(ctx context.Context, group, resource, ns, name string) (Custom, bool, error) {
	a := access("get", group, resource, ns, name)
	body, err := c.raw(ctx, a)
	if err != nil || body == nil {
		return Custom{}, false, err
	}
	o, err := custom(a, body)
	return o, err == nil, err
}

// Customs lists the objects of any kind in a namespace, or in all with an empty one. A kind that the cluster does not serve has none.
func (c *Cluster) Customs(ctx context.Context, group, resource, ns string) ([]Custom, error) {
	a := access("list", group, resource, ns, "")
	body, err := c.raw(ctx, a)
	if err != nil || body == nil {
		return nil, err
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, failed(a, err)
	}
	var out []Custom
	for _, raw := range list.Items {
		o, err := custom(a, raw)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return byName(out, func(o Custom) Meta { return o.Meta }), nil
}

// raw reads what a names; nil where it, or its kind, does not exist.
func (k *clients) raw(ctx context.Context, a Access) ([]byte, error) {
	path, err := k.path(ctx, a)
	if err == nil {
		var body []byte
		if body, err = raw(ctx, k.kube.CoreV1().RESTClient().Get().AbsPath(path)); err == nil {
			return body, nil
		}
	}
	if apierrors.IsNotFound(err) || KindOf(err) == NotFound {
		return nil, nil
	}
	return nil, failed(a, err)
}

func custom(a Access, body []byte) (Custom, error) {
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(body, &o); err != nil {
		return Custom{}, failed(a, err)
	}
	return Custom{Meta: metaOf(&o), Group: a.Group, Resource: a.Resource, Content: body}, nil
}

// kind is a resource as kubectl wants it.
func (a Access) kind() string {
	return strings.TrimSuffix(a.Resource+"."+a.Group, ".")
}
