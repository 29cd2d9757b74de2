package rollforward

import (
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	return steps.Path[Facts]{Name: "network-roll-forward", Title: "Roll the network forward to a new synchronizer (0.6.2 and later)", Version: 1,
		Subject: subject, Card: shownCard,
		Steps: []steps.Step[Facts]{inventory(), releaseGate(), declare(), parameterCard()},
		Ending: func(f Facts) string {
			if f.Card == nil {
				return "no values were settled"
			}
			return "the values are settled, with the fingerprint " + f.Card.Fingerprint()
		},
	}
}

func subject(f Facts) wire.Subject {
	if f.Node == nil {
		return wire.Subject{Namespace: f.Namespace, Cluster: f.Where.Context}
	}
	return f.Node.Subject
}
