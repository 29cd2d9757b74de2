package steps

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// Patience is used up by looks and by the time between them, not by a machine that was suspended or too busy to look.
func TestPatience(t *testing.T) {
	const interval, patience = 2 * time.Second, 5 * time.Minute
	away := errors.New("the API is away")
	h := Hands{World: World{Clock: clock.RealClock{}}, Patient: func(ctx context.Context, read func(context.Context) error) error {
		err := read(ctx)
		for errors.Is(err, away) {
			time.Sleep(time.Minute)
			err = read(ctx)
		}
		return err
	}}
	for _, c := range []struct {
		name  string
		look  func(n int) (time.Duration, error) // how long the look takes, and how it ends
		looks int
		after time.Duration
	}{
		{"looks that are quick", func(int) (time.Duration, error) { return 0, nil }, 151, patience},
		{"a cluster that is away is waited for by other means", func(n int) (time.Duration, error) {
			if n > 10 && n <= 20 {
				return time.Minute, away
			}
			return 0, nil
		}, 158, 20*time.Minute + 292*time.Second},
		{"a machine that is suspended looks again", func(n int) (time.Duration, error) {
			if n == 10 {
				return 8 * time.Hour, nil
			}
			return 0, nil
		}, 148, 8*time.Hour + 292*time.Second},
		{"a machine that is too busy looks often enough", func(int) (time.Duration, error) { return time.Minute, nil }, looksAtLeast, looksAtLeast * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, n := time.Now(), 0
				err := Poll(t.Context(), h, interval, patience, "the world", func(wire.Progress) {},
					func(context.Context) (wire.Progress, bool, error) {
						n++
						d, err := c.look(n)
						time.Sleep(d)
						return wire.Progress{}, false, err
					})
				var waiting *StillWaiting
				if !errors.As(err, &waiting) || waiting.Waited != time.Since(began) {
					t.Fatalf("it ended with %v after %s", err, time.Since(began))
				}
				if n != c.looks || waiting.Waited != c.after {
					t.Errorf("%d looks in %s, want %d in %s", n, waiting.Waited, c.looks, c.after)
				}
			})
		})
	}
}
