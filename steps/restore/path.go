// Package restore is the path that restores a full SV node from volume snapshots, one file for each step, and the later
// run that gives the replaced volumes away (reference/deployment.md 8).
package restore

import (
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	p := steps.Path[Facts]{Name: "restore", Title: "Restore a node from volume snapshots", Version: 1,
		Subject: func(f Facts) wire.Subject {
			if f.Node == nil {
				return wire.Subject{Namespace: f.Namespace, Cluster: f.Where.Context}
			}
			return f.Node.Subject
		},
		Ending: func(f Facts) string {
			return fmt.Sprintf("the node runs on the data of backup run %s; the old volumes are kept until you release them: svrescue run release-old-volumes", f.SetRun)
		},
	}
	later := []steps.Step[Facts]{record(), scaleDown(), keepOldVolumes(), restoreVolumes(), startDatabases(), scaleUp(), finish()}
	p.Steps = append([]steps.Step[Facts]{inventory(), backupSet(), preflight(later)}, later...)
	return p
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
