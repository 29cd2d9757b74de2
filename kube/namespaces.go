package kube

import (
	"context"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Namespace is a namespace.
type Namespace struct {
	Meta
	Phase string `json:"phase"` // Active or Terminating
}

// Namespaces lists the namespaces by name.
func (c *Cluster) Namespaces(ctx context.Context) ([]Namespace, error) {
	l, err := c.kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", "", "namespaces", "", ""), err)
	}
	var out []Namespace
	for i := range l.Items {
		out = append(out, Namespace{Meta: metaOf(&l.Items[i]), Phase: string(l.Items[i].Status.Phase)})
	}
	return byName(out, func(n Namespace) Meta { return n.Meta }), nil
}

// NamespacesWith lists, by name, the namespaces that hold a Deployment or StatefulSet which the label selector matches ("" for
// any). It needs the right to list both in all namespaces; without it the error is of kind Forbidden and the namespace has to be named.
func (c *Cluster) NamespacesWith(ctx context.Context, selector string) ([]string, error) {
	o := metav1.ListOptions{LabelSelector: selector}
	have := map[string]bool{}
	d, err := c.kube.AppsV1().Deployments("").List(ctx, o)
	if err != nil {
		return nil, failed(access("list", groupApps, "deployments", "", ""), err)
	}
	for _, x := range d.Items {
		have[x.Namespace] = true
	}
	s, err := c.kube.AppsV1().StatefulSets("").List(ctx, o)
	if err != nil {
		return nil, failed(access("list", groupApps, "statefulsets", "", ""), err)
	}
	for _, x := range s.Items {
		have[x.Namespace] = true
	}
	return slices.Sorted(maps.Keys(have)), nil
}
