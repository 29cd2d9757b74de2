package sim

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// self is the party of the SV that this app belongs to: the first of the network where the app's ID names none.
func (a App) self(n Network) string {
	if a.Party != "" {
		return a.Party
	}
	for _, m := range n.SVs {
		if m.Name == a.ID {
			return m.Party
		}
	}
	if len(n.SVs) > 0 {
		return n.SVs[0].Party
	}
	return ""
}

// scan serves what scan tells of the network (reference/apis.md 7). No token is asked for.
func (a App) scan(m *http.ServeMux) {
	if a.Network == nil {
		return
	}
	get := func(path string, body func(Network, *http.Request) (any, error)) {
		m.HandleFunc("GET "+a.Base+path, func(w http.ResponseWriter, r *http.Request) { reply(w)(body(a.Network(), r)) })
	}
	post := func(path string, body func(Network, *http.Request) (any, error)) {
		m.HandleFunc("POST "+a.Base+path, func(w http.ResponseWriter, r *http.Request) { reply(w)(body(a.Network(), r)) })
	}
	get("/v0/dso", func(n Network, _ *http.Request) (any, error) { return n.dso(a.self(n)), nil })
	get("/v0/dso-party-id", func(n Network, _ *http.Request) (any, error) { return map[string]any{"dso_party_id": n.DSO}, nil })
	get("/v0/scans", func(n Network, _ *http.Request) (any, error) { return n.scans(), nil })
	get("/v0/dso-sequencers", func(n Network, _ *http.Request) (any, error) { return n.sequencers(), nil })
	get("/v0/sv-bft-sequencers", func(Network, *http.Request) (any, error) { return map[string]any{"bftSequencers": []any{}}, nil })
	get("/v0/admin/sv/voterequests", func(n Network, _ *http.Request) (any, error) {
		if n.Asked != nil {
			n.Asked()
		}
		return map[string]any{"dso_rules_vote_requests": n.votes()}, nil
	})
	get("/v0/voterequests/{cid}", func(n Network, r *http.Request) (any, error) {
		for _, v := range n.Votes {
			if v.ContractID == r.PathValue("cid") {
				return map[string]any{"dso_rules_vote_request": n.vote(v)}, nil
			}
		}
		return nil, absent("No vote request found for contract " + r.PathValue("cid")) // wording not verified
	})
	post("/v0/admin/sv/voteresults", func(n Network, r *http.Request) (any, error) {
		var q struct {
			Action   *string `json:"actionName"`
			Accepted *bool   `json:"accepted"`
			Limit    *int    `json:"limit"`
		}
		if json.NewDecoder(r.Body).Decode(&q) != nil || q.Limit == nil {
			return nil, &refusal{http.StatusBadRequest, "The request content was malformed: limit"}
		}
		return map[string]any{"dso_rules_vote_results": n.results(q.Action, q.Accepted, *q.Limit)}, nil
	})
	get("/v0/domains/{domain}/parties/{party}/participant-id", func(n Network, r *http.Request) (any, error) { return n.participantOf(r.PathValue("party")) })
	get("/v0/state/acs/snapshot-timestamp", func(n Network, r *http.Request) (any, error) { return n.snapshotBefore(r) })
	post("/v0/state/acs", func(n Network, r *http.Request) (any, error) { return n.page(r, false) })
	post("/v0/holdings/state", func(n Network, r *http.Request) (any, error) { return n.page(r, true) })
	post("/v0/holdings/summary", func(n Network, r *http.Request) (any, error) { return n.summary(r, true) })
	if !before(a.Version, 0, 6, 3) {
		post("/v1/holdings/summary", func(n Network, r *http.Request) (any, error) { return n.summary(r, false) })
	}
	if !before(a.Version, 0, 6, 11) {
		a.upgrades(get)
	}
	get("/v0/ans-entries/by-party/{party}", func(n Network, r *http.Request) (any, error) {
		return n.entry(func(_, party string) bool { return party == r.PathValue("party") })
	})
	get("/v0/ans-entries/by-name/{name}", func(n Network, r *http.Request) (any, error) {
		return n.entry(func(name, _ string) bool { return name == r.PathValue("name") })
	})
	get("/v0/migrations/schedule", func(n Network, _ *http.Request) (any, error) {
		if n.Schedule == nil {
			return nil, absent("No migration is scheduled") // wording not verified
		}
		return map[string]any{"time": stamp(n.Schedule.Time), "migration_id": n.Schedule.MigrationID}, nil
	})
}

