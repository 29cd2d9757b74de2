package rehearsal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/wire"
)

// bob is the other operator.
const bob = "bob@ops2/restore-0412-0309-k7qd"

func secondOperator() Scenario {
	return Scenario{ID: "restore-second", Path: "restore", Title: "Another operator is at work", Expect: wire.Recovered,
		Teaches: "who holds the node, and why two do not work on it at a time",
		Faults:  []string{"bob holds the node for two more minutes"},
		World: func(now time.Time) (sim.Scenario, error) {
			return heldWorld(now, 0, sim.Holder{Namespace: namespace, Name: kube.LeaseName, Identity: bob, Until: sim.D(2 * time.Minute)})
		},
		Operator: watching}
}

func operatorGone() Scenario {
	return Scenario{ID: "restore-operator-gone", Path: "restore", Title: "Another operator's machine is gone", Expect: wire.Recovered,
		Teaches: "how a node is taken over from somebody who is not there any more",
		Faults:  []string{"bob holds the node, and his machine has been off for three hours"},
		World: func(now time.Time) (sim.Scenario, error) {
			return heldWorld(now, 3*time.Hour)
		},
		Operator: watching}
}

// watching is a good operator who waits until the node is free, or can be taken over.
func watching(_ context.Context, _ Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
	return wire.Answer{Choice: wire.ChoiceWait}, strings.HasSuffix(q.Name, ".held")
}

// heldWorld is a damaged node that bob has held for three hours, and last renewed some time ago.
func heldWorld(now time.Time, silent time.Duration, holders ...sim.Holder) (sim.Scenario, error) {
	s, err := world(node(now))
	if err != nil {
		return s, err
	}
	s.Objects += bobsLease(now.Add(-3*time.Hour), now.Add(-silent))
	s.Knobs.Holders = holders
	return s, nil
}

// bobsLease is the Lease of the node as bob has written it.
func bobsLease(since, renewed time.Time) string {
	const micro = "2006-01-02T15:04:05.000000Z"
	return fmt.Sprintf(`
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: %s
  namespace: %s
  annotations: {%s: bob, %s: ops2, %s: restore-0412-0309-k7qd, %s: restore/restore-volumes}
spec: {holderIdentity: %q, leaseDurationSeconds: 30, leaseTransitions: 1, acquireTime: %q, renewTime: %q}
`, kube.LeaseName, namespace, lease.Operator, lease.Host, lease.Run, lease.Step, bob, since.UTC().Format(micro), renewed.UTC().Format(micro))
}
