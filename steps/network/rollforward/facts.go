package rollforward

import (
	"slices"
	"strconv"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Facts are what the path knows. They are journaled and hold no secret.
type Facts struct {
	Wanted    string        `json:"wanted,omitempty"` // namespace asked for on the command line
	Namespace string        `json:"namespace,omitempty"`
	Run       string        `json:"run"`              // id of this run
	Where     kube.Where    `json:"where"`            // for the commands that are shown
	Serial    string        `json:"serial,omitempty"` // the operator's word on which synchronizer is current
	Hints     network.Hints `json:"hints,omitzero"`
	Node      *node.Node    `json:"node,omitempty"`

	Situation Situation        `json:"situation,omitempty"`
	Gate      *Gate            `json:"gate,omitempty"`
	Declared  network.Decision `json:"declared,omitzero"`
	Call      Call             `json:"call,omitzero"`
	Agreed    *Agreed          `json:"agreed,omitempty"` // nil: not settled yet
	Card      *card.Card       `json:"card,omitempty"`   // of Agreed

	Place      string    `json:"place,omitempty"`      // where charts are: a folder, a registry, or record
	ChartsHint string    `json:"chartsHint,omitempty"` // what is proposed for it
	Addresses  Addresses `json:"addresses,omitzero"`
	Rolling    Rolling   `json:"rolling,omitzero"`
	Moved      bool      `json:"moved,omitempty"`     // the participant was seen on the successor
	Promoting  bool      `json:"promoting,omitempty"` // the operator has said that it is time
	Removing   bool      `json:"removing,omitempty"`
	Keeping    bool      `json:"keeping,omitempty"` // the old synchronizer stays when the run ends
	// Changes are the releases as they are to be, by the change that they belong to.
	Changes map[string][]releases.Derived `json:"changes,omitempty"`

	Cap *Capped `json:"cap,omitempty"` // nil: the old sequencer does not have the maximum yet
}

// Gate is what the node shows of itself at the beginning.
type Gate struct {
	Release string         `json:"release"`          // "0.7.5"
	Driver  Driver         `json:"driver,omitempty"` // of the broken synchronizer; empty: not seen
	Chain   *network.Block `json:"chain,omitempty"`  // the first look at the own CometBFT
	// Announced is the upgrade that the own scan tells of; nil: none, or it does not tell.
	Announced *svapp.Upgrade `json:"announced,omitempty"`
}

// Call is what the call has come to so far.
type Call struct {
	SVs    []string          `json:"svs,omitempty"`    // names of all SVs of the network
	Values map[string]string `json:"values,omitempty"` // what was entered, by question
	Was    map[string]string `json:"was,omitempty"`    // what was entered before, proposed anew
	Adding string            `json:"adding,omitempty"` // theirs:SV, or change
	Theirs []network.Theirs  `json:"theirs,omitempty"`
	Settle bool              `json:"settle,omitempty"` // the operator has settled the card
}

// needNode is the error of a plan that comes before the inventory, nil afterwards.
func needNode(f Facts) error {
	if f.Node == nil {
		return &steps.NotYet{Step: "network/roll-forward/inventory", What: "which workloads there are"}
	}
	return nil
}

// needCard is the error of a plan that comes before the values are settled, nil afterwards.
func needCard(f Facts) error {
	if err := needNode(f); err != nil {
		return err
	}
	if f.Agreed == nil {
		return &steps.NotYet{Step: "network/roll-forward/parameter-card", What: "which values the call has agreed on"}
	}
	return nil
}

// brokenSerial is the serial of the synchronizer that is broken: the current one, but where an upgrade went ahead and its successor broke before
// the SV app's values made it the current one. Empty: not known.
func brokenSerial(n node.Node, s Situation) string {
	if s == SuccessorBroken {
		for _, c := range n.Components {
			if c.Role == node.Successor && c.Part == node.Sequencer {
				return c.Serial
			}
		}
	}
	return n.Serial
}

// of are the workloads of a part with a serial.
func of(n node.Node, part node.Part, serial string) []node.Component {
	return slices.DeleteFunc(slices.Clone(n.Components), func(c node.Component) bool { return c.Part != part || c.Serial != serial })
}

// old are the workloads of a part of the synchronizer that is broken.
func (f Facts) old(part node.Part) []node.Component {
	return of(*f.Node, part, brokenSerial(*f.Node, f.Situation))
}

// before are the sequencers and CometBFTs of the synchronizers that were there before the roll-forward, one of each release: the broken one, and
// those of an upgrade that failed or broke.
func (f Facts) before() []node.Component {
	var all []node.Component
	for _, c := range f.Node.Components {
		known := slices.ContainsFunc(all, func(other node.Component) bool { return other.Release == c.Release })
		if (c.Part == node.Sequencer || c.Part == node.CometBFT) && c.Release != "" && !known {
			all = append(all, c)
		}
	}
	return all
}

// currentSerial is brokenSerial as a number.
func (f Facts) currentSerial() (int, bool) {
	n, err := strconv.Atoi(brokenSerial(*f.Node, f.Situation))
	return n, err == nil
}

// shownCard is what stands on the screens: the settled card, before that the proposal.
func shownCard(f Facts) *wire.Card {
	if f.Card != nil {
		return &wire.Card{Purpose: f.Card.Purpose, Fingerprint: f.Card.Fingerprint(), Text: f.Card.Text(), Frozen: true}
	}
	a, whole := f.proposal()
	if !whole {
		return nil
	}
	c := a.Card()
	return &wire.Card{Purpose: c.Purpose, Fingerprint: c.Fingerprint(), Text: c.Text()}
}
