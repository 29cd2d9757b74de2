package triage

import "fmt"

// reonboard: no usable backup, and the keys are there.
func (s seen) reonboard() Path {
	p := Path{Path: Reonboard, For: []Reason{}, Against: []Reason{},
		Lost: []string{"The SV starts anew with another party. Only what the DSO is a party to comes back: Canton Coin and CNS entries.",
			"The history of the node. The other users that it hosts have to be onboarded again, and parties that several participants host or that are external are not carried over."},
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
	p.Verdict = s.reonboardVerdict(&p)
	switch s.net.membership {
	case isOffboarded:
		p.pro("the vote that offboards this SV has already been taken", "membership")
	case isMember:
		p.con("this SV is still among the SVs: the others have to vote it out first", "membership")
	case isNeither:
		p.con("the scans do not know this SV's party at all: find out why first", "membership")
	}
	s.unneeded(&p)
	if p.Verdict != Recommended && len(p.Against) == 0 {
		p.con("it gives up what a restore would keep, so it comes last", "backup-set")
	}
	return p
}

func (s seen) reonboardVerdict(p *Path) Verdict {
	best := s.backups.best
	usable := best != nil && best.verdict == Holds
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
	case s.net.state == networkUnknown && s.goesOn():
		p.con("blocks are made, but no scan of another SV was heard: whether the others can vote and take in an SV is not known", "chain", "network")
		return NotDetermined
	case s.net.state == networkUnknown:
		p.con("it was not seen that the network runs, and only a network that runs can take in an SV", "network")
		return NotDetermined
	}
	if usable && !s.beyond() {
		p.con(fmt.Sprintf("backup set %s can be restored: that keeps the party and everything else, and takes hours instead of days", best.Name), "backup-set")
	}
	if !s.keys.documented {
		p.con("only the KMS holds the keys: that is possible in principle, and upstream describes no procedure for it", "kms")
	}
	if s.reonboardRecommended() {
		p.pro("the network runs and can take in this SV", "network")
		s.loss(p)
		switch {
		case s.cond.disabled:
		case s.net.membership == isOffboarded:
			p.pro("a restore would not bring back an SV that was voted out", "membership")
		default:
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
