package wire

import "time"

// Now is the time of the run's world at a real time: the same in a real one, start + (real - start) x speed in a simulated
// one. Times in events are times of the run's world, so ages and remaining times are taken against this.
func (r Run) Now(real time.Time) time.Time {
	if r.Speed <= 0 || r.Origin.IsZero() || r.SimOrigin.IsZero() {
		return real
	}
	return r.SimOrigin.Add(time.Duration(float64(real.Sub(r.Origin)) * r.Speed))
}
