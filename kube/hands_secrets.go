package kube

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/internal/secret"
)

// SecretSpec is a Secret to create. Its values have no printed form, and stand in no command and no error.
type SecretSpec struct {
	Namespace   string                   `json:"namespace"`
	Name        string                   `json:"name"`
	Labels      map[string]string        `json:"labels,omitempty"`
	Annotations map[string]string        `json:"annotations,omitempty"`
	Data        map[string]secret.String `json:"-"`
}

// AccessCreateSecret is what CreateSecret needs.
func AccessCreateSecret(ns, name string) []Access {
	return []Access{access("create", "", "secrets", ns, name)}
}

// AccessDeleteSecret is what DeleteSecret needs.
func AccessDeleteSecret(ns, name string) []Access {
	return []Access{access("delete", "", "secrets", ns, name)}
}

// CommandSecretFiles is CreateSecret as a command line, for values that lie in files: keys to paths. No value is in it.
func CommandSecretFiles(w Where, ns, name string, files map[string]string) string {
	line := w.kubectl(ns, "create", "secret", "generic", name)
	for _, key := range slices.Sorted(maps.Keys(files)) {
		line += " --from-file=" + quote(key) + "=" + quote(files[key])
	}
	return line
}

// CommandDeleteSecret is DeleteSecret as a command line, which cannot carry the precondition.
func CommandDeleteSecret(w Where, ns, name string) string {
	return w.kubectl(ns, "delete", "secret", name)
}

// CreateSecret creates a Secret of no particular type. Its precondition is that there is none of the name (AlreadyExists): what is there is
// never overwritten, whoever made it.
func (h *Hands) CreateSecret(ctx context.Context, s SecretSpec) error {
	a := AccessCreateSecret(s.Namespace, s.Name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels, Annotations: s.Annotations},
		Type:       corev1.SecretTypeOpaque, Data: map[string][]byte{},
	}
	for key, value := range s.Data {
		o.Data[key] = []byte(value.Reveal())
	}
	_, err := h.kube.CoreV1().Secrets(s.Namespace).Create(ctx, o, metav1.CreateOptions{})
	return failed(a, err)
}

// DeleteSecret deletes the Secret if it still has this uid. One that is gone is no error.
func (h *Hands) DeleteSecret(ctx context.Context, ns, name, uid string) error {
	a := AccessDeleteSecret(ns, name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	err = h.changed(ctx, a, failed(a, h.kube.CoreV1().Secrets(ns).Delete(ctx, name, o)), test("/metadata/uid", uid))
	if KindOf(err) == NotFound {
		return nil
	}
	return err
}

// SecretMatch says what a Secret is marked with, and whether one of its values has a known SHA-256; the value is read and thrown away.
type SecretMatch struct {
	Meta
	Has  bool // the key is there
	Same bool // and its value has the sum
}

// SecretMatches compares a value of a Secret with its SHA-256 in hex.
func (c *Cluster) SecretMatches(ctx context.Context, ns, name, key, sum string) (SecretMatch, bool, error) {
	s, err := c.kube.CoreV1().Secrets(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "secrets", ns, name), s, err, func(s *corev1.Secret) SecretMatch {
		value, has := s.Data[key]
		have := sha256.Sum256(value)
		return SecretMatch{Meta: metaOf(s), Has: has, Same: has && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(have[:])), []byte(sum)) == 1}
	})
}
