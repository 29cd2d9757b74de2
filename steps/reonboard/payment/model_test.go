package payment

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
)

var (
	firstSeed = flag.Uint64("seed", 0, "run the model with this seed alone")
	seeds     = flag.Uint64("seeds", 1500, "how many seeds the model is run with")
)

// The model: a ledger with two wallets, an app with a log of its own that lags behind, an object with optimistic locking, and two operators who
// pay at the same time, die at every point and begin anew. Nothing in it is scheduled but by the seed.

// offer is one on the model's ledger.
type offer struct {
	tracking string
	amount   Amount
	expires  time.Time
	state    State
	failure  string
	ingested bool // the app's log has it
	wiped    bool // the app that made it had another log
}

// delayed is a request that is still on its way.
type delayed struct{ a Attempt }

type model struct {
	rng      *rand.Rand
	now      time.Time
	sender   Amount
	receiver Amount
	offers   []*offer
	flying   []delayed
	text     string // what is stored
	read     Intent
	version  int
	log      int // of the app; a wipe makes another one
	killed   [2]bool
	wiped    int
	kind     Kind
	removes  bool // in this run somebody removes what is stored once
	removed  int
	calm     bool
	wipes    bool // in this run the app loses its database once
	story    []string
	wrong    string
}

func (m *model) tell(format string, args ...any) {
	m.story = append(m.story, fmt.Sprintf(format, args...))
}

func (m *model) fail(format string, args ...any) {
	if m.wrong == "" {
		m.wrong = fmt.Sprintf(format, args...)
		m.tell("WRONG: %s", m.wrong)
	}
}

// chance is never taken when faults have stopped.
func (m *model) chance(oneIn int) bool { return !m.calm && m.rng.IntN(oneIn) == 0 }

// arrives is a request that reaches the app. It looks into its log; then the ledger refuses a command that was given since the app's log ends. A
// command from before a wipe is known to neither.
func (m *model) arrives(a Attempt) (string, error) {
	for _, o := range m.offers {
		if o.tracking == a.Tracking && !o.wiped {
			if o.ingested {
				return "", &svapp.Error{Kind: svapp.Conflict}
			}
			return "", &svapp.Error{Kind: svapp.Throttled}
		}
	}
	m.offers = append(m.offers, &offer{tracking: a.Tracking, amount: a.Amount, expires: a.Expires, state: Created})
	m.tell("offer %s", a.Tracking)
	return "cid-" + a.Tracking, nil
}

// happens is something that the world does by itself.
func (m *model) happens() {
	switch m.rng.IntN(10) {
	case 0:
		m.now = m.now.Add(time.Duration(m.rng.IntN(90)) * time.Minute)
	case 1:
		if len(m.flying) > 0 {
			i := m.rng.IntN(len(m.flying))
			d := m.flying[i]
			m.flying = append(m.flying[:i], m.flying[i+1:]...)
			m.tell("a request arrives late: %s", d.a.Tracking)
			_, _ = m.arrives(d.a)
		}
	case 2:
		if m.wipes && m.chance(40) {
			if unnoticed := m.rng.IntN(2) == 0 && m.witnessed(); !unnoticed {
				m.log++
			}
			m.wipes, m.wiped = false, m.wiped+1
			// Connections to a pod that is gone, and what was decided before: to install a validator anew takes minutes, and from the look to the
			// send it takes none.
			m.flying, m.killed = nil, [2]bool{true, true}
			for _, o := range m.offers {
				o.wiped = true
			}
			m.tell("the app loses its database")
		}
	case 3:
		if m.removes && m.text != "" && !m.read.Done() && m.chance(20) {
			m.removes, m.removed, m.text = false, m.removed+1, ""
			m.tell("somebody removes what is stored")
		}
	default:
		if len(m.offers) == 0 {
			return
		}
		m.moves(m.offers[m.rng.IntN(len(m.offers))])
	}
}

// witnessed says whether each payment that may have been sent has an attempt beside it by which a log that has forgotten is seen.
func (m *model) witnessed() bool {
	for _, p := range m.read.Payments {
		if a, ok := m.read.Last(p.Number); ok && a.State == Sending && m.read.Witness(p.Number) == "" {
			return false
		}
	}
	return m.text != ""
}

// moves brings an offer on.
func (m *model) moves(o *offer) {
	if !o.ingested {
		o.ingested = true
		return
	}
	expired := !m.now.Before(o.expires)
	end := func(how string) { o.state, o.failure = Failed, how; m.tell("%s is %s", o.tracking, how) }
	switch o.state {
	case Created:
		switch {
		case expired:
			end("expired")
		case m.chance(12):
			end("rejected")
		case m.chance(12):
			end("withdrawn")
		case m.kind == ByTransfer: // acceptance completes it
			m.arrive(o)
		default:
			o.state = Accepted
		}
	case Accepted:
		switch {
		case expired:
			end("expired")
		case m.chance(12):
			end("withdrawn")
		default:
			m.arrive(o)
		}
	}
}

