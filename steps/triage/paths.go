package triage

import (
	"fmt"
	"slices"
)

func (p *Path) pro(text string, evidence ...string) {
	p.For = append(p.For, Reason{sentence(text), evidence})
}

func (p *Path) con(text string, evidence ...string) {
	p.Against = append(p.Against, Reason{sentence(text), evidence})
}

// restore: one node is damaged, the network is healthy, and a consistent backup set exists.
func (s seen) restore() Path {
	p := Path{Path: Restore, For: []Reason{}, Against: []Reason{},
		Lost:  []string{"Nothing that the network still has: the node reads it again. Users who were onboarded after the backup must be onboarded again by hand."},
		Takes: "Usually hours: minutes for the volumes, more for dumps, then the time to catch up. Upstream's own check waits up to 8 hours for that.",
		Needs: []string{"A backup set that is whole, with the apps backed up before the participant, and that is still inside the runway.", "A network that runs."}}
	best := s.backups.best
	usable := best != nil && best.verdict == Holds
	if usable {
		p.pro(fmt.Sprintf("backup set %s can be restored", best.Name), "backup-set")
		if best.runway.known {
			p.pro(best.runway.detail, "runway")
		} else {
			p.con(best.runway.detail, "runway")
		}
		for _, n := range best.notes {
			p.con(n, "backup-set")
		}
	}
	if s.net.state == networkRuns {
		p.pro("the network runs, so a restored node has something to catch up with", "network")
	}
	p.Verdict = s.restoreVerdict(&p, usable)
	s.unneeded(&p)
	if p.Verdict != Recommended && len(p.Against) == 0 {
		p.con("it has not been seen that a restore is needed", "components")
	}
	return p
}

// restoreVerdict goes from what rules a restore out to what asks for one.
func (s seen) restoreVerdict(p *Path, usable bool) Verdict {
	best := s.backups.best
	v := Possible
	lower := func(to Verdict) {
		if v != Impossible {
			v = to
		}
	}
	if s.net.membership == isOffboarded {
		lower(Impossible)
		p.con("the other SVs have voted this SV out: a restored node would not be one of them any more", "membership")
	}
	if s.cond.disabled {
		lower(Impossible)
		p.con("the sequencers have disabled this member: it was silent for too long, and no backup changes that", "pods")
	}
	if s.lostNetwork() {
		lower(Impossible)
		p.con("the network itself is lost: a restored node would have nothing to catch up with", "network", askDeclared)
	}
	switch {
	case usable:
	case best != nil && best.verdict == NotDetermined || !s.backups.searched:
		lower(NotDetermined)
		p.con("it is not known whether there is a set that can be restored; the evidence says what is missing", "backup-set")
	case s.e.Answers.BackupsElsewhere == No:
		lower(Impossible)
		p.con("there is no set that can be restored, here or elsewhere", "backup-set", askBackups)
	case s.e.Answers.BackupsElsewhere == Yes:
		lower(NotDetermined)
		p.con("no set that was found can be restored. You say that there are backups elsewhere: name their folder, and they are checked", "backup-set", askBackups)
	default:
		lower(NotDetermined)
		p.con("no set that was found can be restored, and whether there are backups elsewhere is not known", "backup-set", askBackups)
	}
	switch {
	case s.net.state == networkStands && v != Impossible:
		lower(NotDetermined)
		p.con("the ledger stands still for all: whether a restored node could catch up is not known", "network")
	case s.net.state == networkUnknown && s.e.Answers.DeclaredLost == Yes && v != Impossible:
		lower(NotDetermined)
		p.con("you say that the network was declared lost: a restored node would have nothing to catch up with", askDeclared)
	case s.net.state == networkUnknown && v == Possible:
		p.con("it was not seen that the network runs, and a restored node needs one to catch up with", "network")
	}
	if s.e.Answers.DeclaredLost == Yes && s.net.state == networkRuns {
		p.con("you say that the network was declared lost, and its scans show that it runs: clear that up first", askDeclared, "network")
	}
	if s.vanished() && !s.recorded() {
		p.con("without a record of the node its releases, values and secrets have to be put together by hand first", "record")
	}
	if v == Possible && s.damaged() && s.net.state == networkRuns && s.e.Answers.DeclaredLost != Yes && (!s.vanished() || s.recorded()) {
		s.loss(p)
		return Recommended
	}
	return v
}

func (s seen) recorded() bool { return s.e.Record.known(s.now) && !s.e.Record.Made.IsZero() }

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

