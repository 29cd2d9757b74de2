package network

import (
	"context"
	"slices"
	"strings"

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
			return nodes.Questions(ctx, w, nodes.Choice{Wanted: f.Wanted, Namespace: f.Namespace, Context: f.Where.Context, Serial: f.Serial})
		},
		Take: func(f *Facts, ask, value string) error {
			switch ask {
			case "namespace":
				f.Namespace = value
			case "synchronizer":
				f.Serial = value
			}
			return nil
		},
		Forget: func(f *Facts) { f.Namespace, f.Serial, f.Node, f.Held = "", "", nil, nil },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if f.Namespace == "" { // there is only one node to choose
				found, err := nodes.All(ctx, w, f.Wanted, f.Where.Context, f.Serial)
				if err != nil {
					return nil, err
				}
				f.Namespace = found[0].Subject.Namespace
			}
			n, err := nodes.In(ctx, w, f.Namespace, f.Where.Context, f.Serial)
			if err != nil {
				return nil, err
			}
			apart, err := tellApart(ctx, w, &n)
			if err != nil {
				return nil, err
			}
			f.Node = &n
			if f.Held, err = f.others().Gather(ctx, w); err != nil { // before anything is paused: how it was must outlive a crash
				return nil, err
			}
			// The claims of databases are for restoring a node; here they stay as they are.
			described := slices.DeleteFunc(nodes.Describe(n), func(d wire.Finding) bool { return strings.HasPrefix(d.ID, "claim") })
			late, err := f.serverSide(ctx, w, wire.Attention)
			if err != nil {
				return nil, err
			}
			return slices.Concat(described, apart, late, f.others().Foretell("the recovery")), nil
		},
	}
}
