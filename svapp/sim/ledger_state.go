package sim

import (
	"fmt"
	"math/big"
	"slices"
)

// Check says whether the network is sound: nothing was made from nothing, and no planned transfer was made twice. A nil error means that it is.
func (l *Ledger) Check() error {
	l.enter()
	defer l.mu.Unlock()
	sum := new(big.Int).Set(l.burnt)
	for _, a := range l.coins {
		if a.initial.Sign() <= 0 {
			return fmt.Errorf("amulet %s of %s is worth %s", a.id, a.owner, coinText(a.initial))
		}
		sum = plus(sum, a.initial)
	}
	if sum.Cmp(l.supply) != 0 {
		return fmt.Errorf("there is %s, with what was burnt, and there was %s at the beginning", coinText(sum), coinText(l.supply))
	}
	for id, n := range l.created {
		if n > 1 {
			return fmt.Errorf("%d transfers were made under the tracking ID %s", n, id)
		}
	}
	return nil
}

// Created are how many transfers were made under each tracking ID.
func (l *Ledger) Created() map[string]int {
	l.enter()
	defer l.mu.Unlock()
	all := map[string]int{}
	for id, n := range l.created {
		all[id] = n
	}
	return all
}

// Owns is what a party owns by the amounts of its amulets, unlocked and locked, as decimal texts.
func (l *Ledger) Owns(party string) (unlocked, locked string) {
	l.enter()
	defer l.mu.Unlock()
	return l.owns(party)
}

func (l *Ledger) owns(party string) (unlocked, locked string) {
	free, held := new(big.Int), new(big.Int)
	for _, a := range l.coins {
		switch {
		case a.owner != party:
		case a.locked:
			held = plus(held, a.initial)
		default:
			free = plus(free, a.initial)
		}
	}
	return coinText(free), coinText(held)
}

// State is the network without times and contract IDs, for comparing two runs that end alike: who is an SV, who owns what, what became of each
// transfer and how often it was made. Encode it as JSON.
func (l *Ledger) State() map[string]any {
	l.enter()
	defer l.mu.Unlock()
	names := func(all []Member) []string {
		var out []string
		for _, m := range all {
			out = append(out, m.Party)
		}
		slices.Sort(out)
		return out
	}
	owned, transfers, votes := map[string]any{}, map[string]any{}, []string{}
	for _, a := range l.coins {
		free, held := l.owns(a.owner)
		owned[a.owner] = map[string]any{"unlocked": free, "locked": held}
	}
	for _, o := range l.offers {
		s := o.now()
		transfers[o.tracking] = map[string]any{"form": "offer", "sender": o.sender, "receiver": o.receiver, "amount": coinText(o.value), "state": s.status, "failure": s.failure, "made": l.created[o.tracking]}
	}
	for _, t := range l.transfers {
		transfers[t.tracking] = map[string]any{"form": "token standard", "sender": t.sender, "receiver": t.receiver, "amount": coinText(t.value), "state": t.settled, "made": l.created[t.tracking]}
	}
	for _, r := range l.results {
		votes = append(votes, r.Outcome+" "+r.Vote.Offboard)
	}
	slices.Sort(votes)
	hosts := map[string]any{}
	for party, participant := range l.hosts {
		hosts[party] = participant
	}
	return map[string]any{"svs": names(l.svs), "offboarded": names(l.offboarded), "owned": owned, "transfers": transfers, "votes": votes, "hosts": hosts, "burnt": coinText(l.burnt)}
}
