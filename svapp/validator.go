package svapp

import (
	"context"
	"net/http"

	"canton.example/svrescue/internal/plain"
)

// Operator is the user and party of the validator's operator. The names of the fields were not verified (reference/apis.md 6.1): a value is
// empty where the app names it otherwise.
type Operator struct {
	Party string `json:"party_id,omitempty"`
	User  string `json:"user_name,omitempty"`
}

// Operator asks whom the validator works for. No token is needed.
func (v *Validator) Operator(ctx context.Context) (Operator, error) {
	var o Operator
	err := v.do(ctx, ask{what: "read the validator's user", path: "/v0/validator-user", into: &o})
	o.Party, o.User = plain.Line(o.Party), plain.Line(o.User)
	return o, err
}

// Preapproved says whether transfers to a party are preapproved. It needs the operator's token (reference/apis.md 6.1).
func (v *Validator) Preapproved(ctx context.Context, party string) (bool, error) {
	err := v.do(ctx, ask{what: "read the preapproval of " + plain.Line(party), path: "/v0/admin/transfer-preapprovals/by-party/" + segment(party), token: true})
	if absent(err) {
		return false, nil
	}
	return err == nil, err
}

// The wallet belongs to the user of the token; every call needs one. All answer not found where the user has no wallet, and amounts are
// exact texts (reference/apis.md 6.2).

// WalletUser is the user of the token as the wallet knows it. Offers work when both booleans are true.
type WalletUser struct {
	Party     string `json:"party_id"` // whom others transfer to
	Onboarded bool   `json:"user_onboarded"`
	Installed bool   `json:"user_wallet_installed"`
}

// WalletUser asks for the user of the token.
func (v *Validator) WalletUser(ctx context.Context) (WalletUser, bool, error) {
	var u WalletUser
	found, err := v.wallet(ctx, ask{what: "read the wallet's user", path: "/v0/wallet/user-status", into: &u})
	u.Party = plain.Line(u.Party)
	return u, found, err
}

// Balance is what the wallet's party owns in a round. Effective amounts are less by the fees that have accrued, so they drift: compare
// with a tolerance.
type Balance struct {
	Round             int64   `json:"round"`
	EffectiveUnlocked Decimal `json:"effective_unlocked_qty"`
	EffectiveLocked   Decimal `json:"effective_locked_qty"`
	HoldingFees       Decimal `json:"total_holding_fees"`
}

// Balance asks what the wallet's party owns.
func (v *Validator) Balance(ctx context.Context) (Balance, bool, error) {
	var b Balance
	found, err := v.wallet(ctx, ask{what: "read the balance", path: "/v0/wallet/balance", into: &b})
	return b, found, err
}

// Amulet is one amulet of the wallet.
type Amulet struct {
	Contract  Contract `json:"contract"`
	Round     int64    `json:"round"`
	Effective Decimal  `json:"effective_amount"`
}

// Amulets lists what the wallet's party owns, free and locked.
func (v *Validator) Amulets(ctx context.Context) (free, locked []Amulet, found bool, err error) {
	var a struct {
		Free   []Amulet `json:"amulets"`
		Locked []Amulet `json:"locked_amulets"`
	}
	found, err = v.wallet(ctx, ask{what: "list the amulets", path: "/v0/wallet/amulets", into: &a})
	for _, all := range [][]Amulet{a.Free, a.Locked} {
		for i := range all {
			all[i].Contract = all[i].Contract.cleaned()
		}
	}
	return a.Free, a.Locked, found, err
}

// Offers lists the transfer offers that the wallet's party sees. The fields of their payload were not verified.
func (v *Validator) Offers(ctx context.Context) ([]Contract, bool, error) {
	var a struct {
		Offers []Contract `json:"offers"`
	}
	found, err := v.wallet(ctx, ask{what: "list the transfer offers", path: "/v0/wallet/transfer-offers", into: &a})
	return cleanedContracts(a.Offers), found, err
}

// AcceptedOffers lists the offers that are accepted and not completed: their money has not moved yet.
func (v *Validator) AcceptedOffers(ctx context.Context) ([]Contract, bool, error) {
	var a struct {
		Offers []Contract `json:"accepted_offers"`
	}
	found, err := v.wallet(ctx, ask{what: "list the accepted offers", path: "/v0/wallet/accepted-transfer-offers", into: &a})
	return cleanedContracts(a.Offers), found, err
}

// Transfers lists the transfers by the token standard that are pending, in both roles (reference/apis.md 6.4).
func (v *Validator) Transfers(ctx context.Context) ([]Contract, bool, error) {
	var a struct {
		Transfers []Contract `json:"transfers"`
	}
	found, err := v.wallet(ctx, ask{what: "list the pending transfers", path: "/v0/wallet/token-standard/transfers", into: &a})
	return cleanedContracts(a.Transfers), found, err
}

// OfferState is how far an offer is. Only completed means that the money has moved: keep the sender's validator running until then.
type OfferState struct {
	Status      string `json:"status"` // created, accepted, completed or failed
	Transaction string `json:"transaction_id,omitempty"`
	ContractID  string `json:"contract_id,omitempty"`
	Failure     string `json:"failure_kind,omitempty"` // expired, rejected or withdrawn
	Reason      string `json:"withdrawn_reason,omitempty"`
}

// OfferState asks for the offer that was made with a tracking ID; not found where it is not known yet, or not any more. It is a POST that
// reads (reference/apis.md 6.3).
func (v *Validator) OfferState(ctx context.Context, trackingID string) (OfferState, bool, error) {
	var o OfferState
	found, err := v.wallet(ctx, ask{what: "read the state of offer " + plain.Line(trackingID), method: http.MethodPost,
		path: "/v0/wallet/transfer-offers/" + segment(trackingID) + "/status", into: &o})
	o.Status, o.Transaction, o.ContractID, o.Failure = plain.Line(o.Status), plain.Line(o.Transaction), plain.Line(o.ContractID), plain.Line(o.Failure)
	o.Reason = plain.Line(o.Reason)
	return o, found, err
}

// WalletFeatures are what the wallet can do.
type WalletFeatures struct {
	TokenStandard bool `json:"token_standard"`
	NoHoldingFees bool `json:"no_holding_fees_on_transfers,omitempty"`
}

// WalletFeatures asks what the wallet can do (reference/apis.md 6.2).
func (v *Validator) WalletFeatures(ctx context.Context) (WalletFeatures, bool, error) {
	var f WalletFeatures
	found, err := v.wallet(ctx, ask{what: "read what the wallet can do", path: "/v0/feature-support", into: &f})
	return f, found, err
}

func (v *Validator) wallet(ctx context.Context, a ask) (bool, error) {
	a.token = true
	err := v.do(ctx, a)
	if absent(err) {
		return false, nil
	}
	return err == nil, err
}
