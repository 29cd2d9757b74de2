//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// TestRestoreHeadless restores a damaged node without a terminal: exit code 0 means that the data of the set is back,
// everything runs, and nothing was thrown away. GitOps, which would start the node again at once, is held meanwhile. It is done by
// somebody who may do what preflight asks for and nothing else: a permission that it forgets ends the restore half way.
func TestRestoreHeadless(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 10*time.Minute)
	took := stopwatch(t)
	s := disaster(t, ctx, node.Config{Namespace: "headless", SnapshotClass: "rig-sized", Replicas: map[string]int32{"wallet-web-ui": 2}, Lag: "5m"})
	took("disaster")
	gitops := s.gitops(t, ctx)
	o := newOperator(t, s.cluster, s.node.Namespace)
	rights := newRights(t, ctx, s.cluster, s.node.Namespace)
	full := o.kubeconfig
	o.kubeconfig = rights.kubeconfig
	// other nodes of this cluster can be seen, and their secrets not be compared
	answers := o.insisting(s.node, s.run, "restore/fence.remedy", "accept")
	var r result
	for range 4 { // what a right shows can need another
		r = o.run(ctx, "run", "restore", "--answers", answers)
		missing := o.missing()
		if r.code != exitRefused || len(missing) == 0 {
			break
		}
		t.Logf("%d permissions are missing: %s", len(missing), missing)
		rights.grant(t, ctx, missing)
	}
	o.kubeconfig = full
	took("restored")
	o.expect(r, exitDone, "run restore")
	s.expectRestored(t, ctx, o.runID())

	folder, ok := o.folder()
	if !ok {
		t.Fatal("the run left no journal")
	}
	for _, name := range []string{"report.md", "report.json"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	expectPrivate(t, folder)
	expectNoSecrets(t, folder, s)
	gitops.expectHeld(t, ctx)

	// the later run that gives the old volumes away
	kept := s.volumes
	s.look(t, ctx)
	s.expectReleased(t, ctx, o, kept)
	took("released")
}

// expectReleased gives the kept volumes away: they are gone afterwards with their data, and nothing else is.
func (s *scene) expectReleased(t *testing.T, ctx context.Context, o *operator, kept map[string]string) {
	t.Helper()
	volumes := s.cluster.Kube.CoreV1().PersistentVolumes()
	bystander := s.bystander(t, ctx)
	o.expect(o.run(ctx, "run", "release-old-volumes", "--answers", o.answers(s.node, "")), exitDone, "run release-old-volumes")
	for claim, name := range kept {
		if _, err := volumes.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("the old volume %s of %s is still there: %v", name, claim, err)
		}
	}
	if pv, err := volumes.Get(ctx, bystander, metav1.GetOptions{}); err != nil || pv.Status.Phase != v1.VolumeReleased {
		t.Errorf("a released volume that no restore has kept: %v", err)
	}
	now, err := boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	for claim, name := range s.volumes {
		if pv, err := volumes.Get(ctx, name, metav1.GetOptions{}); now[claim] != name || err != nil || pv.Status.Phase != v1.VolumeBound {
			t.Errorf("the volume %s that %s uses is not as it was: %v", name, claim, err)
		}
	}
	back, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range back.CompareWith(s.saved) {
		t.Error(d)
	}
}

// bystander makes a volume that is kept by somebody else: Retain, released, without the mark of a restore.
func (s *scene) bystander(t *testing.T, ctx context.Context) string {
	t.Helper()
	claims := s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace)
	class := "rig"
	claim, err := claims.Create(ctx, &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "bystander"}, Spec: v1.PersistentVolumeClaimSpec{
		AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce}, StorageClassName: &class,
		Resources: v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse("1Gi")}}}}, metav1.CreateOptions{})
	must(t, err)
	must(t, rig.Poll(ctx, "claim bystander is not bound", func(ctx context.Context) (bool, error) {
		claim, err = claims.Get(ctx, "bystander", metav1.GetOptions{})
		return err == nil && claim.Status.Phase == v1.ClaimBound, err
	}))
	volumes := s.cluster.Kube.CoreV1().PersistentVolumes()
	retain := []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`)
	_, err = volumes.Patch(ctx, claim.Spec.VolumeName, types.MergePatchType, retain, metav1.PatchOptions{})
	must(t, err)
	must(t, claims.Delete(ctx, "bystander", metav1.DeleteOptions{}))
	must(t, rig.Poll(ctx, "the bystander is not released", func(ctx context.Context) (bool, error) {
		pv, err := volumes.Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
		return err == nil && pv.Status.Phase == v1.VolumeReleased, err
	}))
	return claim.Spec.VolumeName
}
