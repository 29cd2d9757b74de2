//go:build e2e

package node

import (
	"context"
	"fmt"

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
