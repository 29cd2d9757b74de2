package svapp_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

func simScan() http.Handler {
	return sim.App{Base: sim.Scan, ID: "Acme-SV", Version: "0.6.4", Built: "2026-01-20T10:11:12Z", Port: 5012, Uptime: func() time.Duration { return time.Minute },
		NotReady: func() string { return "" }}.Handler()
}

func pemOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func version(t *testing.T, w svapp.Way) (svapp.Version, error) {
	t.Helper()
	s, err := svapp.NewScan(svapp.Settings{Way: w, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return s.Version(t.Context())
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(simScan())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that are to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	clear := httptest.NewServer(simScan())
	t.Cleanup(clear.Close)
	// The certificate is for example.com and 127.0.0.1; every name leads to the server.
	toServer := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	for _, c := range []struct {
		name    string
		out     svapp.Out
		address string
		kind    svapp.Kind
		seen    string
	}{
		{"its own authority, configured", svapp.Out{CA: pemOf(server)}, server.URL, "", ""},
		{"a name, configured", svapp.Out{CA: pemOf(server), Dial: toServer}, "https://example.com", "", ""},
		{"not configured", svapp.Out{}, server.URL, svapp.Untrusted, "an authority that this machine does not trust"},
		{"another name", svapp.Out{CA: pemOf(server), Dial: toServer}, "https://scan.sv.example.org", svapp.Untrusted, "not for scan.sv.example.org"},
		{"no TLS there", svapp.Out{}, strings.Replace(clear.URL, "http", "https", 1), svapp.Untrusted, "does not speak TLS"},
		{"TLS there", svapp.Out{}, strings.Replace(server.URL, "https", "http", 1), svapp.Untrusted, "HTTP request to an HTTPS server"},
		{"nobody listens", svapp.Out{}, "https://127.0.0.1:1", svapp.Unreachable, "refused"},
		{"no such name", svapp.Out{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "scan.sv.example.org", IsNotFound: true}
		}}, "https://scan.sv.example.org", svapp.Unreachable, "no address is known for the name scan.sv.example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := c.out.Public(c.address)
			if err != nil {
				t.Fatal(err)
			}
			v, err := version(t, w)
			if c.kind == "" {
				if err != nil || v.Release != "0.6.4" {
					t.Fatal(v, err)
				}
				return
			}
			refused(t, err, c.kind, c.seen)
			if svapp.Reached(err) {
				t.Error("it counts as an answer of the app")
			}
		})
	}
}

// connectProxy tunnels to everywhere, for who has the password; with password 502 it reaches nobody.
func connectProxy(t *testing.T, password string) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var tunnels atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "not here", http.StatusMethodNotAllowed)
			return
		}
		if password != "" && password != "502" && r.Header.Get("Proxy-Authorization") != "Basic "+password {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if password == "502" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		there, err := net.Dial("tcp", strings.Replace(r.Host, "example.com", "127.0.0.1", 1))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { io.Copy(there, here); there.Close() }()
		go func() { io.Copy(here, there); here.Close() }()
	}))
	t.Cleanup(s.Close)
	return s, &tunnels
}

func TestProxy(t *testing.T) {
	server := httptest.NewTLSServer(simScan())
	t.Cleanup(server.Close)
	// Requests to 127.0.0.1 go through no proxy, so the server goes by a name, which both this machine and the proxy find.
	broken, _ := connectProxy(t, "502")
	open, tunnels := connectProxy(t, "")
	closed, _ := connectProxy(t, "b3A6Y2FuYXJ5")
	address := "https://example.com:" + strings.Split(server.Listener.Addr().String(), ":")[1]
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.Replace(addr, "example.com", "127.0.0.1", 1))
	}
	for _, c := range []struct {
		name  string
		env   map[string]string
		kind  svapp.Kind
		seen  string
		count int32
		way   string
	}{
		{"none", nil, "", "", 0, "public host " + address[8:]},
		{"one that lets pass", map[string]string{"HTTPS_PROXY": open.URL}, "", "", 1, "through the proxy " + open.Listener.Addr().String()},
		{"one that does not get there", map[string]string{"HTTPS_PROXY": broken.URL}, svapp.Proxy, "502 Bad Gateway", 1, "through"},
		{"one that refuses", map[string]string{"HTTPS_PROXY": closed.URL}, svapp.Proxy, "407", 1, "through the proxy " + closed.Listener.Addr().String()},
		{"one that refuses a password, which is not shown", map[string]string{"https_proxy": strings.Replace(closed.URL, "://", "://op:canary-wrong@", 1)}, svapp.Proxy, "407", 1, "through the proxy " + closed.Listener.Addr().String()},
		{"one that is not there", map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1"}, svapp.Proxy, "cannot be reached", 1, "through"},
		{"not for this host", map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "example.com"}, "", "", 1, "public host"},
		{"not for https", map[string]string{"HTTP_PROXY": "http://127.0.0.1:1"}, "", "", 1, "public host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := svapp.Out{CA: pemOf(server), Dial: dial, Getenv: func(name string) string { return c.env[name] }}.Public(address)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(w.Name, c.way) || strings.Contains(w.Name, "canary") {
				t.Errorf("way %q", w.Name)
			}
			_, err = version(t, w)
			if n := tunnels.Load(); n != c.count {
				t.Errorf("%d tunnels", n)
			}
			if c.kind == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, c.kind, c.seen)
		})
	}
	for _, env := range []string{"canary://x", "://canary", "http://u:canary@", "http://[canary"} {
		_, err := svapp.Out{Getenv: func(name string) string { return map[string]string{"HTTPS_PROXY": env}[name] }}.Public("https://example.com")
		t.Run(env, func(t *testing.T) { refused(t, err, svapp.Setup, "HTTPS_PROXY") })
	}
}

