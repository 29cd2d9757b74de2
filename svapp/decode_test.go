package svapp

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecode(t *testing.T) {
	type inner struct {
		N     int64           `json:"n"`
		Raw   json.RawMessage `json:"raw,omitempty"`
		Maybe *string         `json:"maybe,omitempty"`
	}
	type shape struct {
		Text   string       `json:"text"`
		Amount Decimal      `json:"amount,omitempty"`
		At     time.Time    `json:"at,omitempty"`
		List   []inner      `json:"list,omitempty"`
		Pairs  pairs[inner] `json:"pairs,omitempty"`
		Daml   damlInt      `json:"daml,omitempty"`
		Flag   bool         `json:"flag,omitempty"`
		hidden string
	}
	_ = shape{}.hidden
	for _, c := range []struct{ name, in, want string }{
		{"all", `{"text":"a","amount":"1.0000000001","at":"2026-03-01T12:00:00.5Z","list":[{"n":9007199254740993,"raw":{"x":1.10}}],"pairs":[["k",{"n":1}]],"daml":"9223372036854775807","flag":true,"else":[]}`, ""},
		{"null and absent are alike", `{"text":"a","amount":null,"list":null,"pairs":null}`, ""},
		{"missing", `{}`, "text is missing"},
		{"null", `{"text":null}`, "text is missing"},
		{"in another case", `{"TEXT":"a"}`, "text is missing"},
		{"another type", `{"text":1}`, "text is not a text"},
		{"missing in a list", `{"text":"a","list":[{"n":1},{}]}`, "list[1].n is missing"},
		{"null in a list", `{"text":"a","list":[null]}`, "list[0] is no object"},
		{"no list", `{"text":"a","list":{}}`, "list is no list"},
		{"missing in a pair", `{"text":"a","pairs":[["k",{"n":1}],["l",{}]]}`, "pairs[1].n is missing"},
		{"three in a pair", `{"text":"a","pairs":[["k",{"n":1},2]]}`, "pairs[0] is no pair of a name and a value"},
		{"no pairs", `{"text":"a","pairs":{"k":{"n":1}}}`, "pairs is no list of pairs"},
		{"a fraction", `{"text":"a","list":[{"n":1.5}]}`, "list[0].n is not a whole number"},
		{"too large", `{"text":"a","list":[{"n":9223372036854775808}]}`, "list[0].n is not a whole number"},
		{"an amount as a number", `{"text":"a","amount":1.5}`, "amount is not a decimal number as a text"},
		{"an amount with an exponent", `{"text":"a","amount":"1e3"}`, "amount is not a decimal number as a text"},
		{"an amount with eleven digits", `{"text":"a","amount":"1.00000000001"}`, "amount is not a decimal number as a text"},
		{"no time", `{"text":"a","at":"yesterday"}`, "at is not a time"},
		{"no number", `{"text":"a","daml":"x"}`, "daml is not a whole number"},
		{"no truth", `{"text":"a","flag":"true"}`, "flag is not true or false"},
		{"cut", `{"text":"a`, "unexpected EOF"},
		{"no JSON", `text`, "the answer is no JSON"},
		{"two", `{"text":"a"}{}`, "the answer is no JSON"},
	} {
		var s shape
		err := decode([]byte(c.in), &s)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "all" && (s.List[0].N != 9007199254740993 || string(s.List[0].Raw) != `{"x":1.10}` || s.Pairs[0].Key != "k" || s.Daml != 9223372036854775807 || s.Amount != "1.0000000001") {
			t.Errorf("%+v", s)
		}
	}
}

