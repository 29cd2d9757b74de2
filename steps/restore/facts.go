package restore

import (
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// Facts are what a restore knows. They are journaled and hold no secret.
type Facts struct {
	Wanted    string     `json:"wanted,omitempty"` // namespace asked for on the command line
	Namespace string     `json:"namespace,omitempty"`
	Run       string     `json:"run"`              // id of this run; marks the volumes that it keeps
	Where     kube.Where `json:"where"`            // for the commands that are shown
	Serial    string     `json:"serial,omitempty"` // the operator's word on which synchronizer is current
	Node      *node.Node `json:"node,omitempty"`
	SetRun    string     `json:"setRun,omitempty"` // chosen run of volume snapshots; "none"
	Chosen    int        `json:"chosen,omitempty"` // how often another source was chosen
	// DumpHint is the folder that is proposed for dumps.
	DumpHint   string `json:"dumpHint,omitempty"`
	DumpFolder string `json:"dumpFolder,omitempty"`
	Room       string `json:"room,omitempty"` // where dumps are loaded: beside, anew
	// Outside says where the databases of servers outside the cluster come from: dumps, provider, or the servers, with commas between,
	// whose databases come from dumps while the provider restores the others.
	Outside     string      `json:"outside,omitempty"`
	ClientImage string      `json:"clientImage,omitempty"` // of the pod through which dumps are loaded there; empty: the charts'
	ManagedAt   time.Time   `json:"managedAt,omitzero"`    // to which a managed participant database is restored
	Set         *backup.Set `json:"set,omitempty"`
	// ManagedDone says that the operator has seen the managed servers restored.
	ManagedDone bool `json:"managedDone,omitempty"`
	// Aside are the databases that this run has put aside, as NAME on SERVER.
	Aside []string `json:"aside,omitempty"`
	// Before is how far the participant had got before anything was changed, where it could be read.
	Before   []postgres.Position `json:"before,omitempty"`
	Recorded []string            `json:"recorded,omitempty"` // files of the record
	Fence    Fence               `json:"fence,omitzero"`
	// Lost is set where the node is restored into an empty namespace.
	Lost *LostNode   `json:"lost,omitempty"`
	Held []hold.Hold `json:"held,omitempty"` // who else acts on the node, and was paused
}