func TestWaysThatCannotBe(t *testing.T) {
	for name, address := range map[string]string{"no scheme": "scan.sv.example.org", "with a path": "https://scan.sv.example.org/api/scan", "with a password": "https://u:canary@scan.sv.example.org",
		"with a query": "https://scan.sv.example.org?x=1", "of another kind": "ftp://scan.sv.example.org", "empty": ""} {
		_, err := svapp.Out{}.Public(address)
		t.Run(name, func(t *testing.T) { refused(t, err, svapp.Setup) })
	}
	_, err := svapp.Out{CA: []byte("canary")}.Public("https://scan.sv.example.org")
	refused(t, err, svapp.Setup, "no certificate in PEM")
	w, err := svapp.Out{}.Service("sv", "scan-app", 5012)
	if err != nil || w.Base != "http://scan-app.sv:5012" || !w.Private || w.Name != "service sv/scan-app" {
		t.Errorf("%+v, %v", w, err)
	}
}

// The addresses of peers come from the network: they get no token, and one that is none does not spoil the others.
func TestPeersOfTheNetwork(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a peer got a token")
		}
		n.app(sim.Scan).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	n.network.SVs[0].ScanURL, n.network.SVs[1].ScanURL = server.URL, "scan.beta.example.org"
	n.network.SVs = append(n.network.SVs, sim.Member{Name: "Gamma-SV", Party: "Gamma-SV::1220cc", ScanURL: "http://127.0.0.1:1"})
	scans, err := n.scan(t).Scans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := svapp.TokenFrom("the test", strings.NewReader("canary"))
	if err != nil {
		t.Fatal(err)
	}
	peers, unusable := svapp.Out{}.Peers(scans, svapp.Settings{Tokens: tokens})
	if len(peers) != 2 || len(unusable) != 1 || unusable[0].Way != "Beta-SV" {
		t.Fatal(peers, unusable)
	}
	refused(t, unusable[0].Error, svapp.Setup)
	p := svapp.AskPeers(t.Context(), peers, svapp.Bounds{}, func(ctx context.Context, s *svapp.Scan) (svapp.Membership, error) {
		d, err := s.DSO(ctx)
		return d.Membership(acmeOld), err
	}, func(m svapp.Membership) svapp.Membership { return m })
	if p.Agreeing != 1 || p.Value != svapp.Offboarded || p.Replies[1].Outcome != svapp.NoAnswer {
		t.Errorf("%+v", p)
	}
}

// pipes is a listener to which one connection has come.
type pipes struct {
	net.Conn
	done chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case <-p.done:
		return nil, net.ErrClosed
	default:
		close(p.done)
		return p.Conn, nil
	}
}

func (p pipes) Addr() net.Addr { return p.LocalAddr() }

// Close leaves the connection to the server.
func (p pipes) Close() error { return nil }

// late fails when it is read.
type late struct{ net.Conn }

func (late) Read([]byte) (int, error) {
	return 0, &svapp.Error{Kind: svapp.Unreachable, Seen: "nothing listens on port 5012 in the pod", Next: "look whether it has started"}
}

// A tunnel is a connection that somebody else opens, as one to a pod is; how it fails is told by who opens it.
func TestTunnel(t *testing.T) {
	opened := 0
	w := svapp.Tunnel("tunnel to pod sv/scan-app-0", "scan-app.sv:5012", func(context.Context) (net.Conn, error) {
		opened++
		near, far := net.Pipe()
		l := pipes{far, make(chan struct{})}
		server := &http.Server{Handler: simScan()}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		return near, nil
	})
	for range 3 {
		if v, err := version(t, w); err != nil || v.Release != "0.6.4" {
			t.Fatal(v, err)
		}
	}
	if opened != 1 {
		t.Errorf("%d connections", opened)
	}
	w = svapp.Tunnel("tunnel to pod sv/scan-app-0", "scan-app.sv:5012", func(context.Context) (net.Conn, error) {
		return nil, &svapp.Error{Kind: svapp.Unreachable, Seen: "nothing listens on port 5012 in the pod", Next: "look whether it has started"}
	})
	_, err := version(t, w)
	refused(t, err, svapp.Unreachable, "read the version from scan (tunnel to pod sv/scan-app-0)", "nothing listens", "look whether it has started")
	// What the connection to a pod is worth is known at its first use only.
	w = svapp.Tunnel("tunnel to pod sv/scan-app-0", "scan-app.sv:5012", func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far)
		return late{near}, nil
	})
	_, err = version(t, w)
	refused(t, err, svapp.Unreachable, "nothing listens", "look whether it has started")
	w = svapp.Tunnel("tunnel to pod sv/scan-app-0", "scan-app.sv:5012", func(context.Context) (net.Conn, error) { return nil, errors.New("exit\x1b[31m status\n1") })
	_, err = version(t, w)
	refused(t, err, svapp.Unreachable, "exit status 1")
}
