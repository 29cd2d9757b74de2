package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sv serves what the SV app tells of the network and of tokens (reference/apis.md 2.1 to 2.5).
func (a App) sv(m *http.ServeMux) {
	m.HandleFunc("GET "+a.Base+"/v0/admin/authorization", a.guarded(func(http.ResponseWriter, *http.Request) {}))
	m.HandleFunc("POST "+a.Base+"/v0/admin/domain/cometbft/json-rpc", a.jsonRPC)
	admin := a
	if a.Admin != nil {
		admin.Allow = a.Admin
	}
	m.HandleFunc("GET "+a.Base+"/v0/admin/domain/identities-dump", admin.guarded(a.identities))
	if before(a.Version, 0, 6, 2) {
		m.HandleFunc("GET "+a.Base+"/v0/admin/domain/data-snapshot", admin.guarded(a.snapshot))
	}
	if a.Network == nil {
		return
	}
	m.HandleFunc("GET "+a.Base+"/v0/dso", func(w http.ResponseWriter, _ *http.Request) {
		n := a.Network()
		answer(w, http.StatusOK, n.dso(a.self(n)))
	})
	m.HandleFunc("GET "+a.Base+"/v0/admin/sv/voterequests", a.guarded(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"dso_rules_vote_requests": a.Network().votes()})
	}))
	m.HandleFunc("GET "+a.Base+"/v0/onboard/sv/status/{who}", func(w http.ResponseWriter, r *http.Request) { reply(w)(a.onboarding(r.PathValue("who"))) })
	if !before(a.Version, 0, 6, 2) { // families B and C (reference/deployment.md 1)
		m.HandleFunc("GET "+a.Base+"/v0/migration-id", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"migration_id": a.Network().MigrationID})
		})
	}
}

// onboarding tells SVs by party, and by name whoever has it (reference/apis.md 2.4).
func (a App) onboarding(who string) (any, error) {
	n := a.Network()
	for _, o := range n.Onboarding {
		switch {
		case o.Party != who && o.Name != who || o.State == "completed":
		case o.Unapproved:
			return nil, absent("Candidate " + who + " is not approved") // wording not verified
		case o.Party != who && slices.ContainsFunc(n.SVs, func(m Member) bool { return m.Name == who }): // by its name the old one is found
		case o.State == "requested":
			return map[string]any{"state": o.State, "name": o.Name, "contract_id": o.ContractID, "confirmed_by": append([]string{}, o.ConfirmedBy...), "required_num_confirmations": o.Required}, nil
		case o.State == "confirmed":
			return map[string]any{"state": o.State, "name": o.Name, "contract_id": o.ContractID}, nil
		}
	}
	for _, m := range n.SVs {
		if m.Party == who || m.Name == who {
			return map[string]any{"state": "completed", "name": m.Name, "contract_id": "00dd"}, nil
		}
	}
	return map[string]any{"state": "unknown"}, nil
}

// identities answers the node identities, for which all three nodes must run (reference/apis.md 5.1).
func (a App) identities(w http.ResponseWriter, r *http.Request) {
	if a.Identities == nil {
		answer(w, http.StatusInternalServerError, failure("Could not prepare SynchronizerNodeIdentitiesDump because domain node is not configured"))
		return
	}
	for _, part := range []string{"sequencer", "mediator"} {
		if err := a.Part(r.Context(), part); err != nil {
			answer(w, http.StatusServiceUnavailable, failure(err.Error()))
			return
		}
	}
	answer(w, http.StatusOK, a.Identities())
}

// snapshot answers a data snapshot, for which participant and sequencer must run (reference/apis.md 3).
func (a App) snapshot(w http.ResponseWriter, r *http.Request) {
	if a.Snapshots == nil {
		answer(w, http.StatusInternalServerError, failure("An unexpected error occurred."))
		return
	}
	if a.Part != nil {
		if err := a.Part(r.Context(), "sequencer"); err != nil {
			answer(w, http.StatusServiceUnavailable, failure(err.Error()))
			return
		}
	}
	a.Snapshots.serve(w, r)
}

// jsonRPC passes a request on to the chain, with the answer's id that of the request. Only methods of the specification pass.
func (a App) jsonRPC(w http.ResponseWriter, r *http.Request) {
	var q struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	known := map[string]bool{"status": true, "block": true, "commit": true, "validators": true, "consensus_params": true, "consensus_state": true}
	switch err := json.NewDecoder(r.Body).Decode(&q); {
	case a.CometBFT == nil || a.Chain == nil:
		answer(w, http.StatusNotFound, failure("CometBFT is not configured."))
		return
	case err != nil || !known[q.Method] || len(q.ID) == 0:
		answer(w, http.StatusBadRequest, failure("The request content was malformed")) // wording not verified
		return
	}
	if _, err := a.CometBFT(r.Context()); err != nil {
		answer(w, http.StatusServiceUnavailable, failure(err.Error()))
		return
	}
	result, ok := a.Chain(q.Method)
	if !ok {
		answer(w, http.StatusInternalServerError, failure("An unexpected error occurred."))
		return
	}
	answer(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": q.ID, "result": result})
}

// before says whether a release is older than another one.
func before(release string, than ...int) bool {
	parts := strings.SplitN(strings.SplitN(release, "-", 2)[0], ".", len(than))
	for i, part := range parts {
		n, _ := strconv.Atoi(part) // what is no number counts as 0
		if n != than[i] {
			return n < than[i]
		}
	}
	return false
}
