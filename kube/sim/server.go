package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
)

// Options are what a Server is made from. The zero value of every field but Clock is usable.
type Options struct {
	Clock clock.WithTicker // required; the only source of time
	Seed  uint64           // of uids, generated names and cluster IPs
	Users map[string]User  // by bearer token; default: token "admin" is an administrator
	Keep  int              // changes kept for watches; default 20000
	Nodes []string         // names of the nodes; default "node-1"
	// Inside is what runs in the pods; nil: kubelets that can run no command and open no port.
	Inside Inside
}

// Server is a Kubernetes API server with its controllers, one kubelet for all nodes and a CSI driver, in memory.
// It is an http.Handler; Run drives the controllers.
type Server struct {
	clock  clock.WithTicker
	users  map[string]User
	nodes  []string
	start  time.Time
	inside Inside

	mu      sync.Mutex // guards everything below
	rand    *rand.Rand
	store   *store
	queue   queue
	knobs   Knobs
	faults  []faultState
	writes  []Write
	signal  chan struct{} // closed and replaced at every change: wakes watchers and followers
	disks   map[string]disk
	runs    map[types.UID]*podRun
	commits map[int]time.Time    // when what GitOps controllers wait for was first seen, by their number
	claims  map[string]*object   // as GitOps controllers saw them last, by "namespace/name"
	jobs    map[string]time.Time // end of a slow piece of work, by name
	age     time.Duration        // while settling: how far in the past things are stamped
	settled bool                 // while settling: delays are zero

	wake chan struct{} // tells Run that the queue changed
	done chan struct{} // closed when Run ends: open requests end with it
	once sync.Once
}

// New makes a server with its nodes and the namespaces default and kube-system, and nothing else in it.
func New(o Options) *Server {
	if o.Clock == nil {
		panic("sim: Options.Clock is required")
	}
	if o.Keep == 0 {
		o.Keep = 20000
	}
	if len(o.Nodes) == 0 {
		o.Nodes = []string{"node-1"}
	}
	if o.Users == nil {
		o.Users = map[string]User{"admin": {Name: "admin", Admin: true}}
	}
	s := &Server{
		clock: o.Clock, users: o.Users, nodes: o.Nodes, start: o.Clock.Now(), inside: o.Inside,
		rand:   rand.New(rand.NewPCG(o.Seed, 0x5eed)),
		store:  newStore(o.Keep),
		signal: make(chan struct{}),
		disks:  map[string]disk{}, runs: map[types.UID]*podRun{}, jobs: map[string]time.Time{}, claims: map[string]*object{}, commits: map[int]time.Time{},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.store.notify = append(s.store.notify, s.changed)
	for _, ns := range []string{"default", "kube-system"} {
		s.mustLoad(namespaceObject(ns))
	}
	for _, n := range o.Nodes {
		s.mustLoad(nodeObject(n))
	}
	return s
}

// changed fans one change out: watchers are woken, the controllers get their keys.
func (s *Server) changed(c change) {
	close(s.signal)
	s.signal = make(chan struct{})
	if c.res == rPod && c.kind == watch.Deleted && s.runs[c.obj.GetUID()] != nil {
		s.over(s.runs[c.obj.GetUID()])
	}
	s.enqueueFor(c)
	s.poke()
}

func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// now is the time to stamp on things: the clock's, moved into the past while a world is being settled.
func (s *Server) now() time.Time { return s.clock.Now().Add(-s.age) }

// Run drives the controllers until ctx ends, then ends every open watch, follow and hanging request. Call it once.
func (s *Server) Run(ctx context.Context) error {
	defer s.once.Do(func() { close(s.done) })
	for {
		s.mu.Lock()
		s.work(s.clock.Now())
		next, ok := s.queue.next()
		s.mu.Unlock()
		var due <-chan time.Time
		var timer clock.Timer
		if ok {
			timer = s.clock.NewTimer(max(next.Sub(s.clock.Now()), 0))
			due = timer.C()
		}
		select {
		case <-ctx.Done():
		case <-due:
		case <-s.wake:
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Settle lets the controllers finish everything that is under way, at once and stamped age ago: a loaded node is then
// running and looks old. Call it before Run.
func (s *Server) Settle(age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age, s.settled = age, true
	s.enqueueAll()
	s.work(s.clock.Now())
	s.age, s.settled = 0, false
}

// Set replaces the knobs. Fault counters start anew; what is under way is looked at again.
func (s *Server) Set(k Knobs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.knobs = k
	s.faults = make([]faultState, len(k.Faults))
	s.enqueueAll()
	s.poke()
}

// Knobs returns the knobs in force.
func (s *Server) Knobs() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

// Writes returns the record of every request that asked for a change, oldest first.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Write(nil), s.writes...)
}

const letters = "bcdfghjklmnpqrstvwxz2456789"

// suffix makes the five characters that the server appends to generateName.
func (s *Server) suffix() string {
	b := make([]byte, 5)
	for i := range b {
		b[i] = letters[s.rand.IntN(len(letters))]
	}
	return string(b)
}

func (s *Server) uid() types.UID {
	a, b := s.rand.Uint64(), s.rand.Uint64()
	return types.UID(fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		uint32(a>>32), uint16(a>>16), uint16(a)&0xfff, 0x8000|uint16(b>>48)&0x3fff, b&0xffffffffffff))
}
