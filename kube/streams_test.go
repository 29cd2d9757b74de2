package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// busybox stands in for a container: it knows the commands of the contract by their text.
type busybox struct{}

func (b busybox) Exec(ctx context.Context, pod sim.Pod, command []string, in io.Reader, out, errs io.Writer) (int, error) {
	if inner := kube.Draining(); len(command) > len(inner) && slices.Equal(command[:len(inner)], inner) {
		code, err := b.Exec(ctx, pod, command[len(inner):], in, out, errs)
		io.Copy(io.Discard, in)
		return code, err
	}
	if len(command) == 1 && command[0] == "true" {
		return 0, nil
	}
	if len(command) != 3 || command[0] != "sh" {
		return 0, fmt.Errorf("exec: %q: executable file not found in $PATH", command[0])
	}
	switch command[2] {
	case contract.Both:
		fmt.Fprintln(out, "out")
		fmt.Fprintln(errs, "err")
		return 7, nil
	case contract.Complain:
		fmt.Fprintln(errs, "disk is full")
		return 3, nil
	case contract.Cat:
		_, err := io.Copy(out, in)
		return 0, err
	case contract.Sum:
		fmt.Fprintf(out, "%s  -\n", contract.Checksum(in))
		return 0, nil
	case contract.Enough:
		in.Read(make([]byte, 1))
		fmt.Fprintln(out, "enough")
		return 5, nil
	case contract.Zeros:
		for range 8 << 20 / (64 << 10) {
			if _, err := out.Write(make([]byte, 64<<10)); err != nil {
				return 1, nil
			}
		}
		return 0, nil
	case contract.Wait:
		fmt.Fprintln(out, "started")
		<-ctx.Done()
		return 137, nil
	}
	return 0, fmt.Errorf("nobody knows %q", command)
}

func (busybox) Dial(_ context.Context, _ sim.Pod, port int) (net.Conn, error) {
	if port != contract.EchoPort {
		return nil, errors.New("connect: connection refused")
	}
	a, b := net.Pipe()
	go func() { io.Copy(b, b); b.Close() }()
	return a, nil
}

// inBubble runs f with a simulated cluster that is reached in memory. Every goroutine has to end with it.
func inBubble(t *testing.T, o sim.Options, handler func(http.Handler) http.Handler, f func(*testing.T, *sim.Server, contract.Options)) {
	synctest.Test(t, func(t *testing.T) {
		o.Clock = clock.RealClock{}
		world := sim.New(o)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { world.Run(ctx); close(ended) }()
		p := pipes.Listen()
		var h http.Handler = world
		if handler != nil {
			h = handler(world)
		}
		server := &http.Server{Handler: h}
		go server.Serve(p)
		t.Cleanup(func() {
			stop()
			<-ended
			server.Close()
			time.Sleep(time.Minute) // the library waits half of it for streams that were being opened when a connection broke
			synctest.Wait()
		})
		file := filepath.Join(t.TempDir(), "kubeconfig")
		if err := os.WriteFile(file, sim.Kubeconfig("http://127.0.0.1:1", "admin", nil, "default"), 0o600); err != nil {
			t.Fatal(err)
		}
		world.Set(sim.Knobs{Workloads: map[string]sim.Workload{"*/waiting": {ImagePullError: "not present"}}})
		f(t, world, contract.Options{
			Config: &rest.Config{Host: "http://127.0.0.1:1", BearerToken: "admin", Dial: p.Dial, QPS: -1}, Small: true,
			Connect: func(t *testing.T) *kube.Cluster {
				c, err := kube.Connect(kube.Target{Kubeconfig: file}, kube.Options{Clock: clock.RealClock{}, Dial: p.Dial, QPS: 10000, Burst: 10000})
				if err != nil {
					t.Fatal(err)
				}
				return c
			},
		})
	})
}

// TestContract runs the promises over the simulator, by WebSocket and by SPDY.
func TestContract(t *testing.T) {
	for name, handler := range map[string]func(http.Handler) http.Handler{"websocket": nil, "spdy": withoutWebSocket} {
		t.Run(name, func(t *testing.T) {
			for _, c := range contract.Cases() {
				t.Run(c.Name, func(t *testing.T) {
					inBubble(t, sim.Options{Inside: busybox{}}, handler, func(t *testing.T, _ *sim.Server, o contract.Options) { c.Run(t, o) })
				})
			}
		})
	}
}

// withoutWebSocket is a proxy that knows no WebSocket.
func withoutWebSocket(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			http.Error(w, "what is that", http.StatusBadGateway)
			return
		}
		next.ServeHTTP(w, r)
	})
}
