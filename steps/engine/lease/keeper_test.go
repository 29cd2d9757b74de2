package lease

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// shelf is a store in memory that keeps the promise of an API server: a write of an old version is a conflict.
type shelf struct {
	mu      sync.Mutex
	lease   *kube.Lease
	version int
	fail    error         // what every request answers
	refuse  error         // what every write answers
	lose    bool          // the next write is done, and its answer lost
	takes   time.Duration // how long a request is under way, before and after it is done
	reads   int
	writes  int
}

func (s *shelf) Read(ctx context.Context, namespace string) (kube.Lease, bool, error) {
	s.pause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail != nil {
		return kube.Lease{}, false, s.fail
	}
	if s.lease == nil {
		return kube.Lease{}, false, nil
	}
	return *s.lease, true, nil
}

func (s *shelf) Write(ctx context.Context, l kube.Lease) (kube.Lease, error) {
	s.pause(ctx)
	defer s.pause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	switch {
	case s.fail != nil:
		return kube.Lease{}, s.fail
	case s.refuse != nil:
		return kube.Lease{}, s.refuse
	case l.ResourceVersion == "" && s.lease != nil:
		return kube.Lease{}, &kube.Error{Kind: kube.AlreadyExists}
	case l.ResourceVersion != "" && s.lease == nil:
		return kube.Lease{}, &kube.Error{Kind: kube.NotFound}
	case s.lease != nil && l.ResourceVersion != s.lease.ResourceVersion:
		return kube.Lease{}, &kube.Error{Kind: kube.Conflict}
	}
	s.version++
	l.ResourceVersion, l.UID = strconv.Itoa(s.version), "uid"
	s.lease = &l
	if s.lose {
		s.lose = false
		return kube.Lease{}, away
	}
	return l, nil
}

func (s *shelf) pause(ctx context.Context) {
	s.mu.Lock()
	d := s.takes
	s.mu.Unlock()
	if d > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
}

func (s *shelf) set(change func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *shelf) stored() kube.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.lease
}

func (s *shelf) counted() (reads, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads, s.writes
}

var (
	away      = &kube.Error{Kind: kube.Unreachable, Seen: "connection refused"}
	forbidden = &kube.Error{Kind: kube.Forbidden, Seen: "403 not allowed"}
)

// machine is one operator's machine, which can be suspended.
type machine struct {
	*Keeper
	began  time.Time
	asleep time.Duration
}

func (s *shelf) keeper(name string) *machine {
	m := &machine{began: time.Now()}
	m.Keeper = New(Options{Store: s, Clock: clock.RealClock{}, Boot: func() time.Duration { return time.Since(m.began) + m.asleep },
		Self: Self{Operator: name, Host: name + "-laptop", Run: "run-of-" + name}})
	return m
}

// keeping renews until the returned function is called.
func (m *machine) keeping(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); m.Keep(ctx) }()
	return func() { cancel(); <-over }
}

func (m *machine) is(t *testing.T, want wire.LeaseState) {
	t.Helper()
	l := m.State()
	if l.State != want {
		t.Fatalf("%s is %q (%+v), want %q", m.o.Self.Operator, l.State, l, want)
	}
	err := m.Held()
	var held *kube.NotHeld
	if may := want == wire.LeaseHeld || want == wire.LeaseLocal; may != (err == nil) || err != nil && !errors.As(err, &held) {
		t.Fatalf("%s may write: %v", want, err)
	}
}

func story(t *testing.T, tell func(t *testing.T, s *shelf)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tell(t, &shelf{}) })
}

