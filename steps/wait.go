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

// Poll calls look every interval until it says that all is done. Errors of look that are transient are shown as
// progress and survived until patience runs out; others end the wait. patience is measured by the passed clock.
func Poll(ctx context.Context, clk clock.WithTicker, interval, patience time.Duration, what string,
	transient func(error) bool, report func(wire.Progress),
	look func(context.Context) (progress wire.Progress, done bool, err error)) error {

	start := clk.Now()
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
		if waited := clk.Since(start); waited >= patience {
			return &StillWaiting{What: what, Waited: waited, Items: last.Items}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C():
		}
	}
}
