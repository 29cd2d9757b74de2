// Package network is the path by which all SVs together recover a network whose CometBFT layer is lost, on releases up to 0.6.1: they agree on a
// timestamp, take data snapshots of it, and start a new synchronizer from them (reference/deployment.md 10). One file for each step, and more
// where a step has several ideas.
package network

import (
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	return steps.Path[Facts]{Name: "network", Title: "Recover the network after the loss of its CometBFT layer", Version: 2,
		Subject: func(f Facts) wire.Subject {
			if f.Node == nil {
				return wire.Subject{Namespace: f.Namespace, Cluster: f.Where.Context}
			}
			return f.Node.Subject
		},
		Card:  shownCard,
		Steps: []steps.Step[Facts]{inventory(), releaseGate(), declare(), saveLogs(), identities(), newValues(), newSynchronizer(), freeze(), safetyBackup(), ownReport(), agree(), snapshot(), merge(), stopOld(), uploadStep(), appValues(), writeChanges(), letOthersGo(), migrate(), verifyRecovery()},
		Ending: func(f Facts) string {
			if f.Card == nil {
				return "no parameters were settled"
			}
			if f.Migrated != nil {
				return "this SV works on the new synchronizer, as the card with the fingerprint " + f.Card.Fingerprint() + " says. Still to come: the validators go, by the text for them; and some days later the run " + CleanUpPath + ", which tells the apps to migrate no more"
			}
			return "the parameters of the recovery are settled, with the fingerprint " + f.Card.Fingerprint()
		},
	}
}

// needNode is the error of a plan that comes before the inventory, nil afterwards.
func needNode(f Facts) error {
	if f.Node == nil {
		return &steps.NotYet{Step: "network/inventory", What: "which workloads there are"}
	}
	return nil
}
