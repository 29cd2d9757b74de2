package triage

import "fmt"

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
		if best.proven {
			p.pro(provenText, "backup-set")
		}
		if best.runway.known {
			p.pro(best.runway.detail, "runway")
		}
	}
	if s.goesOn() {
		p.pro("the network runs, so a restored node has something to catch up with", s.running()...)
	}
	p.Verdict = s.restoreVerdict(&p, usable)
	s.unneeded(&p)
	if usable { // what decides comes before what is only to be known
		if !best.runway.known {
			p.con(best.runway.detail, "runway")
		}
		for _, n := range best.notes {
			p.con(n, "backup-set")
		}
	}
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
	switch s.keys.kms {
	case KMSEmpty:
		lower(Impossible)
		p.con("the KMS says that the keys are gone: a restored participant could not sign anything", "kms")
	case KMSSilent:
		lower(NotDetermined)
		p.con("the KMS does not answer, and a restored participant cannot work without it", "kms")
	}
	if s.lostNetwork() {
		lower(Impossible)
		p.con("the network itself is lost: a restored node would have nothing to catch up with", "network", askDeclared)
	}
	if best != nil && !usable {
		for _, a := range best.against {
			p.con(sentences("set "+best.Name+" cannot be taken as it is", a), "backup-set")
		}
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
	case !s.goesOn() && s.e.Answers.DeclaredLost == Yes && v != Impossible:
		lower(NotDetermined)
		p.con("you say that the network was declared lost: a restored node would have nothing to catch up with", askDeclared)
	case !s.goesOn() && v == Possible:
		p.con("it was not seen that the network runs, and a restored node needs one to catch up with", "network")
	}
	if s.e.Answers.DeclaredLost == Yes && s.goesOn() {
		p.con("you say that the network was declared lost, and it was seen to run: clear that up first", append(s.running(), askDeclared)...)
	}
	if s.vanished() && !s.recorded() {
		p.con("without a record of the node its releases, values and secrets have to be put together by hand first", "record")
	}
	if v == Possible && s.damaged() && s.goesOn() && s.e.Answers.DeclaredLost != Yes && (!s.vanished() || s.recorded()) {
		s.loss(p)
		return Recommended
	}
	return v
}

// goesOn says whether the network was seen to run: on enough scans, or by blocks of this node's own chain, which more than two thirds of the
// SVs have to sign. Scans that say otherwise are a contradiction.
func (s seen) goesOn() bool {
	return s.net.state == networkRuns || s.chain == chainRuns && s.net.state != networkStands
}

func (s seen) recorded() bool { return s.e.Record.known(s.now) && !s.e.Record.Made.IsZero() }
