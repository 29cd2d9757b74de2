package rehearsal

import "canton.example/svrescue/steps/wire"

// networkScenarios are those of a network that is recovered by all SVs together, in the order in which they are best learnt.
func networkScenarios() []Scenario {
	return []Scenario{networkClean()}
}

// networkClean is an ordinary call: one of the others has lost the last lines of its log, and two did not agree with each other.
func networkClean() Scenario {
	return recovering("network-clean", "The network has lost its CometBFT layer", "the whole way: agreeing on a time, the new synchronizer, the dump, the migration", wire.Recovered, Loss{})
}