func TestFreeIsTaken(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a := s.keeper("alice")
		a.is(t, wire.LeaseNone)
		a.At("restore/scale-down")
		a.Mark(7, "seven")
		a.Take(t.Context(), "sv")
		a.is(t, wire.LeaseHeld)
		h := HolderOf(s.stored())
		if h.Operator != "alice" || h.Host != "alice-laptop" || h.Run != "run-of-alice" || h.Step != "restore/scale-down" || !h.Since.Equal(time.Now()) || !h.Renewed.Equal(time.Now()) {
			t.Errorf("the Lease says %+v", h)
		}
		if m, ok := Mirrored(s.stored()); !ok || m != (Mirror{Run: "run-of-alice", Seq: 7, Head: "seven"}) {
			t.Errorf("the Lease mirrors %+v %v", m, ok)
		}
		if s.stored().Duration != 30*time.Second || s.stored().Transitions != 1 {
			t.Errorf("the Lease is %+v", s.stored())
		}
		defer a.keeping(t)()
		a.Mark(8, "eight")
		time.Sleep(Every + time.Second)
		if m, _ := Mirrored(s.stored()); m.Seq != 8 || m.Head != "eight" {
			t.Errorf("after a renewal the Lease mirrors %+v", m)
		}
		_, writes := s.counted()
		time.Sleep(10 * Every)
		if _, got := s.counted(); got-writes != 10 {
			t.Errorf("renewed %d times in 50 s", got-writes)
		}
		a.is(t, wire.LeaseHeld)
	})
}

func TestReleased(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		a.Mark(9, "nine")
		if err := a.Release(t.Context(), "parked: nobody looked"); err != nil {
			t.Fatal(err)
		}
		if s.stored().Holder != "" || s.stored().Annotations[Note] != "parked: nobody looked" || s.stored().Annotations[Run] != "run-of-alice" || s.stored().Annotations[Head] != "nine" {
			t.Errorf("released, the Lease is %+v", s.stored())
		}
		b.Take(t.Context(), "sv")
		b.is(t, wire.LeaseHeld)
		if why := b.State().Why; !strings.Contains(why, "alice on alice-laptop held it with run run-of-alice") || !strings.Contains(why, "nobody looked") {
			t.Errorf("bob is told %q", why)
		}
		if _, mirrored := Mirrored(s.stored()); mirrored || s.stored().Annotations[Note] != "" {
			t.Errorf("bob's Lease tells of alice's run: %+v", s.stored())
		}
		_, writes := s.counted()
		err := a.Release(t.Context(), "again")
		if _, now := s.counted(); err != nil || now != writes {
			t.Errorf("what alice has given back she has written again: %v", err)
		}
	})
}

// A second operator is told after one read, and nothing is written.
func TestSecondIsRefused(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a, b := s.keeper("alice"), s.keeper("bob")
		a.At("restore/scale-down")
		a.Take(t.Context(), "sv")
		began := time.Now()
		defer a.keeping(t)()
		time.Sleep(time.Minute + time.Second)
		reads, writes := s.counted()
		l := b.Take(t.Context(), "sv")
		if r, w := s.counted(); r != reads+1 || w != writes {
			t.Errorf("%d reads, %d writes", r-reads, w-writes)
		}
		b.is(t, wire.LeaseForeign)
		text := l.Holder.Sentence()
		for _, part := range []string{"alice on alice-laptop", "run-of-alice", "restore/scale-down", began.UTC().Format("15:04:05"), began.Add(time.Minute).UTC().Format("15:04:05")} {
			if !strings.Contains(text, part) {
				t.Errorf("%q does not say %q", text, part)
			}
		}
		for range 20 { // however long it is looked at: it is renewed
			time.Sleep(Every)
			if l := b.TakeOver(t.Context(), "sv"); l.State != wire.LeaseForeign || l.Silent >= Span {
				t.Fatalf("%+v", l)
			}
		}
		a.is(t, wire.LeaseHeld)
	})
}

