package sim

import (
	"slices"
	"time"
)

// JoinPlan is the onboarding of an SV, and how it goes.
type JoinPlan struct {
	SV        Member
	Confirm   []PlannedBallot // from the request on; what they accept does not matter
	Completes time.Duration   // from the last confirmation that was needed
	// Unapproved: the sponsor does not have it among the identities that it approves.
	Unapproved bool
}

// joining is an SV that is being onboarded.
type joining struct {
	plan      JoinPlan
	state     string // requested, confirmed, completed or unknown
	contract  string
	confirmed []string
}

// again is how long an SV app waits that is refused because its name is still one of an SV (reference/deployment.md 9.2; how long was not verified).
const again = time.Minute

// Join begins the onboarding of an SV. Asked for again, it goes on. While the name is still one of an SV, nothing is requested.
func (l *Ledger) Join(p JoinPlan) {
	l.enter()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.joining, func(j *joining) bool { return j.plan.SV.Party == p.SV.Party }) {
		return
	}
	j := &joining{plan: p, state: "unknown"}
	l.joining = append(l.joining, j)
	l.hosts[p.SV.Party] = p.SV.Participant
	l.note()
	l.request(j)
}

func (l *Ledger) request(j *joining) {
	switch {
	case j.plan.Unapproved:
		return
	case slices.ContainsFunc(l.svs, func(m Member) bool { return m.Name == j.plan.SV.Name }):
		l.after(again, func() { l.request(j) })
		return
	}
	j.state, j.contract = "requested", l.id()
	l.note()
	for _, b := range j.plan.Confirm {
		l.after(b.After, func() { l.confirm(j, b.SV) })
	}
}

func (l *Ledger) confirm(j *joining, sv string) {
	if j.state != "requested" || slices.Contains(j.confirmed, sv) {
		return
	}
	j.confirmed = append(slices.Clone(j.confirmed), sv)
	if len(j.confirmed) >= l.threshold() {
		j.state, j.contract = "confirmed", l.id()
		l.after(j.plan.Completes, func() {
			j.state, j.contract = "completed", "00dd"
			m := j.plan.SV
			m.Joined, _ = l.round(l.now)
			l.svs = append(slices.Clone(l.svs), m)
			l.note()
		})
	}
	l.note()
}

// Onboarding is how far the onboarding of a party is (reference/apis.md 2.4).
type Onboarding struct {
	Party, Name, State, ContractID string
	ConfirmedBy                    []string
	Required                       int
	Unapproved                     bool // 404
}

func (l *Ledger) onboardings() []Onboarding {
	var all []Onboarding
	for _, j := range l.joining {
		all = append(all, Onboarding{Party: j.plan.SV.Party, Name: j.plan.SV.Name, State: j.state, ContractID: j.contract, ConfirmedBy: slices.Clone(j.confirmed), Required: l.threshold(),
			Unapproved: j.plan.Unapproved})
	}
	return all
}

// known says whether the ledger has a party.
func (l *Ledger) known(party string) bool {
	return l.hosts[party] != "" || slices.ContainsFunc(l.coins, func(a *amulet) bool { return a.owner == party })
}
