package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/kube/upload/podfiles"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
	svapp "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// Ports inside the pods (reference/deployment.md 3.2 and 3.3).
const (
	postgresPort = 5432
	metricsPort  = 10013
	rpcPort      = 26657
	svPort       = 5014
	scanPort     = 5012
	walletPort   = 5003
)

// pods is what runs inside the pods of a rehearsal: database servers on their volumes, the metrics of the Canton nodes, the RPC of
// CometBFT, and the servers of a managed service behind a pod that reaches them.
type pods struct {
	clock   clock.WithTicker
	data    sync.Mutex
	managed map[string]string // host -> the text of its data; data guards the texts
	lag     svapp.Lag
	net     Net
	began   time.Time

	// identities is what the SV app answers of the node's.
	identities func() any

	tenants *tenants // what lives by the scenario's ledger; nil: it has none
	loss    *loss    // the network that is recovered with migration dumps; nil: none is
	network recovery // the network that is recovered in either way; nil: none is

	// changed is called after every change of a server's data, before its client is told; nil: nobody wants to know.
	changed func()

	mu      sync.Mutex
	servers map[string]*pg.Server     // by namespace/workload, or host
	disks   map[string]*podfiles.Disk // what was copied into pods, by namespace and claim, or pod
	unknown []string
}

// recovery is a network that is recovered by all SVs together: what lives in the pods of this node, and the other SVs. The world's lock is held while
// it hears of a start or an end, so it asks the world nothing then.
type recovery interface {
	started(in sim.Pod) *sim.Workload
	ended(in sim.Pod)
	handler(in sim.Pod, port int, release string) http.Handler // nil: nothing of the network's listens there
	peer(host string) http.Handler                             // nil: nothing answers at that host
	state() map[string]any
}

// Inside is what runs inside the pods of a scenario's world.
func Inside(clk clock.WithTicker, s Scenario) sim.Inside { return newPods(clk, s) }

func newPods(clk clock.WithTicker, s Scenario) *pods {
	p := &pods{clock: clk, managed: map[string]string{}, servers: map[string]*pg.Server{}, disks: map[string]*podfiles.Disk{}, lag: s.Lag, net: s.Net, began: clk.Now(), identities: identities}
	if p.lag == (svapp.Lag{}) {
		p.lag = svapp.Lag{Start: 4 * time.Minute, Rate: 6, Warmup: 5 * time.Second}
	}
	if s.Managed != nil {
		p.managed = s.Managed(clk.Now())
	}
	if s.Books != nil {
		p.tenants = newTenants(p, *s.Books)
	}
	if s.Loss != nil {
		p.loss = newLoss(p, *s.Loss)
		p.network = p.loss
	}
	if s.Roll != nil {
		p.network = newRoll(p, *s.Roll)
	}
	return p
}

// Started implements sim.Lives.
func (p *pods) Started(in sim.Pod) *sim.Workload {
	if p.network != nil {
		return p.network.started(in)
	}
	if p.tenants == nil {
		return nil
	}
	return p.tenants.started(in)
}

// Ended implements sim.Lives.
func (p *pods) Ended(in sim.Pod) {
	if p.network != nil {
		p.network.ended(in)
	}
	if p.tenants != nil {
		p.tenants.ended(in)
	}
}

// Exec answers the commands of steps/postgres and of kube/upload; others are an error.
func (p *pods) Exec(ctx context.Context, in sim.Pod, command []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if _, args, ours := upload.Recognise(command); ours {
		code, _ := p.disk(in, args[0]).Exec(ctx, command, stdin, stdout, stderr)
		return code, nil
	}
	name, args, known := postgres.RecogniseCommand(command)
	if known && name == postgres.TunnelTo {
		return p.relay(ctx, args, stdin, stdout, stderr), nil
	}
	if host, outside := hostOf(name, args); known && outside {
		server := p.outside(host)
		if server == nil {
			fmt.Fprintf(stderr, "psql: error: connection to server at %q, port %d failed: Connection refused\n", host, postgresPort)
			return 1, nil
		}
		return server.Exec(ctx, command, stdin, stdout, stderr), nil
	}
	if known && name == postgres.RestoreVersion && in.Container == kube.ClientContainer {
		fmt.Fprintf(stdout, "pg_restore (PostgreSQL) %s\n", postgresVersion)
		return 0, nil
	}
	if server := p.serverOf(in); known && server != nil {
		return server.Exec(ctx, command, stdin, stdout, stderr), nil
	}
	if known && name == postgres.FreeSpace && in.Container == "cometbft" && len(args) > 0 {
		fmt.Fprintf(stdout, "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sim 20971520 7864320 13107200 38%% %s\n", args[0])
		return 0, nil
	}
	p.mu.Lock()
	p.unknown = append(p.unknown, in.Name+": "+strings.Join(command, " "))
	p.mu.Unlock()
	return 0, fmt.Errorf("no such command in the simulated pod %s", in.Name)
}

