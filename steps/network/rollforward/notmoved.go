package rollforward

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// staysMoved is what taking the roll-forward back does not do. Nothing upstream says how a participant is moved back.
const staysMoved = "a participant that the SV app has moved: older values do not move it back"

// isMoved says why the roll-forward is not taken back any more; empty: the participant was not seen on the successor yet.
func isMoved(f Facts) string {
	if !f.Moved {
		return ""
	}
	return "the participant is on the successor, and older values do not move it back"
}

// notMoved stops the roll-forward from being taken back once the participant is moved, or may be.
type notMoved struct{ follow follow }

func (n notMoved) Key() string         { return "make sure that the participant is not moved yet" }
func (n notMoved) Effect() wire.Effect { return wire.Observe }
func (n notMoved) Refs() []steps.Ref   { return nil }

func (n notMoved) Show() wire.Preview {
	p := n.follow.Show()
	p.Title, p.After = n.Key(), "the SV app has not begun to move it, and scan does not say that it is on the successor"
	return p
}

func (n notMoved) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

// Probe never says that it is done: what was seen before can have changed since.
func (n notMoved) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionPending, nil, nil
}

func (n notMoved) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	s, err := n.follow.see(ctx, h.World)
	if err != nil {
		return err
	}
	if !s.app.moving() && !s.done(n.follow.serial) {
		return nil
	}
	return &steps.Problem{Tried: "taking the roll-forward back", Seen: "the participant is moved, or is being moved: " + s.text(),
		Next: "Leave it on the successor: older values do not move it back, and nothing upstream says what does. To leave it, park, resume, and answer Leave it as it is. Tell the call"}
}
