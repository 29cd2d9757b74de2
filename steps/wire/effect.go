package wire

// Effect says what sending an action means for the world. The order is that of Rank.
type Effect string

const (
	// Observe reads only; it is never asked about.
	Observe Effect = "observe"
	// Repeatable may be sent again without harm; it is confirmed once for each step.
	Repeatable Effect = "repeatable"
	// Once must happen exactly once: its idempotency key is journaled before the first try.
	Once Effect = "once"
	// Destroy takes something away: the operator types the name of the node before it is sent.
	Destroy Effect = "destroy"
)

// Rank orders effects by how much care they need: 0 for observe (and for an empty effect) up to 3 for destroy.
func (e Effect) Rank() int {
	switch e {
	case Repeatable:
		return 1
	case Once:
		return 2
	case Destroy:
		return 3
	}
	return 0
}

// Words names the effect as a screen does.
func (e Effect) Words() string {
	switch e {
	case Repeatable:
		return "changes"
	case Once:
		return "once only"
	case Destroy:
		return "destroys"
	}
	return "reads only"
}

// Worst returns the effect with the highest rank, Observe when there is none.
func Worst(effects ...Effect) Effect {
	worst := Observe
	for _, e := range effects {
		if e.Rank() > worst.Rank() {
			worst = e
		}
	}
	return worst
}
