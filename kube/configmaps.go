package kube

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ConfigMap is one with its texts; what is binary in it is left out. It is no place for a secret.
type ConfigMap struct {
	Meta
	Data map[string]string `json:"data,omitempty"`
}

func configMapOf(m *corev1.ConfigMap) ConfigMap {
	return ConfigMap{Meta: metaOf(m), Data: maps.Clone(m.Data)}
}

// AccessConfigMap is what reading one needs.
func AccessConfigMap(ns, name string) []Access {
	return []Access{access("get", "", "configmaps", ns, name)}
}

// ConfigMap looks up one by its name.
func (c *Cluster) ConfigMap(ctx context.Context, ns, name string) (ConfigMap, bool, error) {
	m, err := c.kube.CoreV1().ConfigMaps(ns).Get(ctx, name, metav1.GetOptions{})
	return found(AccessConfigMap(ns, name)[0], m, err, configMapOf)
}

// AccessKeepConfigMap is what CreateConfigMap and UpdateConfigMap need.
func AccessKeepConfigMap(ns, name string) []Access {
	return []Access{access("get", "", "configmaps", ns, name), access("create", "", "configmaps", ns, name), access("update", "", "configmaps", ns, name)}
}

// CommandCreateConfigMap is CreateConfigMap as a command line with the manifest below it. It fails where there is one of the name.
func CommandCreateConfigMap(w Where, m ConfigMap) (string, error) {
	text, err := manifest(m.object())
	if err != nil {
		return "", err
	}
	return heredoc(w.kubectl(m.Namespace, "create", "-f", "-"), text), nil
}

// CreateConfigMap makes one with this namespace, name, labels and data. Its precondition is that there is none of the name (AlreadyExists).
func (h *Hands) CreateConfigMap(ctx context.Context, m ConfigMap) (ConfigMap, error) {
	a := access("create", "", "configmaps", m.Namespace, m.Name)
	if err := h.ready(a); err != nil {
		return ConfigMap{}, err
	}
	made, err := h.kube.CoreV1().ConfigMaps(m.Namespace).Create(ctx, m.object(), metav1.CreateOptions{})
	if err != nil {
		return ConfigMap{}, failed(a, err)
	}
	return configMapOf(made), nil
}

// UpdateConfigMap gives the one that was read other data; what else it has stays. Its precondition is that nobody has changed it since: it has the
// same uid and version (Conflict).
func (h *Hands) UpdateConfigMap(ctx context.Context, was ConfigMap, data map[string]string) (ConfigMap, error) {
	a := access("update", "", "configmaps", was.Namespace, was.Name)
	if err := h.ready(a); err != nil {
		return ConfigMap{}, err
	}
	if was.UID == "" || was.ResourceVersion == "" {
		return ConfigMap{}, &Error{Kind: Invalid, Tried: a.sentence(), Seen: "no uid or no version", Next: "report this as a defect of the program", Access: &a}
	}
	client := h.kube.CoreV1().ConfigMaps(was.Namespace)
	now, err := client.Get(ctx, was.Name, metav1.GetOptions{})
	if err != nil {
		return ConfigMap{}, failed(a, err)
	}
	// The server compares both with what it has when it writes; what was read just now only keeps what else is in the object.
	now.UID, now.ResourceVersion, now.Data = types.UID(was.UID), was.ResourceVersion, data
	made, err := client.Update(ctx, now, metav1.UpdateOptions{})
	if err != nil {
		return ConfigMap{}, h.changed(ctx, a, failed(a, err), test("/metadata/uid", was.UID), test("/metadata/resourceVersion", was.ResourceVersion))
	}
	return configMapOf(made), nil
}

func (m ConfigMap) object() *corev1.ConfigMap {
	return &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, Labels: m.Labels}, Data: m.Data}
}
