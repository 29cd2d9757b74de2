package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	netpath "canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/rollforward"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// rig is a scenario's world in the bubble of a test, and a journal that outlives the machines that write it.
type rig struct {
	t        *testing.T
	scenario Scenario
	world    *sim.Server
	pods     *pods
	dumps    string            // folder with dump files
	lost     *restore.LostNode // what is proposed of a lost node
	hints    reonboard.Hints   // what is proposed of one that is to be replaced
	call     netpath.Hints     // what is proposed of a network that is to be recovered
	dial     func(context.Context, string, string) (net.Conn, error)
	config   string
	folder   runs.Folder
	journal  []wire.Event
	shown    []wire.Event // what a viewer was told
	conns    *conns
	acting   wire.Acting
	host     string        // the machine that the run is on
	wanted   string        // namespace asked for; empty: the run looks for it
	timeout  time.Duration // of a request; 0: kube's own
	wire     *tap
	began    time.Time
	asleep   atomic.Int64 // how long the machine was suspended, in nanoseconds
	disk     *disk        // what the journal is written to; nil: memory
	filed    *filed       // the journal in the run folder, where it is there
	left     wire.View    // what the last machine knew at its end
	circle   circling
	// front stands for the operator's front end, where it is not the one that is always there.
	front func(ctx context.Context, hub *engine.Hub, say func(context.Context, wire.Message) error, answer operator)
}

// credential is what a kubeconfig holds; it is looked for wherever a run leaves something.
const credential = "canary-kubeconfig-credential"

// outside is the network beyond the cluster: a rehearsal has none.
func outside(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("no route to host")
}

// tap lets a process die while its request is under way.
type tap struct {
	mu     sync.Mutex
	count  int    // writes that took effect
	killAt int    // die when this many have taken effect, before their answer is read; 0: never
	die    func() // ends the process
	died   bool

	writes   int                            // that arrived
	refuseAt int                            // the number of a write that is forbidden; 0: none
	refuse   func(method, path string) bool // writes that are forbidden
	before   func(method, path string)      // called before a write is passed on
	noLease  atomic.Bool                    // requests for Leases lose their connection
	// spoil is asked about every request before the world is, and answers whether it has answered; nil: nothing is.
	spoil func(w http.ResponseWriter, q *http.Request, serve http.HandlerFunc) bool
}

// conns are the client's ends of all connections, so that a dead process can lose them.
type conns struct {
	mu   sync.Mutex
	open []net.Conn
}

// newRig starts the world. Call it inside a bubble.
func newRig(t *testing.T, s Scenario) *rig {
	t.Helper()
	return newRigBehind(t, s, func(world http.Handler) http.Handler { return world })
}

// newRigBehind is a rig whose requests pass what stands before the world.
func newRigBehind(t *testing.T, s Scenario, before func(http.Handler) http.Handler) *rig {
	t.Helper()
	inside := newPods(clock.RealClock{}, s)
	world, err := build(s, clock.RealClock{}, 1, credential, inside)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &rig{t: t, scenario: s, world: world, pods: inside, folder: runs.Folder{Path: t.TempDir()}, conns: &conns{}, acting: wire.Live, host: "here", wanted: namespace, wire: &tap{}, began: time.Now()}
	wires := pipes.Listen()
	r.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := wires.Dial(ctx, network, address)
		if err == nil {
			r.conns.mu.Lock()
			r.conns.open = append(r.conns.open, c)
			r.conns.mu.Unlock()
		}
		return c, err
	}
	inside.changed = func() { r.wire.took() }
	if s.Dumps != nil || s.Record != nil || s.Saved != nil {
		folder := t.TempDir()
		if err := lay(s, inside.began, folder); err != nil {
			t.Fatal(err)
		}
		r.hints, r.call = HintsIn(folder), NetworkHintsIn(folder)
		r.dumps, r.lost = filepath.Join(folder, DumpFolder), &restore.LostNode{Hint: filepath.Join(folder, RecordFolder)}
		if s.Saved != nil {
			r.lost = &restore.LostNode{Hint: filepath.Join(folder, ValuesFolder), ChartsHint: filepath.Join(folder, ChartsFolder)}
		}
	}
	server := &http.Server{Handler: before(r.tapped(world))}
	ended := make(chan struct{})
	go func() { world.Run(ctx); close(ended) }()
	go server.Serve(wires)
	t.Cleanup(func() {
		if why := r.circle.why(); why != "" {
			t.Error(why)
		}
		stop()
		<-ended
		server.Close()
		r.hangUp()
		time.Sleep(time.Minute) // the library waits half of it for streams that were being opened when a connection broke, and time ends with the test
	})
	r.config = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(r.config, sim.Kubeconfig("http://127.0.0.1:1", credential, nil, namespace), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) hangUp() {
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	for _, c := range r.conns.open {
		c.Close()
	}
	r.conns.open = nil
}

