//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	snapshot "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// TestLostNode deletes the namespace of a node with everything in it, and restores the node into an empty one: from the record that
// svrescue made in peace, and from what the storage still has of its snapshots.
func TestLostNode(t *testing.T) {
	t.Parallel()
	lostNode(t, "lost", func(ctx context.Context, s *scene, o *operator) []string {
		record := filepath.Join(o.home, "record")
		o.expect(o.run(ctx, "record", record), exitDone, "record")
		o.expect(o.run(ctx, "record", "--check", record), exitDone, "record --check")
		expectPrivate(t, record)
		expectNoSecrets(t, record, s)
		return []string{"restore-lost/inventory.record", record}
	})
}

// TestLostNodeWithoutRecord is the same where nobody made a record: from saved values, and from charts. Helm, where it is on this machine,
// takes what was installed for releases of its own.
func TestLostNodeWithoutRecord(t *testing.T) {
	t.Parallel()
	s, o := lostNode(t, "lost-values", func(_ context.Context, s *scene, o *operator) []string {
		values, charts := filepath.Join(o.home, "values"), filepath.Join(o.home, "charts")
		must(t, s.node.Save(values, charts))
		return []string{"restore-lost/inventory.record", values, "restore-lost/inventory.charts", charts, "restore-lost/inventory.namespace", s.node.Namespace}
	})
	helm, err := exec.LookPath("helm")
	if err != nil {
		return
	}
	for _, verb := range [][]string{{"status", "sv"}, {"get", "values", "sv"}, {"upgrade", "sv", filepath.Join(o.home, "charts", "splice-sv-node"), "--reuse-values", "--dry-run=server"}} {
		out, err := exec.CommandContext(t.Context(), helm, append(verb, "-n", s.node.Namespace, "--kubeconfig", s.cluster.Kubeconfig)...).CombinedOutput()
		if err != nil {
			t.Errorf("helm %v: %v\n%s", verb, err, out)
		}
	}
}

// lostNode loses a node and restores it from what keep has kept of it; keep returns the answers that name it.
func lostNode(t *testing.T, namespace string, keep func(context.Context, *scene, *operator) []string) (*scene, *operator) {
	t.Helper()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	s := backedUp(t, ctx, node.Config{Namespace: namespace, SnapshotClass: "rig-sized"})
	took("backed up")
	o := newOperator(t, s.cluster, s.node.Namespace)
	kept := keep(ctx, s, o)

	handles := s.lose(t, ctx)
	took("lost")
	o.expect(o.run(ctx, "run", "restore-lost", "--answers", o.answers(s.node, s.run, kept...)), exitRefused, "run restore-lost without a namespace")
	s.prepare(t, ctx, handles)
	took("prepared")

	// what is left of the node cannot be compared with a validator of another test, which has neither its name nor its keys
	answers := o.insisting(s.node, s.run, "restore/fence.remedy", "accept", append(kept, "restore/fence.attest", word(s.node), "restore/prove-set.remedy", "accept", "restore/catch-up.remedy", "accept")...)
	o.expect(o.run(ctx, "run", "restore-lost", "--answers", answers), exitRefused, "run restore-lost without a key")
	must(t, s.node.Secrets(ctx))
	o.expect(o.run(ctx, "run", "restore-lost", "--answers", answers), exitDone, "run restore-lost")
	took("restored")

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
	folder, _ := o.folder()
	expectPrivate(t, folder)
	expectNoSecrets(t, folder, s)
	o.expect(o.run(ctx, "record", filepath.Join(o.home, "again")), exitDone, "record of the restored node")
	return s, o
}

// lose deletes the namespace. The storage keeps its snapshots; their names for it are returned, by the name of the snapshot.
func (s *scene) lose(t *testing.T, ctx context.Context) map[string]string {
	t.Helper()
	api := s.cluster.Snapshots.SnapshotV1()
	handles := map[string]string{}
	for _, claim := range s.node.Claims() {
		name := claim + "-" + s.run
		snap, err := api.VolumeSnapshots(s.node.Namespace).Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		content := *snap.Status.BoundVolumeSnapshotContentName
		_, err = api.VolumeSnapshotContents().Patch(ctx, content, types.MergePatchType, []byte(`{"spec":{"deletionPolicy":"Retain"}}`), metav1.PatchOptions{})
		must(t, err)
		c, err := api.VolumeSnapshotContents().Get(ctx, content, metav1.GetOptions{})
		must(t, err)
		handles[name] = *c.Status.SnapshotHandle
	}
	now := int64(0)
	core := s.cluster.Kube.CoreV1()
	must(t, core.Pods(s.node.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{}))
	must(t, core.Namespaces().Delete(ctx, s.node.Namespace, metav1.DeleteOptions{}))
	must(t, rig.Poll(ctx, "the namespace is not gone", func(ctx context.Context) (bool, error) {
		_, err := core.Namespaces().Get(ctx, s.node.Namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		// pods that their workloads have made anew in between
		_ = core.Pods(s.node.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
		return false, err
	}))
	return handles
}

// prepare is what an operator does by hand on another cluster: the namespace, its Secrets but for one, and the snapshots of the storage.
func (s *scene) prepare(t *testing.T, ctx context.Context, handles map[string]string) {
	t.Helper()
	core, api := s.cluster.Kube.CoreV1(), s.cluster.Snapshots.SnapshotV1()
	_, err := core.Namespaces().Create(ctx, &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.node.Namespace, Labels: map[string]string{"rig": "e2e"}}}, metav1.CreateOptions{})
	must(t, err)
	must(t, s.node.Secrets(ctx))
	must(t, core.Secrets(s.node.Namespace).Delete(ctx, "apps-pg-secret", metav1.DeleteOptions{}))
	contents, err := api.VolumeSnapshotContents().List(ctx, metav1.ListOptions{})
	must(t, err)
	for name, handle := range handles {
		for _, c := range contents.Items {
			if c.Spec.VolumeSnapshotRef.Namespace == s.node.Namespace && c.Spec.VolumeSnapshotRef.Name == name { // of the lost namespace; its policy is Retain
				if err := api.VolumeSnapshotContents().Delete(ctx, c.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					t.Fatal(err)
				}
			}
		}
		content, class := s.node.Namespace+"-"+name, s.node.SnapshotClass
		_, err := api.VolumeSnapshotContents().Create(ctx, &snapshot.VolumeSnapshotContent{ObjectMeta: metav1.ObjectMeta{Name: content},
			Spec: snapshot.VolumeSnapshotContentSpec{DeletionPolicy: snapshot.VolumeSnapshotContentDelete, Driver: "csi.rig.local", VolumeSnapshotClassName: &class,
				Source:            snapshot.VolumeSnapshotContentSource{SnapshotHandle: &handle},
				VolumeSnapshotRef: v1.ObjectReference{Namespace: s.node.Namespace, Name: name}}}, metav1.CreateOptions{})
		must(t, err)
		_, err = api.VolumeSnapshots(s.node.Namespace).Create(ctx, &snapshot.VolumeSnapshot{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: snapshot.VolumeSnapshotSpec{VolumeSnapshotClassName: &class, Source: snapshot.VolumeSnapshotSource{VolumeSnapshotContentName: &content}}}, metav1.CreateOptions{})
		must(t, err)
	}
	must(t, rig.Poll(ctx, "the snapshots are not ready", func(ctx context.Context) (bool, error) {
		for name := range handles {
			got, err := api.VolumeSnapshots(s.node.Namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil || got.Status == nil || got.Status.ReadyToUse == nil || !*got.Status.ReadyToUse {
				return false, err
			}
		}
		return true, nil
	}))
}
