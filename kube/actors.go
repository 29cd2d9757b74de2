package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Autoscaler is a HorizontalPodAutoscaler: somebody who scales what we scale.
type Autoscaler struct {
	Meta
	TargetKind string `json:"targetKind"`
	TargetName string `json:"targetName"`
	Min        int32  `json:"min"`
	Max        int32  `json:"max"`
	Current    int32  `json:"current"`
	Desired    int32  `json:"desired"`
}

// Autoscalers lists the HorizontalPodAutoscalers of a namespace by name.
func (c *Cluster) Autoscalers(ctx context.Context, ns string) ([]Autoscaler, error) {
	l, err := c.kube.AutoscalingV2().HorizontalPodAutoscalers(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", groupAutoscaling, "horizontalpodautoscalers", ns, ""), err)
	}
	var out []Autoscaler
	for i := range l.Items {
		h := &l.Items[i]
		out = append(out, Autoscaler{
			Meta: metaOf(h), TargetKind: h.Spec.ScaleTargetRef.Kind, TargetName: h.Spec.ScaleTargetRef.Name,
			Min: wanted(h.Spec.MinReplicas), Max: h.Spec.MaxReplicas, Current: h.Status.CurrentReplicas, Desired: h.Status.DesiredReplicas,
		})
	}
	return byName(out, func(a Autoscaler) Meta { return a.Meta }), nil
}
