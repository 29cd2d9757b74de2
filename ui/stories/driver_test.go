package stories

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"k8s.io/utils/clock"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

const (
	namespace = "sv"
	runID     = "r-1"
)

// story is a scenario's world, a worker and an operator in front of the wizard.
type story struct {
	t       *testing.T
	world   *world
	journal journal
	folder  runs.Folder
	worker  *worker
	screen  *screen
}

// tell runs a story in a bubble: the world, a worker, and a screen of 80x24.
func tell(t *testing.T, scenario string, play func(*story)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &story{t: t, folder: runs.Folder{Path: filepath.Join(dir, runID)}}
		if err := os.MkdirAll(s.folder.Path, 0o700); err != nil {
			t.Fatal(err)
		}
		defer time.Sleep(time.Minute) // timers of screens that are gone run out
		found, err := rehearsal.Find(scenario)
		if err != nil {
			t.Fatal(err)
		}
		s.world = startWorld(t, found, dir)
		defer s.world.stop()
		s.work()
		defer func() { s.worker.kill() }()
		s.sit()
		defer func() { s.screen.close() }()
		play(s)
	})
}

// work starts a worker over the journal.
func (s *story) work() { s.worker = startWorker(s.t, s.world, s.folder, &s.journal) }

// sit opens a screen on the worker.
func (s *story) sit() { s.screen = openScreen(s.t, s.worker) }

func (s *story) expect(parts ...string) *story { s.t.Helper(); s.screen.expect(parts...); return s }
func (s *story) expectNot(parts ...string) *story {
	s.t.Helper()
	s.screen.expectNot(parts...)
	return s
}
func (s *story) press(keys ...string) *story { s.t.Helper(); s.screen.press(keys...); return s }
func (s *story) text(text string) *story     { s.t.Helper(); s.screen.text(text); return s }

// world is a simulated cluster behind pipes.
type world struct {
	config string
	ctx    context.Context
	cancel context.CancelFunc
	server *http.Server
	ended  chan struct{}
	pipes  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open []net.Conn
}

func startWorld(t *testing.T, scenario rehearsal.Scenario, dir string) *world {
	t.Helper()
	server, err := rehearsal.Build(scenario, clock.RealClock{}, 1, "token")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{config: filepath.Join(dir, "kubeconfig"), ended: make(chan struct{}), pipes: make(chan net.Conn),
		closed: make(chan struct{}), server: &http.Server{Handler: server}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if err := os.WriteFile(w.config, sim.Kubeconfig("http://127.0.0.1:1", "token", nil, namespace), 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { server.Run(w.ctx); close(w.ended) }()
	go w.server.Serve(w)
	return w
}

func (w *world) stop() {
	w.cancel()
	<-w.ended
	w.server.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		c.Close()
	}
}

// Accept, Close and Addr make the world the listener of its server.
func (w *world) Accept() (net.Conn, error) {
	select {
	case c := <-w.pipes:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *world) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *world) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (w *world) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case w.pipes <- b:
		w.mu.Lock()
		w.open = append(w.open, a)
		w.mu.Unlock()
		return a, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) cluster(t *testing.T) *kube.Cluster {
	t.Helper()
	c, err := kube.Connect(kube.Target{Kubeconfig: w.config}, kube.Options{Clock: clock.RealClock{}, Dial: w.dial, QPS: 10000, Burst: 10000})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// journal is one in memory that outlives its workers.
type journal struct {
	mu     sync.Mutex
	events []wire.Event
}

func (j *journal) Append(e wire.Event) (wire.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// worker is an engine over the restore path.
type worker struct {
	machine *engine.Machine[restore.Facts]
	cancel  context.CancelFunc
	ctx     context.Context
	ended   chan struct{}
}

func startWorker(t *testing.T, world *world, folder runs.Folder, j *journal) *worker {
	t.Helper()
	cluster := world.cluster(t)
	reads, hands := reach.Wire(cluster, folder.Artifacts(), clock.RealClock{}, runID, nil, nil, reach.AppOptions{})
	m, err := engine.New(engine.Config[restore.Facts]{
		Path: restore.New(), Facts: restore.Facts{Wanted: namespace, Run: runID},
		Run: wire.Run{ID: runID, Acting: wire.Live, World: wire.Simulated, Operator: "alice", Host: "ops1", Started: time.Now(),
			Scenario: "story"},
		World: reads, Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute,
		Operator: "alice", Host: "ops1",
		Hands: hands,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{machine: m, ended: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(w.ended)
		m.Run(w.ctx)
		m.Hub.Close()
	}()
	return w
}

// kill ends the worker as a signal would: what it was doing is not finished.
func (w *worker) kill() {
	w.cancel()
	<-w.ended
}

// connect makes a front end's connection over the wire format.
func (w *worker) connect() (*engine.Client, error) {
	near, far := net.Pipe()
	hello := wire.Hello{Binary: "story", Run: runID}
	go engine.ServeConn(w.ctx, far, w.machine.Hub, hello, w.machine.Say)
	return engine.Connect(near, hello)
}

// screen runs the wizard's model as its program would: one message after another, commands beside them.
type screen struct {
	t      *testing.T
	model  tea.Model
	client *engine.Client
	msgs   chan tea.Msg
	ctx    context.Context
	cancel context.CancelFunc
	left   bool
}

// patience is how long, in the time of the bubble, something may take to come on the screen.
const patience = 15 * time.Minute

func openScreen(t *testing.T, w *worker) *screen {
	t.Helper()
	s := newScreen(t)
	s.model = wizard.Model(s.ctx, wizard.Options{Operator: "alice", Attach: "svrescue attach " + runID, Clock: clock.RealClock{},
		Theme: theme.New(theme.Abilities{Profile: termenv.Ascii}),
		Connect: func(context.Context) (wizard.Source, error) {
			client, err := w.connect()
			s.client = client
			return client, err
		}}, io.Discard)
	s.begin()
	return s
}

func newScreen(t *testing.T) *screen {
	s := &screen{t: t, msgs: make(chan tea.Msg)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *screen) begin() {
	s.run(s.model.Init())
	s.update(tea.WindowSizeMsg{Width: 80, Height: 24})
}

// close is the terminal going away.
func (s *screen) close() {
	s.cancel()
	if s.client != nil {
		s.client.Close()
	}
}

func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		if msg == nil {
			return
		}
		select {
		case s.msgs <- msg:
		case <-s.ctx.Done():
		}
	}()
}

func (s *screen) update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			s.run(cmd)
		}
		return
	case tea.QuitMsg:
		s.left = true
		return
	}
	var cmd tea.Cmd
	_, cmd = s.model.Update(msg) // the model is one pointer
	s.model.View()
	s.run(cmd)
}

