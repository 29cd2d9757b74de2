package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Purse is the wallet of a ledger user in the books of a Ledger.
type Purse struct {
	Party string
	// Missing says that the user is onboarded and its wallet is not installed yet.
	Missing bool
}

// userOf is the user that a token stands for. Whether the token is good is for App.Allow to say.
func userOf(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	var claims struct {
		Subject string `json:"sub"`
	}
	if len(parts) != 3 || !readPart(parts[1], &claims) {
		return ""
	}
	return claims.Subject
}

// purses serves the wallets of a validator app from a Ledger (reference/apis.md 6.2 to 6.4). Which wallet, the user of the token decides.
func (a App) purses(m *http.ServeMux) {
	l := a.Ledger
	m.HandleFunc("GET "+a.Base+"/v0/validator-user", func(w http.ResponseWriter, _ *http.Request) { // names of fields not verified
		p, _ := a.purseOf(a.Operator)
		answer(w, http.StatusOK, map[string]any{"party_id": p.Party, "user_name": a.Operator, "featured": false})
	})
	admin := a
	if a.Admin != nil {
		admin.Allow = a.Admin
	}
	m.HandleFunc("GET "+a.Base+"/v0/admin/transfer-preapprovals/by-party/{party}", admin.guarded(func(w http.ResponseWriter, r *http.Request) {
		l.enter()
		yes := l.preapproved[r.PathValue("party")]
		l.mu.Unlock()
		if !yes {
			answer(w, http.StatusNotFound, failure("No TransferPreapproval found for party")) // wording not verified
			return
		}
		answer(w, http.StatusOK, map[string]any{"transfer_preapproval": map[string]any{}}) // its shape was not read
	}))
	handle := func(pattern, call string, body func(Purse, *http.Request) (any, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" "+a.Base+path, a.guarded(func(w http.ResponseWriter, r *http.Request) {
			what := l.spoil(call)
			switch what {
			case CutBefore:
				panic(http.ErrAbortHandler)
			case TurnAway:
				answer(w, http.StatusTooManyRequests, failure("The ledger is busy")) // wording not verified
				return
			case NotNow:
				answer(w, http.StatusServiceUnavailable, failure("io exception"))
				return
			}
			p, ok := a.purseOf(userOf(r))
			if !ok {
				answer(w, http.StatusNotFound, failure("No wallet found for user")) // wording not verified
				return
			}
			result, err := body(p, r)
			if err == nil && method == http.MethodPost && call != "status" && l.o.Took != nil {
				l.o.Took()
			}
			if what == CutAfter {
				panic(http.ErrAbortHandler)
			}
			reply(w)(result, err)
		}))
	}
	get := func(path string, body func(Purse) (any, error)) {
		handle("GET "+path, map[string]string{"/v0/wallet/balance": "balance"}[path], func(p Purse, _ *http.Request) (any, error) {
			l.enter()
			defer l.mu.Unlock()
			return body(p)
		})
	}
	get("/v0/wallet/user-status", func(p Purse) (any, error) {
		return map[string]any{"party_id": p.Party, "user_onboarded": true, "user_wallet_installed": !p.Missing, "has_featured_app_right": false}, nil
	})
	get("/v0/wallet/balance", func(p Purse) (any, error) { return l.balance(p.Party), nil })
	get("/v0/wallet/amulets", func(p Purse) (any, error) { return l.amuletsOf(p.Party), nil })
	get("/v0/wallet/transfer-offers", func(p Purse) (any, error) {
		return map[string]any{"offers": l.offersOf(p.Party, statusCreated)}, nil
	})
	get("/v0/wallet/accepted-transfer-offers", func(p Purse) (any, error) {
		return map[string]any{"accepted_offers": l.offersOf(p.Party, statusAccepted)}, nil
	})
	get("/v0/wallet/token-standard/transfers", func(p Purse) (any, error) { return map[string]any{"transfers": l.transfersOf(p.Party)}, nil })
	get("/v0/feature-support", func(Purse) (any, error) {
		return map[string]any{"token_standard": true, "transfer_preapproval_description": true, "no_holding_fees_on_transfers": l.o.FreeTransfers}, nil
	})
	handle("POST /v0/wallet/transfer-offers", "offer", func(p Purse, r *http.Request) (any, error) {
		q, value, err := readPayment(r)
		if err != nil {
			return nil, err
		}
		return l.submit(r.Context(), p.Party, *q.Tracking, "CreateTransferOffer duplicate command", func() (any, error) {
			return l.makeOffer(&offer{tracking: *q.Tracking, sender: p.Party, receiver: *q.Receiver, description: *q.Description, value: value, expires: time.UnixMicro(*q.Expires)})
		})
	})
	handle("POST /v0/wallet/token-standard/transfers", "transfer", func(p Purse, r *http.Request) (any, error) {
		q, value, err := readPayment(r)
		if err != nil {
			return nil, err
		}
		return l.submit(r.Context(), p.Party, *q.Tracking, "CreateTokenStandardTransfer duplicate command", func() (any, error) { // wording not verified
			return l.makeTransfer(&transfer{tracking: *q.Tracking, sender: p.Party, receiver: *q.Receiver, description: *q.Description, value: value, expires: time.UnixMicro(*q.Expires)})
		})
	})
	handle("POST /v0/wallet/transfer-offers/{id}/status", "status", func(p Purse, r *http.Request) (any, error) {
		l.enter()
		defer l.mu.Unlock()
		return l.offerStatus(p.Party, r.PathValue("id"))
	})
	for _, verb := range []string{"accept", "reject", "withdraw"} {
		handle("POST /v0/wallet/transfer-offers/{id}/"+verb, verb, func(p Purse, r *http.Request) (any, error) {
			l.enter()
			defer l.mu.Unlock()
			return l.settleOffer(p.Party, r.PathValue("id"), verb)
		})
		handle("POST /v0/wallet/token-standard/transfers/{id}/"+verb, verb, func(p Purse, r *http.Request) (any, error) {
			l.enter()
			defer l.mu.Unlock()
			return l.settleTransfer(p.Party, r.PathValue("id"), verb)
		})
	}
}

