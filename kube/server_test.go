package kube

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// stub answers requests by "METHOD path"; a request that is not in it fails the test, and so does an answer nobody asked for.
type stub struct {
	t       *testing.T
	answers map[string]http.HandlerFunc
	mu      sync.Mutex
	asked   map[string]int
	sent    []sent
	url     string
}

type sent struct {
	method, path, query, body, contentType, agent string
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := r.Method + " " + r.URL.Path
	s.mu.Lock()
	s.asked[key]++
	s.sent = append(s.sent, sent{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Get("Content-Type"), r.UserAgent()})
	s.mu.Unlock()
	h := s.answers[key]
	if h == nil {
		s.t.Errorf("unexpected request %s", key)
		http.Error(w, "unexpected", http.StatusNotImplemented)
		return
	}
	h(w, r)
}

func (s *stub) last() sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[len(s.sent)-1]
}

func (s *stub) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[key]
}

// serve starts a stub and connects to it.
func serve(t *testing.T, answers map[string]http.HandlerFunc) (*Cluster, *stub) {
	return serveAt(t, clock.RealClock{}, "", answers)
}

func serveAt(t *testing.T, c clock.PassiveClock, prefix string, answers map[string]http.HandlerFunc) (*Cluster, *stub) {
	t.Helper()
	s := &stub{t: t, answers: answers, asked: map[string]int{}}
	server := httptest.NewServer(s)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		for key := range answers {
			if s.asked[key] == 0 {
				t.Errorf("%s was never asked for", key)
			}
		}
	})
	cl, err := Connect(Target{Kubeconfig: kubeconfig(t, server.URL+prefix)}, Options{Clock: c, UserAgent: "svrescue/test", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return cl, s
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	return write(t, `{"apiVersion":"v1","kind":"Config","current-context":"here",
"clusters":[{"name":"c","cluster":{"server":"`+server+`"}}],
"users":[{"name":"u","user":{"token":"t0ken"}}],
"contexts":[{"name":"here","context":{"cluster":"c","user":"u","namespace":"sv"}},{"name":"there","context":{"cluster":"c","user":"u"}}]}`)
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer is a handler that sends a document.
func answer(code int, doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, doc)
	}
}

func status4(code int, reason, message string) http.HandlerFunc {
	b, _ := json.Marshal(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
	return answer(code, string(b))
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func frozen(at time.Time) clock.PassiveClock { return clocktesting.NewFakePassiveClock(at) }
