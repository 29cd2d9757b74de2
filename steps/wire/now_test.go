package wire

import (
	"testing"
	"time"
)

func TestNowOfASimulatedRun(t *testing.T) {
	origin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sim := time.Date(2026, 1, 11, 8, 30, 0, 0, time.UTC)
	real := origin.Add(30 * time.Second)
	for _, c := range []struct {
		name string
		run  Run
		want time.Time
	}{
		{"real", Run{}, real},
		{"sixty times", Run{Speed: 60, Origin: origin, SimOrigin: sim}, sim.Add(30 * time.Minute)},
		{"half speed", Run{Speed: 0.5, Origin: origin, SimOrigin: sim}, sim.Add(15 * time.Second)},
		{"origin not known yet", Run{Speed: 60}, real},
	} {
		if got := c.run.Now(real); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
