package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// The spans of the package comment, and how long one request may take.
const (
	Every   = 5 * time.Second
	Within  = 20 * time.Second
	Span    = wire.LeaseSpan
	timeout = 5 * time.Second
)

// Store reads and writes the Lease of a namespace. Write makes it where it has no version, else replaces the one of that version.
// Their errors are of package kube.
type Store interface {
	Read(ctx context.Context, namespace string) (kube.Lease, bool, error)
	Write(context.Context, kube.Lease) (kube.Lease, error)
}

// Options of New.
type Options struct {
	Store Store
	Clock clock.WithTicker
	// Boot is the time since the machine started, suspend included.
	Boot func() time.Duration
	// Speed is how many times faster than real time Clock and Boot run, in a rehearsal; 0: they do not. A request takes as long as it
	// takes, so that no span below becomes shorter than a machine can keep.
	Speed float64
	Self  Self
}

// every and within are Every and Within, and in real time never shorter than half a second and two seconds.
func (o Options) every() time.Duration {
	return max(Every, time.Duration(o.Speed*float64(time.Second/2)))
}

func (o Options) within() time.Duration {
	return max(Within, time.Duration(o.Speed*float64(2*time.Second)))
}

// Keeper holds the node for one worker. It is safe for several goroutines; one of them runs Keep.
type Keeper struct {
	o       Options
	turn    chan struct{} // whoever holds what is in it may send
	changed chan struct{}

	mu        sync.Mutex
	namespace string
	lease     kube.Lease    // as it was last written by us
	taken     bool          // it is ours as far as we know
	unsure    bool          // a write that would have taken it was sent, and it is not known what came of it
	since     time.Time     // when it was taken
	sent      time.Duration // when the last renewal that succeeded was sent, by Boot
	good      time.Time     // the same by Clock
	failing   string        // why the last request failed
	failed    time.Time     // since when
	local     string        // why it cannot be taken at all
	other     *wire.Holder  // who holds it in our stead
	before    string        // who had held it and released it, and why
	lost      string        // how it was lost, where it was ours
	version   string        // of the other's Lease
	seen      time.Duration // when that version was first seen, by Boot
	step      string
	seq       uint64
	head      string
	told      wire.LeaseState // what Changed has told of last
}

// New makes a keeper. It sends nothing.
func New(o Options) *Keeper {
	k := &Keeper{o: o, turn: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	return k
}

// State is how the node is held now.
func (k *Keeper) State() wire.Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state()
}

func (k *Keeper) state() wire.Lease {
	switch {
	case k.local != "":
		return wire.Lease{State: wire.LeaseLocal, Why: k.local}
	case k.other != nil:
		l := wire.Lease{State: wire.LeaseForeign, Holder: *k.other, Why: k.lost}
		if k.version != "" {
			l.Silent = k.o.Boot() - k.seen
		}
		return l
	case k.taken && k.o.Boot()-k.sent > k.o.within():
		why := k.failing
		if why == "" {
			why = "this machine did not renew it in time; it may have been suspended"
		}
		return wire.Lease{State: wire.LeaseAway, Since: k.good, Why: why}
	case k.taken:
		return wire.Lease{State: wire.LeaseHeld, Since: k.since, Why: k.before,
			Holder: wire.Holder{Operator: k.o.Self.Operator, Host: k.o.Self.Host, Run: k.o.Self.Run, Step: k.step, Since: k.since, Renewed: k.good}}
	case k.failing != "":
		return wire.Lease{State: wire.LeaseAway, Since: k.failed, Why: k.failing}
	}
	return wire.Lease{}
}

// Held is asked before each write: nil where the node is held, or where only the local lock can be. It sends nothing.
func (k *Keeper) Held() error {
	switch l := k.State(); l.State {
	case wire.LeaseHeld, wire.LeaseLocal:
		return nil
	case wire.LeaseAway:
		return &kube.NotHeld{Why: "the Lease of the node is not renewed (" + l.Why + ")"}
	case wire.LeaseForeign:
		return &kube.NotHeld{Why: l.Holder.Sentence()}
	}
	return &kube.NotHeld{Why: "this run does not hold the node"}
}

// Changed is told when the state has become another one.
func (k *Keeper) Changed() <-chan struct{} { return k.changed }

// At says at which step the run is; the next renewal tells it.
func (k *Keeper) At(step string) {
	k.mu.Lock()
	k.step = step
	k.mu.Unlock()
}