func TestTakeOver(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		time.Sleep(24 * time.Hour) // alice is gone; bob has not seen how long
		if l := b.TakeOver(t.Context(), "sv"); l.State != wire.LeaseForeign || l.Silent != 0 {
			t.Fatalf("taken over at the first look: %+v", l)
		}
		time.Sleep(Span - time.Second)
		b.TakeOver(t.Context(), "sv")
		b.is(t, wire.LeaseForeign)
		time.Sleep(time.Second)
		b.Take(t.Context(), "sv") // taking is not taking over
		b.is(t, wire.LeaseForeign)
		b.TakeOver(t.Context(), "sv")
		b.is(t, wire.LeaseHeld)
		a.is(t, wire.LeaseAway)
		l := a.Take(t.Context(), "sv")
		a.is(t, wire.LeaseForeign)
		if !strings.Contains(l.Why, "bob on bob-laptop has taken the node over") {
			t.Errorf("alice is told %q", l.Why)
		}
	})
}

func TestRenewedBetweenLookAndTakeOver(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		b.Look(t.Context(), "sv")
		time.Sleep(Span)
		s.set(func(s *shelf) { s.takes = time.Second })
		done := make(chan struct{})
		go func() { defer close(done); b.TakeOver(t.Context(), "sv") }()
		time.Sleep(1500 * time.Millisecond) // bob has read, and his write is under way
		s.set(func(s *shelf) { s.takes = 0 })
		a.Take(t.Context(), "sv")
		<-done
		a.is(t, wire.LeaseHeld)
		b.is(t, wire.LeaseForeign)
		if l := b.State(); l.Silent > time.Second {
			t.Errorf("bob still thinks that alice is silent: %+v", l)
		}
	})
}

func TestNoPermission(t *testing.T) {
	for name, broken := range map[string]struct{ fail, refuse error }{"to read": {forbidden, nil}, "to write": {nil, forbidden}} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, s *shelf) {
				s.fail, s.refuse = broken.fail, broken.refuse
				a := s.keeper("alice")
				if l := a.Take(t.Context(), "sv"); l.Why != "403 not allowed" {
					t.Errorf("%+v", l)
				}
				a.is(t, wire.LeaseLocal)
				defer a.keeping(t)()
				time.Sleep(time.Hour)
				a.is(t, wire.LeaseLocal)
				if r, w := s.counted(); r+w > 2 {
					t.Errorf("asked again and again: %d reads, %d writes", r, w)
				}
			})
		})
	}
	story(t, func(t *testing.T, s *shelf) { // who may not write, but read that somebody is there, is refused
		s.keeper("alice").Take(t.Context(), "sv")
		s.refuse = forbidden
		b := s.keeper("bob")
		b.Take(t.Context(), "sv")
		b.is(t, wire.LeaseForeign)
	})
	story(t, func(t *testing.T, s *shelf) { // taken away in the middle, it does not let anybody go on unseen
		a := s.keeper("alice")
		a.Take(t.Context(), "sv")
		defer a.keeping(t)()
		s.set(func(s *shelf) { s.refuse = forbidden })
		time.Sleep(time.Minute)
		a.is(t, wire.LeaseAway)
	})
}

func TestOutage(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a := s.keeper("alice")
		a.Take(t.Context(), "sv")
		defer a.keeping(t)()
		time.Sleep(time.Minute)
		<-a.Changed() // of taking it
		s.set(func(s *shelf) { s.fail = away })
		since := a.State().Since
		time.Sleep(Within - Every)
		a.is(t, wire.LeaseHeld)
		time.Sleep(2 * Every)
		a.is(t, wire.LeaseAway)
		l := a.State()
		if l.Why != "connection refused" || !l.Since.After(since) {
			t.Errorf("%+v", l)
		}
		<-a.Changed()
		time.Sleep(time.Hour)
		s.set(func(s *shelf) { s.fail = nil })
		time.Sleep(Every + time.Second)
		a.is(t, wire.LeaseHeld)
		<-a.Changed()
	})
	story(t, func(t *testing.T, s *shelf) { // and somebody else takes over meanwhile
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		a.Store(away)
		defer a.keeping(t)()
		b.Look(t.Context(), "sv")
		time.Sleep(Span)
		b.TakeOver(t.Context(), "sv")
		b.is(t, wire.LeaseHeld)
		a.is(t, wire.LeaseAway)
		a.Store(nil)
		time.Sleep(Every + time.Second)
		a.is(t, wire.LeaseForeign)
		a.Take(t.Context(), "sv")
		a.TakeOver(t.Context(), "sv")
		a.is(t, wire.LeaseForeign)
		b.is(t, wire.LeaseHeld)
	})
}

