// Package node recognises the parts of a Splice Super Validator node among the workloads of a namespace: by the chart
// that made them, by the label splice-component, and by their containers, never by a fixed name
// (reference/deployment.md 3.2, 16.3). It is pure: what it is given was read elsewhere.
package node

import (
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// Part is what a workload is for.
type Part string

const (
	CometBFT    Part = "cometbft"
	Sequencer   Part = "sequencer"
	Mediator    Part = "mediator"
	Participant Part = "participant"
	SVApp       Part = "sv-app"
	ScanApp     Part = "scan-app"
	Validator   Part = "validator-app"
	Postgres    Part = "postgres"
	UI          Part = "ui"
	Info        Part = "info"
	Exporter    Part = "exporter"
	Other       Part = "other"
)

// Role tells the synchronizers of a node apart. Workloads of no synchronizer have none.
type Role string

const (
	Current   Role = "current"
	Legacy    Role = "legacy"    // of an earlier migration or serial ID; it goes on serving and is left alone
	Successor Role = "successor" // prepared for an upgrade; left alone
)

// Component is one workload of the node.
type Component struct {
	Part     Part             `json:"part"`
	Ref      kube.WorkloadRef `json:"ref"`
	UID      string           `json:"uid"`
	Replicas int32            `json:"replicas"` // as found
	Ready    int32            `json:"ready"`
	Selector string           `json:"selector"`
	Claims   []string         `json:"claims,omitempty"`
	Chart    string           `json:"chart,omitempty"` // "splice-participant-0.6.4"
	Release  string           `json:"release,omitempty"`
	Serial   string           `json:"serial,omitempty"` // migration or serial ID of a synchronizer's workload
	Role     Role             `json:"role,omitempty"`
	Serves   []Part           `json:"serves,omitempty"` // of a database: whose data it holds
	Rivals   []string         `json:"rivals,omitempty"` // who else may change its replica count, in words
	// Liveness is the longest time that a probe of one of its containers must fail until it is started anew; 0: none has a probe.
	Liveness time.Duration `json:"liveness,omitempty"`
}

// Claim is a claim of the node that holds data, as it was found.
type Claim struct {
	kube.Claim
	Owner        string            `json:"owner"` // workload name
	Parts        []Part            `json:"parts"` // whose data it holds
	Stateful     bool              `json:"stateful"`
	Binding      string            `json:"binding"` // binding mode of its class: Immediate or WaitForFirstConsumer
	Old          kube.Volume       `json:"old"`     // the volume it is bound to
	StorageClass kube.StorageClass `json:"storageClass"`
}

// Node is one SV node.
type Node struct {
	Subject    wire.Subject `json:"subject"`
	Release    string       `json:"release"` // Splice release of the charts, "0.6.4"
	Serial     string       `json:"serial"`  // of the current synchronizer
	Components []Component  `json:"components"`
	Claims     []Claim      `json:"claims"`
	// Databases are those of the components, in the order of the components.
	Databases []postgres.Database `json:"databases,omitempty"`
	Releases  map[string]string   `json:"releases,omitempty"` // Helm release -> chart-version, as recorded by Helm
	Retention Retention           `json:"retention,omitzero"`
}

// Retention is how long this node's sequencer keeps what it has sequenced. Each SV sets its own (reference/backups.md 3).
type Retention struct {
	Period time.Duration `json:"period"`
	From   string        `json:"from"` // where it was read, for people
}

// IsSV says whether the workloads include what makes a node a super validator: an SV app and a participant.
func (n Node) IsSV() bool {
	return len(n.Of(SVApp)) > 0 && len(n.Of(Participant)) > 0
}

// SerialIsMigration says whether the number of the synchronizer is the migration ID: up to 0.6.1 it is, and where the release
// is not known it is taken for it (reference/deployment.md 1).
func (n Node) SerialIsMigration() bool {
	return n.Release == "" || compareVersions(n.Release, "0.6.2") < 0
}

// Of returns the components of these parts that belong to no synchronizer or to the current one.
func (n Node) Of(parts ...Part) []Component {
	var found []Component
	for _, part := range parts {
		for _, c := range n.Components {
			if c.Part == part && (c.Role == "" || c.Role == Current) {
				found = append(found, c)
			}
		}
	}
	return found
}

// LeftAlone returns the workloads of legacy and successor synchronizers.
func (n Node) LeftAlone() []Component {
	var found []Component
	for _, c := range n.Components {
		if c.Role == Legacy || c.Role == Successor {
			found = append(found, c)
		}
	}
	return found
}

// SynchronizerParts and AppParts are in the order in which they come up (reference/deployment.md 5); they go down in the reverse.
var (
	SynchronizerParts = []Part{CometBFT, Sequencer, Mediator, Participant}
	AppParts          = []Part{SVApp, ScanApp, Validator}
)

// Claim returns the claim with that name.
func (n Node) Claim(name string) (Claim, bool) {
	i := slices.IndexFunc(n.Claims, func(c Claim) bool { return c.Name == name })
	if i < 0 {
		return Claim{}, false
	}
	return n.Claims[i], true
}
