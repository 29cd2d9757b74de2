package network

import (
	"context"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func stopOld() steps.Step[Facts] {
	const id = "network/stop-old"
	return steps.Step[Facts]{
		ID: id, Title: "Stop the old synchronizer", Effect: wire.Repeatable,
		Summary: "Stops the old sequencer and mediator, when the call says that all SVs have their dumps.",
		Asks: []steps.Ask{
			{Name: "who", Kind: wire.AskText, Help: "who says that all SVs have their dumps"},
			{Name: "where", Kind: wire.AskText, Help: "the call or the channel where that was said"},
			{Name: "when", Kind: wire.AskText, Help: "when, in UTC"},
		},
		Inputs: func(_ context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			q := f.Dumped.question("", "that all SVs have their dumps", f.Declared, w.Clock.Now())
			if q == nil {
				return nil, nil
			}
			if q.Name == "who" {
				q.Text = "An SV without a dump can take no snapshot once the old sequencers are stopped, and one that others borrow from is needed until they have theirs. " + q.Text
			}
			return []wire.Question{*q}, nil
		},
		Take: func(f *Facts, ask, value string) error {
			_, err := f.Dumped.take(ask, value)
			return err
		},
		Forget: func(f *Facts) { f.Dumped = Decision{} },
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			found := []wire.Finding{f.Dumped.finding("dumped", "the call says that all SVs have their dumps", w.Clock.Now())}
			found = append(found, ownDump(f, w.Files)...)
			counts, err := action.AsFound(ctx, w, f.ordering())
			if err != nil {
				return nil, err
			}
			held, err := stillHeld(ctx, w, f)
			return slices.Concat(found, counts, held), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			if !f.Dumped.whole() {
				return nil, &steps.NotYet{Step: id, What: "that all SVs have their dumps"}
			}
			return action.Down(f.Where, f.Namespace, "the old sequencer and mediator", f.ordering()), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			stopped, err := action.Standing(ctx, w, append(f.chains(), f.ordering()...))
			if err != nil {
				return nil, err
			}
			f.Stopped = f.stopped(id, f.ordering())
			held, err := stillHeld(ctx, w, *f)
			return append(stopped, held...), err
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil {
				return nil, "nothing was stopped"
			}
			return upAgain(f, f.ordering()), "nothing was stopped"
		},
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceUndo, Detail: "starts the old sequencer and mediator again; the old CometBFT stays stopped"}}
		},
	}
}

// ordering are the parts of the old synchronizer that are stopped last. The old participant stays up: nothing of the recovery is in its way.
func (f Facts) ordering() []node.Component { return f.Node.Of(node.Sequencer, node.Mediator) }