// Dial connects to what listens on a port of a pod.
func (p *pods) Dial(ctx context.Context, in sim.Pod, port int) (net.Conn, error) {
	if p.network != nil {
		if h := p.network.handler(in, port, p.release(in)); h != nil {
			return serveHTTP(ctx, h), nil
		}
	}
	times := func() (now, started time.Time, starts int) { return p.ledger(), in.Started, in.Starts }
	switch {
	case port == postgresPort:
		if server := p.serverOf(in); server != nil {
			if err := server.Ready(); err != nil {
				return nil, errors.New("connection refused")
			}
			return serve(func(conn net.Conn) { server.Serve(ctx, conn) }), nil
		}
	case port == metricsPort && slices.Contains([]string{"sequencer", "mediator", "participant"}, in.Container):
		return serveHTTP(ctx, svapp.Metrics{Part: in.Container, Lag: p.lag, Times: times, Members: []string{"PAR::" + participantID}}.Handler()), nil
	case port == rpcPort && in.Container == "cometbft":
		return serveHTTP(ctx, p.comet(times).Handler()), nil
	case port == svPort && in.Container == "sv-app", port == scanPort && in.Container == "scan-app", port == walletPort && in.Container == "validator-app":
		return serveHTTP(ctx, p.app(in).Handler()), nil
	}
	return nil, errors.New("connection refused")
}

// serverOf is the database server in a pod, which keeps its data on the pod's claim.
func (p *pods) serverOf(in sim.Pod) *pg.Server {
	claim, has := in.Claims["/var/lib/postgresql/data"]
	if !has {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := in.Namespace + "/" + in.Owner
	if p.servers[id] == nil {
		password := in.Env["POSTGRES_PASSWORD"]
		fresh := func() pg.State { return pg.Fresh(postgresVersion, "cnadmin", password, "cantonnet") }
		load := func() string { return in.Content(claim) }
		if p.tenants != nil {
			load = func() string { return p.tenants.databases(in, in.Content(claim), fresh) }
		}
		if p.loss != nil {
			load = func() string { return p.loss.databases(in, in.Content(claim), fresh) }
		}
		p.servers[id] = pg.New(pg.Options{Clock: p.clock, Rate: loadRate, Load: load,
			Store: func(text string) {
				if in.SetContent(claim, text) == nil && p.changed != nil { // a pod that is gone has no volume any more
					p.changed()
				}
			},
			Fresh: fresh})
	}
	return p.servers[id]
}

// disk is the file system on which a path of a pod is: a claim's, which every pod has that mounts it, or the pod's own.
func (p *pods) disk(in sim.Pod, path string) *podfiles.Disk {
	id, mount := in.Namespace+"/"+in.Name, "/tmp"
	for at, claim := range in.Claims {
		if strings.HasPrefix(path, at+"/") {
			id, mount = in.Namespace+" "+claim, at
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.disks[id] == nil {
		p.disks[id] = podfiles.New(mount)
	}
	return p.disks[id]
}

// loadRate is how many bytes of a dump a simulated server loads in a second: the dumps of a rehearsal are small.
const loadRate = 400

// hostOf is the server outside the pod that a command loads a dump into.
func hostOf(name string, args []string) (host string, outside bool) {
	switch name {
	case postgres.RestoreArchive, postgres.RestorePlain, postgres.RestoreFolder:
		return args[2], args[2] != ""
	}
	return "", false
}

// outside is a server of the managed service; nil where none has the host.
func (p *pods) outside(host string) *pg.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outsideData(host) == "" {
		return nil
	}
	if p.servers[host] == nil {
		p.servers[host] = pg.New(pg.Options{Clock: p.clock, Rate: loadRate, Load: func() string { return p.outsideData(host) },
			Store: func(text string) {
				p.data.Lock()
				p.managed[host] = text
				p.data.Unlock()
				if p.changed != nil {
					p.changed()
				}
			}})
	}
	return p.servers[host]
}

// outsideData is the text of what a server of the managed service holds.
func (p *pods) outsideData(host string) string {
	p.data.Lock()
	defer p.data.Unlock()
	return p.managed[host]
}

// relay carries bytes between a command and a server of the managed service, or the scan of another SV.
func (p *pods) relay(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var server *pg.Server
	var peer http.Handler
	if len(args) > 0 {
		server, peer = p.outside(args[0]), p.peer(args[0])
	}
	if server == nil && peer == nil {
		fmt.Fprintln(stderr, "bash: connect: Connection refused")
		return postgres.ExitNoServer
	}
	var conn net.Conn
	if peer != nil {
		conn = serveHTTP(ctx, peer)
	} else {
		conn = serve(func(conn net.Conn) { server.Serve(ctx, conn) })
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stdin) // the client has gone
		conn.Close()
	}()
	_, _ = io.Copy(stdout, conn) // the server has gone
	return 0
}

// Unknown are the statements and commands that were sent and that the product does not have.
func (p *pods) Unknown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.unknown)
	for _, s := range p.servers {
		all = append(all, s.Unknown()...)
	}
	return all
}

// serve answers the near end of a pipe whose far end is served.
func serve(handle func(net.Conn)) net.Conn {
	near, far := net.Pipe()
	go handle(far)
	return near
}

func serveHTTP(ctx context.Context, h http.Handler) net.Conn {
	return serve(func(conn net.Conn) {
		l := &once{conn: conn, done: make(chan struct{})}
		server := &http.Server{Handler: h, ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.Close()
			}
		}}
		stop := context.AfterFunc(ctx, func() { server.Close(); l.Close() })
		defer stop()
		_ = server.Serve(l) // ends with its one connection
	})
}

// once is a listener with one connection.
type once struct {
	conn  net.Conn
	taken bool
	close sync.Once
	done  chan struct{}
}

func (o *once) Accept() (net.Conn, error) {
	if !o.taken {
		o.taken = true
		return o.conn, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *once) Close() error   { o.close.Do(func() { close(o.done) }); return nil }
func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }
