package rollforward

import (
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	return steps.Path[Facts]{Name: "network-roll-forward", Title: "Roll the network forward to a new synchronizer (0.6.2 and later)", Version: 1,
		Subject: subject, Card: shownCard,
		Steps: []steps.Step[Facts]{inventory(), releaseGate(), declare(), parameterCard(), chartSources(),
			capOld().diff(), capOld().apply(), deploySuccessor().diff(), deploySuccessor().apply(), waitEnd(),
			rollForward().diff(), rollForward().apply(), watch(), validators(),
			promote().diff(), promote().apply(), removeOld().diff(), removeOld().apply()},
		Ending: func(f Facts) string {
			if f.Agreed == nil {
				return "no values were settled"
			}
			return fmt.Sprintf("the network was rolled forward to serial %d, with the card %s", f.Agreed.NewSerial, f.Card.Fingerprint())
		},
	}
}

func subject(f Facts) wire.Subject {
	if f.Node == nil {
		return wire.Subject{Namespace: f.Namespace, Cluster: f.Where.Context}
	}
	return f.Node.Subject
}
