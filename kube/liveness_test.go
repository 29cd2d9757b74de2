package kube

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestHowLongAProbeMustFail(t *testing.T) {
	for _, c := range []struct {
		probe *corev1.Probe
		want  time.Duration
	}{
		{nil, 0},
		{&corev1.Probe{}, 30 * time.Second},
		{&corev1.Probe{PeriodSeconds: 60, FailureThreshold: 5, InitialDelaySeconds: 600}, 5 * time.Minute},
		{&corev1.Probe{PeriodSeconds: 6}, 18 * time.Second},
	} {
		if got := livenessOf(corev1.Container{LivenessProbe: c.probe}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.probe, got, c.want)
		}
	}
}
