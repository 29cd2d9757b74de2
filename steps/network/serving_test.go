package network

import (
	"testing"
	"time"

	"canton.example/svrescue/steps/node"
)

// The slowest probe counts; a workload without one is taken for one of upstream's.
func TestHowLongIsWatched(t *testing.T) {
	fast, slow := node.Component{Liveness: 30 * time.Second}, node.Component{Liveness: 8 * time.Minute}
	for _, c := range []struct {
		all  []node.Component
		want time.Duration
	}{
		{[]node.Component{fast, fast}, 90 * time.Second},
		{[]node.Component{fast, slow}, 9 * time.Minute},
		{[]node.Component{fast, {}}, 6 * time.Minute},
	} {
		if got := watchFor(c.all); got != c.want {
			t.Errorf("%v: %s, want %s", c.all, got, c.want)
		}
	}
}
