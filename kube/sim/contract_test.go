package sim

import (
	"testing"

	"canton.example/svrescue/kube/sim/contract"
	"k8s.io/client-go/rest"
)

// TestContract runs the promises that a real cluster keeps against the simulator, each in a bubble of its own.
func TestContract(t *testing.T) {
	for _, c := range contract.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			inWorld(t, Options{Keep: 40}, func(t *testing.T, s *Server, cfg *rest.Config) {
				s.Set(Knobs{Workloads: map[string]Workload{
					"*/crasher": {Crash: &Crash{ExitCode: 3, Log: []string{"it failed"}}}, // what its command does on a real node
				}})
				c.Test(t, cfg, contract.Options{})
			})
		})
	}
}