// verbs are all that read an answer, each with one that it takes.
func verbs() map[string]struct {
	good string
	call func(context.Context, Settings) (any, error)
} {
	type verb = struct {
		good string
		call func(context.Context, Settings) (any, error)
	}
	scan := func(f func(context.Context, *Scan) (any, error)) func(context.Context, Settings) (any, error) {
		return func(ctx context.Context, s Settings) (any, error) {
			c, err := NewScan(s)
			if err != nil {
				return nil, err
			}
			return f(ctx, c)
		}
	}
	sv := func(f func(context.Context, *SV) (any, error)) func(context.Context, Settings) (any, error) {
		return func(ctx context.Context, s Settings) (any, error) {
			c, err := NewSV(s)
			if err != nil {
				return nil, err
			}
			return f(ctx, c)
		}
	}
	wallet := func(f func(context.Context, *Validator) (any, error)) func(context.Context, Settings) (any, error) {
		return func(ctx context.Context, s Settings) (any, error) {
			c, err := NewValidator(s)
			if err != nil {
				return nil, err
			}
			return f(ctx, c)
		}
	}
	const (
		contract = `{"template_id":"t","contract_id":"c","payload":{"n":"1.0"},"created_event_blob":"","created_at":"2026-01-01T00:00:00Z"}`
		payload  = `{"dso":"d","requester":"SV","action":{"tag":"ARC_DsoRules","value":{"dsoAction":{"tag":"SRARC_OffboardSv","value":{"sv":"a::1220"}}}},"reason":{"url":"","body":""},"voteBefore":"2026-01-01T00:00:00Z","votes":[["SV",{"sv":"SV","accept":true}]],"trackingCid":null,"targetEffectiveAt":null}`
		page     = `{"record_time":"2026-01-01T00:00:00Z","migration_id":1,"created_events":[{"event_type":"created_event","event_id":"e","contract_id":"c","template_id":"t","package_name":"p","create_arguments":{},"created_at":"x","signatories":[],"observers":[]}],"next_page_token":7}`
	)
	return map[string]verb{
		"version":    {`{"version":"0.5.10","commit_ts":"x"}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.Version(ctx) })},
		"status":     {`{"success":{"id":"sv","uptime":"PT1S","ports":{"http":1},"extra":null,"active":true}}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.Status(ctx) })},
		"failed":     {`{"failed":{"error":"x"}}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.Status(ctx) })},
		"dso":        {`{"sv_user":"u","sv_party_id":"a::1220","dso_party_id":"DSO::1220","voting_threshold":1,"latest_mining_round":{"contract":{"contract_id":"c","payload":{"round":{"number":"1"}}}},"amulet_rules":{},"dso_rules":{"contract":{"contract_id":"c","payload":{"svs":[["a::1220",{"name":"A","joinedAsOfRound":{"number":"3"},"svRewardWeight":"1","participantId":"PAR::a::1220"}]],"offboardedSvs":[["b::1220",{}]]}}},"sv_node_states":[{"contract":{"contract_id":"c","payload":{"sv":"a::1220","svName":"A","state":{"synchronizerNodes":[["global-domain::1220",{"sequencer":{"url":"https://s"}}]]}}}}]}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.DSO(ctx) })},
		"party":      {`{"dso_party_id":"DSO::1220"}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.DSOParty(ctx) })},
		"scans":      {`{"scans":[{"domainId":"d","scans":[{"publicUrl":"https://s","svName":"A"}]}]}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.Scans(ctx) })},
		"sequencers": {`{"domainSequencers":[{"domainId":"d","sequencers":[{"migrationId":1,"id":"SEQ::x","url":"https://s","svName":"A","availableAfter":"2026-01-01T00:00:00Z"}]}]}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.Sequencers(ctx) })},
		"bft":        {`{"bftSequencers":[{"migrationId":1,"id":"SEQ::x","p2pUrl":"https://s"}]}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.BFTSequencers(ctx) })},
		"open votes": {`{"dso_rules_vote_requests":[{"contract_id":"c","payload":` + payload + `}]}`, scan(func(ctx context.Context, s *Scan) (any, error) { return s.OpenVotes(ctx) })},
		"vote": {`{"dso_rules_vote_request":{"contract_id":"c","payload":` + payload + `}}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.Vote(ctx, "c")
			return v, err
		})},
		"closed votes": {`{"dso_rules_vote_results":[{"request":` + payload + `,"completedAt":"2026-01-01T00:00:00Z","offboardedVoters":[],"abstainingSvs":["B"],"outcome":{"tag":"VRO_Accepted","value":{"effectiveAt":"2026-01-01T00:00:00Z"}}}]}`,
			scan(func(ctx context.Context, s *Scan) (any, error) { return s.ClosedVotes(ctx, "x", 1) })},
		"participant": {`{"participant_id":"PAR::x"}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.ParticipantOf(ctx, "d", "p")
			return v, err
		})},
		"name": {`{"entry":{"contract_id":null,"user":"a::1220","name":"n","url":"","description":"","expires_at":null}}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.NameOf(ctx, "p")
			return v, err
		})},
		"schedule": {`{"time":"2026-01-01T00:00:00Z","migration_id":1}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.Schedule(ctx)
			return v, err
		})},
		"snapshot": {`{"record_time":"2026-01-01T00:00:00Z"}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.SnapshotTime(ctx, noon, 1)
			return v, err
		})},
		"contracts": {page, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.Contracts(ctx, Snapshot{At: noon})
			return v, err
		})},
		"holdings": {`{"record_time":"2026-01-01T00:00:00Z","migration_id":1,"computed_as_of_round":1,"summaries":[{"party_id":"a::1220","total_unlocked_coin":"1.0","total_locked_coin":"0.0","total_coin_holdings":"1.0"}]}`, scan(func(ctx context.Context, s *Scan) (any, error) {
			v, _, err := s.HoldingsSummary(ctx, 1, noon, "a")
			return v, err
		})},
		"migration": {`{"migration_id":4}`, sv(func(ctx context.Context, s *SV) (any, error) { return s.MigrationID(ctx) })},
		"onboarding": {`{"state":"requested","name":"A","contract_id":"c","confirmed_by":["B"],"required_num_confirmations":4}`, sv(func(ctx context.Context, s *SV) (any, error) {
			v, _, err := s.Onboarding(ctx, "a")
			return v, err
		})},
		"comet": {`{"id":"ab","catching_up":false,"voting_power":10}`, sv(func(ctx context.Context, s *SV) (any, error) {
			v, _, err := s.CometBFT(ctx)
			return v, err
		})},
		"chain": {`{"jsonrpc":"2.0","id":1,"result":{"node_info":{"id":"ab","network":"n"},"sync_info":{"latest_block_height":"7","latest_block_time":"2026-01-01T00:00:00Z","catching_up":false},"validator_info":{"voting_power":"10"}}}`, sv(func(ctx context.Context, s *SV) (any, error) {
			v, _, err := s.Chain(ctx)
			return v, err
		})},
		"operator": {`{"party_id":"a","user_name":"u","featured":false}`, wallet(func(ctx context.Context, v *Validator) (any, error) { return v.Operator(ctx) })},
		"user": {`{"party_id":"a","user_onboarded":true,"user_wallet_installed":true,"has_featured_app_right":false}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.WalletUser(ctx)
			return a, err
		})},
		"balance": {`{"round":1,"effective_unlocked_qty":"1.0","effective_locked_qty":"0.0","total_holding_fees":"0.0"}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.Balance(ctx)
			return a, err
		})},
		"amulets": {`{"amulets":[{"contract":` + contract + `,"round":1,"accrued_holding_fee":"0.0","effective_amount":"1.0"}],"locked_amulets":[]}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, _, err := v.Amulets(ctx)
			return a, err
		})},
		"offers": {`{"offers":[` + contract + `]}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.Offers(ctx)
			return a, err
		})},
		"accepted": {`{"accepted_offers":[` + contract + `]}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.AcceptedOffers(ctx)
			return a, err
		})},
		"transfers": {`{"transfers":[` + contract + `]}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.Transfers(ctx)
			return a, err
		})},
		"offer": {`{"status":"failed","failure_kind":"withdrawn","withdrawn_reason":"x"}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.OfferState(ctx, "t")
			return a, err
		})},
		"features": {`{"token_standard":true,"transfer_preapproval_description":true,"no_holding_fees_on_transfers":true}`, wallet(func(ctx context.Context, v *Validator) (any, error) {
			a, _, err := v.WalletFeatures(ctx)
			return a, err
		})},
	}
}

