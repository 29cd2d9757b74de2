package kube

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SecretShape is what a secret looks like without what is in it.
type SecretShape struct {
	Name string   `json:"name"`
	Type string   `json:"type,omitempty"`
	Keys []string `json:"keys,omitempty"`
}

// SecretShape looks up type and keys of a secret, keys sorted. The values are read and thrown away.
func (c *Cluster) SecretShape(ctx context.Context, ns, name string) (SecretShape, bool, error) {
	s, err := c.kube.CoreV1().Secrets(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "secrets", ns, name), s, err, func(s *corev1.Secret) SecretShape {
		return SecretShape{Name: name, Type: string(s.Type), Keys: slices.Sorted(maps.Keys(s.Data))}
	})
}

// CommandSecret is the skeleton of a command line that makes a secret with these keys. It holds no value: an ellipsis stands for each. Keys
// that are names of files are read from files.
func CommandSecret(w Where, ns, name, secretType string, keys []string) string {
	if secretType == string(corev1.SecretTypeDockerConfigJson) {
		return w.kubectl(ns, "create", "secret", "docker-registry", name) + " --docker-server=… --docker-username=… --docker-password=…"
	}
	line := w.kubectl(ns, "create", "secret", "generic", name)
	if secretType != "" && secretType != string(corev1.SecretTypeOpaque) {
		line += " --type=" + quote(secretType)
	}
	for _, k := range keys {
		if strings.Contains(k, ".") {
			line += " --from-file=" + quote(k) + "=…"
		} else {
			line += " --from-literal=" + quote(k) + "=…"
		}
	}
	return line
}
