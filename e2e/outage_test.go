//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"canton.example/svrescue/e2e/rig"
)

// road leads to the API server, as a VPN or a bastion does, and can be cut.
type road struct {
	address, to string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	delay    time.Duration // of every piece, each way
	hung     chan struct{} // closed: nothing passes any more, and nothing is told of that
	once     sync.Once
}

// newRoad opens a road and gives the operator a kubeconfig that leads over it.
func newRoad(t *testing.T, cluster *rig.Cluster, o *operator) *road {
	t.Helper()
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	must(t, err)
	r := &road{address: "127.0.0.1:0", conns: map[net.Conn]bool{}, hung: make(chan struct{})}
	for _, c := range config.Clusters {
		u, err := url.Parse(c.Server)
		must(t, err)
		r.to = u.Host
	}
	must(t, r.open())
	t.Cleanup(r.cut)
	for _, c := range config.Clusters {
		c.Server = "https://" + r.address
	}
	o.kubeconfig = filepath.Join(o.home, "kubeconfig")
	must(t, clientcmd.WriteToFile(*config, o.kubeconfig))
	must(t, os.Chmod(o.kubeconfig, 0o600))
	return r
}

// open begins to forward; the port stays the same from one time to the next.
func (r *road) open() error {
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener, r.address = l, l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.forward(l, c)
		}
	}()
	return nil
}

func (r *road) forward(l net.Listener, c net.Conn) {
	u, err := net.Dial("tcp", r.to)
	if err != nil {
		c.Close()
		return
	}
	r.mu.Lock()
	if r.listener != l { // cut meanwhile
		r.mu.Unlock()
		c.Close()
		u.Close()
		return
	}
	r.conns[c], r.conns[u] = true, true
	r.mu.Unlock()
	both := sync.WaitGroup{}
	for _, way := range [][2]net.Conn{{u, c}, {c, u}} {
		both.Go(func() {
			r.carry(way[0], way[1])
			way[0].Close()
		})
	}
	both.Wait()
	r.mu.Lock()
	delete(r.conns, c)
	delete(r.conns, u)
	r.mu.Unlock()
}

// carry copies, each piece after the delay of the road, until an end closes or the road hangs.
func (r *road) carry(to io.Writer, from io.Reader) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if n > 0 {
				pieces <- piece{data[:n], time.Now().Add(r.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	failed := false
	for p := range pieces {
		select {
		case <-r.hung:
			continue // until the other end gives up
		case <-time.After(time.Until(p.due)):
		}
		if failed {
			continue
		}
		_, err := to.Write(p.data)
		failed = err != nil
	}
}

// slow makes every answer take twice as long as this longer; it is for before anything is sent.
func (r *road) slow(each time.Duration) { r.delay = each }

// hang lets nothing pass any more. Connections stay open.
func (r *road) hang() { r.once.Do(func() { close(r.hung) }) }

// readSlowly reads all that a program says, shows it as it comes, and tells when a text was first there; zero: never.
func readSlowly(out io.Reader, show func(all string), text string) (all string, at time.Time) {
	buffer := make([]byte, 4096)
	for {
		n, err := out.Read(buffer)
		all += string(buffer[:n])
		if at.IsZero() && strings.Contains(all, text) {
			at = time.Now()
		}
		show(all)
		if err != nil {
			return all, at
		}
	}
}

// cut ends every connection and refuses new ones.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		r.listener.Close()
		r.listener = nil
	}
	for c := range r.conns {
		c.Close()
	}
}

// runThroughOutages runs the command. At the first new intent that matches a point the way to the API server is cut for
// the outage; then the next point is waited for.
func (o *operator) runThroughOutages(ctx context.Context, r *road, outage time.Duration, points []killPoint, args ...string) (result, error) {
	o.t.Helper()
	known := 0
	if folder, ok := o.folder(); ok {
		known = len(intents(folder))
	}
	cmd := o.command(ctx, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if folder, ok := o.folder(); ok && len(points) > 0 {
			all := intents(folder)
			for _, text := range all[min(known, len(all)):] {
				if !points[0].at.MatchString(text) {
					continue
				}
				r.cut()
				o.t.Logf("cut off for %s after the intent %q", outage, text)
				select {
				case <-ended: // seen below
					ended <- nil
				case <-time.After(outage):
				}
				if err := r.open(); err != nil {
					return result{}, err
				}
				known, points = len(intents(folder)), points[1:]
				break
			}
		}
		select {
		case <-ended:
			var err error
			if len(points) > 0 {
				err = fmt.Errorf("the command ended before %s", points[0].name)
			}
			return result{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}, err
		case <-time.After(5 * time.Millisecond):
		}
	}
}
