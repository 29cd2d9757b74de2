package action

import (
	"testing"

	"canton.example/svrescue/kube"
)

// A workload has settled only when what is ready is what is wanted now.
func TestSettled(t *testing.T) {
	now := kube.Workload{Kind: kube.Deployment, Meta: kube.Meta{Generation: 2}, ObservedGeneration: 2, Replicas: 1, Current: 1, Updated: 1, Ready: 1}
	for name, c := range map[string]struct {
		change func(*kube.Workload)
		want   bool
	}{
		"all of it":                         {func(*kube.Workload) {}, true},
		"the controller has not looked":     {func(w *kube.Workload) { w.ObservedGeneration = 1 }, false},
		"the old pod is ready":              {func(w *kube.Workload) { w.Updated = 0 }, false},
		"the new pod is not ready":          {func(w *kube.Workload) { w.Ready = 0 }, false},
		"another one is there beside it":    {func(w *kube.Workload) { w.Current = 2 }, false},
		"a StatefulSet that keeps its pods": {func(w *kube.Workload) { w.Kind, w.Updated = kube.StatefulSet, 0 }, true},
	} {
		w := now
		c.change(&w)
		if got := settled(w, 1); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
