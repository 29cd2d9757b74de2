package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AccessCreateNamespace is what CreateNamespace needs. It is a right on the cluster, which operators of one namespace often have not.
func AccessCreateNamespace(name string) []Access {
	return []Access{access("create", "", "namespaces", "", name)}
}

// CommandCreateNamespace is CreateNamespace as a command line.
func CommandCreateNamespace(w Where, name string) string {
	return w.kubectl("", "create", "namespace", name)
}

// CreateNamespace makes a namespace; its precondition is that there is none of the name (AlreadyExists).
func (h *Hands) CreateNamespace(ctx context.Context, name string, annotations map[string]string) error {
	a := AccessCreateNamespace(name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o := &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}}
	_, err := h.kube.CoreV1().Namespaces().Create(ctx, o, metav1.CreateOptions{})
	return failed(a, err)
}

// Namespace looks a namespace up by name.
func (c *Cluster) Namespace(ctx context.Context, name string) (Namespace, bool, error) {
	n, err := c.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "namespaces", "", name), n, err, func(n *corev1.Namespace) Namespace {
		return Namespace{Meta: metaOf(n), Phase: string(n.Status.Phase)}
	})
}
