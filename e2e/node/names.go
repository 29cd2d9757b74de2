//go:build e2e

package node

import "fmt"

// Servers are the four PostgreSQL releases of an SV (deployment.md 3.2); Secret "<server>-secret" holds the password.
var Servers = []string{"apps-pg", "sequencer-pg", "mediator-pg", "participant-pg"}

// Apps are the Deployments of the three Splice apps, which need the participant.
var Apps = []string{"sv-app", "scan-app", "validator-app"}

// Names are those of a node of family B (deployment.md 3.2, 3.3, 3.5, 3.6).
type Names struct {
	Domain        string // Helm release of sequencer and mediator
	Sequencer     string
	Mediator      string
	CometBFT      string // Deployment: the value node.identifier
	CometBFTClaim string
	CometBFTRPC   string // Service
	CometBFTP2P   string // Service
	Participant   string
	Databases     []Database
}

// Database is one component's database.
type Database struct{ Component, Server, Name, Schema string }

func names(serial, migration int) *Names {
	domain := fmt.Sprintf("global-domain-%d", serial)
	comet := domain + "-cometbft"
	return &Names{
		Domain: domain, Sequencer: domain + "-sequencer", Mediator: domain + "-mediator",
		CometBFT: comet, CometBFTClaim: comet + "-cometbft-data",
		CometBFTRPC: comet + "-cometbft-rpc", CometBFTP2P: comet + "-cometbft-p2p",
		Participant: "participant",
		Databases: []Database{
			{"sv-app", "apps-pg", "cantonnet_sv", "sv"},
			{"scan-app", "apps-pg", "cantonnet_scan", "scan"},
			{"validator-app", "apps-pg", "cantonnet_validator", "validator"},
			{"sequencer", "sequencer-pg", fmt.Sprintf("sequencer_%d", serial), "sequencer"},
			{"mediator", "mediator-pg", fmt.Sprintf("mediator_%d", serial), "mediator"},
			{"participant", "participant-pg", fmt.Sprintf("participant_%d", migration), "participant"},
		},
	}
}

// database of a component.
func (n *Names) database(component string) Database {
	for _, d := range n.Databases {
		if d.Component == component {
			return d
		}
	}
	panic("no database of " + component)
}

// Scaled are the Deployments that a restore takes down, in the order of the documented command (deployment.md 8.2).
func (n *Names) Scaled() []string {
	return []string{n.CometBFT, n.Mediator, n.Sequencer, n.Participant, "scan-app", "sv-app", "validator-app"}
}

// Workloads are all Deployments of the node: those of Scaled, the user interfaces and info.
func (n *Names) Workloads() []string {
	return append(n.Scaled(), "sv-web-ui", "scan-web-ui", "wallet-web-ui", "ans-web-ui", "info")
}

// Claims are the claims that hold data, apps first: the order in which they must be backed up.
func (n *Names) Claims() []string {
	return []string{"pg-data-apps-pg-0", "pg-data-mediator-pg-0", "pg-data-sequencer-pg-0", n.CometBFTClaim, "pg-data-participant-pg-0"}
}
