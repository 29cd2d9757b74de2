//go:build e2e

package contract

import (
	"testing"

	"canton.example/svrescue/e2e/rig"
	suite "canton.example/svrescue/kube/sim/contract"
)

// TestContract holds the real API server to what the product relies on. The simulator is held to the same, so that a
// rehearsal behaves as a cluster does.
func TestContract(t *testing.T) {
	cluster := rig.Start(t)
	for _, c := range suite.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Test(t, cluster.Config, suite.Options{})
		})
	}
}
