package network

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

func declare() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/go", Title: "The decision", Effect: wire.Observe,
		Summary: "Writes down who declared the network lost, and looks for what speaks against it: a chain that still makes blocks, watched until that can be told, and other SVs that go on.",
		Asks: []steps.Ask{
			{Name: "who", Kind: wire.AskText, Help: "who declared the network lost"},
			{Name: "where", Kind: wire.AskText, Help: "the call or the channel where that was decided"},
			{Name: "when", Kind: wire.AskText, Help: "when, in UTC"},
		},
		Inputs: func(_ context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			q := f.Declared.question("", "that the network is lost", Decision{}, w.Clock.Now())
			if q == nil {
				return nil, nil
			}
			if q.Name == "who" {
				q.Text = "No SV can recover the network alone, and nothing that can be measured replaces the decision of the SVs. " + q.Text
			}
			return []wire.Question{*q}, nil
		},
		Take: func(f *Facts, ask, value string) error {
			_, err := f.Declared.take(ask, value)
			return err
		},
		Forget: func(f *Facts) { f.Declared = Decision{} },
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return []steps.Action{watchChain{*f.Node, f.Chain}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found := []wire.Finding{f.Declared.finding("declared", "the network was declared lost", w.Clock.Now())}
			against, err := against(ctx, w, *f)
			if err == nil && f.Chain == nil { // it could not be read at the beginning: what is looked at next is compared with this
				look, err := chain(ctx, w, *f.Node)
				if err != nil {
					return nil, err
				}
				f.Chain = blockOf(look)
			}
			return append(found, against...), err
		},
	}
}
