package kube

import (
	"context"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SnapshotSpec is a snapshot to take of a claim.
type SnapshotSpec struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	Claim       string            `json:"claim"`
	Class       string            `json:"class,omitempty"` // empty: the default class of the driver
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// AccessCreateSnapshot is what CreateSnapshot needs.
func AccessCreateSnapshot(ns, name string) []Access {
	return []Access{access("create", groupSnapshot, "volumesnapshots", ns, name)}
}

// CommandCreateSnapshot is CreateSnapshot as a command line with the manifest below it.
func CommandCreateSnapshot(w Where, s SnapshotSpec) (string, error) {
	text, err := manifest(s.object())
	if err != nil {
		return "", err
	}
	return heredoc(w.kubectl(s.Namespace, "create", "-f", "-"), text), nil
}

// CreateSnapshot asks for a snapshot; its precondition is that there is none of the name (AlreadyExists). It answers the uid. The storage
// cuts the snapshot afterwards: Snapshot tells when.
func (h *Hands) CreateSnapshot(ctx context.Context, s SnapshotSpec) (string, error) {
	a := AccessCreateSnapshot(s.Namespace, s.Name)[0]
	if err := h.ready(a); err != nil {
		return "", err
	}
	made, err := h.snap.SnapshotV1().VolumeSnapshots(s.Namespace).Create(ctx, s.object(), metav1.CreateOptions{})
	if err != nil {
		return "", failed(a, err)
	}
	return string(made.UID), nil
}

func (s SnapshotSpec) object() *snapv1.VolumeSnapshot {
	o := &snapv1.VolumeSnapshot{
		TypeMeta:   metav1.TypeMeta{APIVersion: groupSnapshot + "/v1", Kind: "VolumeSnapshot"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels, Annotations: s.Annotations},
		Spec:       snapv1.VolumeSnapshotSpec{Source: snapv1.VolumeSnapshotSource{PersistentVolumeClaimName: &s.Claim}},
	}
	if s.Class != "" {
		o.Spec.VolumeSnapshotClassName = &s.Class
	}
	return o
}

// AccessDeleteSnapshot is what DeleteSnapshot needs.
func AccessDeleteSnapshot(ns, name string) []Access {
	return []Access{access("delete", groupSnapshot, "volumesnapshots", ns, name)}
}

// CommandDeleteSnapshot is DeleteSnapshot as a command line, which cannot carry the precondition.
func CommandDeleteSnapshot(w Where, ns, name string) string {
	return w.kubectl(ns, "delete", "volumesnapshot", name, "--wait=false")
}

// DeleteSnapshot deletes the snapshot if it still has this uid. What the storage keeps of it is decided by the deletion policy of its content.
func (h *Hands) DeleteSnapshot(ctx context.Context, ns, name, uid string) error {
	a := AccessDeleteSnapshot(ns, name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	return h.changed(ctx, a, failed(a, h.snap.SnapshotV1().VolumeSnapshots(ns).Delete(ctx, name, o)), test("/metadata/uid", uid))
}
