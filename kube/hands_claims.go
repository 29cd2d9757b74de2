package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// ClaimSpec is a claim to create. It is filled from Snapshot, or bound to the existing Volume, or, with neither, empty; both
// together are refused. No finalizers and owners are taken over from a former claim of the name.
type ClaimSpec struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Class       string            `json:"class,omitempty"`      // empty: the default class
	NoClass     bool              `json:"noClass,omitempty"`    // ask for no class at all, to bind a volume without one
	Modes       []string          `json:"modes,omitempty"`      // empty: ReadWriteOnce
	VolumeMode  string            `json:"volumeMode,omitempty"` // empty: Filesystem
	Size        string            `json:"size"`                 // such as "20Gi"
	Snapshot    string            `json:"snapshot,omitempty"`   // a VolumeSnapshot of the same namespace
	Volume      string            `json:"volume,omitempty"`     // a PersistentVolume that is available or kept for this claim
}

// AccessDeleteClaim is what DeleteClaim needs.
func AccessDeleteClaim(ns, name string) []Access {
	return []Access{access("delete", "", "persistentvolumeclaims", ns, name)}
}

// CommandDeleteClaim is DeleteClaim as a command line, which cannot carry the precondition.
func CommandDeleteClaim(w Where, ns, name string) string {
	return w.kubectl(ns, "delete", "persistentvolumeclaim", name, "--wait=false")
}

// DeleteClaim deletes the claim if it still has this uid. What becomes of the data is decided by the volume's reclaim policy. The claim
// stays, marked, while a pod uses it.
func (h *Hands) DeleteClaim(ctx context.Context, ns, name, uid string) error {
	a := AccessDeleteClaim(ns, name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	return h.changed(ctx, a, failed(a, h.kube.CoreV1().PersistentVolumeClaims(ns).Delete(ctx, name, o)), test("/metadata/uid", uid))
}

// AccessCreateClaim is what CreateClaim needs.
func AccessCreateClaim(ns, name string) []Access {
	return []Access{access("create", "", "persistentvolumeclaims", ns, name)}
}

// CommandCreateClaim is CreateClaim as a command line with the manifest below it.
func CommandCreateClaim(w Where, s ClaimSpec) (string, error) {
	p, err := s.object()
	if err != nil {
		return "", err
	}
	text, err := manifest(p)
	if err != nil {
		return "", err
	}
	return heredoc(w.kubectl(s.Namespace, "create", "-f", "-"), text), nil
}

// CreateClaim creates a claim; its precondition is that there is none of the name (AlreadyExists). It answers the uid of the new claim.
func (h *Hands) CreateClaim(ctx context.Context, s ClaimSpec) (string, error) {
	a := AccessCreateClaim(s.Namespace, s.Name)[0]
	if err := h.ready(a); err != nil {
		return "", err
	}
	p, err := s.object()
	if err != nil {
		return "", err
	}
	made, err := h.kube.CoreV1().PersistentVolumeClaims(s.Namespace).Create(ctx, p, metav1.CreateOptions{})
	if err != nil {
		return "", failed(a, err)
	}
	return string(made.UID), nil
}

func (s ClaimSpec) object() (*corev1.PersistentVolumeClaim, error) {
	bad := func(seen string) error {
		a := AccessCreateClaim(s.Namespace, s.Name)[0]
		return &Error{Kind: Invalid, Tried: a.sentence(), Seen: seen, Next: "correct the claim", Access: &a}
	}
	size, err := resource.ParseQuantity(s.Size)
	switch {
	case err != nil || size.Sign() <= 0:
		return nil, bad(fmt.Sprintf("a size of %q", s.Size))
	case s.Snapshot != "" && s.Volume != "":
		return nil, bad("a snapshot and a volume for one claim")
	}
	p := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels, Annotations: s.Annotations},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: s.Volume,
			Resources:  corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
		},
	}
	for _, m := range s.Modes {
		p.Spec.AccessModes = append(p.Spec.AccessModes, corev1.PersistentVolumeAccessMode(m))
	}
	if len(s.Modes) == 0 {
		p.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	}
	if s.Class != "" || s.NoClass {
		p.Spec.StorageClassName = &s.Class
	}
	if s.VolumeMode != "" {
		m := corev1.PersistentVolumeMode(s.VolumeMode)
		p.Spec.VolumeMode = &m
	}
	if s.Snapshot != "" {
		group := groupSnapshot
		p.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: s.Snapshot}
	}
	return p, nil
}

// manifest is an object as a person would write it: YAML without the fields that only a server fills.
func manifest(o any) (string, error) {
	b, err := yaml.Marshal(o)
	if err != nil {
		return "", err
	}
	var m map[string]any
	if err := yaml.Unmarshal(b, &m); err != nil {
		return "", err
	}
	delete(m, "status")
	if meta, ok := m["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	b, err = yaml.Marshal(m)
	return string(b), err
}
