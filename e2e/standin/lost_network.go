package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/rehearsal"
	"k8s.io/utils/clock"
)

// lostNetwork is the pod that plays the network which all SVs recover together: what the components in other pods do, they ask it, and they pass on
// what they are asked.
//
//	POST   /pods                           a pod's component has started (sim.Pod): behaviour
//	GET    /pods/NAMESPACE/POD             what it has logged by now: behaviour
//	DELETE /pods/NAMESPACE/POD             it ends
//	*      /ports/NAMESPACE/POD/PORT/...   what it is asked on a port
//	*      /peers/N/...                    the scan of another SV, from 0
//	GET    /admin/state                    how far the recovery is
type lostNetwork struct {
	log *slog.Logger
	net *rehearsal.Lost

	mu   sync.Mutex
	pods map[string]*lostPod // by namespace/pod
}

type lostPod struct {
	pod  sim.Pod
	life *sim.Workload
}

// behaviour is how a component behaves from its start on.
type behaviour struct {
	Life *sim.Workload
	Log  []string // by now
}

func newLostNetwork(log *slog.Logger, env func(string) string) (*lostNetwork, error) {
	var plan rehearsal.Loss
	if err := json.Unmarshal([]byte(env("PLAN")), &plan); err != nil {
		return nil, fmt.Errorf("PLAN: %w", err)
	}
	return &lostNetwork{log: log, net: rehearsal.NewLost(clock.RealClock{}, plan), pods: map[string]*lostPod{}}, nil
}

func (n *lostNetwork) run(ctx context.Context) error {
	return answering(ctx, n.log, n.routes())
}

func (n *lostNetwork) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /pods", func(w http.ResponseWriter, r *http.Request) {
		var in sim.Pod
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p := &lostPod{}
		p.pod, p.life = n.net.Started(in)
		n.mu.Lock()
		n.pods[in.Namespace+"/"+in.Name] = p
		n.mu.Unlock()
		answer(w, behaviour{p.life, n.net.Log(p.pod, p.life)})
	})
	m.HandleFunc("GET /pods/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		if p := n.of(w, r); p != nil {
			answer(w, behaviour{p.life, n.net.Log(p.pod, p.life)})
		}
	})
	m.HandleFunc("DELETE /pods/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		if p := n.of(w, r); p != nil {
			n.net.Ended(p.pod)
		}
	})
	m.HandleFunc("/ports/{namespace}/{pod}/{port}/", func(w http.ResponseWriter, r *http.Request) {
		p := n.of(w, r)
		if p == nil {
			return
		}
		port, _ := strconv.Atoi(r.PathValue("port"))
		pass(w, r, n.net.Answers(p.pod, port), fmt.Sprintf("/ports/%s/%s/%s", r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("port")))
	})
	m.HandleFunc("/peers/{number}/", func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.PathValue("number"))
		pass(w, r, n.net.Peer(number), "/peers/"+r.PathValue("number"))
	})
	m.HandleFunc("GET /admin/state", func(w http.ResponseWriter, _ *http.Request) {
		migrated, asOf := n.net.State()
		answer(w, map[string]any{"migrated": migrated, "asOf": asOf, "agreed": n.net.Agreed()})
	})
	return m
}

func (n *lostNetwork) of(w http.ResponseWriter, r *http.Request) *lostPod {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pods[r.PathValue("namespace")+"/"+r.PathValue("pod")]
	if p == nil {
		http.NotFound(w, r)
	}
	return p
}

// pass gives a request to who plays the component, without the prefix of its path.
func pass(w http.ResponseWriter, r *http.Request, to http.Handler, prefix string) {
	if to == nil {
		http.NotFound(w, r)
		return
	}
	r.URL.Path, r.URL.RawPath = strings.TrimPrefix(r.URL.Path, prefix), ""
	to.ServeHTTP(w, r)
}