// purseOf is the wallet of a user; false where the user has none.
func (a App) purseOf(user string) (Purse, bool) {
	if a.Purse == nil {
		return Purse{}, false
	}
	p := a.Purse(user)
	if p == nil || p.Party == "" {
		return Purse{}, false
	}
	return *p, true
}

// payment is the request of a transfer; all of its fields are required (reference/apis.md 6.3).
type payment struct {
	Receiver    *string `json:"receiver_party_id"`
	Amount      *string `json:"amount"`
	Description *string `json:"description"`
	Expires     *int64  `json:"expires_at"` // microseconds
	Tracking    *string `json:"tracking_id"`
}

// readPayment refuses what is no payment with 400; the wordings were not verified.
func readPayment(r *http.Request) (payment, coin, error) {
	bad := func(text string) (payment, coin, error) {
		return payment{}, nil, &refusal{http.StatusBadRequest, text}
	}
	var q payment
	if json.NewDecoder(r.Body).Decode(&q) != nil || q.Receiver == nil || q.Amount == nil || q.Description == nil || q.Expires == nil || q.Tracking == nil {
		return bad("The request content was malformed")
	}
	value, ok := parseCoin(*q.Amount)
	if !ok || value.Sign() <= 0 {
		return bad("Could not decode amount: " + *q.Amount)
	}
	if hint, namespace, ok := strings.Cut(*q.Receiver, "::"); !ok || hint == "" || !strings.HasPrefix(namespace, "1220") {
		return bad("Invalid party id: " + *q.Receiver)
	}
	if *q.Tracking == "" {
		return bad("The tracking id is empty")
	}
	return q, value, nil
}

func (l *Ledger) balance(party string) any {
	r, _ := l.round(l.now)
	p := l.purse(party)
	return map[string]any{"round": r, "effective_unlocked_qty": coinText(p.unlocked), "effective_locked_qty": coinText(p.held), "total_holding_fees": coinText(p.fees)}
}

func (l *Ledger) amuletsOf(party string) any {
	r, _ := l.round(l.now)
	p := l.purse(party)
	list := func(all []*amulet, template string) []any {
		out := []any{}
		for _, a := range all {
			owes := l.accrued(a)
			out = append(out, map[string]any{"contract": l.dated(contract(template, a.id, map[string]any{"dso": l.o.DSO, "owner": party, "amount": map[string]any{"initialAmount": coinText(a.initial)}}), a.made),
				"round": r, "accrued_holding_fee": coinText(owes), "effective_amount": coinText(minus(a.initial, owes))})
		}
		return out
	}
	return map[string]any{"amulets": list(p.free, "pkg:Splice.Amulet:Amulet"), "locked_amulets": list(p.locked, "pkg:Splice.Amulet:LockedAmulet")}
}
