package rehearsal

import (
	"testing"
	"testing/synctest"
)

// Every scenario of a lost network ends for a good operator as it says it does.
func TestNetworkScenarios(t *testing.T) {
	beside(t)
	for _, s := range networkScenarios() {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				must(t, v, s.Expect)
				t.Log(lines(v))
				checkMet(t, r, v)
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
			})
		})
	}
}
