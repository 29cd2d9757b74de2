package rehearsal

import (
	"encoding/json"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

var soak = flag.Bool("soak", false, "kill at every point instead of a sample")

// sample is how many of the points are tried when not soaking: every nth, from a start that no step boundary favours.
const sample = 40

// TestKillMatrix kills the process at a point of the run, lets a new one take the journal up, and compares the world at
// the end with that of a run which nobody killed. A point lies before and after every journal record and around every
// action that is sent.
func TestKillMatrix(t *testing.T) {
	scenario := clean()
	var want any
	points := 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, scenario)
		v, n, _ := r.play(t.Context(), 0, r.player())
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("the undisturbed run ended %+v\n%s", v.Ended, lines(v))
		}
		want, points = settled(t, r), n
	})
	step := 1
	if !*soak {
		step = max(1, points/sample)
	}
	killed, equal, tried := 0, 0, 0
	for at := 1; at <= points; at += step {
		tried++
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, scenario)
				_, _, dead := r.play(t.Context(), at, r.player())
				if !dead {
					t.Fatalf("point %d was not reached", at)
				}
				killed++
				r.hangUp()
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
					t.Fatalf("resumed after point %d it ended %+v\n%s", at, v.Ended, lines(v))
				}
				if diff := cmp.Diff(want, settled(t, r)); diff != "" {
					t.Fatalf("killed at point %d the world differs (-undisturbed +killed):\n%s", at, diff)
				}
				equal++
			})
		})
	}
	fmt.Printf("kill matrix: %d points in the run; points %d, killed %d, equal %d\n", points, tried, killed, equal)
}

// settled is the world, normalised, as plain JSON values.
func settled(t *testing.T, r *rig) any {
	t.Helper()
	data, err := json.Marshal(r.world.World())
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}
