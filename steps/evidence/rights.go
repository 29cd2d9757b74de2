package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/triage"
)

// asker answers which permissions there are; *kube.Cluster does. It is asked only where a cluster has it.
type asker interface {
	Allowed(ctx context.Context, list []kube.Access) ([]kube.Verdict, error)
}

// readPermissions asks the cluster for every permission that a restore from the newest usable backup run would need, and its undo. Nothing is
// sent but the questions.
func readPermissions(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	cluster, can := l.Cluster.(asker)
	if !can {
		return errors.New("the cluster cannot be asked for them")
	}
	if !n.IsSV() {
		return errors.New("there is no SV node whose restore could be planned")
	}
	set, from := l.restorable(n)
	accesses, err := restore.Accesses(n, set, l.Namespace, l.Context)
	if err != nil {
		return err
	}
	verdicts, err := cluster.Allowed(ctx, accesses)
	if err != nil {
		return err
	}
	p := doctor.Permissions{Common: set == nil, Reading: triage.Reading{Source: "the cluster, " + from, At: l.Clock.Now()}}
	seen, missing := map[kube.Access]bool{}, map[string]int{}
	var order []string
	for _, v := range verdicts {
		if seen[v.Access] {
			continue
		}
		seen[v.Access] = true
		p.Asked++
		if v.Allowed {
			continue
		}
		p.Denied++
		every := v.Access
		every.Namespace, every.Name = "", ""
		if missing[every.String()]++; missing[every.String()] == 1 {
			order = append(order, every.String())
		}
	}
	for _, what := range order {
		p.Missing = append(p.Missing, fmt.Sprintf("%s (%d)", what, missing[what]))
	}
	deliver(func(e *doctor.Evidence) { e.Permissions = p })
	return nil
}

// restorable is the newest run of snapshots that could be restored; nil where none could, or none can be seen.
func (l *look) restorable(n node.Node) (*backup.Set, string) {
	sets, err := l.runs()
	i := slices.IndexFunc(sets, func(s backup.Set) bool { return backup.Restorable(backup.Judge(s, n, l.Clock.Now())) })
	if err != nil || i < 0 {
		return nil, "for what a restore needs whatever it is from: there is no backup run to plan one with"
	}
	return &sets[i], "for a restore of run " + sets[i].Run
}

// askRuns are the backup runs of the VolumeSnapshots, newest first.
func (l *look) askRuns(ctx context.Context) ([]backup.Set, error) {
	n, err := l.node()
	if err != nil {
		return nil, err
	}
	snapshots, err := l.Cluster.Snapshots(ctx, l.Namespace)
	if err != nil {
		return nil, err
	}
	contents, err := l.Cluster.SnapshotContents(ctx)
	if err != nil { // then times are good to the second only
		contents = nil
	}
	sets, _ := backup.Sets(n, snapshots, contents)
	return sets, nil
}

// readClock compares this machine's clock with the cluster's.
func readClock(_ context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	if _, err := l.workloads(); err != nil { // each answer of the cluster tells its time
		return err
	}
	skew, known := l.Cluster.Skew()
	if !known {
		return errors.New("the cluster does not tell its time")
	}
	c := doctor.Clock{Reading: triage.Reading{Source: "the API server", At: l.Clock.Now()}, Skew: skew}
	deliver(func(e *doctor.Evidence) { e.Clock = c })
	return nil
}
