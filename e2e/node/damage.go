//go:build e2e

package node

import (
	"context"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"

	"canton.example/svrescue/e2e/rig"
)

// scribble overwrites the control file and deletes the tables of the largest database, then ends the server, which
// does not come back: "incorrect checksum in control file".
const scribble = `cd "$PGDATA"
dd if=/dev/urandom of=global/pg_control bs=512 count=16 conv=notrunc 2> /dev/null
rm -f pg_wal/0*
for d in base/[1-9][0-9][0-9][0-9][0-9]; do rm -rf "$d"; done
kill -QUIT 1`

// Damage ruins the participant's data directory and the block store of CometBFT where they are.
func (n *Node) Damage(ctx context.Context) error {
	// the exec may end with the container that it ends
	_, _ = n.rig.Exec(ctx, n.Namespace, "participant-pg-0", "participant-pg", "", "sh", "-c", scribble)
	_, _ = n.cometExec(ctx, `dd if=/dev/urandom of="$1" bs=1 seek=100 count=200 conv=notrunc`, "/cometbft/data/blockstore.db")
	return n.WaitCrashing(ctx, "participant-pg", n.CometBFT)
}

// LoseParticipant ruins the participant's data directory and waits until the participant has noticed; its server does not come back.
func (n *Node) LoseParticipant(ctx context.Context) error {
	// the exec may end with the container that it ends
	_, _ = n.rig.Exec(ctx, n.Namespace, "participant-pg-0", "participant-pg", "", "sh", "-c", scribble)
	return rig.Poll(ctx, "the loss does not show", func(ctx context.Context) (bool, error) {
		missing, err := n.NotReady(ctx)
		return slices.Contains(missing, n.Participant), err
	})
}

// Fill leaves so many bytes of a server's volume.
func (n *Node) Fill(ctx context.Context, server string, left int64) error {
	_, err := n.rig.Exec(ctx, n.Namespace, server+"-0", server, "", "sh", "-c", `cd /var/lib/postgresql/data
room=$(df -Pk . | awk 'NR == 2 { print $4 }')
dd if=/dev/zero of=filling bs=1024 count=$((room - $1 / 1024)) 2> /dev/null`, "sh", fmt.Sprint(left))
	return err
}

// Overtake puts scan ahead of the participant, as a set in which the apps were cut too late has it whatever its clocks
// say. Such a pair restores without an error and comes up healthy; only the offsets tell (backups.md 1).
func (n *Node) Overtake(ctx context.Context) error {
	d := n.database("scan-app")
	_, err := n.SQL(ctx, d.Server, d.Name, fmt.Sprintf(
		"UPDATE %s.store_last_ingested_offsets SET last_ingested_offset = lpad(to_hex(%d), 18, '0') WHERE store_id = 1;", d.Schema, 10*(n.Rows+n.grown)))
	return err
}

// WaitCrashing waits until the pod of each app waits in CrashLoopBackOff.
func (n *Node) WaitCrashing(ctx context.Context, apps ...string) error {
	return rig.Poll(ctx, "the damage does not show", func(ctx context.Context) (bool, error) {
		for _, app := range apps {
			pod, err := n.rig.PodOf(ctx, n.Namespace, app)
			if err != nil {
				return false, err
			}
			if why := waiting(pod); why != "CrashLoopBackOff" {
				return false, fmt.Errorf("%s: container waits for %q", app, why)
			}
		}
		return true, nil
	})
}

// waiting is the reason for which a pod's container waits, empty when it does not.
func waiting(pod *v1.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Waiting != nil {
			return s.State.Waiting.Reason
		}
	}
	return ""
}
