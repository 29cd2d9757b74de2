package wire

import "time"

// RateWindow measures speed over the last RateSpan, so that the remaining time neither jumps with each report nor stays
// on an old value when the speed changes. The zero value is ready.
type RateWindow struct {
	marks []mark
}

type mark struct {
	at   time.Time
	done int64
}

// RateSpan is how far back a rate looks.
const RateSpan = 30 * time.Second

// Add returns the window with one more reading. A reading below the last one starts anew.
func (w RateWindow) Add(at time.Time, done int64) RateWindow {
	if n := len(w.marks); n > 0 && done < w.marks[n-1].done {
		return RateWindow{marks: []mark{{at, done}}}
	}
	marks := append(append([]mark(nil), w.marks...), mark{at, done})
	for len(marks) > 2 && at.Sub(marks[1].at) >= RateSpan {
		marks = marks[1:]
	}
	return RateWindow{marks: marks}
}

// PerSecond is the rate over the window, 0 when it cannot be told yet.
func (w RateWindow) PerSecond() float64 {
	if len(w.marks) < 2 {
		return 0
	}
	first, last := w.marks[0], w.marks[len(w.marks)-1]
	span := last.at.Sub(first.at).Seconds()
	if span < 1 {
		return 0
	}
	return float64(last.done-first.done) / span
}

// Left is the time until total at the present rate; false where that cannot be told.
func (w RateWindow) Left(total int64) (time.Duration, bool) {
	rate := w.PerSecond()
	if rate <= 0 || len(w.marks) == 0 || total <= 0 {
		return 0, false
	}
	left := total - w.marks[len(w.marks)-1].done
	if left <= 0 {
		return 0, true
	}
	return time.Duration(float64(left) / rate * float64(time.Second)), true
}
