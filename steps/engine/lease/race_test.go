package lease_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// span is a time during which a keeper said that a write may be begun.
type span struct {
	who      string
	from, to time.Time
}

// TestRace lets two operators fight for a node on a simulated API 200 times: each takes it when it can, loses the API now and then, is
// suspended, lets go, and takes over from the other. At no time may both begin a write.
func TestRace(t *testing.T) {
	const races = 200
	changes := 0
	for seed := range uint64(races) {
		synctest.Test(t, func(t *testing.T) {
			spans := race(t, seed)
			slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
			for i := 1; i < len(spans); i++ {
				if spans[i].who != spans[i-1].who {
					changes++
				}
			}
			for i, a := range spans {
				for _, b := range spans[i+1:] {
					if a.who != b.who && a.from.Before(b.to) && b.from.Before(a.to) {
						t.Fatalf("race %d: %s held it %s to %s, and %s %s to %s", seed, a.who, a.from.Format("04:05.000"), a.to.Format("04:05.000"), b.who, b.from.Format("04:05.000"), b.to.Format("04:05.000"))
					}
				}
			}
		})
	}
	fmt.Printf("races for the Lease: %d, two holders at once 0, the node changed hands %d times\n", races, changes)
	if changes < 80 {
		t.Errorf("the node has changed hands only %d times: that is no race", changes)
	}
}

// race plays one fight of a minute and a half.
func race(t *testing.T, seed uint64) (spans []span) {
	server := sim.New(sim.Options{Clock: clock.RealClock{}, Seed: seed})
	if err := server.LoadYAML([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: sv}\n")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	wires := pipes.Listen()
	web := &http.Server{Handler: server}
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	running.Go(func() { web.Serve(wires) })
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig("http://127.0.0.1:1", "admin", nil, "sv"), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var fighters sync.WaitGroup
	for n, who := range []string{"alice", "bob"} {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		link := &link{wires: wires}
		cluster, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{Clock: clock.RealClock{}, Dial: link.dial, QPS: 1000, Burst: 1000})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		keeper := lease.New(lease.Options{Store: lease.On(cluster), Clock: clock.RealClock{}, Self: lease.Self{Operator: who, Host: "h", Run: who},
			Boot: func() time.Duration { return time.Since(began) }})
		keeping, end := context.WithCancel(ctx)
		fighters.Go(func() { keeper.Keep(keeping) })
		fighters.Go(func() {
			defer end()
			defer link.hangUp()
			var own []span
			held := false
			look := func() {
				now := time.Now()
				may := keeper.Held() == nil
				if may && !held {
					own = append(own, span{who: who, from: now})
				}
				if may {
					own[len(own)-1].to = now
				}
				held = may
			}
			for over := time.Now().Add(90 * time.Second); time.Now().Before(over); {
				switch random.IntN(20) {
				case 0:
					link.cut(true)
				case 1:
					link.cut(false)
				case 2: // a suspended machine does nothing: it neither renews nor looks
					link.cut(true)
					time.Sleep(time.Duration(random.IntN(60)) * time.Second)
					look()
				case 3, 4:
					_ = keeper.Release(ctx, "")
					look()
					time.Sleep(time.Duration(random.IntN(10_000)) * time.Millisecond)
				}
				l := keeper.TakeOver(ctx, "sv")
				if keeper.State().State != wire.LeaseHeld && l.State != wire.LeaseForeign {
					keeper.Take(ctx, "sv")
				}
				look()
				for range random.IntN(40) {
					time.Sleep(100 * time.Millisecond)
					look()
				}
			}
			mu.Lock()
			spans = append(spans, own...)
			mu.Unlock()
		})
	}
	fighters.Wait()
	stop()
	web.Close()
	running.Wait()
	return spans
}

// link is the way of one machine to the API; it can be cut.
type link struct {
	wires *pipes.Listener
	mu    sync.Mutex
	down  bool
	open  []net.Conn
}

func (l *link) cut(down bool) {
	l.mu.Lock()
	l.down = down
	l.mu.Unlock()
	if down {
		l.hangUp()
	}
}

func (l *link) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("no route to host")}
	}
	c, err := l.wires.Dial(ctx, network, address)
	if err == nil {
		l.mu.Lock()
		l.open = append(l.open, c)
		l.mu.Unlock()
	}
	return c, err
}