// Each verb takes its good answer, refuses an empty one, and says in a sentence what is wrong with odd ones.
func TestVerbsNeedTheirFields(t *testing.T) {
	for name, v := range verbs() {
		t.Run(name, func(t *testing.T) {
			ask := func(body string) (any, error) {
				return v.call(t.Context(), Settings{Way: way(says(200, body, "Content-Type: application/json")), Tokens: fixedToken(t, "x.y")})
			}
			got, err := ask(v.good)
			if err != nil || reflect.ValueOf(got).IsZero() {
				t.Fatalf("%+v, %v", got, err)
			}
			var top map[string]json.RawMessage
			if err := json.Unmarshal([]byte(v.good), &top); err != nil {
				t.Fatal(err)
			}
			if _, err := ask(`{}`); KindOf(err) != Malformed && name != "operator" { // whose names were not verified
				t.Errorf("an empty object: %v", err)
			}
			for _, bad := range []string{`[]`, `null`, `"x"`, `1`} {
				for key := range top {
					top2 := map[string]json.RawMessage{}
					for k, raw := range top {
						top2[k] = raw
					}
					top2[key] = json.RawMessage(bad)
					data, err := json.Marshal(top2)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := ask(string(data)); err != nil {
						checkSentence(t, err)
					}
				}
			}
		})
	}
}

