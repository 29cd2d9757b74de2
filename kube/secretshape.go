package kube

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SecretShape is what a secret looks like without what is in it.
type SecretShape struct {
	Name string   `json:"name"`
	Type string   `json:"type,omitempty"`
	Keys []string `json:"keys,omitempty"`
}

// SecretShape looks up type and keys of a secret, keys sorted. The values are read and thrown away.
func (c *Cluster) SecretShape(ctx context.Context, ns, name string) (SecretShape, bool, error) {
	s, err := c.kube.CoreV1().Secrets(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "secrets", ns, name), s, err, func(s *corev1.Secret) SecretShape {
		return SecretShape{Name: name, Type: string(s.Type), Keys: slices.Sorted(maps.Keys(s.Data))}
	})
}
