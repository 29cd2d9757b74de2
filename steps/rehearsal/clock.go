package rehearsal

import (
	"time"

	"k8s.io/utils/clock"
)

// Clock runs simulated time: SimOrigin + (now - Origin) x Speed. Every process of a rehearsal that has the same three
// values reads the same time. Durations given to it are simulated too.
type Clock struct {
	Real      clock.WithTicker
	Origin    time.Time
	SimOrigin time.Time
	Speed     float64
}

var _ clock.WithTicker = Clock{}

func (c Clock) Now() time.Time {
	return c.SimOrigin.Add(time.Duration(float64(c.Real.Now().Sub(c.Origin)) * c.Speed))
}

func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// real is how long a simulated duration takes.
func (c Clock) real(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/c.Speed), time.Microsecond)
}

func (c Clock) After(d time.Duration) <-chan time.Time { return c.Real.After(c.real(d)) }
func (c Clock) NewTimer(d time.Duration) clock.Timer   { return timer{c, c.Real.NewTimer(c.real(d))} }
func (c Clock) Sleep(d time.Duration)                  { c.Real.Sleep(c.real(d)) }
func (c Clock) Tick(d time.Duration) <-chan time.Time  { return c.Real.Tick(c.real(d)) }
func (c Clock) NewTicker(d time.Duration) clock.Ticker { return c.Real.NewTicker(c.real(d)) }

// timer takes simulated durations at Reset.
type timer struct {
	clock Clock
	inner clock.Timer
}

func (t timer) C() <-chan time.Time        { return t.inner.C() }
func (t timer) Stop() bool                 { return t.inner.Stop() }
func (t timer) Reset(d time.Duration) bool { return t.inner.Reset(t.clock.real(d)) }
