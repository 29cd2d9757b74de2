package reach

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
	"sync"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// pod stands for one pod: its command carries bytes to a server of the test, whatever host was named.
type pod struct {
	to   string
	code int // the command ends with it at once; 0: it works

	mu    sync.Mutex
	specs []kube.ExecSpec
}

func (p *pod) Exec(_ context.Context, spec kube.ExecSpec, stdin io.Reader, stdout, _ io.Writer) error {
	p.mu.Lock()
	p.specs = append(p.specs, spec)
	p.mu.Unlock()
	if p.code != 0 {
		return &kube.ExitError{Code: p.code}
	}
	if name, _, ok := postgres.RecogniseCommand(spec.Command); !ok || name != postgres.TunnelTo {
		return fmt.Errorf("unknown command %q", spec.Command)
	}
	conn, err := net.Dial("tcp", p.to)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stdin)
		conn.Close()
	}()
	_, _ = io.Copy(stdout, conn)
	return nil
}

func (p *pod) Tunnel(ctx context.Context, _, _ string, _ int) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", p.to)
}

func webOf(p *pod, out svapp.Out) *Web {
	return NewWeb(Options{Clock: clock.RealClock{}, Inside: func([]kube.Access) Inside { return p }}, out)
}

// svApp answers its version to all, and its authorization to whoever has the token.
func svApp(token string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/sv/version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"version":"0.6.4","commit_ts":"2026-01-20T10:11:12Z"}`)
	})
	mux.HandleFunc("GET /api/sv/v0/admin/authorization", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	return mux
}

// A request from a pod is verified by TLS here, and its token is in no argument.
func TestARequestLeavesFromAPod(t *testing.T) {
	const token = "invented-token-of-a-test"
	server := httptest.NewTLSServer(svApp(token))
	defer server.Close()
	p := &pod{to: server.Listener.Addr().String()}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	way, err := webOf(p, svapp.Out{CA: ca}).FromPod("sv", "participant-1", "participant", "https://example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	defer way.Close()
	if way.Name != "from pod sv/participant-1" {
		t.Errorf("the way is named %q", way.Name)
	}
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(token))
	if err != nil {
		t.Fatal(err)
	}
	app, err := svapp.NewSV(svapp.Settings{Way: way, Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Authorized(t.Context()); err != nil {
		t.Error(err)
	}
	if len(p.specs) == 0 {
		t.Fatal("nothing left from the pod")
	}
	for _, spec := range p.specs {
		if spec.Container != "participant" || strings.Contains(fmt.Sprint(spec), token) {
			t.Errorf("sent by %+v", spec)
		}
	}
}

// Whoever sits between pod and host with another certificate learns nothing.
func TestAPodsHostIsVerified(t *testing.T) {
	server := httptest.NewUnstartedServer(svApp(""))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that is broken off
	server.StartTLS()
	defer server.Close()
	way, err := webOf(&pod{to: server.Listener.Addr().String()}, svapp.Out{}).FromPod("sv", "p", "", "https://example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	app, err := svapp.NewSV(svapp.Settings{Way: way})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Version(t.Context()); svapp.KindOf(err) != svapp.Untrusted {
		t.Errorf("an unknown certificate: %v", err)
	}
}

func TestAPodThatCannotSendSaysSo(t *testing.T) {
	for code, want := range map[int]string{postgres.ExitNoProgram: "neither bash nor nc", postgres.ExitNoServer: "no connection from the pod", 3: "exit code 3"} {
		way, err := webOf(&pod{code: code}, svapp.Out{}).FromPod("sv", "p", "", "http://scan.example.com", false)
		if err != nil {
			t.Fatal(err)
		}
		app, err := svapp.NewScan(svapp.Settings{Way: way})
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.Version(t.Context())
		var e *svapp.Error
		if !errors.As(err, &e) || e.Kind != svapp.Unreachable || !strings.Contains(e.Seen, want) || svapp.Reached(err) {
			t.Errorf("exit code %d: %v", code, err)
		}
	}
}

// The first way on which the app answers is taken, and the others are told by name.
func TestWaysAreChosenInOrder(t *testing.T) {
	server := httptest.NewServer(svApp(""))
	defer server.Close()
	shut := webOf(&pod{code: postgres.ExitNoServer}, svapp.Out{})
	open := webOf(&pod{to: server.Listener.Addr().String()}, svapp.Out{})
	first, err := shut.FromPod("sv", "a", "", "http://sv-app.sv:5014", true)
	if err != nil {
		t.Fatal(err)
	}
	way, release, tries, err := svapp.Choose(t.Context(), svapp.SVApp, []svapp.Way{first, open.Tunnel("sv", "sv-app-1", "sv-app.sv", 5014)}, svapp.Settings{})
	if err != nil || release != "0.6.4" || way.Name != "tunnel to pod sv/sv-app-1" || len(tries) != 2 || tries[0].Error == nil {
		t.Errorf("chose %q, release %q, %+v, %v", way.Name, release, tries, err)
	}
	way.Close()
}

// This machine's proxy is for what leaves this machine; what leaves from a pod never asks it.
func TestTheProxyIsThisMachines(t *testing.T) {
	server := httptest.NewServer(svApp(""))
	defer server.Close()
	out := svapp.Out{Getenv: func(name string) string {
		return map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}[name]
	}}
	p := &pod{to: server.Listener.Addr().String()}
	web := webOf(p, out)
	inside, err := web.FromPod("sv", "a", "", "http://scan.example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []svapp.Way{inside, web.Tunnel("sv", "sv-app-1", "sv-app.sv", 5014)} {
		app, err := svapp.NewSV(svapp.Settings{Way: way})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := app.Version(t.Context()); err != nil {
			t.Errorf("%s: %v", way.Name, err)
		}
		way.Close()
	}
	if len(p.specs) == 0 || !strings.Contains(fmt.Sprint(p.specs[0].Command), "scan.example.com") {
		t.Errorf("the pod was told to connect elsewhere: %v", p.specs)
	}
	public, err := out.Public("https://scan.example.com")
	if err != nil {
		t.Fatal(err)
	}
	app, err := svapp.NewSV(svapp.Settings{Way: public})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Version(t.Context()); !strings.Contains(public.Name, "through the proxy 127.0.0.1:1") || err == nil {
		t.Errorf("%s: %v", public.Name, err)
	}
}
