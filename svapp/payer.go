package svapp

import (
	"context"
	"net/http"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// Payer moves what the wallet of the token's user owns. It is apart from Validator, which only reads. None of its calls is sent again by this
// package but for a token that was refused, which the app turns away before it does anything.
type Payer struct{ client *Client }

// NewPayer makes one for the wallet of the token's user. It sends nothing. Its errors are of kind Setup.
func NewPayer(s Settings) (*Payer, error) {
	c, err := newClient(ValidatorApp, s)
	if err != nil {
		return nil, err
	}
	return &Payer{c}, nil
}

// Payment is what is to be paid.
type Payment struct {
	Receiver    string // party
	Amount      Decimal
	Description string
	Expires     time.Time // compared with the ledger's time, not with this machine's
	// TrackingID is kept, and used again for the same payment for ever: another one pays twice (reference/apis.md 6.3).
	TrackingID string
}

// check says why a payment is not sent: an app would refuse it, or take it for another one.
func (p Payment) check() *Error {
	const next = "report this as a defect of the program"
	e := &Error{Kind: Invalid, Tried: "pay " + plain.Line(p.TrackingID), Next: next}
	switch {
	case p.TrackingID == "":
		e.Seen = "the payment has no tracking ID, so that a second try could pay twice"
	case !strings.Contains(p.Receiver, "::"):
		e.Seen = "the receiver is no party: " + plain.Line(p.Receiver)
	case !decimal.MatchString(string(p.Amount)) || p.Amount.Rat().Sign() <= 0:
		e.Seen = "the amount is not a decimal number above zero: " + plain.Line(string(p.Amount))
	case p.Expires.IsZero():
		e.Seen = "the payment has no end"
	default:
		return nil
	}
	return e
}

func (p Payment) body() any {
	return map[string]any{"receiver_party_id": p.Receiver, "amount": string(p.Amount), "description": p.Description,
		"expires_at": p.Expires.UnixMicro(), "tracking_id": p.TrackingID}
}

// Offer makes a transfer offer and answers its contract. An error of kind Conflict says that an offer with this tracking ID was made before,
// one of kind Throttled that it is being made: ask OfferState. Where no answer came, whether it was made is not known.
func (p *Payer) Offer(ctx context.Context, payment Payment) (contract string, err error) {
	if problem := payment.check(); problem != nil {
		return "", problem
	}
	var a struct {
		ID string `json:"offer_contract_id"`
	}
	err = p.post(ctx, "make transfer offer "+plain.Line(payment.TrackingID), "/v0/wallet/transfer-offers", payment.body(), &a)
	return plain.Line(a.ID), err
}

// AcceptOffer accepts an offer that the wallet received. It moves no money: the sender's validator does, afterwards.
func (p *Payer) AcceptOffer(ctx context.Context, contract string) error {
	return p.settle(ctx, "transfer-offers", contract, "accept")
}

// RejectOffer rejects an offer that the wallet received.
func (p *Payer) RejectOffer(ctx context.Context, contract string) error {
	return p.settle(ctx, "transfer-offers", contract, "reject")
}

// WithdrawOffer takes back an offer that the wallet made and that is not accepted yet.
func (p *Payer) WithdrawOffer(ctx context.Context, contract string) error {
	return p.settle(ctx, "transfer-offers", contract, "withdraw")
}

// Transferred is what came of a transfer by the token standard (reference/apis.md 6.4). One of the two is set; neither: it failed.
type Transferred struct {
	Instruction string   // contract that the receiver has to accept
	Holdings    []string // of the receiver, who has it already, by a preapproval
}

// Transfer starts a transfer by the token standard. There is no call that tells by its tracking ID what became of it.
func (p *Payer) Transfer(ctx context.Context, payment Payment) (Transferred, error) {
	if problem := payment.check(); problem != nil {
		return Transferred{}, problem
	}
	var a struct {
		Output struct {
			Instruction string   `json:"transfer_instruction_cid,omitempty"`
			Holdings    []string `json:"receiver_holding_cids,omitempty"`
		} `json:"output"`
	}
	err := p.post(ctx, "start transfer "+plain.Line(payment.TrackingID), "/v0/wallet/token-standard/transfers", payment.body(), &a)
	return Transferred{Instruction: plain.Line(a.Output.Instruction), Holdings: cleaned(a.Output.Holdings)}, err
}

// AcceptTransfer accepts a transfer by the token standard. It moves the money.
func (p *Payer) AcceptTransfer(ctx context.Context, contract string) error {
	return p.settle(ctx, "token-standard/transfers", contract, "accept")
}

// WithdrawTransfer takes back a transfer by the token standard that the receiver has not accepted.
func (p *Payer) WithdrawTransfer(ctx context.Context, contract string) error {
	return p.settle(ctx, "token-standard/transfers", contract, "withdraw")
}

func (p *Payer) settle(ctx context.Context, kind, contract, verb string) error {
	if contract == "" || strings.Trim(contract, ".") == "" {
		return &Error{Kind: Invalid, Tried: verb + " a transfer", Seen: "it is not named", Next: "report this as a defect of the program"}
	}
	return p.post(ctx, verb+" "+plain.Line(contract), "/v0/wallet/"+kind+"/"+segment(contract)+"/"+verb, nil, nil)
}

func (p *Payer) post(ctx context.Context, what, path string, body, into any) error {
	return p.client.do(ctx, ask{what: what, method: http.MethodPost, path: path, body: body, token: true, into: into})
}
