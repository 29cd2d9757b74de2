package wire

import (
	"fmt"
	"time"
)

// Retry is a failure of the kind that passes by itself, while it is tried again. Its times are of the run's world; how far they are apart is
// decided by the clock of the machine.
type Retry struct {
	Tried   string       `json:"tried"` // what was tried
	Seen    string       `json:"seen"`  // what was seen the last time
	Tries   int          `json:"tries"` // how often it was tried and failed
	Since   time.Time    `json:"since"` // the first failure
	Next    time.Time    `json:"next,omitzero"`
	Until   time.Time    `json:"until"`             // when it is given up, and a person asked
	Outcome RetryOutcome `json:"outcome,omitempty"` // once it is over
}

// RetryOutcome says how it ended that something was tried again.
type RetryOutcome string

const (
	RetryPassed  RetryOutcome = "passed"  // it worked
	RetrySpent   RetryOutcome = "spent"   // it was tried for as long as it may be
	RetryStopped RetryOutcome = "stopped" // a viewer stopped it
	RetryParked  RetryOutcome = "parked"  // the run parked meanwhile
	RetryOther   RetryOutcome = "other"   // something else came instead, which does not pass by itself
)

// Retried is one time during which something was tried again.
type Retried struct {
	Retry
	Step  string    `json:"step,omitempty"`
	Ended time.Time `json:"ended"`
}

// Heading tells when it is tried again, which time that is, and how long it goes on: "trying again in 12 s (4th time since 04:10, until
// 04:20)". Next that is not set, or past, means that it is tried at this moment. now is a time of the run's world. Where that goes faster
// than the clock on the wall, what is waited for is counted by the wall, as whoever waits does, and the times are the world's: "trying
// again in 12 s of real time (4th time since 04:10, until 14:10, for 9 min more)".
func (r Retry) Heading(run Run, now time.Time) string {
	speed := run.Speed
	fast := speed > 0 && speed != 1
	real := func(d time.Duration) time.Duration {
		if fast {
			return time.Duration(float64(d) / speed)
		}
		return d
	}
	when := "now"
	if left := r.Next.Sub(now); !r.Next.IsZero() && left > 0 {
		when = "in " + inWords(real(left))
		if fast {
			when += " of real time"
		}
	}
	until := r.Until.UTC().Format("15:04")
	if r.Until.Sub(r.Since) >= 24*time.Hour {
		until = r.Until.UTC().Format("2 Jan 15:04")
	}
	if fast {
		until += ", for " + inWords(real(r.Until.Sub(now))) + " more"
	}
	return fmt.Sprintf("trying again %s (%s time since %s, until %s)", when, ordinal(r.Tries+1), r.Since.UTC().Format("15:04"), until)
}

// What is the failure in one line: what was tried, and what was seen.
func (r Retry) What() string { return r.Tried + ": " + r.Seen }

// Sentence tells of what is being tried again.
func (r Retry) Sentence(run Run, now time.Time) string { return r.Heading(run, now) + ": " + r.What() }

// Words say what came after the failures.
func (o RetryOutcome) Words() string {
	switch o {
	case RetryPassed:
		return "it worked"
	case RetrySpent:
		return "it was given up"
	case RetryStopped:
		return "it was stopped"
	case RetryParked:
		return "the run was parked"
	case RetryOther:
		return "something else was seen"
	}
	return string(o)
}

// Sentence tells how it went.
func (r Retried) Sentence() string {
	return fmt.Sprintf("tried again for %s, %s, then %s: %s", inWords(r.Ended.Sub(r.Since)), Times(r.Tries, "failure"), r.Outcome.Words(), r.What())
}

// Times counts: "1 failure", "3 failures".
func Times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// inWords writes a time of seconds or minutes, rounded up: what is waited for is not over before it is.
func inWords(d time.Duration) string {
	s := int64((max(d, 0) + time.Second - 1) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600 && s%60 != 0:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
