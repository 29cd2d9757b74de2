package sim

import (
	"maps"
	"slices"
	"time"
)

// VotePlan is a vote to offboard an SV, and how it goes: who votes what, and when.
type VotePlan struct {
	Opens       time.Duration // from the beginning of the world, from the first question (LedgerOptions.VotesOnAsking), or from now (Ledger.Propose)
	Requester   string        // name of the SV
	Offboard    string        // party
	Reason, URL string
	Lasts       time.Duration  // until voteBefore, from its opening
	Effective   *time.Duration // targetEffectiveAt, from its opening; nil: at once when the threshold is reached
	Ballots     []PlannedBallot
}

// PlannedBallot is one SV's vote. That of an SV which is none any more does not count.
type PlannedBallot struct {
	SV     string
	After  time.Duration // from the opening
	Accept bool
}

// vote is one that is open.
type vote struct {
	Vote
	offboards Member
}

// Propose has a vote come up, as when an SV's operator has read in the chat what is asked for.
func (l *Ledger) Propose(p VotePlan) {
	l.enter()
	defer l.mu.Unlock()
	l.after(p.Opens, func() { l.open(p) })
}

// propose has the planned votes come up, counted from now.
func (l *Ledger) propose() {
	for _, v := range l.o.Votes {
		l.after(v.Opens, func() { l.open(v) })
	}
	l.o.Votes = nil
}

// asked hears that somebody wants to know which votes are open.
func (l *Ledger) asked() {
	l.enter()
	defer l.mu.Unlock()
	l.propose()
}

// open begins a vote. Its first version has no tracking ID (reference/apis.md 2.6).
func (l *Ledger) open(p VotePlan) {
	i := slices.IndexFunc(l.svs, func(m Member) bool { return m.Party == p.Offboard })
	if i < 0 {
		return // what the ledger says to a vote on a party that is no SV was not verified
	}
	v := &vote{offboards: l.svs[i], Vote: Vote{ContractID: l.id(), Requester: p.Requester, Offboard: p.Offboard, Reason: p.Reason, URL: p.URL, Before: l.now.Add(p.Lasts), Ballots: map[string]bool{}}}
	if p.Effective != nil {
		at := l.now.Add(*p.Effective)
		v.EffectiveAt = &at
	}
	l.votes = append(l.votes, v)
	for _, b := range p.Ballots {
		l.after(b.After, func() { l.cast(v, b.SV, b.Accept) })
	}
	l.at(v.Before, func() { l.close(v, "VRO_Expired", nil) })
	l.note()
}

// cast puts a vote in. The contract is replaced, and the tracking ID is the first one's.
func (l *Ledger) cast(v *vote, sv string, accept bool) {
	if !slices.Contains(l.votes, v) || !slices.ContainsFunc(l.svs, func(m Member) bool { return m.Name == sv }) {
		return
	}
	if v.Tracking == "" {
		v.Tracking = v.ContractID
	}
	v.ContractID = l.id()
	v.Ballots = maps.Clone(v.Ballots) // what was seen before keeps its own
	v.Ballots[sv] = accept
	yes, no := 0, 0
	for _, b := range v.Ballots {
		if b {
			yes++
		} else {
			no++
		}
	}
	switch need := l.threshold(); {
	case yes >= need:
		at := l.now
		if v.EffectiveAt != nil && v.EffectiveAt.After(at) {
			at = *v.EffectiveAt
		}
		l.close(v, "VRO_Accepted", &at)
	case no > len(l.svs)-need:
		l.close(v, "VRO_Rejected", nil)
	default:
		l.note()
	}
}

// close ends a vote. One that was accepted is carried out when it becomes effective, and not before. That an accepted vote is closed at once,
// also where it becomes effective later, was not verified.
func (l *Ledger) close(v *vote, outcome string, effective *time.Time) {
	i := slices.Index(l.votes, v)
	if i < 0 {
		return
	}
	l.votes = slices.Delete(l.votes, i, i+1)
	l.results = append([]Result{{Vote: v.Vote, Completed: l.now, Outcome: outcome, EffectiveAt: effective}}, l.results...)
	if outcome == "VRO_Accepted" {
		l.at(*effective, func() { l.offboard(v.Offboard) })
	}
	l.note()
}

// offboard carries a vote out.
func (l *Ledger) offboard(party string) {
	i := slices.IndexFunc(l.svs, func(m Member) bool { return m.Party == party })
	if i < 0 {
		return
	}
	l.offboarded = append(l.offboarded, l.svs[i])
	l.svs = slices.Delete(slices.Clone(l.svs), i, i+1)
	l.note()
}

// threshold is how many votes are needed.
func (l *Ledger) threshold() int {
	if l.o.Threshold > 0 {
		return l.o.Threshold
	}
	return len(l.svs) - (len(l.svs)-1)/3
}
