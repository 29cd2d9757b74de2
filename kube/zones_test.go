package kube

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestZonesOfAVolume(t *testing.T) {
	in := func(key string, values ...string) *corev1.VolumeNodeAffinity {
		return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
			{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}}}}}}
	}
	for _, c := range []struct {
		name     string
		affinity *corev1.VolumeNodeAffinity
		want     []string
	}{
		{"none", nil, nil},
		{"standard label", in("topology.kubernetes.io/zone", "b", "a", "b"), []string{"a", "b"}},
		{"former label", in("failure-domain.beta.kubernetes.io/zone", "a"), []string{"a"}},
		{"label of a driver", in("topology.gke.io/zone", "europe-west6-a"), []string{"europe-west6-a"}},
		{"a node, not a zone", in("kubernetes.io/hostname", "node-1"), nil},
	} {
		if got := zonesOf(c.affinity); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
