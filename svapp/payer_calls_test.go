package svapp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"canton.example/svrescue/svapp"
)

const walletToken = "invented-canary-of-a-wallet"

// till is a validator app that notes what it is sent, and answers as it is told.
type till struct {
	status int
	body   string
	sent   []string // method and escaped path
	bodies []map[string]any
}

func (w *till) payer(t *testing.T) *svapp.Payer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		var body map[string]any
		if len(data) > 0 {
			if err := json.Unmarshal(data, &body); err != nil {
				t.Error(err)
			}
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+walletToken {
			t.Errorf("authorised by %q", got)
		}
		w.sent, w.bodies = append(w.sent, r.Method+" "+r.URL.EscapedPath()), append(w.bodies, body)
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(w.status)
		fmt.Fprint(out, w.body)
	}))
	t.Cleanup(server.Close)
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(walletToken))
	if err != nil {
		t.Fatal(err)
	}
	p, err := svapp.NewPayer(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}, Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func payment() svapp.Payment {
	return svapp.Payment{Receiver: acme, Amount: "9007199254740993.0000000001", Description: "recovery 1 of 2",
		Expires: time.Date(2026, 3, 2, 12, 0, 0, 123456789, time.UTC), TrackingID: "svrescue-1"}
}

func TestPayments(t *testing.T) {
	body := map[string]any{"receiver_party_id": acme, "amount": "9007199254740993.0000000001", "description": "recovery 1 of 2",
		"expires_at": float64(1772452800123456), "tracking_id": "svrescue-1"}
	for _, c := range []struct {
		name, path, answer string
		call               func(context.Context, *svapp.Payer) (any, error)
		want               any
		body               map[string]any
	}{
		{"offer", "/v0/wallet/transfer-offers", `{"offer_contract_id":"00ab"}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return p.Offer(ctx, payment()) }, "00ab", body},
		{"accept an offer", "/v0/wallet/transfer-offers/00%3Aab%2F/accept", `{"accepted_offer_contract_id":"00cd"}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return nil, p.AcceptOffer(ctx, "00:ab/") }, nil, nil},
		{"reject an offer", "/v0/wallet/transfer-offers/00ab/reject", ``,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return nil, p.RejectOffer(ctx, "00ab") }, nil, nil},
		{"withdraw an offer", "/v0/wallet/transfer-offers/00ab/withdraw", ``,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return nil, p.WithdrawOffer(ctx, "00ab") }, nil, nil},
		{"transfer that has to be accepted", "/v0/wallet/token-standard/transfers", `{"output":{"transfer_instruction_cid":"00ab"},"sender_change_cids":[],"meta":{}}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return p.Transfer(ctx, payment()) }, svapp.Transferred{Instruction: "00ab"}, body},
		{"transfer that is over", "/v0/wallet/token-standard/transfers", `{"output":{"receiver_holding_cids":["1","2"]},"sender_change_cids":[],"meta":{}}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return p.Transfer(ctx, payment()) }, svapp.Transferred{Holdings: []string{"1", "2"}}, body},
		{"transfer that failed", "/v0/wallet/token-standard/transfers", `{"output":{"dummy":{}},"sender_change_cids":[],"meta":{}}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return p.Transfer(ctx, payment()) }, svapp.Transferred{}, body},
		{"accept a transfer", "/v0/wallet/token-standard/transfers/00ab/accept", `{"output":{},"meta":{}}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return nil, p.AcceptTransfer(ctx, "00ab") }, nil, nil},
		{"withdraw a transfer", "/v0/wallet/token-standard/transfers/00ab/withdraw", `{"output":{},"meta":{}}`,
			func(ctx context.Context, p *svapp.Payer) (any, error) { return nil, p.WithdrawTransfer(ctx, "00ab") }, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &till{status: 200, body: c.answer}
			got, err := c.call(t.Context(), w.payer(t))
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
			if want := "POST /api/validator" + c.path; len(w.sent) != 1 || w.sent[0] != want {
				t.Errorf("sent %q, not %q", w.sent, want)
			}
			if d := cmp.Diff(c.body, w.bodies[0]); d != "" {
				t.Error(d)
			}
			// Each refusal is told for what it is, and nothing is sent twice by itself.
			for status, r := range map[int]struct {
				text string
				kind svapp.Kind
			}{400: {"bad party " + walletToken, svapp.Invalid}, 404: {"no wallet", svapp.NotFound}, 409: {"CreateTransferOffer duplicate command", svapp.Conflict},
				429: {"ABORTED: in flight", svapp.Throttled}, 500: {"An unexpected error occurred.", svapp.Server}} {
				w := &till{status: status, body: `{"error":"` + r.text + `"}`}
				_, err := c.call(t.Context(), w.payer(t))
				if svapp.KindOf(err) != r.kind || strings.Contains(fmt.Sprintf("%v %+v", err, err), "canary") || len(w.sent) != 1 {
					t.Errorf("%d: %v (%s), sent %d times", status, err, svapp.KindOf(err), len(w.sent))
				}
			}
		})
	}
}

// What cannot be meant is not sent.
func TestPaymentsThatAreNotSent(t *testing.T) {
	for name, change := range map[string]func(*svapp.Payment){
		"no tracking id": func(p *svapp.Payment) { p.TrackingID = "" }, "no party": func(p *svapp.Payment) { p.Receiver = "Acme-SV" },
		"nothing": func(p *svapp.Payment) { p.Amount = "0.0" }, "less than nothing": func(p *svapp.Payment) { p.Amount = "-1" },
		"no number": func(p *svapp.Payment) { p.Amount = "1e5" }, "eleven digits": func(p *svapp.Payment) { p.Amount = "1.00000000001" },
		"no end": func(p *svapp.Payment) { p.Expires = time.Time{} },
	} {
		w, is := &till{status: 200}, payment()
		change(&is)
		p := w.payer(t)
		_, err := p.Offer(t.Context(), is)
		_, again := p.Transfer(t.Context(), is)
		if svapp.KindOf(err) != svapp.Invalid || svapp.KindOf(again) != svapp.Invalid || len(w.sent) != 0 {
			t.Errorf("%s: %v, %v, sent %q", name, err, again, w.sent)
		}
	}
	for _, contract := range []string{"", ".", ".."} {
		w := &till{status: 200}
		p := w.payer(t)
		for _, err := range []error{p.AcceptOffer(t.Context(), contract), p.WithdrawTransfer(t.Context(), contract)} {
			if svapp.KindOf(err) != svapp.Invalid || len(w.sent) != 0 {
				t.Errorf("%q: %v, sent %q", contract, err, w.sent)
			}
		}
	}
}
