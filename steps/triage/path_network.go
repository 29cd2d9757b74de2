package triage

import "fmt"

// network: the ordering layer of the whole network is lost. Up to 0.6.1 it is recovered with migration dumps, from 0.6.2 on by rolling forward
// (reference/deployment.md 1, 10, 11).
func (s seen) network() Path {
	p := Path{Path: Network, For: []Reason{}, Against: []Reason{},
		Lost: []string{"Everything on the ledger after the time that the SVs agree on, for all of the network.",
			"Whoever did not get as far as that time has to re-onboard or to use the dump of another SV."},
		Takes: "Not stated by upstream. It lasts until more than two thirds of the SVs have set up the new synchronizer, so it depends on all of them.",
		Needs: []string{"The agreement of all SVs: that the network is lost, the time to go back to, the new number, the addresses.",
			"A participant and a sequencer that run, since the data is exported through them, and the identities backup."}}
	switch s.rel.Family {
	case FamilyB, FamilyC:
		return s.rollForward(p)
	case FamilyUnknown:
		if ids := s.running(); len(ids) > 0 && s.e.Answers.DeclaredLost != Yes {
			p.con("the network runs", ids...)
			p.Verdict = Impossible
			return p
		}
		p.Verdict = NotDetermined
		p.con("which release the node is of is not known: up to 0.6.1 a network is recovered with migration dumps, from 0.6.2 on that is impossible", "release")
		return p
	}
	p.Verdict = s.networkVerdict(&p)
	return p
}

// running is the evidence that the network runs.
func (s seen) running() (ids []string) {
	if s.net.state == networkRuns {
		ids = append(ids, "network")
	}
	if s.chain == chainRuns {
		ids = append(ids, "chain")
	}
	return ids
}

func (s seen) networkVerdict(p *Path) Verdict {
	if s.rel.Ordering == cantonBFT {
		p.con("this path is described for the loss of CometBFT, and this node's sequencer orders without it", "ordering")
		return NotDetermined
	}
	if v, over := s.undeclared(p); over {
		return v
	}
	missing := s.missingForNetwork(p)
	if missing == 0 {
		p.pro("participant and sequencer have their data and the SV app answers, so the state can be exported", "databases", "apps")
		p.pro(fmt.Sprintf("Splice %s can be recovered with migration dumps", s.rel.Splice), "release")
		return Recommended
	}
	return Possible
}

// rollForward: from 0.6.2 on the SVs roll forward to a successor synchronizer (reference/deployment.md 11).
func (s seen) rollForward(p Path) Path {
	p.Lost = []string{"What had been submitted and was not sequenced when the synchronizer ended.", "Nodes that saw different ends of it differ afterwards, and resolve that by hand."}
	p.Takes = "Not stated by upstream. It lasts until more than two thirds of the SVs have set up the successor, so it depends on all of them."
	p.Needs = []string{"The agreement of all SVs: what has happened, the times, the new serial, the protocol version.",
		"The old sequencer, the participant and the SV app with their data: topology and traffic are exported from them.", "An ingress for the successor."}
	if v, over := s.undeclared(&p); over {
		p.Verdict = v
		p.con(fmt.Sprintf("Splice %s cannot be recovered with a migration dump: 0.6.2 took that out. The procedure of this release is the roll-forward logical synchronizer upgrade, which upstream calls a preview", s.rel.Splice), "release")
		return p
	}
	if p.Verdict = Possible; s.missingForRollForward(&p) == 0 {
		p.pro("participant and sequencer have their data, so topology and traffic can be exported", "databases")
		p.pro(fmt.Sprintf("Splice %s has the roll-forward logical synchronizer upgrade, which upstream calls a preview: the SVs agree on the last good time, deploy a successor sequencer and mediator with a new serial ID, and start the SV app with rollForwardLsu", s.rel.Splice), "release")
		p.Verdict = Recommended
	}
	return p
}

// missingForRollForward is as missingForNetwork. The chain of this node is looked at only where CometBFT orders.
func (s seen) missingForRollForward(p *Path) int {
	before := len(p.Against)
	if s.net.state != networkStands {
		p.con("it was not seen on enough scans that the ledger stands still; scans that cannot be reached say nothing about it", "network")
	}
	if s.rel.Ordering != cantonBFT && s.chain != chainStands && s.chain != chainDown {
		p.con("it was not seen that the chain of this node stands still", "chain")
	}
	if s.net.membership != isMember {
		p.con("it was not seen that this SV is still one of them", "membership")
	}
	if !s.e.Cluster.known(s.now) || s.e.Cluster.Node.Release == "" || !s.e.Apps.known(s.now) || s.e.Apps.Version == "" {
		p.con("the release was not seen both by the charts and by the SV app, and it decides which procedure can work", "release", "apps")
	}
	if !s.cond.participantWhole || !s.cond.sequencerWhole {
		p.con("it was not seen that participant and sequencer still have their data, from which topology and traffic are exported", "databases")
	}
	return len(p.Against) - before
}

// undeclared is the verdict where it does not get as far as asking what the node needs: the network runs, or was not declared lost.
func (s seen) undeclared(p *Path) (v Verdict, over bool) {
	said := s.e.Answers.DeclaredLost
	running := s.running()
	runs := len(running) > 0
	switch {
	case runs && said == Yes:
		p.con("you say that the network was declared lost, and it was seen to run: clear that up with the other SVs first", append(running, askDeclared)...)
		return NotDetermined, true
	case runs:
		p.con("the network runs", running...)
		return Impossible, true
	case said == No:
		p.con("the SVs have not declared the network lost. No SV can recover it alone", askDeclared)
		return Impossible, true
	}
	if s.net.state == networkStands {
		p.pro("the ledger stands still on the scans of more than two thirds of the SVs", "network")
	}
	if said != Yes {
		p.con("the SVs have not been heard to declare the network lost, and nothing that can be measured replaces that", askDeclared)
		if s.net.state == networkUnknown {
			p.con("whether the network runs is not known: scans that cannot be reached say nothing about it", "network")
		}
		return NotDetermined, true
	}
	p.pro("the SVs have declared the network lost", askDeclared)
	return "", false
}

// missingForNetwork gives as reasons against what has not been seen and has to be, and says how many they are. Each is something that
// must be seen, so that less evidence never leaves less missing.
func (s seen) missingForNetwork(p *Path) int {
	before := len(p.Against)
	if s.net.state != networkStands {
		p.con("it was not seen on enough scans that the ledger stands still; scans that cannot be reached say nothing about it", "network")
	}
	if s.chain != chainStands && s.chain != chainDown {
		p.con("it was not seen that the chain of this node stands still", "chain")
	}
	if s.rel.Ordering != cometBFT {
		p.con("which ordering layer the node has is not known, and this path is for CometBFT", "ordering")
	}
	if s.net.membership != isMember {
		p.con("it was not seen that this SV is still one of them", "membership")
	}
	if !s.e.Apps.known(s.now) || s.e.Apps.Version == "" {
		p.con("the SV app does not answer, and the state of the ledger is exported through it: bring it up first", "apps")
	}
	if !s.cond.participantWhole || !s.cond.sequencerWhole {
		p.con("it was not seen that participant and sequencer still have their data, from which the state of the ledger is exported", "databases")
	}
	return len(p.Against) - before
}
