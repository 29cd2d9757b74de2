package reonboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

const (
	oldParty = "Acme-SV::1220aa00000000000000000000000000000000000000000000000000000000000001"
	newParty = "Acme-SV::1220bb00000000000000000000000000000000000000000000000000000000000002"
	dsoParty = "DSO::1220dd00000000000000000000000000000000000000000000000000000000000003"
)

// bank is a ledger with the wallets of two nodes and the scans of three SVs, by reference/apis.md 6 and 7.
type bank struct {
	mu       sync.Mutex
	coins    map[string][]payment.Amount // unlocked amulets of a party
	locked   map[string][]payment.Amount
	offers   []*bankOffer
	notReady bool
	// classic is whether the wallets have transfer offers.
	classic bool
	// owner is who the wallet of an app is of, by the app's name.
	owner map[string]string
	// names are the SVs by scan: who is Acme-SV there.
	names     map[string]string
	snapshot  time.Time
	calls     []string // what was sent
	scans     map[string]http.Handler
	meets     func(call string, done bool) error // before and after each call of a wallet
	takesAll  int                                // how many amulets a transfer takes in; 0: all
	automatic func(*bankOffer)                   // what the receiver does by itself
}

type bankOffer struct {
	Tracking, From, To, Contract string
	Amount                       payment.Amount
	Expires                      time.Time
	Status, Failure, Reason      string
	standard                     bool
	forgotten                    bool
}

func newBank(amulets ...int64) *bank {
	b := &bank{coins: map[string][]payment.Amount{newParty: {payment.Coins(5)}}, locked: map[string][]payment.Amount{}, classic: true,
		owner: map[string]string{"the recovery validator": oldParty, "the fresh SV": newParty},
		names: map[string]string{"Beta": newParty, "Gamma": newParty, "Delta": newParty}}
	for _, n := range amulets {
		b.coins[oldParty] = append(b.coins[oldParty], payment.Coins(n))
	}
	return b
}

func (b *bank) owns(party string) payment.Amount { return payment.Sum(b.coins[party]...) }

// tick is what the apps do by themselves: offers expire, and accepted ones are completed.
func (b *bank) tick(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.snapshot = now.Truncate(time.Minute)
	for _, o := range b.offers {
		if o.Status == "created" && b.automatic != nil {
			b.automatic(o)
		}
		switch {
		case o.Status != "created" && o.Status != "accepted":
		case !now.Before(o.Expires):
			o.Status, o.Failure = "failed", "expired"
		case o.Status == "accepted":
			b.complete(o)
		}
	}
}

// complete takes the biggest amulets in, as many as a transfer takes.
func (b *bank) complete(o *bankOffer) {
	pool := slices.Clone(b.coins[o.From])
	slices.SortFunc(pool, func(x, y payment.Amount) int { return y.Cmp(x) })
	n := len(pool)
	if b.takesAll > 0 {
		n = min(n, b.takesAll)
	}
	change := payment.Sum(pool[:n]...).Sub(o.Amount)
	if change.Cmp(payment.Amount{}) < 0 {
		o.Status, o.Failure, o.Reason = "failed", "withdrawn", "out of funds"
		return
	}
	o.Status = "completed"
	b.coins[o.From] = append(slices.Clone(pool[n:]), change)
	b.coins[o.To] = append(b.coins[o.To], o.Amount)
}

// arrivals is how often each payment has arrived, by its number.
func (b *bank) arrivals() map[string]int {
	count := map[string]int{}
	for _, o := range b.offers {
		if o.Status == "completed" {
			parts := strings.Split(o.Tracking, "-")
			count[parts[2]]++
		}
	}
	return count
}

