// Package sim imitates the HTTP surface of the Splice apps, faithful to reference/apis.md: health and version, what the SV app tells of its
// nodes, what scan tells of the network, what a wallet tells of its user, refusals of tokens, and the ingress before the apps. All of it
// is handlers; who serves them decides where. What the reference leaves open is marked as not verified.
package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Base paths of the apps (reference/apis.md 1).
const (
	SV        = "/api/sv"
	Scan      = "/api/scan"
	Validator = "/api/validator"
)

// App is one app. Its functions are asked anew for each request.
type App struct {
	Base    string // SV, Scan or Validator
	ID      string // as its status names it
	Version string // Splice release
	Built   string // commit time that the version tells, ISO-8601
	Port    int
	Uptime  func() time.Duration
	// NotReady is why the app is not initialised; empty: it is ready.
	NotReady func() string
	// Part asks the sequencer or the mediator whether it is there; only the SV app has it.
	Part func(ctx context.Context, name string) error
	// CometBFT asks the chain; nil: this node has none.
	CometBFT func(context.Context) (CometBFT, error)
	// Chain answers the chain's RPC, which the SV app passes on, for methods that are played (Comet.Result); nil: it passes nothing on.
	Chain func(method string) (result any, ok bool)
	// Party is that of the SV which this app belongs to; empty: it is found among the network's by ID.
	Party string
	// Network is what this app knows of the network, which may differ from what others know; nil: it tells nothing of it.
	Network func() Network
	// Allow decides on requests that need a token: 200, 401 or 403; nil: all may.
	Allow func(*http.Request) int
	// Admin decides on requests that need a participant admin as well (reference/apis.md 2.1); nil: Allow does.
	Admin func(*http.Request) int
	// Identities is the body of GetSynchronizerNodeIdentitiesDumpResponse; nil: the app has no nodes of its own.
	Identities func() any
	// Snapshots are the data snapshots that releases up to 0.6.1 answer; nil: the app fails when it is asked for one.
	Snapshots *Snapshots
	// Wallet is the wallet of the request's user; only the validator app has one. nil, or a nil wallet: the user has none.
	Wallet func(*http.Request) *Wallet
	// Ledger has the wallets of a validator app in its books; Purse says whose wallet a user of the ledger has, and Operator is the app's own
	// user. nil: Wallet has them.
	Ledger   *Ledger
	Purse    func(user string) *Purse
	Operator string
}

// CometBFT is what the SV app tells of its chain node (reference/apis.md 2.3). VotingPower is a JSON number here.
type CometBFT struct {
	ID          string `json:"id"`
	CatchingUp  bool   `json:"catching_up"`
	VotingPower int    `json:"voting_power"`
}

// Handler serves the app.
func (a App) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+a.Base+"/livez", func(http.ResponseWriter, *http.Request) {}) // always 200, empty
	m.HandleFunc("GET "+a.Base+"/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if a.NotReady() != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	m.HandleFunc("GET "+a.Base+"/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": a.Version, "commit_ts": a.Built})
	})
	m.HandleFunc("GET "+a.Base+"/status", func(w http.ResponseWriter, _ *http.Request) {
		if a.NotReady() != "" {
			answer(w, http.StatusOK, map[string]any{"not_initialized": map[string]any{"active": false}})
			return
		}
		answer(w, http.StatusOK, success(a.ID, a.Uptime(), map[string]any{"http": a.Port}))
	})
	switch a.Base {
	case SV:
		a.domain(m)
		a.sv(m)
	case Scan:
		a.scan(m)
	case Validator:
		if a.Ledger != nil {
			a.purses(m)
		} else {
			a.wallet(m)
		}
	}
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "The requested resource could not be found.", http.StatusNotFound) // what an absent route answers was not verified
	})
	return m
}

// domain serves what the SV app tells of its synchronizer's nodes.
func (a App) domain(m *http.ServeMux) {
	for _, part := range []string{"sequencer", "mediator"} {
		m.HandleFunc("GET "+a.Base+"/v0/admin/domain/"+part+"/status", a.guarded(func(w http.ResponseWriter, r *http.Request) {
			if err := a.Part(r.Context(), part); err != nil { // 200 all the same: HTTP 200 is not health
				answer(w, http.StatusOK, map[string]any{"failed": map[string]any{"error": "io.grpc.StatusRuntimeException: UNAVAILABLE: " + err.Error()}})
				return
			}
			answer(w, http.StatusOK, success(part, a.Uptime(), map[string]any{}))
		}))
	}
	m.HandleFunc("GET "+a.Base+"/v0/admin/domain/cometbft/status", func(w http.ResponseWriter, r *http.Request) {
		if a.CometBFT == nil {
			answer(w, http.StatusNotFound, failure("CometBFT is not configured."))
			return
		}
		status, err := a.CometBFT(r.Context())
		if err != nil {
			answer(w, http.StatusServiceUnavailable, failure(err.Error()))
			return
		}
		answer(w, http.StatusOK, status)
	})
}

// success is the first case of the NodeStatus union (reference/apis.md 2.2).
func success(id string, uptime time.Duration, ports map[string]any) any {
	return map[string]any{"success": map[string]any{
		"id": id, "uptime": fmt.Sprintf("PT%dS", int(uptime.Seconds())), "ports": ports, "extra": nil, "active": true}}
}

// failure is the error body of every app (reference/apis.md 1).
func failure(text string) any { return map[string]any{"error": text} }

// answer prints a body as the apps do, indented by two spaces.
func answer(w http.ResponseWriter, code int, body any) {
	data, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(data) // a client that has gone needs no answer
}
