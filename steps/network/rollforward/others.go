package rollforward

import (
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
)

// differing tells before each change which SVs are known to have another card: with other values they end on another synchronizer.
func (f Facts) differing() []wire.Finding {
	var found []wire.Finding
	for _, sv := range f.others() {
		if text, verdict := network.Compared(*f.Card, sv, f.Call.Theirs); verdict == wire.Violated {
			found = append(found, wire.Finding{ID: "card-" + sv, Verdict: wire.Attention, Text: text, Next: "Look whether it was cleared up on the call"})
		}
	}
	return found
}
