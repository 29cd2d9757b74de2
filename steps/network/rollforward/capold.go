package rollforward

import "time"

// Capped is that the old sequencer has the maximum sequencing time.
type Capped struct {
	At time.Time `json:"at"` // when that was seen
}

func (f Facts) capped() bool { return f.Cap != nil }
