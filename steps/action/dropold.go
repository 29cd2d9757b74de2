package action

import (
	"context"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// DropOld removes a database that a restore has kept under another name, with its data.
type DropOld struct {
	Server postgres.Server
	Name   string // one of ours (postgres.Ours)
	Bytes  int64
}

func (d DropOld) Key() string         { return "drop " + d.Name + " on " + d.Server.String() }
func (d DropOld) Effect() wire.Effect { return wire.Destroy }
func (d DropOld) Refs() []steps.Ref {
	return steps.SQLRefs(postgres.Change{Verb: "drop", Server: d.Server.String(), Name: d.Name})
}

func (d DropOld) Show() wire.Preview {
	return wire.Preview{Title: d.Key(), Commands: postgres.ShowDrop(d.Name), Before: "a database that a restore has kept, " + Size(d.Bytes),
		After: "gone", Lost: "the data of " + d.Name}
}

func (d DropOld) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (d DropOld) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stored, _, err := w.Databases.Databases(ctx, d.Server)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	source := d.Name + " on " + d.Server.String()
	if slices.ContainsFunc(stored, func(x postgres.Stored) bool { return x.Name == d.Name }) {
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is there"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
}

func (d DropOld) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return h.Databases.Drop(ctx, d.Server, d.Name)
}
