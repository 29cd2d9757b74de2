package kube

import (
	"context"
	"maps"
	"regexp"
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

// confidential are the parts of a key's name that speak of a value that must not stand in a command line: the shell keeps those.
var confidential = regexp.MustCompile(`(?i)private|passw|secret|token|seed`)

// CommandSecret is the skeleton of a command line that makes a secret with these keys. It holds no value: an ellipsis stands for each. Keys
// that are names of files, and those of confidential values, are read from files.
func CommandSecret(w Where, ns, name, secretType string, keys []string) string {
	line := w.kubectl(ns, "create", "secret", "generic", name)
	if secretType != "" && secretType != string(corev1.SecretTypeOpaque) {
		line += " --type=" + quote(secretType)
	}
	if secretType == string(corev1.SecretTypeDockerConfigJson) {
		keys = []string{corev1.DockerConfigJsonKey}
	}
	note := ""
	for _, k := range keys {
		switch {
		case strings.Contains(k, "."):
			line += " --from-file=" + quote(k) + "=…"
		case confidential.MatchString(k):
			line += " --from-file=" + quote(k) + "=…"
			note = "  # a file of one value, without a newline at its end"
		default:
			line += " --from-literal=" + quote(k) + "=…"
		}
	}
	return line + note
}
