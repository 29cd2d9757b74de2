package restore

import (
	"cmp"
	"context"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

func proveRestored() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/prove-restored", Title: "Prove restored", Effect: wire.Repeatable,
		Summary: "Compares the restored databases before any app starts, and stamps the participant's.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSet(f) != nil {
				return nil, nil
			}
			held, err := stillHeld(ctx, w, f)
			if err != nil {
				return nil, err
			}
			still, err := quiet(ctx, w, f)
			if err != nil {
				return nil, err
			}
			found, err := beforeTheyStart(ctx, w, f)
			return slices.Concat(held, still, found), err
		},
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
			return append(openClient(f), stamps(f, true)...), "" // the pod may have ended
		},
	}
}

var appsFirst = []bool{true, false}

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

// beforeTheyStart proves that what the set says is what is in place, and that it is in order. Once an app or the participant runs, its
// positions move while they are read, and the proof says nothing any more: it was made before.
func beforeTheyStart(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needSet(f) != nil {
		return nil, nil
	}
	for _, c := range applications(*f.Node) {
		now, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return nil, err
		}
		if there && now.Replicas != 0 {
			return []wire.Finding{{ID: "started", Verdict: wire.Holds, Text: "the node is being started; its databases were compared before"}}, nil
		}
	}
	place, err := inPlace(ctx, w, f)
	if err != nil {
		return nil, err
	}
	found, err := offsetsInOrder(ctx, w, f)
	return append(place, found...), err
}

// offsetsInOrder proves from the restored databases that no app is ahead of its participant and none behind what was pruned, and that the
// participant is this node's. Nobody can override what it finds violated: a reversed pair starts green and is wrong
// (reference/backups.md 1).
func offsetsInOrder(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needSet(f) != nil {
		return nil, nil
	}
	var positions []postgres.Position
	ordered := slices.Clone(f.Node.Databases)
	slices.SortStableFunc(ordered, func(a, b postgres.Database) int { // the apps first: what is read later may stand further
		return cmp.Compare(slices.Index(appsFirst, a.Role.App()), slices.Index(appsFirst, b.Role.App()))
	})
	for _, d := range ordered {
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
	found = append(found, withoutDatabase(f)...)
	for i := range found {
		for j := range found[i].Evidence {
			found[i].Evidence[j].At = w.Clock.Now()
		}
	}
	return found, nil
}
