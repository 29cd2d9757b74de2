// Package restore is the path that restores a full SV node from backups of any form, one file for each step, and the later
// run that gives away what it replaced (reference/deployment.md 8).
package restore

import (
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	p := steps.Path[Facts]{Name: "restore", Title: "Restore a node from backups", Version: 3,
		Subject: func(f Facts) wire.Subject {
			if f.Node == nil {
				return wire.Subject{Namespace: f.Namespace, Cluster: f.Where.Context}
			}
			return f.Node.Subject
		},
		Ending: func(f Facts) string {
			return "the node runs on " + source(f) + "; what it had before is kept until you release it: svrescue run release-old-volumes"
		},
	}
	p.Steps = append([]steps.Step[Facts]{inventory(), backupSet(), proveSet(), preflight(later())}, later()...)
	return p
}

// later are the steps after the preflight, which looks at what they would do.
func later() []steps.Step[Facts] {
	return []steps.Step[Facts]{reachServers(), record(), fence(), holdOthers(), scaleDown(), keepOldVolumes(), restoreVolumes(), startDatabases(),
		restoreDatabases(), proveRestored(), scaleUp(), catchUp(), finish()}
}

// source says what the node was restored from.
func source(f Facts) string {
	var parts []string
	if f.Set != nil && f.Set.Run != "" {
		parts = append(parts, "the data of backup run "+f.Set.Run)
	}
	if f.Set != nil && len(f.Set.Dumps) > 0 {
		parts = append(parts, fmt.Sprintf("%d dumps", len(f.Set.Dumps)))
	}
	if f.Set != nil && len(f.Set.Managed) > 0 {
		parts = append(parts, "databases that the managed service restored")
	}
	return strings.Join(parts, " and ")
}

// needNode is the error of a plan that comes before the inventory, nil afterwards.
func needNode(f Facts) error {
	if f.Node == nil {
		return &steps.NotYet{Step: "restore/inventory", What: "which workloads there are"}
	}
	return nil
}

// needSet is the error of a plan that comes before a set is chosen, nil afterwards.
func needSet(f Facts) error {
	if err := needNode(f); err != nil {
		return err
	}
	if f.Set == nil {
		return &steps.NotYet{Step: "restore/backup-set", What: "which snapshots are restored"}
	}
	return nil
}

// applications are the workloads that stop before the databases, apps first.
func applications(n node.Node) []node.Component {
	return append(n.Of(node.Validator, node.ScanApp, node.SVApp), n.Of(node.Participant, node.Mediator, node.Sequencer, node.CometBFT)...)
}

// replaced are the databases whose claims are replaced.
func replaced(f Facts) []node.Component {
	var found []node.Component
	for _, c := range f.Node.Of(node.Postgres) {
		for _, m := range f.Set.Members {
			if m.Owner == c.Ref.Name {
				found = append(found, c)
				break
			}
		}
	}
	return found
}
