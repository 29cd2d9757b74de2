package wire

// Card is the parameter card of a call, as front ends show it: the values that all operators of a network must use alike. It is plain text;
// what the values mean is for the path that made it.
type Card struct {
	Purpose     string `json:"purpose"`     // "network recovery of MainNet"
	Fingerprint string `json:"fingerprint"` // "123-456-789", to be read out
	Text        string `json:"text"`        // the whole card, for the chat of the call; it ends with its fingerprint
	// Frozen says that the values are settled for this run. Before that they are a proposal.
	Frozen bool `json:"frozen"`
}

// Word is what stands on every screen: a proposal is not to be taken for what was agreed on.
func (c Card) Word() string {
	if c.Frozen {
		return "card " + c.Fingerprint
	}
	return "proposal " + c.Fingerprint
}
