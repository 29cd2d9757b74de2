package sim

import (
	"maps"
	"math/big"
	"slices"
	"time"
)

// Sight is how one scan sees the network: as it is, later, or wrongly.
type Sight struct {
	Behind  time.Duration     // it is that far behind
	StillSV string            // a party that it shows as an SV though it is none any more
	Owns    map[string]string // amounts that it shows instead of what the parties own
}

// sight is what scans knew of members and votes from a time on.
type sight struct {
	from time.Time
	Network
}

// note keeps what is known now.
func (l *Ledger) note() {
	n := Network{DSO: l.o.DSO, Synchronizer: l.o.Synchronizer, MigrationID: l.o.MigrationID, Threshold: l.threshold(), SVs: slices.Clone(l.svs), Offboarded: slices.Clone(l.offboarded),
		Results: slices.Clone(l.results), Hosts: maps.Clone(l.hosts), Onboarding: l.onboardings()}
	for _, v := range l.votes {
		n.Votes = append(n.Votes, v.Vote)
	}
	l.seen = append(l.seen, sight{l.now, n})
}

// See is what a scan, or the SV app beside it, knows of the network.
func (l *Ledger) See(s Sight) Network {
	l.enter()
	defer l.mu.Unlock()
	at := l.now.Add(-s.Behind)
	n := l.seen[0].Network
	for _, one := range l.seen {
		if !one.from.After(at) {
			n = one.Network
		}
	}
	n.Round, n.RoundAt = l.round(at)
	n.Asked = l.asked
	var books []snapshot
	for _, b := range l.books {
		if !b.at.After(at) {
			n.Snapshots, books = append(n.Snapshots, b.at), append(books, b)
		}
	}
	n.Holdings = func(at time.Time) []Amulet {
		for _, b := range slices.Backward(books) {
			if !b.at.After(at) {
				return s.amulets(b.all)
			}
		}
		return nil
	}
	if i := slices.IndexFunc(n.Offboarded, func(m Member) bool { return m.Party == s.StillSV }); i >= 0 {
		n.SVs = append(slices.Clone(n.SVs), n.Offboarded[i])
		n.Offboarded = slices.Delete(slices.Clone(n.Offboarded), i, i+1)
	}
	return n
}

// amulets are those of a snapshot as this scan shows them.
func (s Sight) amulets(all []Amulet) []Amulet {
	if len(s.Owns) == 0 {
		return all
	}
	all = slices.DeleteFunc(slices.Clone(all), func(a Amulet) bool { _, lies := s.Owns[a.Owner]; return lies })
	for _, owner := range slices.Sorted(maps.Keys(s.Owns)) {
		all = append(all, Amulet{ContractID: "00ff", Owner: owner, Amount: s.Owns[owner], Fees: coinText(new(big.Int))})
	}
	return all
}
