package steps

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps/wire"
)

// StillWaiting says that patience ran out while something was still under way. It is not a failure: the world may get
// there yet, so the operator is asked whether to go on waiting.
type StillWaiting struct {
	What   string // "the pods of 7 deployments to be gone"
	Waited time.Duration
	Items  []wire.Item // what is not done
	Detail []string    // log lines and events that explain it
	Next   string
}

func (e *StillWaiting) Error() string {
	open := ""
	for _, item := range e.Items {
		if item.Done {
			continue
		}
		open += "; " + item.Name + ": " + item.State
		if item.Note != "" {
			open += " (" + item.Note + ")"
		}
	}
	return fmt.Sprintf("after %s still waiting for %s%s", e.Waited.Round(time.Second), e.What, open)
}

// looksAtLeast is how often the world is seen before patience runs out.
const looksAtLeast = 30

// Poll calls look every interval until it says that all is done. What a look meets that passes by itself is shown and tried again with the
// hands' patience, as everywhere; other errors end the wait. patience is how long the wait may take by the clock of the world, but no time
// in which nothing was looked at uses it up: this machine may have been suspended or too busy, or the cluster away, while the world went on.
func Poll(ctx context.Context, h Hands, interval, patience time.Duration, what string, report func(wire.Progress),
	look func(context.Context) (progress wire.Progress, done bool, err error)) error {

	clk := h.World.Clock
	start := clk.Now()
	looked, used := start, time.Duration(0)
	ticker := clk.NewTicker(interval)
	defer ticker.Stop()
	for {
		var progress wire.Progress
		var done bool
		err := h.patiently(ctx, func(ctx context.Context) (err error) {
			progress, done, err = look(ctx)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
		report(progress)
		if done {
			return nil
		}
		now := clk.Now()
		used += min(now.Sub(looked), max(interval, patience/looksAtLeast))
		looked = now
		if used >= patience {
			return &StillWaiting{What: what, Waited: now.Sub(start), Items: progress.Items}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C():
		}
	}
}

// patiently looks with the hands' patience, where they have any.
func (h Hands) patiently(ctx context.Context, look func(context.Context) error) error {
	if h.Patient == nil {
		return look(ctx)
	}
	return h.Patient(ctx, look)
}