func (b *bank) serve(party string) http.Handler {
	m := http.NewServeMux()
	reply := func(w http.ResponseWriter, code int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	}
	handle := func(pattern string, f func(r *http.Request) (int, any)) {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" /api/validator"+path, func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			code, body := f(r)
			b.mu.Unlock()
			reply(w, code, body)
		})
	}
	amulets := func(all []payment.Amount) []any {
		list := []any{}
		for i, a := range all {
			list = append(list, map[string]any{"contract": contractOf(fmt.Sprint("00ee", i), map[string]any{"owner": party}), "round": 7, "accrued_holding_fee": "0.0000000000", "effective_amount": a.String()})
		}
		return list
	}
	list := func(key, status string, standard bool) func(*http.Request) (int, any) {
		return func(*http.Request) (int, any) {
			found := []any{}
			for _, o := range b.offers {
				if o.Status == status && o.standard == standard && (o.From == party || o.To == party) {
					found = append(found, contractOf(o.Contract, map[string]any{"sender": o.From, "receiver": o.To, "amount": map[string]any{"amount": o.Amount.String(), "unit": "AmuletUnit"}, "trackingId": o.Tracking}))
				}
			}
			return 200, map[string]any{key: found}
		}
	}
	handle("GET /v0/wallet/user-status", func(*http.Request) (int, any) {
		return 200, map[string]any{"party_id": party, "user_onboarded": true, "user_wallet_installed": !b.notReady}
	})
	handle("GET /v0/wallet/balance", func(*http.Request) (int, any) {
		return 200, map[string]any{"round": 7, "effective_unlocked_qty": b.owns(party).String(), "effective_locked_qty": payment.Sum(b.locked[party]...).String(), "total_holding_fees": "0.0000000000"}
	})
	handle("GET /v0/wallet/amulets", func(*http.Request) (int, any) {
		return 200, map[string]any{"amulets": amulets(b.coins[party]), "locked_amulets": amulets(b.locked[party])}
	})
	handle("GET /v0/feature-support", func(*http.Request) (int, any) { return 200, map[string]any{"token_standard": true} })
	handle("GET /v0/wallet/token-standard/transfers", list("transfers", "created", true))
	if b.classic {
		handle("GET /v0/wallet/transfer-offers", list("offers", "created", false))
		handle("GET /v0/wallet/accepted-transfer-offers", list("accepted_offers", "accepted", false))
	}
	handle("POST /v0/wallet/transfer-offers/{id}/status", func(r *http.Request) (int, any) {
		for _, o := range b.offers {
			if o.Tracking == r.PathValue("id") && !o.standard && !o.forgotten {
				return 200, map[string]any{"status": o.Status, "contract_id": o.Contract, "failure_kind": nilIfEmpty(o.Failure), "withdrawn_reason": nilIfEmpty(o.Reason)}
			}
		}
		return 404, map[string]any{"error": "Couldn't find transfer offer with tracking id " + r.PathValue("id")}
	})
	offer := func(standard bool) func(r *http.Request) (int, any) {
		return func(r *http.Request) (int, any) {
			var q struct {
				To       string         `json:"receiver_party_id"`
				Amount   payment.Amount `json:"amount"`
				Expires  int64          `json:"expires_at"`
				Tracking string         `json:"tracking_id"`
			}
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
				return 400, map[string]any{"error": err.Error()}
			}
			for _, o := range b.offers {
				if o.Tracking == q.Tracking && !o.forgotten {
					return 409, map[string]any{"error": "CreateTransferOffer duplicate command"}
				}
			}
			o := &bankOffer{Tracking: q.Tracking, From: party, To: q.To, Contract: fmt.Sprintf("00ff%d", len(b.offers)), Amount: q.Amount, Expires: time.UnixMicro(q.Expires), Status: "created", standard: standard}
			b.offers = append(b.offers, o)
			if standard {
				return 200, map[string]any{"output": map[string]any{"transfer_instruction_cid": o.Contract}, "sender_change_cids": []any{}}
			}
			return 200, map[string]any{"offer_contract_id": o.Contract}
		}
	}
	handle("POST /v0/wallet/transfer-offers", offer(false))
	handle("POST /v0/wallet/token-standard/transfers", offer(true))
	settle := func(change func(*bankOffer)) func(*http.Request) (int, any) {
		return func(r *http.Request) (int, any) {
			for _, o := range b.offers {
				if o.Contract == r.PathValue("id") && o.Status == "created" && (o.To == party || o.From == party) {
					change(o)
					return 200, map[string]any{}
				}
			}
			return 404, map[string]any{"error": "contract not found"}
		}
	}
	handle("POST /v0/wallet/transfer-offers/{id}/accept", settle(func(o *bankOffer) { o.Status = "accepted" }))
	handle("POST /v0/wallet/token-standard/transfers/{id}/accept", settle(b.complete))
	return m
}

func nilIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func contractOf(id string, payload any) map[string]any {
	return map[string]any{"template_id": "pkg:M:T", "contract_id": id, "payload": payload, "created_event_blob": "", "created_at": "2026-01-01T00:00:00Z"}
}

