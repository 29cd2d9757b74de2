package kube

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The reclaim policies of a volume that matter here: what happens to the data when its claim is deleted.
const (
	Retain = "Retain"
	Delete = "Delete"
)

// Volume is a PersistentVolume.
type Volume struct {
	Meta
	Phase         string    `json:"phase"` // Available, Bound, Released, Failed, Pending
	Reason        string    `json:"reason,omitempty"`
	Message       string    `json:"message,omitempty"`
	Class         string    `json:"class,omitempty"`
	ReclaimPolicy string    `json:"reclaimPolicy"` // Retain or Delete
	Capacity      Size      `json:"capacity"`
	Modes         []string  `json:"modes,omitempty"`
	VolumeMode    string    `json:"volumeMode,omitempty"`
	Claim         *ClaimRef `json:"claim,omitempty"`
	Driver        string    `json:"driver,omitempty"` // CSI driver
	Handle        string    `json:"handle,omitempty"` // the driver's name of the disk
	// Zones are the zones from which the volume can be reached, as its node affinity says; empty: from all.
	Zones []string `json:"zones,omitempty"`
}

// ClaimRef is the claim a volume is bound to, was bound to (phase Released), or is kept for (no UID).
type ClaimRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`
}

// StorageClass is a way of making volumes.
type StorageClass struct {
	Meta
	Provisioner   string `json:"provisioner"`
	ReclaimPolicy string `json:"reclaimPolicy"`
	BindingMode   string `json:"bindingMode"` // Immediate or WaitForFirstConsumer
	Expandable    bool   `json:"expandable"`
	Default       bool   `json:"default"`
}

// Volumes lists the volumes of the cluster by name.
func (c *Cluster) Volumes(ctx context.Context) ([]Volume, error) {
	l, err := c.kube.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", "", "persistentvolumes", "", ""), err)
	}
	var out []Volume
	for i := range l.Items {
		out = append(out, volumeOf(&l.Items[i]))
	}
	return byName(out, func(v Volume) Meta { return v.Meta }), nil
}

// Volume looks up one volume.
func (c *Cluster) Volume(ctx context.Context, name string) (Volume, bool, error) {
	v, err := c.kube.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "persistentvolumes", "", name), v, err, volumeOf)
}

func volumeOf(v *corev1.PersistentVolume) Volume {
	out := Volume{
		Meta: metaOf(v), Phase: string(v.Status.Phase), Reason: v.Status.Reason, Message: clean(v.Status.Message, maxSeen),
		Class: v.Spec.StorageClassName, ReclaimPolicy: string(v.Spec.PersistentVolumeReclaimPolicy),
		Capacity: sizeOf(v.Spec.Capacity[corev1.ResourceStorage]), Modes: modesOf(v.Spec.AccessModes),
		VolumeMode: string(deref(v.Spec.VolumeMode)),
	}
	if r := v.Spec.ClaimRef; r != nil {
		out.Claim = &ClaimRef{Namespace: r.Namespace, Name: r.Name, UID: string(r.UID)}
	}
	if s := v.Spec.CSI; s != nil {
		out.Driver, out.Handle = s.Driver, s.VolumeHandle
	}
	out.Zones = zonesOf(v.Spec.NodeAffinity)
	return out
}

// isZoneKey says whether a label of a node names its zone: the standard one, the one before it, and those of CSI drivers.
func isZoneKey(key string) bool {
	return key == corev1.LabelTopologyZone || key == corev1.LabelFailureDomainBetaZone ||
		strings.HasPrefix(key, "topology.") && strings.HasSuffix(key, "/zone")
}

func zonesOf(a *corev1.VolumeNodeAffinity) []string {
	if a == nil || a.Required == nil {
		return nil
	}
	var zones []string
	for _, term := range a.Required.NodeSelectorTerms {
		for _, e := range term.MatchExpressions {
			if e.Operator == corev1.NodeSelectorOpIn && isZoneKey(e.Key) {
				zones = append(zones, e.Values...)
			}
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// StorageClasses lists the storage classes by name.
func (c *Cluster) StorageClasses(ctx context.Context) ([]StorageClass, error) {
	l, err := c.kube.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, failed(access("list", groupStorage, "storageclasses", "", ""), err)
	}
	var out []StorageClass
	for i := range l.Items {
		s := &l.Items[i]
		k := StorageClass{
			Meta: metaOf(s), Provisioner: s.Provisioner, ReclaimPolicy: Delete, BindingMode: string(storagev1.VolumeBindingImmediate),
			Expandable: deref(s.AllowVolumeExpansion), Default: s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true",
		}
		if s.ReclaimPolicy != nil {
			k.ReclaimPolicy = string(*s.ReclaimPolicy)
		}
		if s.VolumeBindingMode != nil {
			k.BindingMode = string(*s.VolumeBindingMode)
		}
		out = append(out, k)
	}
	return byName(out, func(s StorageClass) Meta { return s.Meta }), nil
}
