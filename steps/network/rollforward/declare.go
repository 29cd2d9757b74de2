package rollforward

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
)

func declare() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/go", Title: "The decision", Effect: wire.Observe,
		Summary: "Writes down who decided to roll forward, and looks for what speaks against it.",
		Asks: []steps.Ask{
			{Name: "who", Kind: wire.AskText, Help: "who decided to roll forward"},
			{Name: "where", Kind: wire.AskText, Help: "the call or the channel where that was decided"},
			{Name: "when", Kind: wire.AskText, Help: "when, in UTC"},
		},
		Inputs: func(_ context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			q := f.Declared.Question("", "to roll forward", network.Decision{}, w.Clock.Now())
			if q == nil {
				return nil, nil
			}
			if q.Name == "who" {
				q.Text = "No SV can do it alone: every SV rolls forward with the same values, and nothing that can be measured replaces their decision. " + q.Text
			}
			return []wire.Question{*q}, nil
		},
		Take: func(f *Facts, ask, value string) error {
			_, err := f.Declared.Take(ask, value)
			return err
		},
		Forget: func(f *Facts) { f.Declared = network.Decision{} },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found := []wire.Finding{f.Declared.Finding("declared", "rolling forward was decided", w.Clock.Now())}
			if f.Situation == NothingSequenced { // the synchronizer before the failed upgrade may well have run until then
				return found, nil
			}
			var before *network.Block
			if f.Gate != nil {
				before = f.Gate.Chain
			}
			against, err := network.Against(ctx, w, *f.Node, before, f.Hints.Scans)
			return append(found, against...), err
		},
	}
}