// Store makes only this machine's requests fail.
func (m *machine) Store(err error) {
	if f, ok := m.o.Store.(*cutOff); ok {
		f.set(err)
		return
	}
	m.o.Store = &cutOff{Store: m.o.Store, err: err}
}

type cutOff struct {
	Store
	mu  sync.Mutex
	err error
}

func (c *cutOff) set(err error) { c.mu.Lock(); c.err = err; c.mu.Unlock() }
func (c *cutOff) get() error    { c.mu.Lock(); defer c.mu.Unlock(); return c.err }

func (c *cutOff) Read(ctx context.Context, ns string) (kube.Lease, bool, error) {
	if err := c.get(); err != nil {
		return kube.Lease{}, false, err
	}
	return c.Store.Read(ctx, ns)
}

func (c *cutOff) Write(ctx context.Context, l kube.Lease) (kube.Lease, error) {
	if err := c.get(); err != nil {
		return kube.Lease{}, err
	}
	return c.Store.Write(ctx, l)
}

func TestAnswerLost(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a := s.keeper("alice")
		s.lose = true
		a.Take(t.Context(), "sv")
		a.is(t, wire.LeaseAway)
		a.Take(t.Context(), "sv")
		a.is(t, wire.LeaseHeld)
		defer a.keeping(t)()
		s.set(func(s *shelf) { s.lose = true })
		time.Sleep(10 * Every)
		a.is(t, wire.LeaseHeld)
		s.set(func(s *shelf) { s.lose = true })
		_ = a.Release(t.Context(), "")
		if s.stored().Holder != "" {
			t.Errorf("the Lease is %+v", s.stored())
		}
	})
}

// A laptop that was suspended notices it before it writes, although no clock but that of the machine has moved.
func TestSuspended(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		a.asleep = 2 * time.Hour
		a.is(t, wire.LeaseAway)
		if !strings.Contains(a.Held().Error(), "suspended") {
			t.Error(a.Held())
		}
		a.Take(t.Context(), "sv") // nobody came: it goes on
		a.is(t, wire.LeaseHeld)
		b.Look(t.Context(), "sv")
		time.Sleep(Span)
		b.TakeOver(t.Context(), "sv")
		b.is(t, wire.LeaseHeld)
		a.asleep += 2 * time.Hour
		a.is(t, wire.LeaseAway)
		a.Take(t.Context(), "sv")
		a.is(t, wire.LeaseForeign)
	})
	story(t, func(t *testing.T, s *shelf) { // the one who waits to take over was suspended: what was renewed meanwhile counts
		a, b := s.keeper("alice"), s.keeper("bob")
		a.Take(t.Context(), "sv")
		defer a.keeping(t)()
		b.Look(t.Context(), "sv")
		time.Sleep(Every + time.Second)
		b.asleep = 2 * time.Hour
		b.TakeOver(t.Context(), "sv")
		b.is(t, wire.LeaseForeign)
		a.is(t, wire.LeaseHeld)
	})
}

func TestDeleted(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		a := s.keeper("alice")
		a.Take(t.Context(), "sv")
		defer a.keeping(t)()
		s.set(func(s *shelf) { s.lease = nil })
		time.Sleep(Every + time.Second)
		a.is(t, wire.LeaseForeign)
		if !strings.Contains(a.State().Why, "was deleted") {
			t.Error(a.State().Why)
		}
	})
}

