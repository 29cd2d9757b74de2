package rollforward

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
)

func inventory() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/inventory", Title: "Inventory", Effect: wire.Observe,
		Summary: "Finds the parts of the node, its synchronizers and its releases.",
		Asks:    nodes.Asks(),
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			return nodes.Questions(ctx, w, f.choice())
		},
		Take: func(f *Facts, ask, value string) error {
			c := f.choice().Take(ask, value)
			f.Namespace, f.Serial = c.Namespace, c.Serial
			return nil
		},
		Forget: func(f *Facts) { f.Namespace, f.Serial, f.Node = "", "", nil },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			n, err := nodes.Chosen(ctx, w, f.choice())
			if err != nil {
				return nil, err
			}
			f.Namespace, f.Node = n.Subject.Namespace, &n
			return nodes.DescribeRunning(n), nil
		},
	}
}

// choice is which node is meant, as far as that was said.
func (f Facts) choice() nodes.Choice {
	return nodes.Choice{Wanted: f.Wanted, Namespace: f.Namespace, Context: f.Where.Context, Serial: f.Serial}
}
