package kube

import (
	"context"
	"strconv"
	"time"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Snapshot is a VolumeSnapshot. Taken is when the storage cut it, which can be later than Created; it is nil until that has happened.
type Snapshot struct {
	Meta
	SourceClaim   string     `json:"sourceClaim,omitempty"`
	SourceContent string     `json:"sourceContent,omitempty"` // for one that was made from existing content
	Class         string     `json:"class,omitempty"`
	Content       string     `json:"content,omitempty"` // the VolumeSnapshotContent it is bound to
	Ready         bool       `json:"ready"`
	Taken         *time.Time `json:"taken,omitempty"`
	RestoreSize   Size       `json:"restoreSize"`
	Error         string     `json:"error,omitempty"`
}

// SnapshotContent is a VolumeSnapshotContent: the snapshot as the storage knows it.
type SnapshotContent struct {
	Meta
	Driver         string     `json:"driver"`
	DeletionPolicy string     `json:"deletionPolicy"` // Retain or Delete
	Class          string     `json:"class,omitempty"`
	Handle         string     `json:"handle,omitempty"`       // the driver's name of the snapshot
	VolumeHandle   string     `json:"volumeHandle,omitempty"` // the driver's name of the disk it was taken of
	Snapshot       ClaimRef   `json:"snapshot"`
	Ready          bool       `json:"ready"`
	Taken          *time.Time `json:"taken,omitempty"`
	RestoreSize    Size       `json:"restoreSize"`
	Error          string     `json:"error,omitempty"`
}

// SnapshotClass is a way of making snapshots.
type SnapshotClass struct {
	Meta
	Driver         string `json:"driver"`
	DeletionPolicy string `json:"deletionPolicy"`
	Default        bool   `json:"default"`
}

// Snapshots lists the snapshots of a namespace by name. Where the cluster has no VolumeSnapshot API the error is of kind NotFound.
func (c *Cluster) Snapshots(ctx context.Context, ns string) ([]Snapshot, error) {
	l, err := c.snap.SnapshotV1().VolumeSnapshots(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", groupSnapshot, "volumesnapshots", ns, ""), err)
	}
	var out []Snapshot
	for i := range l.Items {
		out = append(out, snapshotOf(&l.Items[i]))
	}
	return byName(out, func(s Snapshot) Meta { return s.Meta }), nil
}

// Snapshot looks up one snapshot.
func (c *Cluster) Snapshot(ctx context.Context, ns, name string) (Snapshot, bool, error) {
	s, err := c.snap.SnapshotV1().VolumeSnapshots(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", groupSnapshot, "volumesnapshots", ns, name), s, err, snapshotOf)
}

// SnapshotContents lists the snapshot contents of the cluster by name.
func (c *Cluster) SnapshotContents(ctx context.Context) ([]SnapshotContent, error) {
	l, err := c.snap.SnapshotV1().VolumeSnapshotContents().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", groupSnapshot, "volumesnapshotcontents", "", ""), err)
	}
	var out []SnapshotContent
	for i := range l.Items {
		out = append(out, contentOf(&l.Items[i]))
	}
	return byName(out, func(s SnapshotContent) Meta { return s.Meta }), nil
}

// SnapshotContent looks up one snapshot content.
func (c *Cluster) SnapshotContent(ctx context.Context, name string) (SnapshotContent, bool, error) {
	s, err := c.snap.SnapshotV1().VolumeSnapshotContents().Get(ctx, name, metav1.GetOptions{})
	return found(access("get", groupSnapshot, "volumesnapshotcontents", "", name), s, err, contentOf)
}

// SnapshotClasses lists the snapshot classes by name.
func (c *Cluster) SnapshotClasses(ctx context.Context) ([]SnapshotClass, error) {
	l, err := c.snap.SnapshotV1().VolumeSnapshotClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", groupSnapshot, "volumesnapshotclasses", "", ""), err)
	}
	var out []SnapshotClass
	for i := range l.Items {
		s := &l.Items[i]
		out = append(out, SnapshotClass{Meta: metaOf(s), Driver: s.Driver, DeletionPolicy: string(s.DeletionPolicy),
			Default: s.Annotations["snapshot.storage.kubernetes.io/is-default-class"] == "true"})
	}
	return byName(out, func(s SnapshotClass) Meta { return s.Meta }), nil
}

func snapshotOf(s *snapv1.VolumeSnapshot) Snapshot {
	out := Snapshot{
		Meta: metaOf(s), SourceClaim: deref(s.Spec.Source.PersistentVolumeClaimName),
		SourceContent: deref(s.Spec.Source.VolumeSnapshotContentName), Class: deref(s.Spec.VolumeSnapshotClassName),
	}
	if st := s.Status; st != nil {
		out.Content, out.Ready, out.Taken = deref(st.BoundVolumeSnapshotContentName), deref(st.ReadyToUse), when(st.CreationTime)
		if st.RestoreSize != nil {
			out.RestoreSize = sizeOf(*st.RestoreSize)
		}
		if st.Error != nil {
			out.Error = clean(deref(st.Error.Message), maxSeen)
		}
	}
	return out
}

func contentOf(s *snapv1.VolumeSnapshotContent) SnapshotContent {
	out := SnapshotContent{
		Meta: metaOf(s), Driver: s.Spec.Driver, DeletionPolicy: string(s.Spec.DeletionPolicy),
		Class: deref(s.Spec.VolumeSnapshotClassName), VolumeHandle: deref(s.Spec.Source.VolumeHandle), Handle: deref(s.Spec.Source.SnapshotHandle),
		Snapshot: ClaimRef{Namespace: s.Spec.VolumeSnapshotRef.Namespace, Name: s.Spec.VolumeSnapshotRef.Name, UID: string(s.Spec.VolumeSnapshotRef.UID)},
	}
	if st := s.Status; st != nil {
		out.Ready = deref(st.ReadyToUse)
		if st.SnapshotHandle != nil {
			out.Handle = *st.SnapshotHandle
		}
		if st.CreationTime != nil {
			t := time.Unix(0, *st.CreationTime).UTC()
			out.Taken = &t
		}
		if n := st.RestoreSize; n != nil {
			out.RestoreSize = Size{Bytes: *n, Text: strconv.FormatInt(*n, 10)}
		}
		if st.Error != nil {
			out.Error = clean(deref(st.Error.Message), maxSeen)
		}
	}
	return out
}
