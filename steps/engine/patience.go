package engine

import (
	"time"
)

// Patience says how long, and in which rhythm, what fails and passes by itself is tried again: reads, and actions that may be repeated.
// All times are of this machine's clock: a request takes as long as it takes, however fast the world of a rehearsal goes. A field that is zero has its standard value.
type Patience struct {
	First  time.Duration // before the second try; it doubles with each. Standard: 1 s
	Most   time.Duration // between two tries, unless the server asks for more. Standard: 30 s
	Budget time.Duration // from the first failure until a person is asked. Standard: 10 minutes
	// Jitter answers 0 to 1; up to a quarter of a wait is added by it, so that not everybody comes back at the same moment. nil: nothing is.
	Jitter func() float64
}

const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
	retryBudget = 10 * time.Minute
)

// budget is how long it is tried.
func (p Patience) budget() time.Duration { return orStandard(p.Budget, retryBudget) }

// wait is how long to wait after so many failures, where the server asked for some patience of its own and so much of the budget is
// left: the last try comes when the budget ends, and not later.
func (p Patience) wait(failures int, asked, left time.Duration) time.Duration {
	d, most := orStandard(p.First, firstWait), orStandard(p.Most, longestWait)
	for range failures - 1 {
		if d *= 2; d >= most {
			break
		}
	}
	d = max(min(d, most), asked)
	if p.Jitter != nil {
		d += time.Duration(p.Jitter() * float64(d) / 4)
	}
	return min(d, left)
}

func orStandard(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}
