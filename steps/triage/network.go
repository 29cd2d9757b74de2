package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A scan whose newest mining round is older than this is out of date, or its network stands still. The length of a round is not in the
// reference; this is far more than the ten minutes that are usual.
const roundOld = 30 * time.Minute

// network is what the scans of the other SVs say together. Any one of them may be out of date or lie, so what one says counts for
// nothing: with n SVs, of which at most f = (n-1)/3 are faulty, f+1 that say the same contain an honest one.
type network struct {
	all        int // SVs of the network; 0: not known
	faulty     int // how many of them may be out of date or lie
	running    []string
	standing   []string
	silent     []string
	set        []string // sentences: who was set aside, and why
	outvoted   []string // who says something else than what is taken for true
	round      int64    // that at least one honest scan has reached
	in, inOld  []string // who lists this SV's party among the SVs; the second with old rounds only
	out        []string // who lists it among the offboarded ones
	answered   int
	membership membership
	state      networkState
}

type networkState int

const (
	networkUnknown networkState = iota
	networkRuns
	networkStands
)

type membership int

const (
	membershipUnknown membership = iota
	isMember
	isOffboarded
	isNeither
)

// enough is how many scans prove a thing that an honest scan never says when it is not so.
func (n network) enough() int { return n.faulty + 1 }

// quorum is how many scans have to stand still before the ledger is said to: then fewer than enough can be running.
func (n network) quorum() int { return min(n.all-n.faulty, n.all-1) }

func networkOf(e Evidence, now time.Time) (network, []Item) {
	n := network{}
	item := Item{ID: "network", Verdict: NotDetermined, Source: cmp.Or(e.Peers.Source, "the scans of the other SVs"), At: e.Peers.At}
	member := Item{ID: "membership", Verdict: NotDetermined, Source: item.Source, At: item.At}
	switch {
	case !e.Peers.known(now):
		item.Detail = e.Peers.why("the list of the other SVs' scans", now)
		member.Detail = item.Detail
		item.At, member.At = time.Time{}, time.Time{}
		return n, []Item{item, member}
	case !e.Own.known(now) || e.Own.DSO == "":
		item.Detail = "Which network this node belongs to is not known, so the scans of other SVs prove nothing about it."
		member.Detail = item.Detail
		return n, []Item{item, member}
	case e.Peers.SVs < 1:
		item.Detail = "How many SVs the network has is not known, so it cannot be told how many scans are enough."
		member.Detail = item.Detail
		return n, []Item{item, member}
	}
	n.all = max(e.Peers.SVs, len(e.Peers.Scans)+1)
	n.faulty = (n.all - 1) / 3
	n.count(e, now)
	n.settle(e)
	item.Verdict, item.Detail = n.says()
	member.Verdict, member.Detail = n.saysOfMembership(e)
	return n, []Item{item, n.saysOfOthers(item), member}
}

// count asks each scan once.
func (n *network) count(e Evidence, now time.Time) {
	var rounds []int64
	listed := map[string]int{}
	for _, p := range e.Peers.Scans {
		listed[p.Name]++
	}
	for _, p := range e.Peers.Scans {
		if listed[p.Name] > 1 { // one SV must not be counted twice
			if said := p.Name + " is listed more than once"; !slices.Contains(n.set, said) {
				n.set = append(n.set, said)
			}
			continue
		}
		if !p.known(now) {
			n.silent = append(n.silent, p.Name)
			continue
		}
		age := p.At.Sub(p.RoundAt)
		switch {
		case p.DSO != e.Own.DSO:
			n.set = append(n.set, p.Name+" belongs to another network")
			continue
		case p.RoundAt.IsZero():
			n.set = append(n.set, p.Name+" does not tell its newest round")
			continue
		case age < -skew:
			n.set = append(n.set, p.Name+" names a round from a time that is still to come")
			continue
		case age <= roundOld:
			n.running = append(n.running, p.Name)
			rounds = append(rounds, p.Round)
		default:
			n.standing = append(n.standing, p.Name)
		}
		n.answered++
		if e.Own.Party != "" {
			switch { // a party that was voted out stays in the list of those, so this outranks the other
			case slices.Contains(p.Offboarded, e.Own.Party):
				n.out = append(n.out, p.Name)
			case slices.Contains(p.SVs, e.Own.Party) && age > roundOld:
				n.inOld = append(n.inOld, p.Name)
			case slices.Contains(p.SVs, e.Own.Party):
				n.in = append(n.in, p.Name)
			}
		}
	}
	slices.Sort(rounds)
	if len(rounds) >= n.enough() {
		n.round = rounds[len(rounds)-n.enough()]
	}
}

