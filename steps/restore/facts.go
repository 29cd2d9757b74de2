package restore

import (
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
)

// Facts are what a restore knows. They are journaled and hold no secret.
type Facts struct {
	Wanted    string      `json:"wanted,omitempty"` // namespace asked for on the command line
	Namespace string      `json:"namespace,omitempty"`
	Run       string      `json:"run"`              // id of this run; marks the volumes that it keeps
	Where     kube.Where  `json:"where"`            // for the commands that are shown
	Serial    string      `json:"serial,omitempty"` // the operator's word on which synchronizer is current
	Node      *node.Node  `json:"node,omitempty"`
	SetRun    string      `json:"setRun,omitempty"` // chosen backup run
	Set       *backup.Set `json:"set,omitempty"`
	Recorded  []string    `json:"recorded,omitempty"` // files of the record
	Fence     Fence       `json:"fence,omitzero"`
	Held      []Hold      `json:"held,omitempty"` // who else acts on the node, and was paused
}
