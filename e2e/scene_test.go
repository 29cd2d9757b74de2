//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// scene is a node that was backed up, went on, and was then damaged: where a restore begins.
type scene struct {
	cluster *rig.Cluster
	node    *node.Node
	run     string           // the set to restore
	saved   node.Fingerprint // what the data was in it
	volumes map[string]string
	before  map[string]int32 // replicas of every workload
	stays   []string         // claims that the restore has no business with
}

// keptBy is the annotation on a volume that a restore has kept; its value is the run.
const keptBy = "svrescue/kept-by"

// disaster sets the scene.
func disaster(t *testing.T, ctx context.Context, c node.Config) *scene {
	t.Helper()
	s := backedUp(t, ctx, c)
	must(t, s.node.Damage(ctx))
	return s
}

// backedUp is the scene before anything is damaged: the node runs, on other data than the set has.
func backedUp(t *testing.T, ctx context.Context, c node.Config) *scene {
	t.Helper()
	s := stage(t, ctx, c)
	s.backUp(t, ctx)
	must(t, s.node.Grow(ctx))
	return s
}

// stage is a node that runs.
func stage(t *testing.T, ctx context.Context, c node.Config) *scene {
	t.Helper()
	s := &scene{cluster: rig.Start(t)}
	c.Namespace = s.cluster.Namespace(t, c.Namespace)
	s.node = node.New(s.cluster, c)
	volumes, err := s.node.CreateSmall(ctx)
	must(t, err)
	for claim, size := range c.Small {
		s.cluster.Shrink(t, volumes[claim], size)
	}
	must(t, s.node.Create(ctx))
	must(t, s.node.WaitReady(ctx))
	return s
}

// backUp takes a set and notes what is in it.
func (s *scene) backUp(t *testing.T, ctx context.Context) {
	t.Helper()
	s.run = node.RunID()
	must(t, s.node.Backup(ctx, s.run))
	var err error
	s.saved, err = s.node.Fingerprint(ctx)
	must(t, err)
	s.look(t, ctx)
}

// look notes the volumes and replicas, with which the end is compared.
func (s *scene) look(t *testing.T, ctx context.Context) {
	t.Helper()
	var err error
	s.volumes, err = boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	s.before, err = s.replicas(ctx)
	must(t, err)
}

// expectReady is what done means: every part of the node is ready. What the node runs without may follow.
func (s *scene) expectReady(t *testing.T, ctx context.Context) {
	t.Helper()
	missing, err := s.node.NotReady(ctx)
	must(t, err)
	beside := func(name string) bool { return name == "info" || strings.HasSuffix(name, "-web-ui") }
	if needed := slices.DeleteFunc(slices.Clone(missing), beside); len(needed) > 0 {
		t.Errorf("the run says done, and these are not ready: %v", needed)
	}
	if len(missing) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	must(t, rig.Poll(ctx, "what the node runs without does not become ready", func(ctx context.Context) (bool, error) {
		missing, err := s.node.NotReady(ctx)
		return len(missing) == 0, err
	}))
}

// expectRestored is the end that every restore must come to: the data of the set and nothing else, every pod ready,
// replica counts as they were, and the old volumes kept and marked with the run.
func (s *scene) expectRestored(t *testing.T, ctx context.Context, run string) {
	t.Helper()
	s.expectReady(t, ctx)
	back, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range back.CompareWith(s.saved) {
		t.Error(d)
	}
	after, err := s.replicas(ctx)
	must(t, err)
	for name, want := range s.before {
		if after[name] != want {
			t.Errorf("%s has %d replicas, had %d", name, after[name], want)
		}
	}
	now, err := boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	for claim, old := range s.volumes {
		if slices.Contains(s.stays, claim) {
			if now[claim] != old {
				t.Errorf("claim %s is bound to %s, and was to be left on %s", claim, now[claim], old)
			}
			continue
		}
		if now[claim] == old {
			t.Errorf("claim %s is still bound to its old volume %s", claim, old)
		}
		pv, err := s.cluster.Kube.CoreV1().PersistentVolumes().Get(ctx, old, metav1.GetOptions{})
		if err != nil {
			t.Errorf("the old volume of %s is gone: %v", claim, err)
			continue
		}
		if pv.Spec.PersistentVolumeReclaimPolicy != v1.PersistentVolumeReclaimRetain {
			t.Errorf("the old volume of %s has policy %s, want Retain", claim, pv.Spec.PersistentVolumeReclaimPolicy)
		}
		if by := pv.Annotations[keptBy]; by != run {
			t.Errorf("the old volume of %s has %s=%q, want %q", claim, keptBy, by, run)
		}
	}
	// what the restore has no business with
	if _, err := s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace).Get(ctx, "sv-app-global-domain-migration-pvc", metav1.GetOptions{}); err != nil {
		t.Errorf("the claim for migration dumps: %v", err)
	}
}

// replicas of every Deployment and StatefulSet.
func (s *scene) replicas(ctx context.Context) (map[string]int32, error) {
	m := map[string]int32{}
	sets, err := s.cluster.Kube.AppsV1().StatefulSets(s.node.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, w := range sets.Items {
		m[w.Name] = *w.Spec.Replicas
	}
	deployments, err := s.cluster.Kube.AppsV1().Deployments(s.node.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, w := range deployments.Items {
		m[w.Name] = *w.Spec.Replicas
	}
	return m, nil
}

// boundVolumes maps each data claim to its volume.
func boundVolumes(ctx context.Context, cluster *rig.Cluster, n *node.Node) (map[string]string, error) {
	claims, err := cluster.Kube.CoreV1().PersistentVolumeClaims(n.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, c := range claims.Items {
		if slices.Contains(n.Claims(), c.Name) {
			m[c.Name] = c.Spec.VolumeName
		}
	}
	if len(m) != len(n.Claims()) {
		return nil, fmt.Errorf("claims %v, want %v", m, n.Claims())
	}
	return m, nil
}
