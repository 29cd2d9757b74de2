package svapp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"canton.example/svrescue/internal/plain"
)

// SnapshotTime asks for the record time of scan's last snapshot before a time; not found where there is none. Snapshots are taken at
// intervals, so what they say is that old (reference/apis.md 7).
func (s *Scan) SnapshotTime(ctx context.Context, before time.Time, migrationID int64) (time.Time, bool, error) {
	var a struct {
		At time.Time `json:"record_time"`
	}
	q := url.Values{"before": {stamp(before)}, "migration_id": {strconv.FormatInt(migrationID, 10)}}
	err := s.do(ctx, ask{what: "read the time of the last snapshot", path: "/v0/state/acs/snapshot-timestamp", query: q, into: &a})
	if absent(err) {
		return time.Time{}, false, nil
	}
	return a.At.UTC(), err == nil, err
}

// Snapshot chooses a snapshot of scan and contracts in it.
type Snapshot struct {
	MigrationID int64
	At          time.Time // a time that SnapshotTime answered; with AtOrBefore any
	AtOrBefore  bool      // since release 0.5.0
	After       int64     // token of the next page, as a Page has it; 0: the first page
	PageSize    int       // 0: 1000
	Templates   []string  // "PACKAGE_NAME:MODULE_NAME:ENTITY_NAME"; empty: all. Not for Holdings
}

// Page is some contracts of a snapshot.
type Page struct {
	RecordTime  time.Time `json:"record_time"`
	MigrationID int64     `json:"migration_id"`
	Events      []Created `json:"created_events"`
	Next        *int64    `json:"next_page_token,omitempty"` // nil: this was the last page
}

// Created is a contract of a snapshot as the event that made it. Arguments are in Daml's JSON, byte for byte.
type Created struct {
	EventID     string          `json:"event_id"`
	ContractID  string          `json:"contract_id"`
	TemplateID  string          `json:"template_id"`
	PackageName string          `json:"package_name"`
	Arguments   json.RawMessage `json:"create_arguments"`
	CreatedAt   string          `json:"created_at"`
	Signatories []string        `json:"signatories"`
	Observers   []string        `json:"observers"`
}

// snapshotBody is the request of both pages of contracts. reference/apis.md 7 has the answers only; the requests are those of the
// specification it names (scan, schemas AcsRequest and HoldingsStateRequest).
type snapshotBody struct {
	MigrationID int64    `json:"migration_id"`
	RecordTime  string   `json:"record_time"`
	Match       string   `json:"record_time_match,omitempty"`
	After       *int64   `json:"after,omitempty"`
	PageSize    int      `json:"page_size"`
	Parties     []string `json:"party_ids,omitempty"`
	Templates   []string `json:"templates,omitempty"`
	Owners      []string `json:"owner_party_ids,omitempty"`
}

func (w Snapshot) body() snapshotBody {
	b := snapshotBody{MigrationID: w.MigrationID, RecordTime: stamp(w.At), PageSize: w.PageSize}
	if w.AtOrBefore {
		b.Match = "at_or_before"
	}
	if w.After != 0 {
		b.After = &w.After
	}
	if b.PageSize == 0 {
		b.PageSize = 1000
	}
	return b
}

// Contracts reads a page of the contracts in which the parties are stakeholders; without parties, of all. Not found where there is no such
// snapshot.
func (s *Scan) Contracts(ctx context.Context, in Snapshot, parties ...string) (Page, bool, error) {
	b := in.body()
	b.Parties, b.Templates = parties, in.Templates
	return s.page(ctx, "read contracts", "/v0/state/acs", b)
}

// Holdings reads a page of the amulets that the parties own. Not found where there is no such snapshot.
func (s *Scan) Holdings(ctx context.Context, in Snapshot, owners ...string) (Page, bool, error) {
	b := in.body()
	b.Owners = owners
	return s.page(ctx, "read holdings", "/v0/holdings/state", b)
}

func (s *Scan) page(ctx context.Context, what, path string, body snapshotBody) (Page, bool, error) {
	var p Page
	err := s.do(ctx, ask{what: what, method: http.MethodPost, path: path, body: body, into: &p})
	if absent(err) {
		return Page{}, false, nil
	}
	for i := range p.Events {
		e := &p.Events[i]
		e.EventID, e.ContractID, e.TemplateID, e.PackageName = plain.Line(e.EventID), plain.Line(e.ContractID), plain.Line(e.TemplateID), plain.Line(e.PackageName)
		e.CreatedAt, e.Signatories, e.Observers = plain.Line(e.CreatedAt), cleaned(e.Signatories), cleaned(e.Observers)
	}
	return p, err == nil, err
}

// Holding is what a party owns by a snapshot: unlocked, locked and both, in Amulet. Reward coupons that are not collected yet are not in
// it, and what a wallet calls effective is less by fees: do not compare the two for equality (reference/apis.md 7).
type Holding struct {
	Party    string  `json:"party_id"`
	Unlocked Decimal `json:"total_unlocked_coin"`
	Locked   Decimal `json:"total_locked_coin"`
	Total    Decimal `json:"total_coin_holdings"`
}

// HoldingsAt is what parties own by the snapshot of a record time.
type HoldingsAt struct {
	RecordTime  time.Time `json:"record_time"`
	MigrationID int64     `json:"migration_id"`
	// Parties are those that own something; who owns nothing may be missing.
	Parties []Holding `json:"summaries"`
}

// Of is what a party owns; known is false where the answer does not name it, which most likely means nothing.
func (h HoldingsAt) Of(party string) (holding Holding, known bool) {
	for _, one := range h.Parties {
		if one.Party == party {
			return one, true
		}
	}
	return Holding{}, false
}

// HoldingsSummary asks what parties own by the last snapshot at or before a time, since release 0.5.0. A scan without the older form of the
// endpoint is asked by the newer one, which release 0.6.3 brought; only fields that both have are read (reference/apis.md 7). Not found
// where there is no snapshot.
func (s *Scan) HoldingsSummary(ctx context.Context, migrationID int64, at time.Time, owners ...string) (HoldingsAt, bool, error) {
	body := map[string]any{"migration_id": migrationID, "record_time": stamp(at), "record_time_match": "at_or_before", "owner_party_ids": owners}
	var h HoldingsAt
	question := ask{what: "read what the party owns", method: http.MethodPost, path: "/v0/holdings/summary", body: body, into: &h}
	err := s.do(ctx, question)
	if KindOf(err) == NoEndpoint {
		question.path = "/v1/holdings/summary"
		err = s.do(ctx, question)
	}
	if absent(err) {
		return HoldingsAt{}, false, nil
	}
	for i := range h.Parties {
		h.Parties[i].Party = plain.Line(h.Parties[i].Party)
	}
	return h, err == nil, err
}
