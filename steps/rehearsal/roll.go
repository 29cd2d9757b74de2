package rehearsal

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube/sim"
	svapp "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// Roll is a network whose synchronizer is broken, and how it rolls forward (reference/deployment.md 11). The node runs, and nothing is sequenced any
// more; the other SVs are there as scans, and as those who roll forward too.
type Roll struct {
	// Failed: an announced upgrade has failed before its successor sequenced anything. That successor stands beside the old synchronizer.
	Failed bool
	// Broke: an announced upgrade has taken place, and its successor broke after it had sequenced something. The original stands beside it.
	Broke bool
	// Ahead is how long after the beginning of the world an announced upgrade is to take place, which can still be cancelled; 0: none is.
	Ahead time.Duration
	// Drains is for how long after that the participant takes in what the old synchronizer sequenced before it broke; 0: it has.
	Drains time.Duration
	// SlowSequencer is how long the old sequencer takes to start anew, where its cluster node is slow; 0: seconds.
	SlowSequencer time.Duration
	// Behind is how many validators saw another end of the old synchronizer than the SVs: their commitments do not match afterwards.
	Behind int
	// Rolls is when each of the other SVs has rolled forward, counted from when this one has; nil: all are before it but one.
	Rolls []time.Duration
}

// The network of such a rehearsal. Its node was brought up with migration ID 3 and has been through one upgrade since.
const (
	rollRelease   = "0.7.5"
	rollSerial    = 4
	rollMigration = 3
	rollProtocol  = "34"

	standsFor = 2 * time.Hour // since the last block, when the world begins
	moves     = time.Minute   // from the start of an SV app that rolls forward until its participant is moved
)

var rolls = []time.Duration{-20 * time.Minute, -12 * time.Minute, -5 * time.Minute, -2 * time.Minute, -time.Minute, 4 * time.Minute}

// roll is what lives of it. The world's lock is held while it hears of a start or an end, so it asks the world nothing then.
type roll struct {
	plan  Roll
	clock clock.WithTicker
	began time.Time
	own   holder
	svs   []svapp.Member // the own one first

	mu          sync.Mutex
	up          map[string]sim.Pod // what runs, by namespace/workload
	participant *said              // what the participant that runs logs; nil: none does
	moved       time.Time          // when this SV's participant is on the successor, by the SV app that rolls forward; zero: none does
	mover       string             // pod of that app
	serial      int64              // of the successor that it is moved to
}

// said is a container whose log grows.
type said struct {
	started time.Time
	before  []sim.Line // of before the roll-forward
	life    *sim.Workload
}

func newRoll(p *pods, plan Roll) *roll {
	return &roll{plan: plan, clock: p.clock, began: p.began, own: lost(), svs: Loss{}.members(), up: map[string]sim.Pod{}}
}

// stood is the time of the last block.
func (r *roll) stood() time.Time { return r.began.Add(-standsFor).UTC().Truncate(time.Second) }

// announced is the upgrade that failed, or is still to come; nil: none is announced.
func (r *roll) announced() *svapp.Upgrade {
	switch {
	case r.plan.Ahead > 0:
		at := r.began.Add(r.plan.Ahead).UTC().Truncate(time.Second)
		return &svapp.Upgrade{Freeze: at.Add(-time.Hour), At: at, Successor: physical(rollSerial + 1)}
	case !r.plan.Failed:
		return nil
	}
	return &svapp.Upgrade{Freeze: r.stood().Add(-time.Hour), At: r.stood(), Successor: physical(rollSerial + 1)}
}

// second says that an upgrade was announced before, whose successor is there.
func (p Roll) second() bool { return p.Failed || p.Broke }

// broken is the serial of the synchronizer that is broken.
func (p Roll) broken() int64 {
	if p.Broke {
		return rollSerial + 1
	}
	return rollSerial
}

// next is the serial of the successor that all SVs roll forward to.
func (r *roll) next() int64 {
	if r.plan.second() {
		return rollSerial + 2
	}
	return rollSerial + 1
}

// started hears of a start.
func (r *roll) started(in sim.Pod) *sim.Workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up[placeOf(in)] = in
	old := in.Started.Before(r.began)
	switch in.Container {
	case "participant":
		r.participant = &said{started: in.Started, life: &sim.Workload{ReadyDelay: sim.D(8 * time.Second), Termination: sim.D(6 * time.Second)}}
		if old {
			r.participant.before = r.ingested(in.Started, "Processing event at")
		}
		r.commits()
		return r.participant.life
	case "sv-app", "scan-app":
		if old {
			return &sim.Workload{Termination: sim.D(3 * time.Second), Log: r.ingested(in.Started, "Ingested transaction")}
		}
		if in.Container == "sv-app" {
			return r.svApp(in)
		}
	}
	return nil
}