func (m *model) arrive(o *offer) {
	o.state = Completed
	m.sender, m.receiver = m.sender.Sub(o.amount), m.receiver.Add(o.amount)
	m.tell("%s is completed", o.tracking)
	m.paidOnce()
}

// paidOnce holds at every moment: no planned payment arrives twice, under whatever tracking IDs.
func (m *model) paidOnce() {
	paid := map[string]int{}
	for _, o := range m.offers {
		if o.state == Completed {
			var hash string
			var n, k int
			fmt.Sscanf(o.tracking, "svrescue-%16s-%d-%d", &hash, &n, &k)
			paid[fmt.Sprint(n)]++
		}
	}
	for n, times := range paid {
		if times > 1 {
			m.fail("payment %s arrived %d times", n, times)
		}
	}
}

// truth is what became of a tracking ID, where that cannot change any more.
func (m *model) truth(tracking string) (arrived, known bool) {
	for _, d := range m.flying {
		if d.a.Tracking == tracking {
			return false, false
		}
	}
	known = true
	for _, o := range m.offers {
		if o.tracking == tracking {
			arrived = arrived || o.state == Completed
			known = known && o.state.Over()
		}
	}
	return arrived, known
}

func runModel(seed uint64) *model {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &model{rng: rng, now: time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC), wipes: seed%3 == 0, kind: ByOffer}
	switch { // of transfers no log tells what was before
	case seed%4 == 1:
		m.kind = ByTransfer
	case seed%3 == 1:
		m.removes = true
	}
	var amulets []Amount
	for range 1 + rng.IntN(12) {
		amulets = append(amulets, Coins(int64(1+rng.IntN(500))))
	}
	m.sender = Sum(amulets...)
	total := m.sender
	plan, err := Make(Terms{Amulets: amulets, Test: Coins(1), Inputs: 3 + rng.IntN(4)})
	if err != nil {
		m.fail("%v", err)
		return m
	}
	all := []*operator{{m: m, name: "ann"}, {m: m, name: "bob"}}
	next, stop := make([]func() (struct{}, bool), 2), make([]func(), 2)
	running := -1
	alone := func(me *operator) {
		for i := range all {
			if i != running {
				m.killed[i] = true
			}
		}
	}
	start := func(i int) { next[i], stop[i] = all[i].coroutine(plan, alone) }
	for i := range all {
		start(i)
		defer func() { stop[i]() }()
	}
	const turns = 160
	for turn := 0; m.wrong == ""; turn++ {
		if turn == turns {
			m.calm = true
			m.tell("faults stop")
		}
		if turn == 60*turns {
			m.fail("it does not come to its end")
		}
		if rng.IntN(3) == 0 {
			m.happens()
		}
		if all[0].over && all[1].over && len(m.flying) == 0 && turn > turns {
			break
		}
		running = rng.IntN(2)
		if m.killed[running] || m.chance(25) {
			stop[running]()
			all[running].over = false
			m.killed[running] = false
			start(running)
		}
		next[running]()
		if m.sender.Add(m.receiver).Cmp(total) != 0 {
			m.fail("coins were made or lost")
		}
	}
	if m.wrong != "" {
		return m
	}
	// What is late must not change anything either.
	for range 200 {
		m.happens()
	}
	if m.receiver.Cmp(plan.Paid()) != 0 {
		m.fail("%s arrived, and %s was planned", m.receiver, plan.Paid())
	}
	in, err := Decode(m.text)
	if err != nil || !in.Done() || in.Moved().Cmp(plan.Paid()) != 0 {
		m.fail("what is stored does not say that all has arrived: %v", err)
	}
	return m
}

// Whatever is lost, delayed, doubled, killed and taken over: coins are conserved, no planned payment arrives twice, and when the faults stop each
// arrives once.
func TestEachPaymentArrivesOnce(t *testing.T) {
	from, to := uint64(1), *seeds
	if *firstSeed != 0 {
		from, to = *firstSeed, *firstSeed
	}
	if testing.Short() {
		to = min(to, from+500)
	}
	retried, wiped, removed := 0, 0, 0
	for seed := from; seed <= to; seed++ {
		m := runModel(seed)
		if m.wrong != "" {
			story := m.story[max(0, len(m.story)-40):]
			for _, line := range story {
				t.Log(line)
			}
			t.Fatalf("%s (again with: go test -run %s -seed %d)", m.wrong, t.Name(), seed)
		}
		if in, err := Decode(m.text); err == nil {
			for _, p := range in.Payments {
				retried += len(p.Attempts) - 1
			}
		}
		wiped += m.wiped
		removed += m.removed
	}
	if from != to && (retried == 0 || wiped == 0 || removed == 0) {
		t.Errorf("the model met %d new attempts, %d lost databases, %d removed records: it does not try what it should", retried, wiped, removed)
	}
	t.Logf("%d seeds, %d new attempts, %d lost databases, %d removed records", to-from+1, retried, wiped, removed)
}
