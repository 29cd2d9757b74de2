//go:build e2e

package contract

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	verbs "canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
	"k8s.io/client-go/rest"
)

// TestVerbs holds the verbs that reach into pods to what they promise, on the real API server: as it is, and behind a proxy that knows
// no WebSocket.
func TestVerbs(t *testing.T) {
	cluster := rig.Start(t)
	proxied := withoutWebSocket(t, cluster.Config)
	for name, file := range map[string]string{"websocket": cluster.Kubeconfig, "spdy": proxied} {
		for _, c := range verbs.Cases() {
			t.Run(name+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				c.Run(t, verbs.Options{Config: cluster.Config, Connect: func(t *testing.T) *kube.Cluster {
					k, err := kube.Connect(kube.Target{Kubeconfig: file}, kube.Options{})
					if err != nil {
						t.Fatal(err)
					}
					return k
				}})
			})
		}
	}
}

// withoutWebSocket serves the API server with its administrator's rights on loopback, all but WebSocket, and answers a kubeconfig.
func withoutWebSocket(t *testing.T, config *rest.Config) string {
	t.Helper()
	to, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := rest.TLSConfigFor(config)
	if err != nil {
		t.Fatal(err)
	}
	// what is upgraded is HTTP/1.1; a connection that is kept may be closed while a request for an upgrade is on its way
	through := &http.Transport{TLSClientConfig: certs, DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{Transport: through, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Authorization")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			http.Error(w, "what is that", http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, sim.Kubeconfig(server.URL, "none", nil, "default"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