// Whatever an app answers, a verb gives an error or a value that survives JSON and holds no control characters.
func FuzzVerbs(f *testing.F) {
	all := verbs()
	for name, v := range all {
		f.Add(name, v.good)
	}
	f.Add("version", `{"version":"\u001b[31m","commit_ts":"\u202e"}`)
	f.Add("dso", `{"dso_rules":{"contract":{"payload":{"svs":[[]]}}}}`)
	f.Fuzz(func(t *testing.T, name, body string) {
		v, ok := all[name]
		if !ok {
			t.Skip()
		}
		got, err := v.call(t.Context(), Settings{Way: way(says(200, body)), Tokens: fixedToken(t, "x.y")})
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Kind == "" || e.Kind == Unknown || strings.ContainsAny(e.Error(), "\x1b\n\r") {
				t.Errorf("%#v", err)
			}
			return
		}
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(got))
		if err := json.Unmarshal(data, back.Interface()); err != nil {
			t.Errorf("%v: %s", err, data)
		}
		if again, err := json.Marshal(back.Elem().Interface()); err != nil || string(again) != string(data) {
			t.Errorf("another after JSON:\n%s\n%s", data, again)
		}
		switch name { // what holds no payload is clean in all its texts
		case "contracts", "amulets", "offers", "accepted", "transfers":
		default:
			if strings.Contains(string(data), `\u001b`) || strings.Contains(string(data), "\u202e") {
				t.Errorf("a control character passes: %s", data)
			}
		}
	})
}

// What was not verified of the DSO's payloads may have another shape; membership is told all the same.
func TestDSOOfAnotherShape(t *testing.T) {
	odd := `{"sv_party_id":"a::1220","dso_party_id":"DSO::1220","voting_threshold":1,"latest_mining_round":{"contract":{"contract_id":"c","payload":{"round":"7"}}},
		"dso_rules":{"contract":{"contract_id":"c","payload":{"svs":[["a::1220",{}]],"offboardedSvs":[]}}},"sv_node_states":[{"contract":{"contract_id":"c","payload":{"state":{"synchronizerNodes":{}}}}}]}`
	d, err := scanOver(t, says(200, odd)).DSO(t.Context())
	if err != nil || d.Round != 0 || d.Membership("a::1220") != IsSV || d.Sequencers != nil {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = scanOver(t, says(200, strings.Replace(odd, `"offboardedSvs":[]`, `"offboarded":[]`, 1))).DSO(t.Context())
	if e := checkSentence(t, err); e.Kind != Malformed || !strings.Contains(e.Seen, "dso_rules.contract.payload.offboardedSvs is missing") {
		t.Error(e)
	}
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

func TestABodyWithoutEnd(t *testing.T) {
	for code, kind := range map[int]Kind{200: TooLarge, 500: Server} {
		s := scanOver(t, over(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: endless{}, ContentLength: -1, Request: r}, nil
		}))
		_, err := s.Version(t.Context())
		if e := checkSentence(t, err); e.Kind != kind {
			t.Errorf("%d: %v", code, e)
		}
	}
}

func TestAddresses(t *testing.T) {
	var asked string
	s := scanOver(t, over(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return says(404, `{"error":"x"}`)(r)
	}))
	if _, found, err := s.ParticipantOf(t.Context(), "global-domain::1220dd", "a/b?c::1220 x"); found || err != nil {
		t.Error(found, err)
	}
	if want := "https://scan.sv.example.org/api/scan/v0/domains/global-domain%3A%3A1220dd/parties/a%2Fb%3Fc%3A%3A1220%20x/participant-id"; asked != want {
		t.Error(asked)
	}
	at := time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("CET", 3600))
	if _, found, err := s.SnapshotTime(t.Context(), at, 4); found || err != nil {
		t.Error(found, err)
	}
	if want := "https://scan.sv.example.org/api/scan/v0/state/acs/snapshot-timestamp?before=2026-03-01T12%3A00%3A00.123456Z&migration_id=4"; asked != want {
		t.Error(asked)
	}
}
