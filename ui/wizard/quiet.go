package wizard

import "time"

// A question that opens by itself must not be answered by keys meant for what was there before. It takes keys only when
// it has been on the screen for settle and the keyboard has rested for rest; until then every key is thrown away.
const (
	settle = 400 * time.Millisecond
	rest   = 250 * time.Millisecond
)

// quiet decides when a question may take keys. Once open it stays open until begin.
type quiet struct {
	shown time.Time
	last  time.Time // of the last key, wherever it went
	open  bool
}

// begin starts the wait: the question came up, or came back into sight.
func (q *quiet) begin(now time.Time) { q.shown, q.open = now, false }

// ready says whether a key pressed now is meant for the question.
func (q *quiet) ready(now time.Time) bool {
	if !q.open && now.Sub(q.shown) >= settle && now.Sub(q.last) >= rest {
		q.open = true
	}
	return q.open
}

// key notes that a key was pressed.
func (q *quiet) key(now time.Time) { q.last = now }
