package triage

import "slices"

func (p *Path) pro(text string, evidence ...string) {
	p.For = append(p.For, Reason{sentence(text), evidence})
}

func (p *Path) con(text string, evidence ...string) {
	p.Against = append(p.Against, Reason{sentence(text), evidence})
}

// loss gives what is damaged as reasons for a recovery.
func (s seen) loss(p *Path) {
	for i, l := range s.cond.lost {
		p.pro(l, s.cond.lostBy[i])
	}
	for _, d := range s.cond.doubtful {
		p.pro(d, "pods")
	}
	if s.cond.pruned {
		p.pro("what the node would have to read next has been pruned by the sequencers, so it cannot go on from the data that it has", "pods")
	}
	if s.vanished() {
		p.pro("nothing of the node is in its namespace any more", "components", askNamespace)
	}
	if s.cond.disabled {
		p.pro("the sequencers have disabled this member, and only re-onboarding is left", "pods")
	}
}

// unneeded says why a recovery of this node is not needed, as far as is seen.
func (s seen) unneeded(p *Path) {
	if p.Verdict == Recommended || p.Verdict == Impossible || s.damaged() || s.cond.disabled {
		return
	}
	switch {
	case s.healthy():
		p.con("nothing is wrong with this node", "components", "pods")
	case s.cond.empty:
		p.con("nothing of a node is here, and whether it was ever here is not known", "components", askNamespace)
	case s.excused():
		i := slices.IndexFunc(s.aids, func(a aid) bool { return a.cause })
		p.con("there is a cause that is no disaster. Take the first aid before you think of a recovery", s.aids[i].Evidence...)
	default:
		p.con("it was not seen that data of this node is lost", "storage", "databases")
	}
}
