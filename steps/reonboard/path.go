// Package reonboard is the path that replaces an SV whose data is lost: it is offboarded, a standalone validator with its participant's keys
// takes over what it owned, a fresh SV joins, and the Amulets are transferred to it (reference/deployment.md 9). One file for each step.
package reonboard

import (
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// New returns the path.
func New() steps.Path[Facts] {
	return steps.Path[Facts]{Name: "reonboard", Title: "Re-onboard the SV and recover its Amulets", Version: 1,
		Subject: func(f Facts) wire.Subject {
			return wire.Subject{Network: f.Old.Network, SV: f.Old.SV, Namespace: holds(f), Cluster: f.Where.Context}
		},
		Steps: []steps.Step[Facts]{peers(), lostSV(), identities(), baseline(), fence(), requestVote(), offboarding(), validatorValues(), validatorDeploy(),
			loggedIn(validatorBalance(), toValidator()), freshValues(), loggedIn(freshSV(), toFresh()), loggedIn(transferPlan(), toValidator(), toFresh()),
			loggedIn(testTransfer(), toValidator(), toFresh()), loggedIn(testAccept(), toValidator(), toFresh()),
			loggedIn(transfer(), toValidator(), toFresh()), loggedIn(accept(), toValidator(), toFresh()), loggedIn(verifyArrival(), toValidator(), toFresh()), finish()},
		Ending: func(Facts) string {
			return "the Amulets of the lost SV are in the wallet of the fresh one"
		},
	}
}

// holds is the namespace whose Lease the run holds: that of the lost node or, where there is none left, that of the recovery validator.
func holds(f Facts) string {
	switch {
	case f.Old.Namespace != "":
		return f.Old.Namespace
	case f.Validator.Namespace != "":
		return f.Validator.Namespace
	}
	return f.Wanted
}
