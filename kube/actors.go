package kube

import (
	"context"
	"time"

	coordv1 "k8s.io/api/coordination/v1"
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

// Lease is a coordination Lease. Renewed is by the holder's clock: to judge whether it lives, watch whether it changes.
type Lease struct {
	Meta
	Holder      string        `json:"holder,omitempty"`
	Duration    time.Duration `json:"duration"` // nanoseconds
	Acquired    *time.Time    `json:"acquired,omitempty"`
	Renewed     *time.Time    `json:"renewed,omitempty"`
	Transitions int32         `json:"transitions"`
}

// Lease looks up one Lease.
func (c *Cluster) Lease(ctx context.Context, ns, name string) (Lease, bool, error) {
	l, err := c.kube.CoordinationV1().Leases(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", groupLease, "leases", ns, name), l, err, leaseOf)
}

func leaseOf(l *coordv1.Lease) Lease {
	return Lease{
		Meta: metaOf(l), Holder: deref(l.Spec.HolderIdentity), Duration: time.Duration(deref(l.Spec.LeaseDurationSeconds)) * time.Second,
		Acquired: micro(l.Spec.AcquireTime), Renewed: micro(l.Spec.RenewTime), Transitions: deref(l.Spec.LeaseTransitions),
	}
}

func micro(t *metav1.MicroTime) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}
