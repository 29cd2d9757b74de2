package restore

import (
	"context"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

func proveRestored() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/prove-restored", Title: "Prove restored", Effect: wire.Repeatable,
		Summary: "Compares the restored databases before any app starts, and stamps the participant's.",
		Check:   offsetsInOrder,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return stamps(f, false), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return offsetsInOrder(ctx, w, *f)
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was stamped"
			}
			return stamps(f, true), ""
		},
	}
}

// stamps mark the participant's database: its offsets begin anew with the restore.
func stamps(f Facts, off bool) []steps.Action {
	var actions []steps.Action
	for _, d := range f.Node.Databases {
		if d.Role == postgres.Participant {
			stamp := action.Stamp{Database: d, Run: f.Run, Off: off}
			if from, loaded := f.Set.Dump(d); loaded {
				stamp.Before = action.LoadDump{Dump: from, Run: f.Run}.Comment()
			}
			actions = append(actions, stamp)
		}
	}
	return actions
}

// offsetsInOrder proves from the restored databases that no app is ahead of its participant and none behind what was pruned, and that the
// participant is this node's. Nobody can override what it finds violated: a reversed pair starts green and is wrong
// (reference/backups.md 1).
func offsetsInOrder(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needSet(f) != nil {
		return nil, nil
	}
	var positions []postgres.Position
	for _, d := range f.Node.Databases {
		if d.Role != postgres.Participant && !d.Role.App() {
			continue
		}
		p, err := w.Databases.Position(ctx, d)
		if err != nil {
			return nil, err
		}
		p.Name, p.Role, p.From = d.Name, d.Role, "restored"
		positions = append(positions, p)
	}
	found := append(postgres.Prove(positions), sameParticipant(positions, f)...)
	for i := range found {
		for j := range found[i].Evidence {
			found[i].Evidence[j].At = w.Clock.Now()
		}
	}
	return found, nil
}
