package kube

import (
	"context"
	"time"

	coordv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// LeaseName is the Lease of a node, in the node's namespace. It is the same for every node and every path: a name made of what a run
// has found out could differ between two runs on one node, and then both would hold one.
const LeaseName = "svrescue"

// Lease is an object by which one holder keeps others away for as long as it is renewed. The times are those of the holder's
// clock; nobody else may conclude anything from their age.
type Lease struct {
	Meta
	Holder      string        `json:"holder,omitempty"` // empty: nobody holds it
	Acquired    time.Time     `json:"acquired,omitzero"`
	Renewed     time.Time     `json:"renewed,omitzero"`
	Duration    time.Duration `json:"duration,omitempty"` // how long it holds without being renewed; whole seconds
	Transitions int32         `json:"transitions,omitempty"`
}

// AccessLease is what holding the Lease of the node in a namespace needs.
func AccessLease(ns string) []Access {
	return []Access{
		access("get", groupLease, "leases", ns, LeaseName),
		access("create", groupLease, "leases", ns, LeaseName),
		access("update", groupLease, "leases", ns, LeaseName),
	}
}

// CommandLease shows the Lease of the node in a namespace.
func CommandLease(w Where, ns string) string {
	return w.kubectl(ns, "get", "lease", LeaseName, "-o", "yaml")
}

// Lease reads the Lease of the node in a namespace.
func (c *Cluster) Lease(ctx context.Context, ns string) (Lease, bool, error) {
	l, err := c.kube.CoordinationV1().Leases(ns).Get(ctx, LeaseName, metav1.GetOptions{})
	return found(AccessLease(ns)[0], l, err, leaseOf)
}

// CreateLease makes the Lease; its precondition is that there is none (AlreadyExists). It answers the Lease as it is now.
func (h *Hands) CreateLease(ctx context.Context, l Lease) (Lease, error) {
	a := AccessLease(l.Namespace)[1]
	if err := h.ready(a); err != nil {
		return Lease{}, err
	}
	o := l.object()
	o.UID, o.ResourceVersion = "", ""
	made, err := h.kube.CoordinationV1().Leases(l.Namespace).Create(ctx, o, metav1.CreateOptions{})
	if err != nil {
		return Lease{}, failed(a, err)
	}
	return leaseOf(made), nil
}

// UpdateLease puts a Lease in the place of the one that has its uid and its version; one that anybody has written since is a
// Conflict. An empty Holder releases it.
func (h *Hands) UpdateLease(ctx context.Context, l Lease) (Lease, error) {
	a := AccessLease(l.Namespace)[2]
	if err := h.ready(a); err != nil {
		return Lease{}, err
	}
	if l.UID == "" || l.ResourceVersion == "" {
		return Lease{}, &Error{Kind: Invalid, Tried: a.sentence(), Seen: "no uid and version to hold the server to", Access: &a,
			Next: "report this as a defect of the program; nothing was sent"}
	}
	made, err := h.kube.CoordinationV1().Leases(l.Namespace).Update(ctx, l.object(), metav1.UpdateOptions{})
	if err != nil {
		return Lease{}, failed(a, err)
	}
	return leaseOf(made), nil
}

func leaseOf(l *coordv1.Lease) Lease {
	out := Lease{Meta: metaOf(l), Holder: deref(l.Spec.HolderIdentity), Transitions: deref(l.Spec.LeaseTransitions),
		Duration: time.Duration(deref(l.Spec.LeaseDurationSeconds)) * time.Second}
	if t := l.Spec.AcquireTime; t != nil {
		out.Acquired = t.UTC()
	}
	if t := l.Spec.RenewTime; t != nil {
		out.Renewed = t.UTC()
	}
	return out
}

func (l Lease) object() *coordv1.Lease {
	seconds := int32(l.Duration / time.Second)
	o := &coordv1.Lease{
		TypeMeta: metav1.TypeMeta{APIVersion: groupLease + "/v1", Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: LeaseName, Labels: l.Labels, Annotations: l.Annotations,
			Finalizers: l.Finalizers, UID: types.UID(l.UID), ResourceVersion: l.ResourceVersion},
		Spec: coordv1.LeaseSpec{HolderIdentity: &l.Holder, LeaseTransitions: &l.Transitions},
	}
	if seconds > 0 {
		o.Spec.LeaseDurationSeconds = &seconds
	}
	if !l.Acquired.IsZero() {
		t := metav1.NewMicroTime(l.Acquired)
		o.Spec.AcquireTime = &t
	}
	if !l.Renewed.IsZero() {
		t := metav1.NewMicroTime(l.Renewed)
		o.Spec.RenewTime = &t
	}
	return o
}
