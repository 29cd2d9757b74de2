package network

import (
	"context"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
)

func inventory() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/inventory", Title: "Inventory", Effect: wire.Observe,
		Summary: "Finds the parts of the node, its synchronizer and its releases.",
		Asks:    nodes.Asks(),
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			return nodes.Questions(ctx, w, f.choice())
		},
		Take: func(f *Facts, ask, value string) error {
			c := f.choice().Take(ask, value)
			f.Namespace, f.Serial = c.Namespace, c.Serial
			return nil
		},
		Forget: func(f *Facts) { f.Namespace, f.Serial, f.Node, f.Held = "", "", nil, nil },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			n, err := nodes.Chosen(ctx, w, f.choice())
			if err != nil {
				return nil, err
			}
			apart, err := tellApart(ctx, w, &n)
			if err != nil {
				return nil, err
			}
			f.Namespace, f.Node = n.Subject.Namespace, &n
			if f.Held, err = f.others().Gather(ctx, w); err != nil { // before anything is paused: how it was must outlive a crash
				return nil, err
			}
			late, err := f.serverSide(ctx, w, wire.Attention)
			if err != nil {
				return nil, err
			}
			return slices.Concat(nodes.DescribeRunning(n), apart, late, f.others().Foretell("the recovery")), nil
		},
	}
}

// choice is which node is meant, as far as that was said.
func (f Facts) choice() nodes.Choice {
	return nodes.Choice{Wanted: f.Wanted, Namespace: f.Namespace, Context: f.Where.Context, Serial: f.Serial}
}
