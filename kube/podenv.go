package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Started is a pod as it was started: what its containers really got, whatever its workload says by now. A pod that is on its way out is Ending.
type Started struct {
	Name       string      `json:"name"`
	Phase      string      `json:"phase"`
	Ending     bool        `json:"ending,omitempty"`
	Containers []Container `json:"containers"`
}

// Started lists the pods of a namespace that a label selector matches, by name, with the environment that their specs have.
func (c *Cluster) Started(ctx context.Context, ns, selector string) ([]Started, error) {
	l, err := c.kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, failed(access("list", "", "pods", ns, ""), err)
	}
	all := make([]Started, 0, len(l.Items))
	for i := range l.Items {
		p := &l.Items[i]
		s := Started{Name: p.Name, Phase: string(p.Status.Phase), Ending: p.DeletionTimestamp != nil}
		add := func(list []corev1.Container, init bool) {
			for _, k := range list {
				s.Containers = append(s.Containers, containerOf(k, init))
			}
		}
		add(p.Spec.InitContainers, true)
		add(p.Spec.Containers, false)
		all = append(all, s)
	}
	return all, nil
}
