package restore

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/wire"
)

// holdOthers pauses whoever would scale the node up again or make its claims anew while they are replaced.
func holdOthers() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/hold-others", Title: "Hold others", Effect: wire.Repeatable,
		Summary: "Pauses GitOps and autoscalers that would work against the restore, and sees that they stay paused.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			return f.others().Ready(ctx, w)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return f.others().Pause(), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return stillHeld(ctx, w, *f)
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			actions := f.others().LetGo()
			if len(actions) == 0 {
				return nil, "nothing was paused"
			}
			return actions, ""
		},
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceByHand, Detail: "shows the commands for whoever may pause them, and watches until they are paused"}}
		},
	}
}

// others are those who act on the node beside this run.
func (f Facts) others() hold.On {
	return hold.On{Where: f.Where, Namespace: f.Namespace, Node: f.Node, Held: f.Held}
}

// stillHeld proves that whoever was to be paused stands still.
func stillHeld(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needNode(f) != nil {
		return nil, nil
	}
	return f.others().Still(ctx, w)
}
