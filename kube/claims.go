package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Claim is a PersistentVolumeClaim. Request is what was asked for, Capacity what it has once bound.
type Claim struct {
	Meta
	Phase      string      `json:"phase"`            // Pending, Bound, Lost
	Class      string      `json:"class,omitempty"`  // storage class
	Volume     string      `json:"volume,omitempty"` // bound, or asked for
	Modes      []string    `json:"modes,omitempty"`  // such as ReadWriteOnce
	VolumeMode string      `json:"volumeMode,omitempty"`
	Request    Size        `json:"request"`
	Capacity   Size        `json:"capacity"`
	Source     *DataSource `json:"source,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// DataSource is what a claim is filled from, such as the VolumeSnapshot of that name in the claim's namespace.
type DataSource struct {
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
}

// Claims lists the claims of a namespace by name.
func (c *Cluster) Claims(ctx context.Context, ns string) ([]Claim, error) {
	l, err := c.kube.CoreV1().PersistentVolumeClaims(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", "", "persistentvolumeclaims", ns, ""), err)
	}
	var out []Claim
	for i := range l.Items {
		out = append(out, claimOf(&l.Items[i]))
	}
	return byName(out, func(x Claim) Meta { return x.Meta }), nil
}

// Claim looks up one claim.
func (c *Cluster) Claim(ctx context.Context, ns, name string) (Claim, bool, error) {
	p, err := c.kube.CoreV1().PersistentVolumeClaims(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "persistentvolumeclaims", ns, name), p, err, claimOf)
}

func claimOf(p *corev1.PersistentVolumeClaim) Claim {
	out := Claim{
		Meta: metaOf(p), Phase: string(p.Status.Phase), Class: deref(p.Spec.StorageClassName), Volume: p.Spec.VolumeName,
		Modes: modesOf(p.Spec.AccessModes), VolumeMode: string(deref(p.Spec.VolumeMode)),
		Request: sizeOf(p.Spec.Resources.Requests[corev1.ResourceStorage]), Capacity: sizeOf(p.Status.Capacity[corev1.ResourceStorage]),
	}
	if r := p.Spec.DataSourceRef; r != nil {
		out.Source = &DataSource{Group: deref(r.APIGroup), Kind: r.Kind, Name: r.Name}
	} else if s := p.Spec.DataSource; s != nil {
		out.Source = &DataSource{Group: deref(s.APIGroup), Kind: s.Kind, Name: s.Name}
	}
	for _, k := range p.Status.Conditions {
		out.Conditions = append(out.Conditions, Condition{Type: string(k.Type), Status: string(k.Status), Reason: k.Reason,
			Message: clean(k.Message, maxSeen), Since: k.LastTransitionTime.UTC()})
	}
	return out
}

func modesOf(modes []corev1.PersistentVolumeAccessMode) []string {
	var out []string
	for _, m := range modes {
		out = append(out, string(m))
	}
	return out
}

// found turns the answer about one object into (value, found, error).
func found[O, T any](a Access, o O, err error, convert func(O) T) (T, bool, error) {
	var zero T
	switch {
	case apierrors.IsNotFound(err):
		return zero, false, nil
	case err != nil:
		return zero, false, failed(a, err)
	}
	return convert(o), true, nil
}