// settle takes for true what enough scans say, and names the others. A scan that is out of date may not have seen that an SV was voted
// out, and none that is honest says so too early.
func (n *network) settle(e Evidence) {
	switch {
	case len(n.running) >= n.enough():
		n.state = networkRuns
		for _, s := range n.standing {
			n.outvoted = append(n.outvoted, s+" (its newest round is old)")
		}
	case len(n.standing) >= n.quorum() && n.quorum() > 0:
		n.state = networkStands
		for _, s := range n.running {
			n.outvoted = append(n.outvoted, s+" (it says that rounds go on)")
		}
	}
	if n.state == networkStands { // nobody can have been voted out since
		n.in, n.inOld = append(n.in, n.inOld...), nil
	}
	switch {
	case len(n.out) >= n.enough():
		n.membership = isOffboarded
		for _, s := range slices.Concat(n.in, n.inOld) {
			n.outvoted = append(n.outvoted, s+" (it still lists this SV)")
		}
	case len(n.in) >= n.enough():
		n.membership = isMember
		for _, s := range n.out {
			n.outvoted = append(n.outvoted, s+" (it says that this SV was voted out)")
		}
	case e.Own.Party != "" && len(n.in)+len(n.inOld)+len(n.out) == 0 && n.answered >= n.quorum() && n.quorum() > 0:
		n.membership = isNeither
	}
}

func (n network) says() (Verdict, string) {
	asked := len(n.running) + len(n.standing) + len(n.silent) + len(n.set)
	tally := fmt.Sprintf("%s asked. With rounds of the last %s: %d. With older ones only: %d. Set aside: %d. Without an answer: %d",
		count(asked, "scan was", "scans were"), span(roundOld), len(n.running), len(n.standing), len(n.set), len(n.silent))
	quiet := ""
	if len(n.silent) > 0 {
		quiet = "a scan that cannot be reached from here says nothing about the network: addresses are filtered as a rule"
	}
	switch n.state {
	case networkRuns:
		return Holds, sentences(fmt.Sprintf("the network runs: %d of %s show new rounds, up to round %d", len(n.running), count(n.all-1, "other SV", "other SVs"), n.round), tally)
	case networkStands:
		return Violated, sentences("the ledger stands still on the scans of more than two thirds of the SVs", tally)
	}
	return NotDetermined, sentences(fmt.Sprintf("whether the network runs is not known: %s would have to say so", count(n.enough(), "scan", "scans")), tally, quiet)
}

// saysOfOthers names the scans that do not count, for whoever has to call their operators.
func (n network) saysOfOthers(of Item) Item {
	item := Item{ID: "peers", Verdict: Holds, Source: of.Source, At: of.At, Detail: "No scan that answered contradicts the others."}
	if n.answered == 0 {
		item.Verdict, item.Detail = NotDetermined, "No scan gave an answer that counts."
	}
	if len(n.outvoted) > 0 {
		item.Verdict = Violated
		item.Detail = sentence("outvoted, because they are out of date or wrong: " + list(n.outvoted))
	}
	if len(n.set) > 0 {
		if n.answered > 0 {
			item.Verdict = Violated
		}
		item.Detail = sentences(item.Detail, "not counted: "+strings.Join(n.set, "; "))
	}
	if len(n.silent) > 0 {
		item.Detail = sentences(item.Detail, "no answer from "+list(n.silent))
	}
	return item
}

func (n network) saysOfMembership(e Evidence) (Verdict, string) {
	switch n.membership {
	case isMember:
		return Holds, sentence(count(len(n.in), "scan lists", "scans list") + " the party of this SV among the SVs")
	case isOffboarded:
		return Violated, sentence(count(len(n.out), "scan lists", "scans list") + " the party of this SV among those that were voted out")
	case isNeither:
		return Violated, "No scan that answered knows the party of this SV, neither among the SVs nor among those that were voted out: it may be the wrong party, or the network was reset."
	}
	switch {
	case e.Own.Party == "":
		return NotDetermined, "The party of this SV is not known. Names do not tell: a name comes back with a re-onboarding."
	case len(n.in)+len(n.out) > 0:
		return NotDetermined, sentence(fmt.Sprintf("too few scans tell whether this SV is still one: %d say that it is, %d say that it was voted out, and %d would be enough", len(n.in), len(n.out), n.enough()))
	}
	return NotDetermined, "Too few scans answered to tell whether this SV is still one."
}