// Mark says where the journal stands; the next renewal mirrors it. The record must be on disk.
func (k *Keeper) Mark(seq uint64, head string) {
	k.mu.Lock()
	k.seq, k.head = seq, head
	k.mu.Unlock()
}

// Look reads once who holds the node of a namespace. It takes nothing.
func (k *Keeper) Look(ctx context.Context, namespace string) wire.Lease {
	k.exclusively(ctx, func(ctx context.Context) { _, _, _ = k.read(ctx, namespace) })
	return k.State()
}

// Take takes the Lease of a namespace where nobody holds it, and renews it where it is ours and that is due. The state that comes back
// is Held, or says why not; a holder that is somebody else is never displaced.
func (k *Keeper) Take(ctx context.Context, namespace string) wire.Lease {
	k.exclusively(ctx, func(ctx context.Context) {
		k.mu.Lock()
		taken, fresh, lost := k.taken, k.o.Boot()-k.sent <= k.o.within(), k.lost != ""
		k.mu.Unlock()
		switch {
		case lost || taken && fresh:
		case taken:
			k.renew(ctx)
		case namespace == "":
			k.mu.Lock()
			k.local = "it is not known in which namespace the node is"
			k.mu.Unlock()
		default:
			k.acquire(ctx, namespace, false)
		}
	})
	return k.State()
}

// TakeOver takes the Lease from a holder that was seen not to renew for Span; from any other it does not.
func (k *Keeper) TakeOver(ctx context.Context, namespace string) wire.Lease {
	k.exclusively(ctx, func(ctx context.Context) { k.acquire(ctx, namespace, true) })
	return k.State()
}

// Keep renews until the context ends.
func (k *Keeper) Keep(ctx context.Context) {
	ticker := k.o.Clock.NewTicker(k.o.every())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			k.exclusively(ctx, func(ctx context.Context) {
				if l := k.State(); l.State == wire.LeaseHeld || l.State == wire.LeaseAway && k.ours() {
					k.renew(ctx)
				}
			})
		}
	}
}

// Release gives the Lease back with a note for whoever comes next. One that is not ours is left as it is. A context that ends before
// it is one's turn is an error too: what is under way then is not waited for.
func (k *Keeper) Release(ctx context.Context, note string) (err error) {
	err = errors.New("a request before it is still under way")
	k.exclusively(ctx, func(ctx context.Context) {
		if err = k.find(ctx); err != nil || !k.ours() {
			return
		}
		for range 2 {
			k.mu.Lock()
			l := renewed(k.lease, k.o.Clock.Now(), k.step, k.seq, k.head)
			k.mu.Unlock()
			l.Holder, l.Annotations[Note] = "", note
			if _, err = k.o.Store.Write(ctx, l); kube.KindOf(err) != kube.Conflict || !k.adopt(ctx) {
				break
			}
		}
		k.mu.Lock()
		k.taken = false
		k.mu.Unlock()
	})
	return err
}

// find looks whether the Lease became ours by a write whose answer was lost.
func (k *Keeper) find(ctx context.Context) error {
	k.mu.Lock()
	unsure, namespace := k.unsure && !k.taken, k.namespace
	k.mu.Unlock()
	if !unsure {
		return nil
	}
	l, found, err := k.o.Store.Read(ctx, namespace)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsure = false
	if found && l.Holder == k.o.Self.identity() {
		k.lease, k.taken, k.other = l, true, nil
	}
	return nil
}

// openEnded says that a write may have been done although it failed.
func openEnded(err error) bool {
	switch kube.KindOf(err) {
	case kube.Timeout, kube.Canceled, kube.Server, kube.Unreachable:
		return true
	}
	return false
}

func (k *Keeper) ours() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.taken && k.other == nil
}

// exclusively runs what sends requests, one at a time and each within its time, and tells of the state that it leads to.
func (k *Keeper) exclusively(ctx context.Context, do func(context.Context)) {
	select {
	case <-k.turn:
	case <-ctx.Done():
		return
	}
	defer func() { k.turn <- struct{}{} }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	do(ctx)
	k.mu.Lock()
	state := k.state().State
	news := state != k.told
	k.told = state
	k.mu.Unlock()
	if news {
		select {
		case k.changed <- struct{}{}:
		default:
		}
	}
}
