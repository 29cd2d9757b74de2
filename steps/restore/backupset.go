package restore

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/wire"
)

func backupSet() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/backup-set", Title: "Backup set", Effect: wire.Observe,
		Summary: "Finds the volume snapshots, groups them by backup run, and proves the order of the chosen set by its clocks.",
		Asks:    []steps.Ask{{Name: "set", Kind: wire.AskChoice, Help: "which backup run to restore; default: the newest that is whole"}},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if f.SetRun != "" {
				return nil, nil
			}
			sets, loose, err := findSets(ctx, w, f)
			if err != nil {
				return nil, err
			}
			return askSet(sets, loose, f, w.Clock.Now())
		},
		Take: func(f *Facts, _, value string) error {
			f.SetRun = value
			return nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			sets, _, err := findSets(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			for _, set := range sets {
				if set.Run == f.SetRun {
					f.Set = &set
					return backup.Judge(set, *f.Node, w.Clock.Now()), nil
				}
			}
			return nil, &steps.Problem{Tried: "finding backup run " + f.SetRun, Seen: "its snapshots are not there any more",
				Next: "Look who removed them; start a new run to choose another set"}
		},
	}
}

func findSets(ctx context.Context, w steps.World, f Facts) ([]backup.Set, []string, error) {
	snapshots, err := w.Kube.Snapshots(ctx, f.Namespace)
	if kube.KindOf(err) == kube.NotFound {
		return nil, nil, &steps.Problem{Tried: "listing volume snapshots", Seen: "this cluster has no VolumeSnapshot API", Err: err,
			Next: "Restore from database dumps by hand, or install the snapshot controller that made the backups"}
	}
	if err != nil {
		return nil, nil, err
	}
	contents, err := w.Kube.SnapshotContents(ctx)
	if err != nil && !missing(err) {
		return nil, nil, err
	}
	sets, loose := backup.Sets(*f.Node, snapshots, contents)
	return sets, loose, nil
}

func askSet(sets []backup.Set, loose []string, f Facts, now time.Time) ([]wire.Question, error) {
	if len(sets) == 0 {
		seen := "there is no VolumeSnapshot of a claim of this node"
		if len(loose) > 0 {
			seen = fmt.Sprintf("%d snapshots of its claims are not named CLAIM-RUN, so they cannot be grouped into a set: %v", len(loose), loose)
		}
		return nil, &steps.Problem{Tried: "finding volume snapshots in namespace " + f.Namespace, Seen: seen,
			Next: "Look for snapshots in the storage system itself, for database dumps, or re-onboard with the identities backup"}
	}
	q := wire.Question{Name: "set", Kind: wire.AskChoice, Title: "Which backup run is restored?",
		Text: "Newest first. Users who were onboarded after the backup must be onboarded again by hand."}
	for _, set := range sets {
		findings := backup.Judge(set, *f.Node, now)
		c := wire.Choice{ID: set.Run, Label: fmt.Sprintf("%s old, run %s", age(now.Sub(set.Begin())), set.Run),
			Detail: fmt.Sprintf("cut %s to %s, %d of %d claims", set.Begin().Format("2006-01-02 15:04:05"), set.End().Format("15:04:05 MST"),
				len(set.Members), len(f.Node.Claims))}
		if !backup.Restorable(findings) {
			for _, finding := range findings {
				if finding.Verdict == wire.Violated || finding.Verdict == wire.Undetermined {
					c.Refuse = finding.Text
					break
				}
			}
		} else if q.Default == "" {
			q.Default = set.Run
			c.Label += " (newest that is whole)"
		}
		q.Choices = append(q.Choices, c)
	}
	if q.Default == "" {
		return nil, &steps.Problem{Tried: "choosing a backup set", Seen: fmt.Sprintf("none of %d can be restored; the newest, run %s: %s", len(sets), sets[0].Run, q.Choices[0].Refuse),
			Next: "Wait if snapshots are still being made; else look for other backups, or re-onboard with the identities backup"}
	}
	return []wire.Question{q}, nil
}

// age is a duration as a person says it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
