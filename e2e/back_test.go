//go:build e2e

package e2e

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/node"
)

// TestTakeBack restores up to the point where the databases would start on the restored volumes, and then takes every
// step back: the node runs again on the data that it had before, on the volumes that it had. Afterwards it is restored
// after all, while the way to the API server is cut again and again.
func TestTakeBack(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	s := backedUp(t, ctx, node.Config{Namespace: "back"})
	had, err := s.node.Fingerprint(ctx)
	must(t, err)
	took("backed up")
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run, "restore/start-databases.confirm", "park"))
	o.expect(r, exitParked, "run restore, parked before the databases start")
	now, err := boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	for claim, old := range s.volumes {
		if now[claim] == old {
			t.Errorf("claim %s is still bound to its old volume %s", claim, old)
		}
	}
	took("parked")

	// back and forth within one run
	undone := o.runID()
	r = o.run(ctx, "resume", undone, "--answers", o.answers(s.node, s.run,
		"restore/start-databases.confirm", "undo", "restore/restore-volumes.confirm", "park"))
	o.expect(r, exitParked, "resume, and put the old volumes back")
	r = o.run(ctx, "resume", undone, "--answers", o.answers(s.node, s.run, "restore/start-databases.confirm", "park"))
	o.expect(r, exitParked, "resume, and restore the volumes after all")
	took("back and forth")

	r = o.run(ctx, "resume", undone, "--answers", o.answers(s.node, s.run,
		"restore/start-databases.confirm", "undo", "restore/restore-volumes.confirm", "undo", "restore/keep-old-volumes.confirm", "undo",
		"restore/scale-down.confirm", "abort"))
	o.expect(r, exitFailed, "resume, and take everything back")
	must(t, s.node.WaitReady(ctx))
	took("taken back")
	back, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range back.CompareWith(had) {
		t.Error(d)
	}
	now, err = boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	for claim, old := range s.volumes {
		if now[claim] != old {
			t.Errorf("claim %s is bound to %q, and not to its old volume %s", claim, now[claim], old)
			continue
		}
		pv, err := s.cluster.Kube.CoreV1().PersistentVolumes().Get(ctx, old, metav1.GetOptions{})
		must(t, err)
		if pv.Spec.PersistentVolumeReclaimPolicy != v1.PersistentVolumeReclaimDelete || pv.Annotations[keptBy] != "" {
			t.Errorf("volume %s of %s has policy %s and %s=%q, as if it were kept", old, claim,
				pv.Spec.PersistentVolumeReclaimPolicy, keptBy, pv.Annotations[keptBy])
		}
	}
	if t.Failed() {
		return
	}

	o = newOperator(t, s.cluster, s.node.Namespace)
	road := newRoad(t, s.cluster, o)
	r, err = o.runThroughOutages(ctx, road, 5*time.Second, killPoints, "run", "restore", "--answers", o.answers(s.node, s.run))
	took("restored with outages")
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, r, o.workerLog())
	}
	o.expect(r, exitDone, "run restore with outages")
	s.expectRestored(t, ctx, o.runID())
}
