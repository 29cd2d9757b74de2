package linear

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
)

// A count that goes up for a long time is told ever more seldom; what is waited for is told at once when it changes.
func TestACountIsToldEverMoreSeldom(t *testing.T) {
	at := func(second int) time.Time {
		return time.Date(2026, 1, 11, 3, 1, 0, 0, time.UTC).Add(time.Duration(second) * time.Second)
	}
	events := append(begin(), present, confirm(), wire.Event{Kind: wire.KindIntent, Step: "restore/scale-down", Action: "w", At: at(0)})
	for second := 1; second < 360; second++ {
		state := "up"
		if second >= 200 {
			state = "starts"
		}
		events = append(events, wire.Event{Kind: wire.KindProgress, Step: "restore/scale-down", Action: "w", At: at(second), Progress: &wire.Progress{Done: int64(second), Total: 360, Unit: "seconds",
			Items: []wire.Item{{Name: "sequencer", State: state}}}})
	}
	out, _, err := show(t, strings.NewReader("1\n"), Options{}, append(events, end())...)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(out) {
		if _, rest, is := strings.Cut(line, "     "); is && strings.Contains(rest, " of 360 seconds") {
			told = append(told, strings.Fields(rest)[0])
		}
	}
	if got, want := fmt.Sprint(told), "[1 6 16 36 76 136 196 200 205 215 235 275 335]"; got != want {
		t.Errorf("told at %s, want %s\n%s", got, want, out)
	}
}
