//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// TestNodeFixture proves the node that the other tests rely on: it comes up, damage really brings it down, and a
// restore by hand, with nothing of the product, brings back exactly what was backed up.
func TestNodeFixture(t *testing.T) {
	t.Parallel()
	cluster := rig.Start(t)
	ctx := within(t, 8*time.Minute)
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "fixture")})
	took := stopwatch(t)
	must(t, n.Create(ctx))
	took("created")
	must(t, n.WaitReady(ctx))
	took("ready")

	run := node.RunID()
	must(t, n.Backup(ctx, run))
	saved, err := n.Fingerprint(ctx)
	must(t, err)
	took("backed up")
	must(t, n.Grow(ctx))
	grown, err := n.Fingerprint(ctx)
	must(t, err)
	if differ := grown.CompareWith(saved); len(differ) < len(n.Databases)+1 {
		t.Errorf("only %d of %d parts differ after the node went on: %v", len(differ), len(saved), differ)
	}
	must(t, n.Damage(ctx))
	took("damaged")

	restoreByHand(t, ctx, cluster, n, run)
	took("restored")
	must(t, n.WaitReady(ctx))
	took("ready again")
	back, err := n.Fingerprint(ctx)
	must(t, err)
	for _, d := range back.CompareWith(saved) {
		t.Error(d)
	}
}

// restoreByHand is what upstream's script does (deployment.md 8.3), volumes kept.
func restoreByHand(t *testing.T, ctx context.Context, cluster *rig.Cluster, n *node.Node, run string) {
	t.Helper()
	apps := cluster.Kube.AppsV1()
	scale := func(replicas int32) {
		patch := []byte(`{"spec":{"replicas":0}}`)
		if replicas == 1 {
			patch = []byte(`{"spec":{"replicas":1}}`)
		}
		for _, s := range node.Servers {
			_, err := apps.StatefulSets(n.Namespace).Patch(ctx, s, types.MergePatchType, patch, metav1.PatchOptions{})
			must(t, err)
		}
		for _, d := range n.Scaled() {
			_, err := apps.Deployments(n.Namespace).Patch(ctx, d, types.MergePatchType, patch, metav1.PatchOptions{})
			must(t, err)
		}
	}
	scale(0)
	must(t, rig.Poll(ctx, "pods are not gone", func(ctx context.Context) (bool, error) {
		pods, err := cluster.Kube.CoreV1().Pods(n.Namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(pods.Items) == len(n.Workloads())-len(n.Scaled()), err
	}))
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(n.Namespace)
	for _, name := range n.Claims() {
		old, err := claims.Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		retain := []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
		_, err = cluster.Kube.CoreV1().PersistentVolumes().Patch(ctx, old.Spec.VolumeName, types.MergePatchType, retain, metav1.PatchOptions{})
		must(t, err)
		must(t, claims.Delete(ctx, name, metav1.DeleteOptions{}))
		group := "snapshot.storage.k8s.io"
		fresh := &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: old.Labels}, Spec: old.Spec}
		fresh.Spec.VolumeName = ""
		fresh.Spec.DataSource = &v1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: name + "-" + run}
		fresh.Spec.DataSourceRef = nil
		must(t, rig.Poll(ctx, "claim "+name+" is not recreated", func(ctx context.Context) (bool, error) {
			_, err := claims.Create(ctx, fresh, metav1.CreateOptions{})
			return err == nil, err
		}))
	}
	scale(1)
}