// refusal is an error body with its status.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func absent(text string) error { return &refusal{http.StatusNotFound, text} }

func reply(w http.ResponseWriter) func(any, error) {
	return func(body any, err error) {
		r, ok := err.(*refusal)
		switch {
		case err == nil:
			answer(w, http.StatusOK, body)
		case ok:
			answer(w, r.code, failure(r.text))
		default:
			answer(w, http.StatusInternalServerError, failure("An unexpected error occurred."))
		}
	}
}

func (n Network) scans() any {
	all := []any{}
	for _, m := range n.SVs {
		if m.ScanURL != "" {
			all = append(all, map[string]any{"publicUrl": m.ScanURL, "svName": m.Name})
		}
	}
	return map[string]any{"scans": []any{map[string]any{"domainId": n.Synchronizer, "scans": all}}}
}

func (n Network) sequencers() any {
	all := []any{}
	for _, m := range n.SVs {
		if m.SequencerURL != "" {
			all = append(all, map[string]any{"migrationId": n.MigrationID, "id": m.SequencerID, "url": m.SequencerURL, "svName": m.Name, "availableAfter": stamp(m.Available)})
		}
	}
	for _, p := range n.Physical { // a migration ID that is none goes with a serial
		all = append(all, map[string]any{"migrationId": -1, "synchronizerSerial": p.Serial, "id": p.ID, "url": p.URL, "svName": p.SV, "availableAfter": stamp(p.Available)})
	}
	return map[string]any{"domainSequencers": []any{map[string]any{"domainId": n.Synchronizer, "sequencers": all}}}
}

func (n Network) participantOf(party string) (any, error) {
	if party == n.DSO {
		return nil, &refusal{http.StatusInternalServerError, "Party " + party + " is hosted on several participants"} // status and wording not verified
	}
	if id := n.Hosts[party]; id != "" {
		return map[string]any{"participant_id": id}, nil
	}
	for _, m := range slices.Concat(n.SVs, n.Offboarded) {
		if m.Party == party {
			return map[string]any{"participant_id": m.Participant}, nil
		}
	}
	return nil, absent("No participant id found hosting party: " + party) // wording not verified
}

// entry is a built-in name: it has no contract.
func (n Network) entry(is func(name, party string) bool) (any, error) {
	for _, m := range n.SVs {
		if name := strings.ToLower(m.Name) + ".sv.cns"; is(name, m.Party) { // the form of the name was not verified
			return map[string]any{"entry": map[string]any{"contract_id": nil, "user": m.Party, "name": name, "url": "", "description": ""}}, nil
		}
	}
	return nil, absent("No ans entry found") // wording not verified
}

// last is the newest snapshot at or before a time.
func (n Network) last(at time.Time) (time.Time, bool) {
	for _, s := range slices.Backward(n.Snapshots) {
		if !s.After(at) {
			return s, true
		}
	}
	return time.Time{}, false
}

func (n Network) snapshotBefore(r *http.Request) (any, error) {
	before, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("before"))
	migration, err2 := strconv.ParseInt(r.URL.Query().Get("migration_id"), 10, 64)
	if err != nil || err2 != nil {
		return nil, &refusal{http.StatusBadRequest, "The query parameters were malformed"} // wording not verified
	}
	at, ok := n.last(before.Add(-time.Microsecond))
	if !ok || migration != n.MigrationID {
		return nil, absent("No snapshots found before " + stamp(before)) // wording not verified
	}
	return map[string]any{"record_time": stamp(at)}, nil
}

