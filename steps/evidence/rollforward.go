package evidence

import (
	"context"
	"errors"

	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/network/rollforward"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
)

// readRollForward looks at what the SV app really gets: whether it could roll forward with the network as it is deployed.
func readRollForward(_ context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	r := doctor.RollForward{Reading: triage.Reading{Source: "the SV app's Deployment", At: l.Clock.Now()}}
	if triage.FamilyOf(n.Release) == triage.FamilyA {
		r.Known = true
		deliver(func(e *doctor.Evidence) { e.RollForward = r })
		return nil
	}
	workloads, err := l.workloads()
	if err != nil {
		return err
	}
	for _, c := range n.Of(node.SVApp) {
		for _, w := range workloads {
			if w.Kind == c.Ref.Kind && w.Name == c.Ref.Name {
				r.Applies = true
				r.Lacks, r.Known = rollforward.Ready(n, w)
			}
		}
	}
	if !r.Applies {
		return errors.New("there is no SV app among the workloads")
	}
	deliver(func(e *doctor.Evidence) { e.RollForward = r })
	return nil
}
