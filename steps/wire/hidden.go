package wire

import (
	"encoding/json"

	"canton.example/svrescue/internal/secret"
)

// Hidden is an answer that nobody may see. Every printed form is a placeholder; as JSON, which only the private socket between front end and
// worker carries, it is the text. The engine takes it out of everything that it journals or publishes.
type Hidden struct{ secret.String }

// Hide wraps a text.
func Hide(text string) Hidden {
	if text == "" {
		return Hidden{}
	}
	return Hidden{secret.New(text)}
}

// Equal says whether two are the same text.
func (h Hidden) Equal(other Hidden) bool { return h.Reveal() == other.Reveal() }

// MarshalJSON gives the text itself.
func (h Hidden) MarshalJSON() ([]byte, error) { return json.Marshal(h.Reveal()) }

// UnmarshalJSON takes the text.
func (h *Hidden) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*h = Hide(text)
	return nil
}

// Shown is the answer without what is hidden: what may be journaled and seen. nil stays nil.
func (a *Answer) Shown() *Answer {
	if a == nil {
		return nil
	}
	shown := *a
	shown.Hidden = Hidden{}
	return &shown
}
