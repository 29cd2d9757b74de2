package rehearsal

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// cuts are the ways in which a tunnel or a command in a pod is spoiled.
var cuts = []struct {
	name  string
	fault sim.Fault
}{
	{"is refused", sim.Fault{Code: 500}},
	{"is throttled", sim.Fault{Code: 429, Retry: 20}},
	{"is refused to a login that is unknown once", sim.Fault{Code: 401}},
	{"is cut at once", sim.Fault{Do: "cut"}},
	{"is cut after some bytes", sim.Fault{Do: "cut", Bytes: 300}},
	{"is cut late", sim.Fault{Do: "cut", Bytes: 2000}},
	{"runs to its end, and nobody is told", sim.Fault{Do: "cut", Bytes: 1 << 20, After: true}},
}

// TestStreamFaults spoils one tunnel or command of a run that loads dumps. With an operator who tries again the run ends recovered, with the
// databases of a run that nothing disturbed.
func TestStreamFaults(t *testing.T) {
	beside(t)
	for _, in := range []func() Scenario{dropped, managedDumps} {
		t.Run(in().ID, func(t *testing.T) { streamFaults(t, in) })
	}
}

func streamFaults(t *testing.T, in func() Scenario) {
	if passedOver() {
		return
	}
	var want any
	opened := map[string]int{}
	inScenario(t, in(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		want = stands(t, r)
		for _, w := range r.world.Writes() {
			if opens(w) {
				opened[w.Resource]++
			}
		}
	})
	type spoiled struct {
		resource string
		skip     int
		way      int
	}
	var cases []spoiled
	for _, resource := range []string{"pods/portforward", "pods/exec"} {
		for skip := range opened[resource] {
			for way := range cuts {
				cases = append(cases, spoiled{resource, skip, way})
			}
		}
	}
	var tried, equal atomic.Int32
	t.Run("faults", func(t *testing.T) {
		chosen, until := pick(len(cases), every(len(cases)/4|1))
		for _, i := range chosen {
			c := cases[i]
			t.Run(fmt.Sprintf("%s %d %s", c.resource, c.skip, cuts[c.way].name), func(t *testing.T) {
				t.Parallel()
				if late(until) {
					return
				}
				tried.Add(1)
				f := cuts[c.way].fault
				f.Resource, f.Skip = c.resource, c.skip
				inScenario(t, spoilt(in(), f), nil, func(t *testing.T, r *rig) {
					r.timeout = 20 * time.Second
					v, _, _ := r.play(t.Context(), 0, patient(r))
					must(t, v, wire.Recovered)
					if diff := cmp.Diff(want, any(stands(t, r))); diff != "" {
						t.Errorf("(-undisturbed +disturbed)\n%s\n%s", diff, lines(v))
					}
					equal.Add(1)
				})
			})
		}
	})
	fmt.Printf("stream faults in %s: %d tunnels, %d commands, %d cases; tried %d, recovered and equal %d%s\n", in().ID, opened["pods/portforward"], opened["pods/exec"], len(cases), tried.Load(), equal.Load(), ordered())
}

// spoilt is a scenario in which a request goes wrong.
func spoilt(s Scenario, f sim.Fault) Scenario {
	plain := s.World
	s.World = func(now time.Time) (sim.Scenario, error) {
		w, err := plain(now)
		w.Knobs.Faults = append(w.Knobs.Faults, f)
		return w, err
	}
	return s
}