// ended hears of an end.
func (r *roll) ended(in sim.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := placeOf(in); r.up[at].Name == in.Name {
		delete(r.up, at)
	}
	if in.Name == r.mover && r.clock.Now().Before(r.moved) { // it has not come as far
		r.moved, r.mover = time.Time{}, ""
		r.commits()
	}
}

// isUp says whether a workload of the node runs. The lock is held.
func (r *roll) isUp(ns, workload string) bool {
	_, up := r.up[ns+"/"+workload]
	return up
}

// isOn says whether this SV's participant is on the successor by now. The lock is held.
func (r *roll) isOn() bool { return !r.moved.IsZero() && !r.clock.Now().Before(r.moved) }

// rolledAt is when an SV, by its place among all, is on the successor; zero: that is not known, since it goes by this one's.
func (r *roll) rolledAt(i int) time.Time {
	if r.moved.IsZero() || i == 0 {
		return r.moved
	}
	all := r.plan.Rolls
	if all == nil {
		all = rolls
	}
	at := r.moved.Add(all[i-1])
	if at.Before(r.began) {
		at = r.began
	}
	return at
}

// runs is when the successor runs: as soon as more than two thirds of the SVs are on it. Zero: this SV rolls forward first. The lock is held.
func (r *roll) runs() time.Time {
	if r.moved.IsZero() {
		return time.Time{}
	}
	var when []time.Time
	for i := range r.svs {
		when = append(when, r.rolledAt(i))
	}
	slices.SortFunc(when, time.Time.Compare)
	return latest(when[len(r.svs)*2/3], r.moved)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// isSuccessor says whether a part of a synchronizer is of a newer one than the old one, by the number in its name.
func (r *roll) isSuccessor(workload string) bool {
	return int64(numberOfPart(workload)) > r.plan.broken()
}

// handler is what listens on a port of a pod; nil: something else, or nothing.
func (r *roll) handler(in sim.Pod, port int, release string) http.Handler {
	switch {
	case port == metricsPort && slices.Contains([]string{"sequencer", "mediator", "participant"}, in.Container):
		return svapp.Metrics{Part: in.Container, Lag: svapp.Lag{Floor: time.Nanosecond, Warmup: r.warmup(in)}, Times: r.times(in), Members: []string{r.own.participant()}}.Handler()
	case port == rpcPort && in.Container == "cometbft":
		return r.comet(in).Handler()
	case port == svPort && in.Container == "sv-app", port == scanPort && in.Container == "scan-app", port == walletPort && in.Container == "validator-app":
		return r.app(in, release).Handler()
	}
	return nil
}

// times are those of a part of a synchronizer: the old one has got to where it stands, the successor is there as soon as it runs. The participant
// goes from the one to the other.
func (r *roll) times(in sim.Pod) svapp.Times {
	return func() (now, started time.Time, starts int) {
		r.mu.Lock()
		runs := r.runs()
		r.mu.Unlock()
		on := !runs.IsZero() && !r.clock.Now().Before(runs)
		if !r.isSuccessor(in.Owner) && (in.Container != "participant" || !on) {
			return r.stood(), r.stood().Add(-24 * time.Hour), 0
		}
		return r.clock.Now(), in.Started, 0
	}
}

// warmup is how long a part of a successor has no events: until it is initialised and runs, which one that has failed never does.
func (r *roll) warmup(in sim.Pod) time.Duration {
	if !r.isSuccessor(in.Owner) {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	runs := r.runs()
	if runs.IsZero() || int64(numberOfPart(in.Owner)) != r.serial {
		return 100 * 365 * 24 * time.Hour
	}
	return max(runs.Sub(in.Started), 5*time.Second)
}

// comet is a CometBFT of the node: the old one stands, that of the successor makes blocks when it runs.
func (r *roll) comet(in sim.Pod) svapp.Comet {
	c := svapp.Comet{ID: strings.Repeat("a1", 20), Network: in.Env[chainVar], Moniker: svName, VotingPower: 1, Peers: lossOthers, Lag: svapp.Lag{Floor: time.Nanosecond}, Times: r.times(in)}
	if !r.isSuccessor(in.Owner) {
		return c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.ID, c.Peers, c.New = strings.Repeat("b2", 20), 0, true
	if runs := r.runs(); !runs.IsZero() && int64(numberOfPart(in.Owner)) == r.serial {
		c.Peers, c.Genesis = lossOthers, runs
	}
	return c
}

// state is how far the recovery is.
func (r *roll) state() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]any{"moved": r.isOn()}
	if r.isOn() {
		all["serial"] = r.serial
	}
	return all
}
