package restore

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/wire"
)

func finish() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/finish", Title: "Finish", Effect: wire.Repeatable,
		Summary: "Lets go of what was paused, and proves once more that the node runs on restored data and that the old is kept.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return append(f.others().LetGo(), closeClient(f)...), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			var found []wire.Finding
			for _, prove := range []func(context.Context, steps.World, Facts) ([]wire.Finding, error){
				claimsFromSnapshots, inPlaceStill, databasesRun, applicationsRun, released,
			} {
				more, err := prove(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			return append(found, keptDatabases(*f)...), nil
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil {
				return nil, "nothing was let go"
			}
			return append(f.others().Pause(), openClient(f)...), "nothing was let go" // what comes before may have to reach servers outside again
		},
	}
}

// inPlaceStill looks at the servers in the cluster: the pod through which others are reached is gone by then, and they were compared before
// anything was started.
func inPlaceStill(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	set := *f.Set
	set.Managed, set.Dumps, f.Set = nil, slices.DeleteFunc(slices.Clone(set.Dumps), func(d backup.Dump) bool { return d.Database.Server.Managed() }), &set
	if len(set.Dumps) == 0 {
		return nil, nil
	}
	return inPlace(ctx, w, f)
}

func databasesRun(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return running(ctx, w, needed(databases(f)), "databases")
}

func applicationsRun(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return running(ctx, w, applications(*f.Node), "applications")
}

// released proves that what this run paused acts again.
func released(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return f.others().Released(ctx, w)
}

// keptDatabases tells of the databases that stay under other names.
func keptDatabases(f Facts) []wire.Finding {
	if len(f.Aside) == 0 {
		return nil
	}
	finding := wire.Finding{ID: "old-databases", Verdict: wire.Attention, Text: fmt.Sprintf("%d old databases are kept on their servers under other names", len(f.Aside)),
		Next: "When the node has proven itself: svrescue run release-old-volumes"}
	for _, d := range f.Aside {
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: d, Seen: "what it was before the restore"})
	}
	return []wire.Finding{finding}
}
