package evidence

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/triage"
)

// readSnapshots are the backup sets of the VolumeSnapshots, each with its checks.
func readSnapshots(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	snapshots, err := l.Cluster.Snapshots(ctx, l.Namespace)
	if err != nil && kube.KindOf(err) != kube.NotFound {
		return err
	}
	p := triage.Place{Reading: l.reading("snapshots")}
	switch {
	case err != nil:
		p.Source = "the cluster has no VolumeSnapshots"
	case len(snapshots) > 0 && len(n.Claims) == 0:
		p.Problem = fmt.Sprintf("there are %d VolumeSnapshots, and no workloads that would tell which of them belong together", len(snapshots))
	case len(snapshots) > 0:
		contents, err := l.Cluster.SnapshotContents(ctx)
		if err != nil && kube.KindOf(err) != kube.Forbidden {
			return err
		}
		sets, loose := backup.Sets(n, snapshots, contents) // without contents the times are those of the snapshots, to the second
		for _, s := range sets {
			p.Sets = append(p.Sets, setOf(s, n, l.Clock.Now()))
		}
		if len(loose) > 0 {
			p.Source += fmt.Sprintf(" (%d of them belong to no run)", len(loose))
		}
	}
	deliver(func(e *triage.Evidence) { e.Backups.Snapshots = p })
	return nil
}

func setOf(s backup.Set, n node.Node, now time.Time) triage.Set {
	set := triage.Set{Name: s.Run, Begin: s.Begin(), Checks: backup.Judge(s, n, now)}
	for _, m := range s.Members {
		switch {
		case n.SerialIsMigration(): // later the annotation is another number than the synchronizer's
			set.Serial = m.Migration
		case slices.ContainsFunc(n.Of(node.CometBFT), func(c node.Component) bool { return slices.Contains(c.Claims, m.Claim) }):
			set.Serial = n.Serial // a chain's volume is of one synchronizer, whose number its claim bears (reference/deployment.md 3.5)
		}
		if slices.Contains(m.Parts, node.Participant) && m.Snapshot.Ready && m.Snapshot.Error == "" && m.Snapshot.Deleting == nil && !slices.Contains(s.Twice, m.Claim) {
			set.Keys = true
		}
	}
	return set
}

// readDumps are the sets of dump files in the folders that were named.
func readDumps(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	p := triage.Place{Reading: triage.Reading{Source: "no folder with dumps was named"}}
	if len(l.Dumps) > 0 {
		p.Source = "dumps in " + plain.Line(strings.Join(l.Dumps, ", "))
	}
	for _, folder := range l.Dumps {
		artifacts, err := dump.Read(ctx, folder, dump.Options{})
		if err != nil {
			return err
		}
		if len(artifacts) > 0 {
			p.Sets = append(p.Sets, dumpsOf(folder, artifacts, l.Clock.Now()))
		}
	}
	p.At = l.Clock.Now()
	deliver(func(e *triage.Evidence) { e.Backups.Dumps = p })
	return nil
}

func dumpsOf(folder string, artifacts []dump.Artifact, now time.Time) triage.Set {
	checked := backup.CheckDumps(artifacts, now, 0)
	set := triage.Set{Name: plain.Line(filepath.Base(folder))}
	for _, f := range checked.Checks {
		if checked.Counts[f.ID] || f.ID == backup.DumpAge || f.ID == backup.DumpCometBFT {
			set.Checks = append(set.Checks, f)
		}
	}
	for _, a := range artifacts {
		// A time without its zone could be wrong by a day, so it counts for nothing.
		for _, begun := range begun(a) {
			if set.Begin.IsZero() || begun.Before(set.Begin) {
				set.Begin = begun
			}
		}
		if a.Role == postgres.Participant && a.Complete != nil && *a.Complete && len(a.Problems) == 0 {
			set.Keys = true
		}
	}
	return set
}

// begun is when a dump was begun, or when the last event in it was published, before which it cannot have been; empty: not known.
func begun(a dump.Artifact) []time.Time {
	switch {
	case a.Started != nil && a.Started.ZoneKnown:
		return []time.Time{a.Started.Wall}
	case a.Ledger != nil:
		return []time.Time{*a.Ledger}
	}
	return nil
}