// reonboard: no usable backup, and the keys are there.
func (s seen) reonboard() Path {
	p := Path{Path: Reonboard, For: []Reason{}, Against: []Reason{},
		Lost: []string{"The SV starts anew with another party. Only what the DSO is a party to comes back: Canton Coin and names of the name service.",
			"The history of the node, the users that it hosts, and its rewards until it is onboarded again."},
		Takes: "Usually days: the other SVs vote this SV out, a standalone validator takes over the assets, and a quorum approves the new SV.",
		Needs: []string{"The keys of the participant: an identities backup, or the participant's database to make one from.",
			"A vote of the other SVs that offboards the lost SV. A lost SV cannot ask for it itself.", "The SV's own key pair and its approved identity."}}
	switch s.keys.verdict {
	case Holds:
		p.pro("the keys of the participant can be had from "+list(s.keys.from), s.keys.evidence...)
	case Violated:
		p.con("there is no identities backup, no database backup and no KMS, so there are no keys to recover the assets with", "keys")
	default:
		p.con("it is not known whether anything still holds the keys of the participant", "keys")
	}
	switch s.net.membership {
	case isOffboarded:
		p.pro("the vote that offboards this SV has already been taken", "membership")
	case isMember:
		p.con("this SV is still one: the others have to vote it out first", "membership")
	case isNeither:
		p.con("the scans do not know this SV's party at all: find out why first", "membership")
	}
	p.Verdict = s.reonboardVerdict(&p)
	s.unneeded(&p)
	if p.Verdict != Recommended && len(p.Against) == 0 {
		p.con("it gives up what a restore would keep, so it comes last", "backup-set")
	}
	return p
}

func (s seen) reonboardVerdict(p *Path) Verdict {
	best := s.backups.best
	usable := best != nil && best.verdict == Holds
	if usable && !s.beyond() {
		p.con(fmt.Sprintf("backup set %s can be restored: that keeps the party and everything else, and takes hours instead of days", best.Name), "backup-set")
	}
	switch {
	case s.lostNetwork():
		p.con("the network itself is lost: there is nothing to be onboarded to", "network", askDeclared)
		return Impossible
	case s.keys.verdict == Violated:
		return Impossible
	case s.keys.verdict == NotDetermined:
		return NotDetermined
	case s.net.state == networkStands:
		p.con("the ledger stands still: the other SVs cannot vote and nothing can be onboarded now", "network")
		return NotDetermined
	case s.net.state == networkUnknown:
		p.con("it was not seen that the network runs, and only a network that runs can take in an SV", "network")
		return NotDetermined
	}
	if !s.keys.documented {
		p.con("only the KMS holds the keys: that is possible in principle, and upstream describes no procedure for it", "kms")
	}
	if s.reonboardRecommended() {
		p.pro("the network runs and can take in this SV", "network")
		s.loss(p)
		if !s.cond.disabled {
			p.pro("there is nothing to restore from, here or elsewhere", "backup-set", askBackups)
		}
		return Recommended
	}
	if s.damaged() || s.cond.disabled {
		s.whyNotReonboard(p, usable)
	} else if s.net.membership == isOffboarded {
		p.con("being voted out is a decision of the other SVs. Ask them why before anything is given up", "membership")
	}
	return Possible
}

// reonboardRecommended holds only on what was seen or said, never on what was not: less evidence cannot make it true.
func (s seen) reonboardRecommended() bool {
	gone := len(s.cond.lost) > 0 || s.cond.pruned || s.vanished()
	nothingToRestore := s.backups.searched && s.e.Answers.BackupsElsewhere == No && (s.backups.best == nil || s.backups.best.verdict == Violated)
	return s.keys.verdict == Holds && s.keys.documented && s.net.state == networkRuns && s.e.Answers.DeclaredLost == No &&
		(s.net.membership == isMember || s.net.membership == isOffboarded) &&
		(s.cond.disabled || gone && s.nothingLeft() && (nothingToRestore || s.net.membership == isOffboarded))
}

// nothingLeft says whether released volumes and unused claims were searched and hold nothing.
func (s seen) nothingLeft() bool {
	v, c := s.e.Leftovers.Volumes, s.e.Leftovers.Claims
	return v.known(s.now) && c.known(s.now) && len(v.Found) == 0 && len(c.Found) == 0
}

// whyNotReonboard says what is missing before it could be recommended.
func (s seen) whyNotReonboard(p *Path, usable bool) {
	if !s.cond.disabled {
		if !s.nothingLeft() {
			p.con("released volumes or unused claims may still hold the data of this node: look into them first", "leftover-volumes", "leftover-claims")
		}
		if !usable && s.net.membership != isOffboarded && s.e.Answers.BackupsElsewhere != No {
			p.con("whether there is a database backup elsewhere is not known, and a restore would keep more", askBackups)
		}
	}
	switch s.e.Answers.DeclaredLost {
	case Yes:
		p.con("you say that the network was declared lost, and its scans show that it runs: clear that up first", askDeclared, "network")
	case No:
	default:
		p.con("whether the SVs have declared the network lost is not known: ask before this SV gives itself up", askDeclared)
	}
	if s.net.membership == membershipUnknown {
		p.con("it is not known whether this SV is still one of them", "membership")
	}
}