// scan is what the scan of an SV tells.
func (b *bank) scan(sv string) http.Handler {
	app := sim.App{Base: sim.Scan, ID: sv, Version: "0.6.4", Uptime: func() time.Duration { return time.Minute }, NotReady: func() string { return "" }, Network: func() sim.Network {
		b.mu.Lock()
		defer b.mu.Unlock()
		n := sim.Network{DSO: dsoParty, Synchronizer: "global-domain::1220", Threshold: 2, SVs: []sim.Member{{Name: "Beta", Party: "Beta::1220"}}, Offboarded: []sim.Member{{Name: "Acme-SV", Party: oldParty}}}
		if !b.snapshot.IsZero() {
			n.Snapshots = []time.Time{b.snapshot}
		}
		if party := b.names[sv]; party != "" {
			n.SVs = append(n.SVs, sim.Member{Name: "Acme-SV", Party: party})
		}
		for party, all := range b.coins {
			for i, a := range all {
				n.Amulets = append(n.Amulets, sim.Amulet{ContractID: fmt.Sprint(party, i), Owner: party, Amount: a.String()})
			}
		}
		return n
	}}
	return app.Handler()
}

// bankTransport serves requests in this process.
type bankTransport struct{ http.Handler }

func (t bankTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.ServeHTTP(w, r)
	return w.Result(), nil
}

func (b *bank) settings(h http.Handler) svapp.Settings {
	tokens, err := svapp.TokenFrom("a test", strings.NewReader("token"))
	if err != nil {
		panic(err)
	}
	return svapp.Settings{Way: svapp.Way{Name: "test", Base: "http://app", Through: bankTransport{h}, Private: true}, Tokens: tokens}
}

// met is a call of a wallet, with what a test wants to happen at it.
func (b *bank) met(ctx context.Context, call string, do func() error) error {
	for _, done := range []bool{false, true} {
		if b.meets != nil {
			if err := b.meets(call, done); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !done {
			if err := do(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bank) Scan(ctx context.Context, address string, ask func(*svapp.Scan) error) error {
	b.mu.Lock()
	if b.scans == nil {
		b.scans = map[string]http.Handler{}
	}
	if b.scans[address] == nil {
		b.scans[address] = b.scan(address)
	}
	h := b.scans[address]
	b.mu.Unlock()
	s, err := svapp.NewScan(b.settings(h))
	if err != nil {
		return err
	}
	return b.met(ctx, "scan", func() error { return ask(s) })
}

func (b *bank) SV(context.Context, steps.App, func(*svapp.SV) error) error {
	panic("no SV app is asked")
}

func (b *bank) Validator(ctx context.Context, app steps.App, ask func(*svapp.Validator) error) error {
	v, err := svapp.NewValidator(b.settings(b.serve(b.owner[app.Name])))
	if err != nil {
		return err
	}
	return b.met(ctx, "ask "+app.Name, func() error { return ask(v) })
}

func (b *bank) Token(context.Context, steps.App) (svapp.Token, error) { return svapp.Token{}, nil }

// hand writes what the references cover, as the real one does.
type hand struct {
	*bank
	allowed []steps.WalletChange
}

func (h hand) pay(ctx context.Context, app steps.App, verb, object string, do func(*svapp.Payer) error) error {
	if !slices.ContainsFunc(h.allowed, func(c steps.WalletChange) bool {
		return c.Verb == verb && c.Namespace == app.Namespace && c.Workload == app.Workload && (c.Object == object || object == "")
	}) {
		return fmt.Errorf("%s %s in the wallet of %s was not shown", verb, object, app.Name)
	}
	p, err := svapp.NewPayer(h.settings(h.serve(h.owner[app.Name])))
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.calls = append(h.calls, strings.TrimSpace(verb+" "+object))
	h.mu.Unlock()
	return h.met(ctx, verb, func() error { return do(p) })
}

func (h hand) Offer(ctx context.Context, app steps.App, p svapp.Payment) (contract string, err error) {
	err = h.pay(ctx, app, "offer", p.TrackingID, func(x *svapp.Payer) (err error) { contract, err = x.Offer(ctx, p); return err })
	return contract, err
}

func (h hand) AcceptOffer(ctx context.Context, app steps.App, contract string) error {
	return h.pay(ctx, app, "accept", "", func(x *svapp.Payer) error { return x.AcceptOffer(ctx, contract) })
}

func (h hand) RejectOffer(context.Context, steps.App, string) error   { panic("nothing is rejected") }
func (h hand) WithdrawOffer(context.Context, steps.App, string) error { panic("nothing is withdrawn") }

func (h hand) Transfer(ctx context.Context, app steps.App, p svapp.Payment) (t svapp.Transferred, err error) {
	err = h.pay(ctx, app, "transfer", p.TrackingID, func(x *svapp.Payer) (err error) { t, err = x.Transfer(ctx, p); return err })
	return t, err
}

func (h hand) AcceptTransfer(ctx context.Context, app steps.App, contract string) error {
	return h.pay(ctx, app, "accept", "", func(x *svapp.Payer) error { return x.AcceptTransfer(ctx, contract) })
}

func (h hand) WithdrawTransfer(context.Context, steps.App, string) error {
	panic("nothing is withdrawn")
}
