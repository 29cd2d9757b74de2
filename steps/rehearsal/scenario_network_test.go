package rehearsal

import (
	"slices"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
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
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					for _, e := range slices.Backward(r.journal) {
						if e.Kind == wire.KindAsk {
							t.Fatalf("ended %+v, want %s\n%sasked last: %+v", v.Ended, s.Expect, lines(v), *e.Question)
						}
					}
				}
				t.Log(lines(v))
				checkMet(t, r, v)
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
			})
		})
	}
}
