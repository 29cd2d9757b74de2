package kube_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// TestOverTLS runs some promises the way a rehearsal is served: on loopback, with TLS, where HTTP/2 is offered too.
func TestOverTLS(t *testing.T) {
	for name, handler := range map[string]func(http.Handler) http.Handler{"websocket": nil, "spdy": withoutWebSocket} {
		t.Run(name, func(t *testing.T) {
			world := sim.New(sim.Options{Clock: clock.RealClock{}, Inside: busybox{}})
			quick := sim.Workload{StartDelay: sim.D(time.Millisecond), ReadyDelay: sim.D(time.Millisecond)}
			world.Set(sim.Knobs{Workloads: map[string]sim.Workload{"*": quick}})
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { world.Run(ctx); close(ended) }()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			certificate, ca, err := sim.Certificate()
			if err != nil {
				t.Fatal(err)
			}
			var h http.Handler = world
			if handler != nil {
				h = handler(world)
			}
			server := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
			go server.ServeTLS(listener, "", "")
			t.Cleanup(func() { stop(); <-ended; server.Close() })
			url := "https://" + listener.Addr().String()
			file := filepath.Join(t.TempDir(), "kubeconfig")
			if err := os.WriteFile(file, sim.Kubeconfig(url, "admin", ca, "default"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range contract.Cases() {
				switch c.Name {
				case "much data both ways", "the end of the input reaches the command", "much data through a tunnel", "a port that nobody listens on":
				default:
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					t.Parallel()
					c.Run(t, contract.Options{
						Config: &rest.Config{Host: url, BearerToken: "admin", TLSClientConfig: rest.TLSClientConfig{CAData: ca}, QPS: -1},
						Connect: func(t *testing.T) *kube.Cluster {
							k, err := kube.Connect(kube.Target{Kubeconfig: file}, kube.Options{Clock: clock.RealClock{}})
							if err != nil {
								t.Fatal(err)
							}
							return k
						},
					})
				})
			}
		})
	}
}
