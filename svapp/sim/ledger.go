package sim

import (
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Ledger is one simulated network, of which all its apps tell: who is an SV, who owns what, which votes are open, which transfers are under
// way (reference/apis.md 2.4 to 2.6, 6 and 7). It has no goroutines: what has become due by its clock is carried out, in order, whenever
// somebody asks it or tells it something. Its methods may be called from many goroutines.
type Ledger struct {
	clock clock.Clock
	o     LedgerOptions
	began time.Time

	mu     sync.Mutex
	now    time.Time // how far the ledger has got
	due    []event
	serial int // of events and contracts

	coins       []*amulet
	supply      coin // of the beginning
	burnt       coin
	holding     coin            // fee of one amulet for one round
	fee         coin            // of one transfer
	tended      map[string]int  // by party: how many validator apps run that act for it
	preapproved map[string]bool // parties
	offers      []*offer
	transfers   []*transfer
	flying      map[string]*command // by sender and tracking ID
	created     map[string]int      // by tracking ID: how many transfers were made under it
	faults      []fault

	svs, offboarded []Member
	hosts           map[string]string // participant by party
	votes           []*vote
	results         []Result
	joining         []*joining
	seen            []sight    // what scans knew, by the time from which they knew it
	books           []snapshot // of holdings
}

// LedgerOptions say how a network begins. Amounts are decimal texts.
type LedgerOptions struct {
	Clock        clock.Clock
	DSO          string // its party
	Synchronizer string
	MigrationID  int64
	Threshold    int           // of votes; 0: two thirds of the SVs and more, n-(n-1)/3 (the formula was not verified)
	Round        time.Duration // of mining; 0: ten minutes
	SVs          []Member
	Coins        []Coin
	Preapproved  []string // parties that take transfers without being asked
	// HoldingFee is what each amulet loses in a round; empty: nothing. TransferFee is burnt by each transfer.
	HoldingFee, TransferFee string
	// FreeTransfers leaves holding fees out of transfers, as feature-support tells (reference/apis.md 6.2).
	FreeTransfers bool
	MaxInputs     int           // of one transfer; 0: a hundred (the number was not verified)
	Command       time.Duration // from the request of a transfer until the ledger has taken it; it is in flight then
	Ingest        time.Duration // until a wallet knows what happened to a transfer; 0: at once
	Complete      time.Duration // from acceptance until the sender's automation moves the money
	SnapshotEvery time.Duration // of holdings; 0: three hours (the interval was not verified)
	Votes         []VotePlan
	VotesOnAsking bool // Votes are counted from when somebody first asks a scan for the open ones, instead of from the beginning
	Faults        []Fault
	// OfferLasts is the longest that the first offer is good for, whatever was asked for; 0: as it was asked for.
	OfferLasts time.Duration
	// Took is called when a wallet has changed something at a client's request, before the client is told; nil: nobody wants to know.
	Took func()
}

// Coin is an amulet of the beginning.
type Coin struct {
	Owner, Amount string
	Locked        bool
	Until         time.Duration // a lock ends then, counted from the beginning; 0: it does not
}

// event is something that happens at a time.
type event struct {
	at    time.Time
	order int
	do    func()
}

// NewLedger makes a network. Its errors are those of the options.
func NewLedger(o LedgerOptions) (*Ledger, error) {
	l := &Ledger{clock: o.Clock, o: o, began: o.Clock.Now(), tended: map[string]int{}, preapproved: map[string]bool{}, flying: map[string]*command{},
		created: map[string]int{}, hosts: map[string]string{}, svs: slices.Clone(o.SVs), supply: new(big.Int), burnt: new(big.Int)}
	l.now = l.began
	if l.o.Round == 0 {
		l.o.Round = 10 * time.Minute
	}
	if l.o.MaxInputs == 0 {
		l.o.MaxInputs = 100
	}
	if l.o.SnapshotEvery == 0 {
		l.o.SnapshotEvery = 3 * time.Hour
	}
	var ok, also bool
	if l.holding, ok = fixedCoin(o.HoldingFee); !ok {
		return nil, fmt.Errorf("the holding fee %q is no amount", o.HoldingFee)
	}
	if l.fee, also = fixedCoin(o.TransferFee); !also {
		return nil, fmt.Errorf("the transfer fee %q is no amount", o.TransferFee)
	}
	for _, m := range o.SVs {
		l.hosts[m.Party] = m.Participant
	}
	for _, p := range o.Preapproved {
		l.preapproved[p] = true
	}
	for _, f := range o.Faults {
		l.faults = append(l.faults, fault{Fault: f})
	}
	for _, c := range o.Coins {
		value, ok := parseCoin(c.Amount)
		if !ok || value.Sign() <= 0 {
			return nil, fmt.Errorf("%q of %s is no amount", c.Amount, c.Owner)
		}
		a := l.mint(c.Owner, value)
		a.locked = c.Locked
		l.supply = plus(l.supply, value)
		if c.Locked && c.Until > 0 {
			l.at(l.began.Add(c.Until), func() { a.locked = false })
		}
	}
	l.note()
	l.keepBooks()
	if !o.VotesOnAsking {
		l.propose()
	}
	return l, nil
}

// at has something happen at a time.
func (l *Ledger) at(t time.Time, do func()) {
	l.serial++
	e := event{t, l.serial, do}
	i, _ := slices.BinarySearchFunc(l.due, e, func(a, b event) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.order - b.order
	})
	l.due = slices.Insert(l.due, i, e)
}

func (l *Ledger) after(d time.Duration, do func()) { l.at(l.now.Add(d), do) }

// enter locks the ledger and brings it up to the present. Who calls it unlocks.
func (l *Ledger) enter() {
	l.mu.Lock()
	to := l.clock.Now()
	for len(l.due) > 0 && !l.due[0].at.After(to) {
		e := l.due[0]
		l.due = l.due[1:]
		if e.at.After(l.now) {
			l.now = e.at
		}
		e.do()
	}
	if to.After(l.now) {
		l.now = to
	}
}

// id is the next contract's or transaction's.
func (l *Ledger) id() string {
	l.serial++
	return fmt.Sprintf("00%08x", l.serial)
}

// round is the mining round that is open at a time, and since when.
func (l *Ledger) round(at time.Time) (number int64, since time.Time) {
	since = at.Truncate(l.o.Round)
	return since.Unix() / int64(l.o.Round/time.Second), since
}

// Tend says that a validator app runs which acts for a party: it completes what was accepted. Neglect says that it has ended.
func (l *Ledger) Tend(party string) {
	l.enter()
	defer l.mu.Unlock()
	if l.tended[party]++; l.tended[party] == 1 {
		l.resume(party)
	}
}

// Neglect is the end of what Tend began.
func (l *Ledger) Neglect(party string) {
	l.enter()
	defer l.mu.Unlock()
	l.tended[party] = max(l.tended[party]-1, 0)
}

// Host says which participant has a party now.
func (l *Ledger) Host(party, participant string) {
	l.enter()
	defer l.mu.Unlock()
	l.hosts[party] = participant
	l.note()
}

// Preapprove has a party take transfers without being asked.
func (l *Ledger) Preapprove(party string) {
	l.enter()
	defer l.mu.Unlock()
	l.preapproved[party] = true
}

// HostAfter says which participant has a party from a time on.
func (l *Ledger) HostAfter(at time.Time, party, participant string) {
	l.enter()
	defer l.mu.Unlock()
	l.at(at, func() {
		l.hosts[party] = participant
		l.note()
	})
}