// The next worker of the same run on the same machine goes on at once: the lock on the run folder says that the one before it is gone.
func TestNextWorkerOfTheRun(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		first, second := s.keeper("alice"), s.keeper("alice")
		first.Take(t.Context(), "sv")
		second.Take(t.Context(), "sv")
		second.is(t, wire.LeaseHeld)
		time.Sleep(Within + time.Second)
		second.Take(t.Context(), "sv")
		first.Take(t.Context(), "sv") // were it alive all the same, it would notice
		first.is(t, wire.LeaseForeign)
		second.is(t, wire.LeaseHeld)
	})
}

func TestForeignProgram(t *testing.T) {
	story(t, func(t *testing.T, s *shelf) {
		s.lease = &kube.Lease{Meta: kube.Meta{UID: "uid", ResourceVersion: "0"}, Holder: "backup-job", Duration: time.Minute}
		a := s.keeper("alice")
		if l := a.Take(t.Context(), "sv"); l.Holder.Name() != "backup-job" {
			t.Errorf("%+v", l)
		}
		time.Sleep(Span)
		a.TakeOver(t.Context(), "sv")
		a.is(t, wire.LeaseForeign) // it has a minute
		time.Sleep(Span)
		a.TakeOver(t.Context(), "sv")
		a.is(t, wire.LeaseHeld)
	})
}

func ExampleSelf() {
	fmt.Println(Self{Operator: "alice", Host: "ops1", Run: "restore-0412-0309-k7qd"}.identity())
	// Output: alice@ops1/restore-0412-0309-k7qd
}

// faraway is a store whose requests are under way for so long, there and back; one that is left on its way back was done.
type faraway struct {
	*shelf
	takes time.Duration
}

func (f *faraway) travel(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return &kube.Error{Kind: kube.Canceled}
	case <-time.After(f.takes):
		return nil
	}
}

func (f *faraway) Read(ctx context.Context, namespace string) (kube.Lease, bool, error) {
	if err := f.travel(ctx); err != nil {
		return kube.Lease{}, false, err
	}
	return f.shelf.Read(ctx, namespace)
}

func (f *faraway) Write(ctx context.Context, l kube.Lease) (kube.Lease, error) {
	if err := f.travel(ctx); err != nil {
		return kube.Lease{}, err
	}
	l, err := f.shelf.Write(ctx, l)
	if lost := f.travel(ctx); lost != nil {
		return kube.Lease{}, lost
	}
	return l, err
}

// Whoever leaves while a request to take the Lease is under way gives back what that request took, and what it did not take is let be.
func TestATakeThatIsLeftIsGivenBack(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // it was left
		held  bool          // by somebody else, meanwhile
		want  string        // the holder that the server has at the end
	}{
		"before it was done":                   {after: 3 * time.Second},
		"after it was done":                    {after: 5 * time.Second},
		"and somebody else has it":             {after: 5 * time.Second, held: true, want: "bob@bob-laptop/run-of-bob"},
		"before it was read who has it at all": {after: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{}
				a, b := s.keeper("alice"), s.keeper("bob")
				far := &faraway{s, 2 * time.Second}
				a.o.Store = far
				ctx, leave := context.WithTimeout(t.Context(), c.after)
				defer leave()
				a.Take(ctx, "sv") // read at 2 s, written at 4 s; what came of it is known at 6 s, and not waited for
				if c.held {
					s.set(func(s *shelf) {
						l := b.o.Self.taken(*s.lease, time.Now())
						s.lease = &l
					})
				}
				began := time.Now()
				within, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				far.takes = 0
				if err := a.Release(within, "parked"); err != nil || time.Since(began) > 0 {
					t.Errorf("released: %v, after %s", err, time.Since(began))
				}
				s.set(func(s *shelf) {
					if s.lease != nil && s.lease.Holder != c.want {
						t.Errorf("held by %q at the end", s.lease.Holder)
					}
				})
			})
		})
	}
}

// Giving it back does not wait for ever behind a request that hangs.
func TestReleasingBehindARequestThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		k := s.keeper("alice")
		k.Take(t.Context(), "sv")
		<-k.turn // somebody sends, and is not answered
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if err := k.Release(ctx, "parked"); err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
