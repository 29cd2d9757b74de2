package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	svapp "canton.example/svrescue/svapp/sim"
)

// Scenario is one rehearsal.
type Scenario struct {
	ID      string
	Path    string
	Title   string
	Teaches string       // one line: what it teaches
	Faults  []string     // what is wrong in this world, in words
	Expect  wire.Outcome // how it ends for a good operator
	// Lag is how far the node is behind when it starts again; zero: a few minutes.
	Lag svapp.Lag
	// Net is what the network looks like, beyond this node.
	Net Net
	// Books is the network's ledger, where votes, onboardings and transfers are part of the world; nil: the network is what Net says.
	Books *Books
	// Loss is a network whose CometBFT layer is lost, and how its recovery goes; nil: the network is what Net says.
	Loss *Loss
	// Roll is a network whose synchronizer is broken, and how it rolls forward; nil: the network is what Net says.
	Roll *Roll
	// Managed are the servers of a managed service: host, and the text of what they hold when they are restored.
	Managed func(now time.Time) map[string]string
	// Dumps are dump files that lie in a folder of the operator, by name.
	Dumps func() (map[string][]byte, error)
	// Record is the record of a lost node, that lies in a folder of the operator; nil: there is none.
	Record func(now time.Time) (map[string][]byte, error)
	// Saved are the values files and the charts of a lost node that has no record, in the folders ValuesFolder and ChartsFolder; nil: there are none.
	Saved func(now time.Time) (map[string][]byte, error)
	// World is the starting world. now is the simulated time at which it starts.
	World func(now time.Time) (sim.Scenario, error)
	// Operator is what a good operator does at a question that is not a plain yes; nil or false: what Good does.
	Operator func(ctx context.Context, hands Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool)
}

// Elsewhere is what an operator can do to the cluster outside this tool, with their own rights.
type Elsewhere struct {
	Cluster   *kube.Cluster
	Namespace string
}

// All are the scenarios, in the order in which they are best learnt.
func All() []Scenario {
	all := []Scenario{clean(), stuckPod(), snapshotNotReady(), crashLoop(), wrongOrder(), noRights(),
		dropped(), dumpsAnew(), truncatedDump(), dumpsAhead(), managed(), managedDumps(), reversed(), gitOps(), tooOld(), secondOperator(), operatorGone(), lostCluster(), lostRecordToo()}
	return slices.Concat(all, reonboardScenarios(), networkScenarios(), rollScenarios())
}

// Find returns the scenario with that id.
func Find(id string) (Scenario, error) {
	all := All()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.ID == id })
	if i < 0 {
		var ids []string
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return Scenario{}, fmt.Errorf("there is no scenario %q; there are %v", id, ids)
	}
	return all[i], nil
}

// Good answers as one who has read the screen and agrees: the proposed choice, yes, the word.
func Good(q wire.Question) (wire.Answer, bool) {
	switch q.Kind {
	case wire.AskWord:
		return wire.Answer{Choice: wire.ChoiceYes, Text: q.Word}, true
	case wire.AskConfirm:
		return wire.Answer{Choice: wire.ChoiceYes}, true
	case wire.AskTick:
		return wire.Answer{Choice: wire.ChoiceDone}, true
	case wire.AskText:
		text := cmp.Or(q.Word, q.Default)
		return wire.Answer{Text: text}, text != ""
	case wire.AskChoice:
		if q.Default != "" {
			return wire.Answer{Choice: q.Default}, true
		}
		for _, c := range q.Choices {
			if c.Refuse == "" {
				return wire.Answer{Choice: c.ID}, true
			}
		}
	case wire.AskRemedy:
		return wire.Answer{Choice: q.Default}, q.Default != ""
	}
	return wire.Answer{}, false
}

// Player answers the questions of a run as the scenario's good operator would.
type Player struct {
	Scenario Scenario
	Hands    func() (Elsewhere, error) // made at the first need: the world is served by then
	tries    map[string]int
}

// maxTries bounds how often the player answers one question, so that a rehearsal that does not move on ends.
const maxTries = 12

// Answer implements the answering side of a front end.
func (p *Player) Answer(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
	if p.tries == nil {
		p.tries = map[string]int{}
	}
	if p.tries[q.Name]++; p.tries[q.Name] > maxTries {
		return wire.Answer{}, false
	}
	if p.Scenario.Operator != nil {
		hands, err := p.Hands()
		if err != nil {
			return wire.Answer{}, false
		}
		if a, ok := p.Scenario.Operator(ctx, hands, v, q); ok {
			return a, true
		}
	}
	return Good(q)
}
