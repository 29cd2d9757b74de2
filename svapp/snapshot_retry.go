package svapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"
)

// SnapshotRetry asks until there is a snapshot, one request at a time.
type SnapshotRetry struct {
	Clock clock.Clock
	// Patience is how long after the first request another one is still begun.
	Patience time.Duration
	// Waiting is told before each wait.
	Waiting func(SnapshotWait)
}

// SnapshotWait is a pause between two requests, and why it is made.
type SnapshotWait struct {
	Try     int // the one that failed, from 1
	For     time.Duration
	Refusal SnapshotRefusal
	Err     *Error
}

// NoSnapshot is why no further request is made.
type NoSnapshot struct {
	Refusal SnapshotRefusal
	Tries   int
	err     error
}

func (n *NoSnapshot) Error() string { return n.err.Error() }
func (n *NoSnapshot) Unwrap() error { return n.err }

// Waits double, between these. After a request whose export may go on the first is at least as long as the request was: that is how long the
// export took at least. When it ends cannot be seen from outside: nothing is known that tells it.
const (
	shortWait, longestShort = 15 * time.Second, 5 * time.Minute
	goesOnWait, longestWait = 10 * time.Minute, time.Hour
)

// Run calls once, which sends one request and has stopped reading its answer when it returns, until it succeeds, fails in a way that waiting
// does not mend, or the patience is over. The time that is asked for never changes, and Force is never added.
// Its errors are *NoSnapshot; what is no *Error comes back as it is.
func (s SnapshotRetry) Run(ctx context.Context, q SnapshotQuery, once func(context.Context) error) error {
	began := s.Clock.Now()
	waited := time.Duration(0)
	counts := map[SnapshotCause]int{}
	for try := 1; ; try++ {
		sent := s.Clock.Now()
		err := once(ctx)
		if err == nil {
			return nil
		}
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		r := q.Refusal(err)
		counts[r.Cause]++
		if !r.Again || ctx.Err() != nil || r.Tries > 0 && counts[r.Cause] >= r.Tries {
			return &NoSnapshot{r, try, err}
		}
		wait := min(max(shortWait, 2*waited), longestShort)
		if r.Cause == SnapshotGoesOn {
			wait = min(max(goesOnWait, s.Clock.Now().Sub(sent), 2*waited), longestWait)
		}
		wait = max(wait, e.RetryAfter)
		if s.Clock.Now().Add(wait).Sub(began) > s.Patience {
			return &NoSnapshot{r, try, err}
		}
		waited = wait
		if s.Waiting != nil {
			s.Waiting(SnapshotWait{Try: try, For: wait, Refusal: r, Err: e})
		}
		timer := s.Clock.NewTimer(wait)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return &NoSnapshot{r, try, fmt.Errorf("%w; the wait for another try was ended", err)}
		}
	}
}
