package kube

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/internal/secret"
)

// SecretName is a secret without its content.
type SecretName struct {
	Meta
}

// Secrets lists the secrets that a label selector matches ("" for all), by name. Only metadata is asked for: no value leaves the
// server. The right that is needed is nevertheless to list secrets.
func (c *Cluster) Secrets(ctx context.Context, ns, selector string) ([]SecretName, error) {
	a := access("list", "", "secrets", ns, "")
	path, err := c.path(ctx, a)
	if err != nil {
		return nil, err
	}
	q := c.kube.CoreV1().RESTClient().Get().AbsPath(path).
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json")
	if selector != "" {
		q = q.Param("labelSelector", selector)
	}
	body, err := raw(ctx, q)
	if err != nil {
		return nil, failed(a, err)
	}
	var l metav1.PartialObjectMetadataList
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not a list", Next: next(Server, &a, nil), Access: &a}
	}
	var out []SecretName
	for i := range l.Items {
		out = append(out, SecretName{metaOf(&l.Items[i])})
	}
	return byName(out, func(s SecretName) Meta { return s.Meta }), nil
}

// SecretKeys looks up which keys a secret has, sorted. The values are read and thrown away.
func (c *Cluster) SecretKeys(ctx context.Context, ns, name string) ([]string, bool, error) {
	s, err := c.kube.CoreV1().Secrets(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "secrets", ns, name), s, err, func(s *corev1.Secret) []string {
		return slices.Sorted(maps.Keys(s.Data))
	})
}

// SecretValue looks up one value of a secret; found is false where the secret or the key is missing.
func (c *Cluster) SecretValue(ctx context.Context, ns, name, key string) (secret.String, bool, error) {
	s, err := c.kube.CoreV1().Secrets(ns).Get(ctx, name, metav1.GetOptions{})
	data, ok, err := found(access("get", "", "secrets", ns, name), s, err, func(s *corev1.Secret) map[string][]byte { return s.Data })
	value, has := data[key]
	if err != nil || !ok || !has {
		return secret.String{}, false, err
	}
	return secret.New(string(value)), true, nil
}