// Append makes the rig a journal in memory.
func (r *rig) Append(e wire.Event) (wire.Event, error) {
	r.circle.wrote(e)
	if r.disk != nil {
		written, err := r.disk.append(e)
		if err != nil {
			return e, err
		}
		e = written
	}
	if r.filed != nil {
		written, err := r.filed.journal.Append(e)
		if err != nil {
			return e, err
		}
		e = written
	}
	e.Seq = uint64(len(r.journal)) + 1
	r.journal = append(r.journal, e)
	return e, nil
}

// Head stands for the hash of the last record.
func (r *rig) Head() (uint64, string) {
	if r.filed != nil {
		return r.filed.journal.Head()
	}
	return uint64(len(r.journal)), fmt.Sprintf("hash-%d", len(r.journal))
}

func (r *rig) cluster() *kube.Cluster {
	r.t.Helper()
	c, err := kube.Connect(kube.Target{Kubeconfig: r.config}, kube.Options{Clock: clock.RealClock{}, Dial: r.dial, QPS: 10000, Burst: 10000, Timeout: r.timeout})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// play drives a fresh machine over the journal until it ends, parks or dies. killAt is the number of the point at which
// the process dies, 0 for never. It returns the view and how many points were passed.
func (r *rig) play(ctx context.Context, killAt int, answer operator) (v wire.View, points int, dead bool) {
	switch r.scenario.Path {
	case "restore-lost":
		return drive(r, ctx, killAt, answer, restore.Lost(), restore.Facts{Wanted: r.wanted, Run: "r-1", DumpHint: r.dumps, Lost: r.lost})
	case "reonboard":
		return drive(r, ctx, killAt, answer, reonboard.New(), reonboard.Facts{Wanted: r.wanted, Run: "r-1", Hints: r.hints})
	case "network":
		return drive(r, ctx, killAt, answer, netpath.New(), netpath.Facts{Wanted: r.wanted, Run: "r-1", Hints: r.call})
	case netpath.CleanUpPath:
		return drive(r, ctx, killAt, answer, netpath.CleanUp(), netpath.Facts{Wanted: r.wanted, Run: "r-1", Hints: r.call})
	}
	if r.scenario.Path == "network-roll-forward" {
		return drive(r, ctx, killAt, answer, rollforward.New(), rollforward.Facts{Wanted: r.wanted, Run: "r-1", ChartsHint: "record"})
	}
	return drive(r, ctx, killAt, answer, restore.New(), restore.Facts{Wanted: r.wanted, Run: "r-1", DumpHint: r.dumps})
}

// release drives the later run that gives the old volumes away.
func (r *rig) release(ctx context.Context, killAt int, answer operator) (v wire.View, points int, dead bool) {
	return drive(r, ctx, killAt, answer, restore.Release(), restore.ReleaseFacts{Wanted: namespace, Run: "r-1", Subject: wire.Subject{Namespace: namespace, Cluster: "sim"}})
}

// operator answers a question, or leaves it open.
type operator = func(context.Context, wire.View, wire.Question) (wire.Answer, bool)

func drive[F any](r *rig, ctx context.Context, killAt int, answer operator, path steps.Path[F], facts F) (v wire.View, points int, dead bool) {
	cluster := r.cluster()
	began := time.Now()
	keeper := lease.New(lease.Options{Store: lease.On(cluster), Clock: clock.RealClock{}, Boot: func() time.Duration { return time.Since(began) + time.Duration(r.asleep.Load()) },
		Self: lease.Self{Operator: "you", Host: r.host, Run: "r-1"}})
	world, hands := reach.Wire(cluster, r.folder.Artifacts(), clock.RealClock{}, "r-1", outside, keeper.Held, reach.AppOptions{Out: svapp.Out{Dial: outside}, Keys: reach.KeyOptions{Clients: &svapp.Logins{}}})
	var altered func(context.Context, string) (string, error)
	if r.filed != nil {
		altered = r.altered
	}
	var mu sync.Mutex
	m, err := engine.New(engine.Config[F]{
		Path: path, Facts: facts,
		Run:     wire.Run{ID: "r-1", Acting: r.acting, World: wire.Simulated, Operator: "you", Host: r.host, Started: time.Now()},
		World:   world,
		Lease:   keeper,
		Journal: keeper.Mirroring(r), Past: slices.Clone(r.journal), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute,
		Hands: hands, Altered: altered,
		Hook: func(string) {
			mu.Lock()
			points++
			dead = dead || killAt > 0 && points == killAt
			die := dead
			mu.Unlock()
			if die {
				runtime.Goexit()
			}
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.circle.driven(cancel)
	ended := make(chan struct{})
	left := make(chan struct{})
	if r.front != nil {
		gone := make(chan struct{})
		go func() { defer close(gone); r.front(ctx, m.Hub, m.Say, answer) }()
		defer func() { <-gone }()
	}
	viewer := m.Hub.Join()
	go func() {
		defer close(left)
		if r.front != nil {
			viewer.Leave()
			return
		}
		v, present := wire.View{Current: -1}, false
		for e := range viewer.C {
			v = wire.Fold(v, e)
			mu.Lock()
			r.shown = append(r.shown, e)
			mu.Unlock()
			arrived := e.Kind == wire.KindViewers && !present // what came before is the past, its questions too
			present = present || arrived
			if !present || v.Question == nil || !arrived && e.Kind != wire.KindAsk {
				continue
			}
			a, ok := answer(ctx, v, *v.Question)
			if !ok {
				m.Say(ctx, wire.Message{Kind: wire.SayPark, By: "you"})
				continue
			}
			a.Question, a.Hash = v.Question.ID, v.Question.Hash
			m.Say(ctx, wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
		}
	}()
	r.wire.arm(func() {
		mu.Lock()
		dead = true
		mu.Unlock()
		r.hangUp()
	})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	<-ended
	mu.Lock()
	died := dead
	mu.Unlock()
	cancel()
	viewer.Leave()
	m.Hub.Close()
	<-left
	if !died {
		r.left = m.View()
	}
	checkListed(r.t, path, r.journal)
	checkNoSecret(r.t, r)
	return wire.FoldAll(r.journal), points, died
}

// took counts a write that took effect, and says whether the process that waits for its answer has died of it.
func (t *tap) took() bool {
	t.mu.Lock()
	t.count++
	die := t.die
	now := t.count == t.killAt && !t.died
	t.died = t.died || now
	t.mu.Unlock()
	if now {
		die()
	}
	return now
}

func (t *tap) arm(die func()) {
	t.mu.Lock()
	t.die = die
	t.mu.Unlock()
}

// tapped counts the writes that took effect and, at the chosen one, ends the process that waits for the answer. Renewals of the Lease
// are no part of what a run does.
func (r *rig) tapped(world http.Handler) http.Handler {
	served := r.counted(world)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.circle.asked(q)
		if r.wire.spoil == nil || !r.wire.spoil(w, q, served) {
			served(w, q)
		}
	})
}

func (r *rig) counted(world http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.URL.Path, "coordination.k8s.io") && r.wire.noLease.Load() {
			panic(http.ErrAbortHandler)
		}
		if q.Method == http.MethodGet || q.Header.Get("Upgrade") != "" || q.URL.Query().Has("dryRun") || strings.Contains(q.URL.Path, "authorization.k8s.io") || strings.Contains(q.URL.Path, "authentication.k8s.io") || strings.Contains(q.URL.Path, "coordination.k8s.io") {
			world.ServeHTTP(w, q)
			return
		}
		if r.wire.forbids(q) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"not today"}`))
			return
		}
		answer := httptest.NewRecorder()
		world.ServeHTTP(answer, q)
		if answer.Code < 300 && r.wire.took() {
			panic(http.ErrAbortHandler)
		}
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}
}

// forbids says whether a write is turned away.
func (t *tap) forbids(q *http.Request) bool {
	t.mu.Lock()
	before := t.before
	t.writes++
	once := t.writes == t.refuseAt
	other := t.refuse != nil && t.refuse(q.Method, q.URL.Path)
	t.mu.Unlock()
	if before != nil {
		before(q.Method, q.URL.Path)
	}
	return once || other
}

// clock is the time of the bubble.
func (r *rig) clock() clock.WithTicker { return clock.RealClock{} }

// player is the scenario's good operator.
func (r *rig) player() operator {
	p := &Player{Scenario: r.scenario, Hands: func() (Elsewhere, error) { return Elsewhere{Cluster: r.cluster(), Namespace: namespace}, nil }}
	return p.Answer
}

// lines is a view in short, for the message of a failing test.
func lines(v wire.View) string {
	var b strings.Builder
	for _, e := range v.Timeline {
		fmt.Fprintf(&b, "%s %s %s\n", e.At.Format("15:04:05"), e.Step, e.Text)
	}
	if v.Question != nil && v.Question.Error != nil {
		fmt.Fprintf(&b, "open: %s: %v\n", v.Question.Name, v.Question.Error.Error())
	}
	return b.String()
}
