package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/rehearsal"
	"k8s.io/utils/clock"
)

// network is the pod that plays the whole network of a re-onboarding: the scans of the other SVs, by the host that they are asked by, and the
// ledger of which the apps in other pods tell, as it is in rehearsals. The apps say what they were really given, and pass on what they are asked.
//
//	POST   /pods                          a pod's app or participant has started (sim.Pod): joined
//	DELETE /pods/NAMESPACE/POD            it ends
//	*      /app/NAMESPACE/POD/...         what its app is asked
//	POST   /participants                  a participant runs (running)
//	GET    /admin/state                   what the books say (told)
//	POST   /admin/propose                 the others vote to offboard the lost SV
//	POST   /admin/hold?skip=N             the answer to a payment, after N others, is held back
//	POST   /admin/release                 that answer is let go
type network struct {
	log   *slog.Logger
	now   func() time.Time
	began time.Time
	books rehearsal.Books
	net   *rehearsal.Network

	mu      sync.Mutex
	pods    map[string]sim.Pod // by namespace/pod
	runs    map[string]running // by namespace/pod
	doubles []string
	skip    int           // payments that are answered before one is not; negative: all
	held    chan struct{} // closed by release
	holds   bool          // an answer is held back now
}

// running is a participant that runs, as it says itself every second.
type running struct {
	Namespace, Pod string
	Participant    string // PAR::NAME::FINGERPRINT; empty: it is none yet
	Ended          bool
	at             time.Time
}

// joined answers a start: how the app behaves, and the participant that it makes of an empty one.
type joined struct {
	Workload    *sim.Workload
	Participant string
}

// told is what the books say.
type told struct {
	Ledger  map[string]any
	Created map[string]int    // transfers by tracking ID
	Fault   string            // why the books are not sound; empty: they are
	Fresh   map[string]string // party of the SV that was started anew, by namespace
	Doubles []string          // participants of one key that ran at the same time
	Holds   bool
}

// silent is after how long without a word a participant does not run any more. It speaks every second.
const silent = 4 * time.Second

func newNetwork(log *slog.Logger, env func(string) string) (*network, error) {
	n := &network{log: log, now: time.Now, began: time.Now(), pods: map[string]sim.Pod{}, runs: map[string]running{}, skip: -1, held: make(chan struct{})}
	var net rehearsal.Net
	for name, into := range map[string]any{"BOOKS": &n.books, "NET": &net} {
		if err := json.Unmarshal([]byte(env(name)), into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	n.net = rehearsal.NewNetwork(clock.RealClock{}, n.books, net)
	return n, nil
}

func (n *network) run(ctx context.Context) error {
	return answering(ctx, n.log, n.routes())
}

func (n *network) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /pods", take(n.start))
	m.HandleFunc("DELETE /pods/{namespace}/{pod}", func(_ http.ResponseWriter, r *http.Request) {
		n.end(r.PathValue("namespace") + "/" + r.PathValue("pod"))
	})
	m.HandleFunc("/app/{namespace}/{pod}/", n.app)
	m.HandleFunc("POST /participants", take(n.hear))
	m.HandleFunc("GET /admin/state", func(w http.ResponseWriter, _ *http.Request) { answer(w, n.tell()) })
	m.HandleFunc("POST /admin/propose", func(http.ResponseWriter, *http.Request) { n.net.Ledger().Propose(n.books.Place.Vote(9)) })
	m.HandleFunc("POST /admin/hold", func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if _, err := fmt.Sscanf(r.URL.Query().Get("skip"), "%d", &n.skip); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	m.HandleFunc("POST /admin/release", func(http.ResponseWriter, *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		close(n.held)
		n.held = make(chan struct{})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer := n.net.Peer(r.Host); peer != nil {
			peer.ServeHTTP(w, r)
			return
		}
		m.ServeHTTP(w, r)
	})
}

// take reads a document and answers with another one.
func take[In, Out any](do func(In) Out) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, do(in))
	}
}

func (n *network) start(pod sim.Pod) joined {
	n.mu.Lock()
	key := pod.Namespace + "/" + pod.Name
	if was, again := n.pods[key]; again {
		pod.Starts = was.Starts + 1
	}
	n.pods[key] = pod
	n.mu.Unlock()
	return joined{n.net.Started(pod), n.net.Initialised(pod.Namespace)}
}

func (n *network) end(key string) {
	n.mu.Lock()
	pod, known := n.pods[key]
	n.mu.Unlock()
	if known {
		n.net.Ended(pod)
	}
}

// hear notices a participant that runs while another one with the keys of its namespace does.
func (n *network) hear(r running) struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	r.at = n.now()
	key := r.Namespace + "/" + r.Pod
	for other, o := range n.runs {
		if other != key && !r.Ended && !o.Ended && r.at.Sub(o.at) < silent && fingerprint(r.Participant) != "" && fingerprint(o.Participant) == fingerprint(r.Participant) {
			if pair := fmt.Sprintf("%s (%s) and %s (%s)", other, o.Participant, key, r.Participant); !slices.Contains(n.doubles, pair) {
				n.doubles = append(n.doubles, pair)
			}
		}
	}
	n.runs[key] = r
	return struct{}{}
}

// fingerprint is that of a participant's namespace.
func fingerprint(participant string) string {
	return participant[strings.LastIndex(participant, ":")+1:]
}

// app passes a question on to the app of a pod. That to make a payment can be held back after it was made.
func (n *network) app(w http.ResponseWriter, r *http.Request) {
	prefix := r.PathValue("namespace") + "/" + r.PathValue("pod")
	n.mu.Lock()
	pod, known := n.pods[prefix]
	n.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/app/"+prefix)
	app := n.net.App(pod)
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/wallet/transfer-offers") && !strings.HasSuffix(r.URL.Path, "/token-standard/transfers") {
		app.ServeHTTP(w, r)
		return
	}
	said := &reply{header: http.Header{}, code: http.StatusOK}
	app.ServeHTTP(said, r)
	if release := n.holding(); release != nil {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		n.mu.Lock()
		n.holds = false
		n.mu.Unlock()
	}
	said.send(w)
}

// holding counts a payment; what it gives is what its answer has to wait for, nil if nothing.
func (n *network) holding() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.skip < 0 {
		return nil
	}
	if n.skip--; n.skip >= 0 {
		return nil
	}
	n.holds = true
	return n.held
}

func (n *network) tell() told {
	ledger := n.net.Ledger()
	t := told{Ledger: ledger.State(), Created: ledger.Created(), Fresh: map[string]string{}}
	if err := ledger.Check(); err != nil {
		t.Fault = err.Error()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, pod := range n.pods {
		if party := n.net.Fresh(pod.Namespace); party != "" {
			t.Fresh[pod.Namespace] = party
		}
	}
	t.Doubles, t.Holds = slices.Clone(n.doubles), n.holds
	return t
}

// reply keeps an answer until it is sent.
type reply struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(code int)        { r.code = code }
func (r *reply) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *reply) send(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.code)
	w.Write(r.body.Bytes())
}
