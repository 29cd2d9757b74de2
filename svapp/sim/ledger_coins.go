package sim

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"
)

// amulet is a holding. What it is worth falls by the holding fee with every round.
type amulet struct {
	id, owner string
	initial   coin
	round     int64
	made      time.Time
	locked    bool
}

func (l *Ledger) mint(owner string, value coin) *amulet {
	r, _ := l.round(l.now)
	a := &amulet{id: l.id(), owner: owner, initial: value, round: r, made: l.now}
	l.coins = append(l.coins, a)
	return a
}

// accrued is the holding fee that an amulet owes.
func (l *Ledger) accrued(a *amulet) coin {
	r, _ := l.round(l.now)
	owes := new(big.Int).Mul(l.holding, big.NewInt(max(r-a.round, 0)))
	if owes.Cmp(a.initial) > 0 {
		return a.initial
	}
	return owes
}

// worth is what an amulet brings into a transfer.
func (l *Ledger) worth(a *amulet) coin {
	if l.o.FreeTransfers {
		return a.initial
	}
	return minus(a.initial, l.accrued(a))
}

// errFunds is a wallet that has too little, or has it in too many pieces.
var errFunds = errors.New("insufficient funds")

// move transfers an amount: the largest amulets first, as few as are enough, and what is left over comes back as one. Fees are burnt.
func (l *Ledger) move(from, to string, value coin) (change []string, arrived *amulet, err error) {
	mine := []*amulet{}
	for _, a := range l.coins {
		if a.owner == from && !a.locked {
			mine = append(mine, a)
		}
	}
	slices.SortStableFunc(mine, func(a, b *amulet) int { return l.worth(b).Cmp(l.worth(a)) })
	needs, sum, gross := plus(value, l.fee), new(big.Int), new(big.Int)
	var spent []*amulet
	for _, a := range mine {
		if sum.Cmp(needs) >= 0 || len(spent) == l.o.MaxInputs {
			break
		}
		spent = append(spent, a)
		sum, gross = plus(sum, l.worth(a)), plus(gross, a.initial)
	}
	if len(spent) == 0 || sum.Cmp(needs) < 0 {
		return nil, nil, errFunds
	}
	l.coins = slices.DeleteFunc(l.coins, func(a *amulet) bool { return slices.Contains(spent, a) })
	l.burnt = plus(l.burnt, plus(minus(gross, sum), l.fee))
	arrived = l.mint(to, value)
	if rest := minus(sum, needs); rest.Sign() > 0 {
		change = []string{l.mint(from, rest).id}
	}
	return change, arrived, nil
}

// purse is what a party owns.
type purse struct {
	free, locked         []*amulet
	unlocked, held, fees coin // effective amounts, and the fees that make them less
}

func (l *Ledger) purse(party string) purse {
	p := purse{unlocked: new(big.Int), held: new(big.Int), fees: new(big.Int)}
	for _, a := range l.coins {
		switch owes := l.accrued(a); {
		case a.owner != party:
		case a.locked:
			p.locked, p.held, p.fees = append(p.locked, a), plus(p.held, minus(a.initial, owes)), plus(p.fees, owes)
		default:
			p.free, p.unlocked, p.fees = append(p.free, a), plus(p.unlocked, minus(a.initial, owes)), plus(p.fees, owes)
		}
	}
	return p
}

// snapshot is what everybody owned at a time.
type snapshot struct {
	at  time.Time
	all []Amulet
}

// keepBooks takes a snapshot of the holdings now, and goes on doing it. Those of the day before the beginning show what it began with.
func (l *Ledger) keepBooks() {
	every := l.o.SnapshotEvery
	last := l.began.Truncate(every)
	for at := last.Add(-24 * time.Hour); !at.After(last); at = at.Add(every) {
		l.books = append(l.books, snapshot{at, l.holdings()})
	}
	var next func(at time.Time)
	next = func(at time.Time) {
		l.at(at, func() {
			l.books = append(l.books, snapshot{at, l.holdings()})
			next(at.Add(every))
		})
	}
	next(last.Add(every))
}

func (l *Ledger) holdings() []Amulet {
	all := make([]Amulet, 0, len(l.coins))
	for _, a := range l.coins {
		all = append(all, Amulet{ContractID: a.id, Owner: a.owner, Amount: coinText(a.initial), Fees: coinText(l.accrued(a)), Locked: a.locked, Created: a.made})
	}
	slices.SortFunc(all, func(a, b Amulet) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.ContractID, b.ContractID))
	})
	return all
}
