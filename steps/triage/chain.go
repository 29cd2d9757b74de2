package triage

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"canton.example/svrescue/steps/node"
)

// ChainState is what this node's CometBFT does, by heights and block times alone.
type chainState int

const (
	chainUnknown  chainState = iota
	chainRuns                // blocks are made now
	chainBehind              // the height grows, and the blocks are old: it catches up
	chainStands              // the height does not grow, and the last block is old
	chainForeign             // it is another synchronizer's chain
	chainDown                // no CometBFT of this node runs
	chainNotThere            // CantonBFT: there is no such chain
)

// How old a block may be. The reference gives no block interval for an idle network, so between the two it is not known.
const (
	blockFresh = 2 * time.Minute
	blockOld   = 10 * time.Minute
	watched    = 30 * time.Second // how long a height has to be watched before it is said to stand
)

var chainNumber = regexp.MustCompile(`-(\d+)$`)

// chainOf judges the chain. Where the inventory says that no CometBFT runs, that outranks what was read of it before.
func chainOf(e Evidence, rel Release, now time.Time) (chainState, Item) {
	item := Item{ID: "chain", Verdict: NotDetermined, Source: cmp.Or(e.Chain.Source, "CometBFT of this node"), At: e.Chain.At}
	if rel.Ordering == cantonBFT {
		item.Verdict, item.Source, item.At = Holds, cmp.Or(e.Cluster.Source, "the inventory"), e.Cluster.At
		item.Detail = "This node has no CometBFT chain: its sequencer orders by itself."
		return chainNotThere, item
	}
	if e.Cluster.known(now) {
		if comets := e.Cluster.Node.Of(node.CometBFT); len(comets) > 0 && readyOf(comets) == 0 {
			item.Verdict, item.Source, item.At = Violated, cmp.Or(e.Cluster.Source, "the inventory"), e.Cluster.At
			item.Detail = "No CometBFT of this node runs, so this node cannot see whether the chain goes on."
			return chainDown, item
		}
	}
	if !e.Chain.known(now) {
		item.Detail, item.At = e.Chain.why("the height of the chain", now), time.Time{}
		return chainUnknown, item
	}
	samples := e.Chain.Samples
	if len(samples) == 0 {
		item.Detail = "CometBFT answered without a height and a block time."
		return chainUnknown, item
	}
	first, last := samples[0], samples[len(samples)-1]
	if m := chainNumber.FindStringSubmatch(e.Chain.Network); m != nil && e.Cluster.known(now) && e.Cluster.Node.Serial != "" && m[1] != e.Cluster.Node.Serial {
		item.Verdict = Violated
		item.Detail = sentence(fmt.Sprintf("CometBFT follows the chain %s, and the current synchronizer of this node has the number %s", e.Chain.Network, e.Cluster.Node.Serial))
		return chainForeign, item
	}
	age := last.At.Sub(last.Time)
	grew := last.Height > first.Height
	at := fmt.Sprintf("block %d of %s ago", last.Height, span(age))
	switch {
	case last.Height < first.Height:
		item.Detail = fmt.Sprintf("The height of the chain went back from %d to %d, which a chain does not do: it was read from two different nodes, or it is being restored.", first.Height, last.Height)
	case age < -skew:
		item.Detail = sentence("the newest block is from a time that is still to come: a clock is wrong, so this tells nothing")
	case age <= blockFresh:
		item.Verdict, item.Detail = Holds, sentence("CometBFT is at "+at+", so the chain makes blocks")
		return chainRuns, item
	case grew:
		item.Verdict = Violated
		item.Detail = sentence(fmt.Sprintf("CometBFT went from block %d to %d and is still %s behind: it is catching up", first.Height, last.Height, span(age)))
		return chainBehind, item
	case age > blockOld && last.At.Sub(first.At) >= watched:
		item.Verdict = Violated
		item.Detail = sentence(fmt.Sprintf("CometBFT has stood at %s, and did not move for the %s that it was watched", at, span(last.At.Sub(first.At))))
		if !e.Chain.CatchingUp {
			item.Detail += " It says that it is not catching up, which a chain that stands still says as well."
		}
		return chainStands, item
	default:
		seen, needed := e.Chain.Watched()
		item.Detail = sentence(fmt.Sprintf("CometBFT is at %s, and it was not watched for long enough to tell whether it moves: %s, and it takes %s", at, span(seen), span(needed)))
	}
	return chainUnknown, item
}

// Watched is how long the chain was watched, and how long it takes until its samples tell whether it moves. They do where the first is not shorter:
// watching on then tells nothing more.
func (c Chain) Watched() (seen, needed time.Duration) {
	if len(c.Samples) == 0 {
		return 0, 0
	}
	first, last := c.Samples[0], c.Samples[len(c.Samples)-1]
	seen = last.At.Sub(first.At)
	age := last.At.Sub(last.Time)
	if last.Height != first.Height || age <= blockFresh {
		return seen, seen
	}
	return seen, max(watched, blockOld+time.Second-(age-seen)) // the last block gets old meanwhile
}

func readyOf(components []node.Component) (ready int32) {
	for _, c := range components {
		ready += c.Ready
	}
	return ready
}
