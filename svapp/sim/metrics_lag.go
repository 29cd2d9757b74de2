package sim

import (
	"math"
	"time"
)

// Lag is how far a component is behind: Start when it starts, and less with time. It is a pure function of times, so it works in
// simulated time, and a world that is asked twice at one time answers the same.
type Lag struct {
	// From is the network time at which its data ends, for example that of its backup. Where it is not set the component is Start
	// behind whenever it starts.
	From   time.Time
	Start  time.Duration
	Rate   float64       // seconds of network time it goes through in a second; 1 keeps the lag, below 1 it grows; 0: 20
	Warmup time.Duration // after its start before it goes through anything
	Floor  time.Duration // it is never less behind than this; 0: one second
	// StuckUntil is the number of starts it needs: until it has been started more often than that it goes through nothing.
	StuckUntil int
}

// At is the lag at a time, for a component that started at started for the starts-th time (from 0).
func (l Lag) At(now, started time.Time, starts int) time.Duration {
	up := max(now.Sub(started), 0)
	floor := l.Floor
	if floor <= 0 {
		floor = time.Second
	}
	behind := max(l.Start, floor)
	if !l.From.IsZero() {
		behind = max(started.Sub(l.From), floor)
	}
	work := max(up-l.Warmup, 0)
	if starts < l.StuckUntil {
		return behind + up
	}
	rate := l.Rate
	if rate == 0 {
		rate = 20
	}
	left := float64(behind) + float64(up) - rate*float64(work)
	return time.Duration(math.Max(left, float64(floor)))
}

// Reached is the network time that the component has got to.
func (l Lag) Reached(now, started time.Time, starts int) time.Time {
	return now.Add(-l.At(now, started, starts))
}
