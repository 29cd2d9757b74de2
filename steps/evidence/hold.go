package evidence

import (
	"context"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/triage"
)

// readHold tells whether a run of this program holds the node.
func readHold(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	held, found, err := l.Cluster.Lease(ctx, l.Namespace)
	if err != nil {
		return err
	}
	h := triage.Hold{Reading: l.reading("lease")}
	if found {
		who := lease.HolderOf(held)
		h.Held, h.Run, h.Step, h.Note = held.Holder != "", plain.Line(who.Run), plain.Line(who.Step), plain.Line(held.Annotations[lease.Note])
		h.By = plain.Line(who.Operator)
		if who.Host != "" {
			h.By += " on " + plain.Line(who.Host)
		}
	}
	deliver(func(e *triage.Evidence) { e.Hold = h })
	return nil
}
