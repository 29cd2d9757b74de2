//go:build e2e

package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	snapshot "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
)

// RunID is a new one: unix seconds, as upstream's scripts take it (deployment.md 8.3).
func RunID() string { return fmt.Sprint(time.Now().Unix()) }

// Backup takes a set as upstream's script does (deployment.md 8.3): VolumeSnapshots "<claim>-<run ID>" with annotation
// migrationId; apps, mediator, sequencer and CometBFT first, the participant only after the apps are ready. The
// participant's creation time is at least a second later, because the API keeps no finer time.
func (n *Node) Backup(ctx context.Context, runID string) error {
	claims := n.Claims()
	last := len(claims) - 1
	var jobs []func() error
	for _, claim := range claims[:last] {
		jobs = append(jobs, func() error { return n.snapshot(ctx, claim, runID) })
	}
	if err := together(jobs); err != nil {
		return err
	}
	done := time.Now()
	next := done.Truncate(time.Second).Add(time.Second)
	err := rig.Poll(ctx, "the next second", func(context.Context) (bool, error) { return time.Now().After(next), nil })
	if err != nil {
		return err
	}
	return n.snapshot(ctx, claims[last], runID)
}

// BackupReversed takes a set in the wrong order: the participant first, then more data, then the apps. It restores and
// comes up without any error; only the offsets tell (backups.md 1).
func (n *Node) BackupReversed(ctx context.Context, runID string) error {
	claims := n.Claims()
	slices.Reverse(claims)
	for i, claim := range claims {
		if i == 1 {
			if err := n.Grow(ctx); err != nil {
				return err
			}
		}
		if err := n.snapshot(ctx, claim, runID); err != nil {
			return err
		}
	}
	return nil
}

// snapshot takes one snapshot and waits until it is ready. The driver copies the live folder, so a server writes out
// what it holds before; nothing else writes at that time.
func (n *Node) snapshot(ctx context.Context, claim, runID string) error {
	if server, ok := strings.CutPrefix(claim, "pg-data-"); ok {
		if _, err := n.SQL(ctx, strings.TrimSuffix(server, "-0"), "cantonnet", "CHECKPOINT;"); err != nil {
			return err
		}
	}
	s := &snapshot.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Name: claim + "-" + runID, Annotations: map[string]string{"migrationId": fmt.Sprint(n.Migration)}},
		Spec: snapshot.VolumeSnapshotSpec{VolumeSnapshotClassName: &n.SnapshotClass,
			Source: snapshot.VolumeSnapshotSource{PersistentVolumeClaimName: &claim}},
	}
	api := n.rig.Snapshots.SnapshotV1().VolumeSnapshots(n.Namespace)
	if _, err := api.Create(ctx, s, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return rig.Poll(ctx, "snapshot "+s.Name+" is not ready", func(ctx context.Context) (bool, error) {
		got, err := api.Get(ctx, s.Name, metav1.GetOptions{})
		if err != nil || got.Status == nil {
			return false, err
		}
		if e := got.Status.Error; e != nil && e.Message != nil {
			return false, fmt.Errorf("%s", *e.Message)
		}
		return got.Status.ReadyToUse != nil && *got.Status.ReadyToUse, nil
	})
}