// wanted is the request of the endpoints that read a snapshot.
type wanted struct {
	Migration *int64     `json:"migration_id"`
	At        *time.Time `json:"record_time"`
	Match     string     `json:"record_time_match"`
	After     *int       `json:"after"`
	Size      *int       `json:"page_size"`
	Parties   []string   `json:"party_ids"`
	Owners    []string   `json:"owner_party_ids"`
}

func (n Network) wanted(r *http.Request) (wanted, time.Time, error) {
	var q wanted
	if json.NewDecoder(r.Body).Decode(&q) != nil || q.Migration == nil || q.At == nil {
		return q, time.Time{}, &refusal{http.StatusBadRequest, "The request content was malformed"} // wording not verified
	}
	at, ok := n.last(*q.At)
	if !ok || *q.Migration != n.MigrationID || q.Match != "at_or_before" && !at.Equal(*q.At) {
		return q, at, absent(fmt.Sprintf("No snapshot found for migration %d at %s", *q.Migration, stamp(*q.At))) // wording not verified
	}
	return q, at, nil
}

func (n Network) page(r *http.Request, holdings bool) (any, error) {
	q, at, err := n.wanted(r)
	if err == nil && (q.Size == nil || *q.Size < 1 || holdings && len(q.Owners) == 0) {
		err = &refusal{http.StatusBadRequest, "The request content was malformed"} // wording not verified
	}
	if err != nil {
		return nil, err
	}
	events, all := []any{}, []Amulet{}
	for _, a := range n.amulets(at) {
		if holdings && slices.Contains(q.Owners, a.Owner) || !holdings && (len(q.Parties) == 0 || slices.Contains(q.Parties, a.Owner) || slices.Contains(q.Parties, n.DSO)) {
			all = append(all, a)
		}
	}
	from := 0
	if q.After != nil {
		from = min(max(*q.After, 0), len(all))
	}
	to := min(from+*q.Size, len(all))
	for _, a := range all[from:to] {
		events = append(events, a.created(n.DSO))
	}
	body := map[string]any{"record_time": stamp(at), "migration_id": n.MigrationID, "created_events": events}
	if to < len(all) {
		body["next_page_token"] = to
	}
	return body, nil
}

// amulets are those of a snapshot.
func (n Network) amulets(at time.Time) []Amulet {
	if n.Holdings == nil {
		return n.Amulets
	}
	return n.Holdings(at)
}

// summary adds up what parties own; one that owns nothing is left out. The newer form tells nothing of fees.
func (n Network) summary(r *http.Request, fees bool) (any, error) {
	q, at, err := n.wanted(r)
	if err == nil && len(q.Owners) == 0 {
		err = &refusal{http.StatusBadRequest, "The request content was malformed"} // wording not verified
	}
	if err != nil {
		return nil, err
	}
	all := []any{}
	for _, owner := range q.Owners {
		free, locked, owes, owesLocked, some := new(big.Int), new(big.Int), new(big.Int), new(big.Int), false
		for _, a := range n.amulets(at) {
			amount, ok := parseCoin(a.Amount)
			fee, _ := fixedCoin(a.Fees)
			switch {
			case a.Owner != owner || !ok:
				continue
			case a.Locked:
				locked, owesLocked = plus(locked, amount), plus(owesLocked, fee)
			default:
				free, owes = plus(free, amount), plus(owes, fee)
			}
			some = true
		}
		if some {
			one := map[string]any{"party_id": owner, "total_unlocked_coin": coinText(free), "total_locked_coin": coinText(locked), "total_coin_holdings": coinText(plus(free, locked))}
			if fees { // how the fees enter total_available_coin was not verified
				one["accumulated_holding_fees_unlocked"], one["accumulated_holding_fees_locked"] = coinText(owes), coinText(owesLocked)
				one["accumulated_holding_fees_total"], one["total_available_coin"] = coinText(plus(owes, owesLocked)), coinText(minus(free, owes))
			}
			all = append(all, one)
		}
	}
	if !fees {
		return map[string]any{"record_time": stamp(at), "migration_id": n.MigrationID, "summaries": all}, nil
	}
	return map[string]any{"record_time": stamp(at), "migration_id": n.MigrationID, "computed_as_of_round": n.Round, "summaries": all}, nil
}
