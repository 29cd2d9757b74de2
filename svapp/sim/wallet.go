package sim

import "net/http"

// Wallet is the wallet of one user (reference/apis.md 6.2). Amounts are texts.
type Wallet struct {
	Party, User          string
	Onboarded, Installed bool
	Round                int64
	Unlocked, Locked     string
	Fees                 string
	Offers, Accepted     []Offer
	TokenStandard        bool
	Preapproved          []string // parties
}

// Offer is a transfer offer.
type Offer struct {
	ContractID, TrackingID     string
	Sender, Receiver, Amount   string
	Status                     string // created, accepted, completed or failed
	Transaction, Failure, Note string
}

// wallet serves the validator app (reference/apis.md 6).
func (a App) wallet(m *http.ServeMux) {
	of := func(r *http.Request) *Wallet {
		if a.Wallet == nil {
			return nil
		}
		return a.Wallet(r)
	}
	get := func(path string, body func(Wallet, *http.Request) (any, error)) {
		m.HandleFunc("GET "+a.Base+path, a.guarded(func(w http.ResponseWriter, r *http.Request) {
			wallet := of(r)
			if wallet == nil {
				answer(w, http.StatusNotFound, failure("No wallet found for user")) // wording not verified
				return
			}
			reply(w)(body(*wallet, r))
		}))
	}
	m.HandleFunc("GET "+a.Base+"/v0/validator-user", func(w http.ResponseWriter, r *http.Request) { // names of fields not verified
		var party, user string
		if wallet := of(r); wallet != nil {
			party, user = wallet.Party, wallet.User
		}
		answer(w, http.StatusOK, map[string]any{"party_id": party, "user_name": user, "featured": false})
	})
	get("/v0/admin/transfer-preapprovals/by-party/{party}", func(w Wallet, r *http.Request) (any, error) {
		for _, p := range w.Preapproved {
			if p == r.PathValue("party") {
				return map[string]any{"transfer_preapproval": map[string]any{}}, nil // its shape was not read
			}
		}
		return nil, absent("No TransferPreapproval found for party") // wording not verified
	})
	get("/v0/wallet/user-status", func(w Wallet, _ *http.Request) (any, error) {
		return map[string]any{"party_id": w.Party, "user_onboarded": w.Onboarded, "user_wallet_installed": w.Installed, "has_featured_app_right": false}, nil
	})
	get("/v0/wallet/balance", func(w Wallet, _ *http.Request) (any, error) {
		return map[string]any{"round": w.Round, "effective_unlocked_qty": w.Unlocked, "effective_locked_qty": w.Locked, "total_holding_fees": w.Fees}, nil
	})
	get("/v0/wallet/amulets", func(w Wallet, _ *http.Request) (any, error) {
		one := map[string]any{"contract": contract("pkg:Splice.Amulet:Amulet", "00ee", map[string]any{"owner": w.Party}), "round": w.Round, "accrued_holding_fee": w.Fees, "effective_amount": w.Unlocked}
		return map[string]any{"amulets": []any{one}, "locked_amulets": []any{}}, nil
	})
	get("/v0/wallet/transfer-offers", func(w Wallet, _ *http.Request) (any, error) { return map[string]any{"offers": offers(w.Offers)}, nil })
	get("/v0/wallet/accepted-transfer-offers", func(w Wallet, _ *http.Request) (any, error) {
		return map[string]any{"accepted_offers": offers(w.Accepted)}, nil
	})
	get("/v0/wallet/token-standard/transfers", func(Wallet, *http.Request) (any, error) { return map[string]any{"transfers": []any{}}, nil })
	get("/v0/feature-support", func(w Wallet, _ *http.Request) (any, error) {
		return map[string]any{"token_standard": w.TokenStandard, "transfer_preapproval_description": true, "no_holding_fees_on_transfers": true}, nil
	})
	m.HandleFunc("POST "+a.Base+"/v0/wallet/transfer-offers/{tracking}/status", a.guarded(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("tracking")
		if wallet := of(r); wallet != nil {
			for _, o := range append(append([]Offer{}, wallet.Offers...), wallet.Accepted...) {
				if o.TrackingID == id {
					answer(w, http.StatusOK, o.state())
					return
				}
			}
		}
		answer(w, http.StatusNotFound, failure("Couldn't find transfer offer with tracking id "+id))
	}))
}

// offers are contracts; the fields of their payload were not verified (reference/apis.md 6.3).
func offers(all []Offer) []any {
	list := []any{}
	for _, o := range all {
		list = append(list, contract("pkg:Splice.Wallet.TransferOffer:TransferOffer", o.ContractID, map[string]any{"sender": o.Sender, "receiver": o.Receiver,
			"amount": map[string]any{"amount": o.Amount, "unit": "AmuletUnit"}, "trackingId": o.TrackingID}))
	}
	return list
}

func (o Offer) state() any {
	body := map[string]any{"status": o.Status}
	for key, value := range map[string]string{"transaction_id": o.Transaction, "contract_id": o.ContractID, "failure_kind": o.Failure, "withdrawn_reason": o.Note} {
		if value != "" {
			body[key] = value
		}
	}
	return body
}
