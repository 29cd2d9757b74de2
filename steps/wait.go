package steps

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
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

// Poll calls look every interval until it says that all is done. Errors of look that are transient are shown as
// progress and survived until patience runs out; others end the wait. patience is measured by the passed clock, but no time in which
// nothing was looked at uses it up: this machine may have been suspended, or may be too busy, while the world went on.
func Poll(ctx context.Context, clk clock.WithTicker, interval, patience time.Duration, what string,
	transient func(error) bool, report func(wire.Progress),
	look func(context.Context) (progress wire.Progress, done bool, err error)) error {

	start := clk.Now()
	looked, used := start, time.Duration(0)
	ticker := clk.NewTicker(interval)
	defer ticker.Stop()
	var last wire.Progress
	for {
		progress, done, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !transient(err):
			return err
		case err != nil:
			last.Text = err.Error()
			report(last)
		case done:
			report(progress)
			return nil
		default:
			last = progress
			report(progress)
		}
		now := clk.Now()
		passed := now.Sub(looked)
		if err == nil {
			passed = min(passed, max(interval, patience/looksAtLeast))
		}
		looked, used = now, used+passed
		if used >= patience {
			return &StillWaiting{What: what, Waited: now.Sub(start), Items: last.Items}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C():
		}
	}
}
