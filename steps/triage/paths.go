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

// unneeded puts in front why a recovery of this node is not needed, as far as is seen.
func (s seen) unneeded(p *Path) {
	if p.Verdict == Recommended || p.Verdict == Impossible || s.damaged() || s.cond.disabled {
		return
	}
	front := Path{}
	switch cause := slices.IndexFunc(s.aids, func(a aid) bool { return a.cause }); {
	case s.healthy():
		front.con("nothing is wrong with this node", "components", "pods")
	case cause >= 0:
		front.con("there is a cause that is no disaster. Take the first aid before you think of a recovery", s.aids[cause].Evidence...)
	case s.cond.empty && s.e.Answers.RightNamespace == No:
		front.con("you say that this is not the namespace of the node", askNamespace)
	case s.cond.empty:
		front.con("nothing of a node is here, and whether it was ever here is not known", "components", askNamespace)
	default:
		front.con("it was not seen that data of this node is lost", "storage", "databases")
	}
	p.Against = append(front.Against, p.Against...)
}
