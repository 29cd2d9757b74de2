package network

import (
	"context"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func freeze() steps.Step[Facts] {
	const id = "network/freeze"
	return steps.Step[Facts]{
		ID: id, Title: "Freeze the old chain", Effect: wire.Repeatable,
		Summary: "Stops the old CometBFT, and sees for a while that sequencer, mediator and participant stay up without it.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			if len(f.chains()) == 0 {
				return []wire.Finding{{ID: "chain", Verdict: wire.Violated, Text: "no CometBFT of the current synchronizer was found, so nothing can be frozen here",
					Next: "If it runs elsewhere, stop it there, and go on with a reason", Waive: "it is stopped where it runs"}}, nil
			}
			counts, err := action.AsFound(ctx, w, f.chains())
			if err != nil {
				return nil, err
			}
			up, err := serving(ctx, w, f.servers())
			if err != nil {
				return nil, err
			}
			held, err := f.others().Ready(ctx, w)
			return slices.Concat(counts, []wire.Finding{up}, held), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			actions := f.others().Pause()
			if len(f.chains()) > 0 {
				actions = append(actions, action.Down(f.Where, f.Namespace, "the old CometBFT", f.chains())...)
			}
			return append(actions, watchServing{namespace: f.Namespace, workloads: f.servers()}), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			stopped, err := action.Standing(ctx, w, f.chains())
			if err != nil {
				return nil, err
			}
			up, err := serving(ctx, w, f.servers())
			if err != nil {
				return nil, err
			}
			held, err := stillHeld(ctx, w, *f)
			f.Stopped = f.stopped(id, f.chains())
			return slices.Concat(stopped, []wire.Finding{up}, held), err
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil {
				return nil, "nothing was stopped"
			}
			return append(upAgain(f, f.chains()), f.others().LetGo()...), "nothing was stopped"
		},
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{
				{Choice: wire.ChoiceUndo, Detail: "starts the old CometBFT again, and lets those act who were paused"},
				{Choice: wire.ChoiceByHand, Detail: "shows the commands, and watches until the world shows them done"},
			}
		},
	}
}

// chains are the CometBFT nodes of the synchronizer that is lost; servers are its other parts, which the data snapshot needs.
func (f Facts) chains() []node.Component { return f.Node.Of(node.CometBFT) }
func (f Facts) servers() []node.Component {
	return f.Node.Of(node.Sequencer, node.Mediator, node.Participant)
}

// stopped are the workloads that were stopped before, and these of a step.
func (f Facts) stopped(step string, components []node.Component) []Stopped {
	all := slices.DeleteFunc(slices.Clone(f.Stopped), func(s Stopped) bool { return s.Step == step })
	for _, c := range components {
		all = append(all, Stopped{Part: c.Part, Workload: c.Ref, Selector: c.Selector, Replicas: c.Replicas, Step: step})
	}
	return all
}

// upAgain scales workloads back to the counts with which they were found. It does not wait until they are ready: without their network they
// may not become so.
func upAgain(f Facts, components []node.Component) (actions []steps.Action) {
	for _, c := range components {
		if c.Replicas > 0 {
			actions = append(actions, action.Scale{Where: f.Where, Workload: c.Ref, From: 0, To: c.Replicas})
		}
	}
	return actions
}