// settle takes messages until nothing in the bubble moves any more without time.
func (s *screen) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-s.msgs:
			s.update(msg)
		default:
			return
		}
	}
}

func (s *screen) pass(d time.Duration) {
	time.Sleep(d)
	s.settle()
}

func (s *screen) view() string { return ansi.Strip(s.model.View()) }

func (s *screen) shows(parts ...string) bool {
	view := s.view()
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(view, p) })
}

// expect waits until the screen shows every part at once.
func (s *screen) expect(parts ...string) {
	s.t.Helper()
	s.settle()
	for end := time.Now().Add(patience); !s.shows(parts...); s.pass(500 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("after %s the screen does not say %q:\n%s", patience, parts, s.view())
		}
	}
}

func (s *screen) expectNot(parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if s.shows(p) {
			s.t.Fatalf("the screen says %q:\n%s", p, s.view())
		}
	}
}

var keyTypes = map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown}

// press sends keys as a person does who has read the screen: after a moment, one after another.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	for _, k := range keys {
		s.pass(time.Second)
		s.key(k)
	}
}

func (s *screen) key(k string) {
	msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
	if kt, ok := keyTypes[k]; ok {
		msg = tea.KeyMsg{Type: kt}
	}
	s.update(msg)
	s.settle()
}

// text types letters without a pause.
func (s *screen) text(text string) {
	s.pass(time.Second)
	for _, c := range text {
		s.key(string(c))
	}
}

// letGo is what an operator does outside: delete by force the pods that are being deleted and do not go.
func (s *story) letGo() {
	s.t.Helper()
	ctx, cluster := context.Background(), s.world.cluster(s.t)
	pods, err := cluster.Pods(ctx, namespace, "")
	if err != nil {
		s.t.Fatal(err)
	}
	now := int64(0)
	for _, pod := range pods {
		if pod.Deleting == nil {
			continue
		}
		hands := cluster.Hands(kube.AccessDeletePod(pod.Namespace, pod.Name), false)
		if err := hands.DeletePod(ctx, pod.Namespace, pod.Name, pod.UID, &now); err != nil {
			s.t.Fatal(err)
		}
	}
}
