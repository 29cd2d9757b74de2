package svapp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

// books is a ledger with the recovery validator, which acts for the lost SV's party, and the wallet of the fresh SV.
type books struct {
	t      *testing.T
	clock  *clocktesting.FakeClock
	ledger *sim.Ledger
	from   *house
	to     *house
}

// house is one validator app and its user.
type house struct {
	url    string
	client *http.Client
}

func (s *house) as(t *testing.T, user string) (*svapp.Validator, *svapp.Payer) {
	t.Helper()
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(sim.UnsafeToken("unsafe", unsafeAudience, user, time.Time{})))
	if err != nil {
		t.Fatal(err)
	}
	set := svapp.Settings{Way: svapp.Way{Name: "test", Base: s.url, Through: s.client.Transport}, Tokens: tokens}
	v, err := svapp.NewValidator(set)
	if err != nil {
		t.Fatal(err)
	}
	p, err := svapp.NewPayer(set)
	if err != nil {
		t.Fatal(err)
	}
	return v, p
}

func open(t *testing.T, change func(*sim.LedgerOptions)) *books {
	t.Helper()
	b := &books{t: t, clock: clocktesting.NewFakeClock(noon)}
	o := sim.LedgerOptions{Clock: b.clock, DSO: dsoParty, Synchronizer: global, MigrationID: 4, FreeTransfers: true, Ingest: 2 * time.Second, Complete: 5 * time.Second,
		SVs: []sim.Member{{Name: "Acme-SV", Party: acmeOld, Participant: "PAR::" + acmeOld}, {Name: "Beta-SV", Party: beta, Participant: "PAR::" + beta}},
		Coins: []sim.Coin{{Owner: acmeOld, Amount: "9007199254740993.0000000001"}, {Owner: acmeOld, Amount: "0.5000000000"}, {Owner: acmeOld, Amount: "30.0000000000", Locked: true, Until: time.Hour},
			{Owner: beta, Amount: "7.0000000000"}}}
	if change != nil {
		change(&o)
	}
	l, err := sim.NewLedger(o)
	if err != nil {
		t.Fatal(err)
	}
	b.ledger = l
	l.Host(acme, "PAR::"+acme)
	l.Tend(acmeOld)
	host := func(party string) *house {
		a := sim.App{Base: sim.Validator, ID: "validator", Version: "0.6.4", Allow: sim.Unsafe("unsafe", unsafeAudience, b.clock.Now, "wallet", "other"), Ledger: l, Operator: "wallet",
			Purse: func(user string) *sim.Purse {
				if user != "wallet" {
					return nil
				}
				return &sim.Purse{Party: party}
			}}
		server := httptest.NewServer(a.Handler())
		t.Cleanup(server.Close)
		return &house{server.URL, server.Client()}
	}
	b.from, b.to = host(acmeOld), host(acme)
	t.Cleanup(func() {
		if err := l.Check(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *books) payment(id, amount string) svapp.Payment {
	return svapp.Payment{Receiver: acme, Amount: svapp.Decimal(amount), Description: "SV recovery", Expires: b.clock.Now().Add(time.Hour), TrackingID: id}
}

// state is that of an offer in the sender's wallet, as one text.
func (b *books) state(id string) string {
	b.t.Helper()
	v, _ := b.from.as(b.t, "wallet")
	s, found, err := v.OfferState(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	if !found {
		return "not found"
	}
	return strings.TrimSpace(s.Status + " " + s.Failure + " " + s.Reason)
}

func (b *books) has(id, want string) {
	b.t.Helper()
	if got := b.state(id); got != want {
		b.t.Errorf("offer %s is %q, want %q", id, got, want)
	}
}

// balance is the unlocked and the locked amount in a wallet.
func (b *books) balance(w *house) string {
	b.t.Helper()
	v, _ := w.as(b.t, "wallet")
	x, _, err := v.Balance(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return string(x.EffectiveUnlocked) + " " + string(x.EffectiveLocked)
}

// The way of a classic offer: created, accepted, and only when the sender's automation has run, completed (reference/apis.md 6.3).
func TestOfferFromCreatedToCompleted(t *testing.T) {
	b := open(t, nil)
	_, pay := b.from.as(t, "wallet")
	receiver, take := b.to.as(t, "wallet")
	ctx := t.Context()
	id, err := pay.Offer(ctx, b.payment("recovery/1", "1200.0000000001"))
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	b.has("recovery/1", "not found") // not ingested yet
	b.clock.Step(3 * time.Second)
	b.has("recovery/1", "created")
	offers, _, err := receiver.Offers(ctx)
	if err != nil || len(offers) != 1 || offers[0].ContractID != id || !strings.Contains(string(offers[0].Payload), `"1200.0000000001"`) {
		t.Fatalf("%+v, %v", offers, err)
	}
	refused(t, take.WithdrawOffer(ctx, id), svapp.NotFound) // the sender alone withdraws
	if err := take.AcceptOffer(ctx, id); err != nil {
		t.Fatal(err)
	}
	refused(t, take.AcceptOffer(ctx, id), svapp.NotFound)
	b.clock.Step(3 * time.Second)
	b.has("recovery/1", "accepted")
	if got := b.balance(b.to); got != "0.0000000000 0.0000000000" {
		t.Error("acceptance moved money:", got)
	}
	accepted, _, err := receiver.AcceptedOffers(ctx)
	if err != nil || len(accepted) != 1 {
		t.Error(accepted, err)
	}
	b.clock.Step(5 * time.Second)
	b.has("recovery/1", "completed")
	if got := b.balance(b.to); got != "1200.0000000001 0.0000000000" {
		t.Error(got)
	}
	if got := b.balance(b.from); got != "9007199254739793.5000000000 30.0000000000" {
		t.Error(got)
	}
	b.clock.Step(time.Hour)
	if got := b.balance(b.from); got != "9007199254739823.5000000000 0.0000000000" {
		t.Error("the lock has not ended:", got)
	}
}

// A tracking ID makes one offer for ever; one in flight is told apart from one that was made (reference/apis.md 6.3 and 11).
func TestTrackingIDs(t *testing.T) {
	b := open(t, func(o *sim.LedgerOptions) { o.Command = 2 * time.Second })
	_, pay := b.from.as(t, "wallet")
	ctx := t.Context()
	ended := make(chan error)
	go func() { _, err := pay.Offer(ctx, b.payment("r-1", "5.0")); ended <- err }()
	for !b.clock.HasWaiters() {
		time.Sleep(time.Millisecond) // until the first has arrived
	}
	_, err := pay.Offer(ctx, b.payment("r-1", "5.0"))
	refused(t, err, svapp.Throttled)
	b.clock.Step(2 * time.Second)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, err = pay.Offer(ctx, b.payment("r-1", "6.0"))
	refused(t, err, svapp.Conflict, "CreateTransferOffer duplicate command")
	b.clock.Step(2 * time.Hour)
	b.has("r-1", "failed expired")
	_, err = pay.Offer(ctx, b.payment("r-1", "5.0"))
	refused(t, err, svapp.Conflict, "CreateTransferOffer duplicate command")
	_, err = pay.Transfer(ctx, b.payment("r-1", "5.0"))
	refused(t, err, svapp.Conflict)
	if got := b.ledger.Created()["r-1"]; got != 1 {
		t.Errorf("%d offers", got)
	}
}

func TestOffersThatCannotBe(t *testing.T) {
	b := open(t, nil)
	_, pay := b.from.as(t, "wallet")
	for name, c := range map[string]struct {
		change func(*svapp.Payment)
		kind   svapp.Kind
	}{
		"eleven digits":         {func(p *svapp.Payment) { p.Amount = "1.00000000001" }, svapp.Invalid},
		"no number":             {func(p *svapp.Payment) { p.Amount = "a lot" }, svapp.Invalid},
		"nothing":               {func(p *svapp.Payment) { p.Amount = "0.0" }, svapp.Invalid},
		"less than nothing":     {func(p *svapp.Payment) { p.Amount = "-1.0" }, svapp.Invalid},
		"no party":              {func(p *svapp.Payment) { p.Receiver = "Acme-SV" }, svapp.Invalid},
		"a party of nobody":     {func(p *svapp.Payment) { p.Receiver = "Nobody::1220aa" }, svapp.NotFound},
		"without a tracking ID": {func(p *svapp.Payment) { p.TrackingID = "" }, svapp.Invalid},
	} {
		p := b.payment("r-"+name, "1.0")
		c.change(&p)
		_, err := pay.Offer(t.Context(), p)
		t.Run(name, func(t *testing.T) { refused(t, err, c.kind) })
	}
	if len(b.ledger.Created()) != 0 {
		t.Error(b.ledger.Created())
	}
	// The field counts microseconds: a client that sent milliseconds would make an offer that has expired in 1970.
	p := b.payment("early", "1.0")
	p.Expires = time.UnixMicro(p.Expires.UnixMilli())
	if _, err := pay.Offer(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	b.clock.Step(3 * time.Second)
	b.has("early", "failed expired")
}

func TestHowOffersEnd(t *testing.T) {
	for name, c := range map[string]struct {
		amount string
		act    func(t *testing.T, b *books, id string)
		want   string
	}{
		"rejected": {"1.0", func(t *testing.T, b *books, id string) {
			_, take := b.to.as(t, "wallet")
			if err := take.RejectOffer(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, "failed rejected"},
		"withdrawn": {"1.0", func(t *testing.T, b *books, id string) {
			_, pay := b.from.as(t, "wallet")
			if err := pay.WithdrawOffer(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, "failed withdrawn"},
		"expired": {"1.0", func(t *testing.T, b *books, id string) {
			b.clock.Step(time.Hour)
			_, take := b.to.as(t, "wallet")
			refused(t, take.AcceptOffer(t.Context(), id), svapp.NotFound)
		}, "failed expired"},
		"too much": {"9007199254740994.0", func(t *testing.T, b *books, id string) {
			_, take := b.to.as(t, "wallet")
			if err := take.AcceptOffer(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, "failed withdrawn insufficient funds"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, nil)
			_, pay := b.from.as(t, "wallet")
			id, err := pay.Offer(t.Context(), b.payment("r", c.amount))
			if err != nil {
				t.Fatal(err)
			}
			c.act(t, b, id)
			b.clock.Step(10 * time.Second)
			b.has("r", c.want)
			if got := b.balance(b.to); got != "0.0000000000 0.0000000000" {
				t.Error(got)
			}
		})
	}
}

// An accepted offer is completed by the sender's validator: one that was taken away too early leaves it accepted (reference/apis.md 14, 26).
func TestSenderGoesBeforeCompletion(t *testing.T) {
	b := open(t, nil)
	_, pay := b.from.as(t, "wallet")
	_, take := b.to.as(t, "wallet")
	id, err := pay.Offer(t.Context(), b.payment("r", "1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := take.AcceptOffer(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.ledger.Neglect(acmeOld)
	b.clock.Step(time.Hour)
	b.has("r", "accepted")
	b.ledger.Tend(acmeOld)
	b.clock.Step(10 * time.Second)
	b.has("r", "completed")
}

// A connection that breaks after the ledger took the request leaves an offer behind, which a second try does not make again.
func TestAnswerLost(t *testing.T) {
	b := open(t, func(o *sim.LedgerOptions) {
		o.Faults = []sim.Fault{{Call: "offer", Do: sim.CutAfter}, {Call: "offer", Do: sim.TurnAway}, {Call: "status", Do: sim.NotNow}, {Call: "accept", Skip: 1, Do: sim.CutBefore}}
	})
	v, pay := b.from.as(t, "wallet")
	_, err := pay.Offer(t.Context(), b.payment("r", "1.0"))
	refused(t, err, svapp.Unreachable)
	_, err = pay.Offer(t.Context(), b.payment("r", "1.0"))
	refused(t, err, svapp.Throttled)
	_, err = pay.Offer(t.Context(), b.payment("r", "1.0"))
	refused(t, err, svapp.Conflict)
	b.clock.Step(3 * time.Second)
	_, _, err = v.OfferState(t.Context(), "r")
	refused(t, err, svapp.Unavailable)
	b.has("r", "created")
	if got := b.ledger.Created()["r"]; got != 1 {
		t.Errorf("%d offers", got)
	}
}

// By the token standard acceptance completes, a preapproval completes at once, and nothing tells by the tracking ID (reference/apis.md 6.4).
func TestTokenStandard(t *testing.T) {
	b := open(t, nil)
	v, pay := b.from.as(t, "wallet")
	w, take := b.to.as(t, "wallet")
	ctx := t.Context()
	first, err := pay.Transfer(ctx, b.payment("r-1", "100.0"))
	if err != nil || first.Instruction == "" {
		t.Fatal(first, err)
	}
	b.has("r-1", "not found")
	b.clock.Step(3 * time.Second)
	for _, one := range []*svapp.Validator{v, w} {
		if all, _, err := one.Transfers(ctx); err != nil || len(all) != 1 || all[0].ContractID != first.Instruction {
			t.Error(all, err)
		}
	}
	if err := take.AcceptTransfer(ctx, first.Instruction); err != nil {
		t.Fatal(err)
	}
	if got := b.balance(b.to); got != "100.0000000000 0.0000000000" {
		t.Error(got)
	}
	second, err := pay.Transfer(ctx, b.payment("r-2", "1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := pay.WithdrawTransfer(ctx, second.Instruction); err != nil {
		t.Fatal(err)
	}
	b.ledger.Preapprove(acme)
	third, err := pay.Transfer(ctx, b.payment("r-3", "11.0"))
	if err != nil || len(third.Holdings) != 1 {
		t.Fatal(third, err)
	}
	if got := b.balance(b.to); got != "111.0000000000 0.0000000000" {
		t.Error(got)
	}
	fourth, err := pay.Transfer(ctx, b.payment("r-4", "9007199254740994.0"))
	if err != nil || fourth.Instruction != "" || len(fourth.Holdings) != 0 {
		t.Error(fourth, err)
	}
	if all, _, err := v.Transfers(ctx); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	yes, err := v.Preapproved(ctx, acme)
	same(t, "preapproved", yes, err, true)
	yes, err = v.Preapproved(ctx, beta)
	same(t, "not preapproved", yes, err, false)
}

// Holding fees make the balance drift, and are burnt by a transfer (reference/apis.md 6.2).
func TestFees(t *testing.T) {
	b := open(t, func(o *sim.LedgerOptions) {
		o.FreeTransfers, o.HoldingFee, o.TransferFee = false, "0.0000190259", "0.0300000000"
		o.Coins = []sim.Coin{{Owner: acmeOld, Amount: "10.0"}, {Owner: acmeOld, Amount: "10.0"}, {Owner: acmeOld, Amount: "0.0000000001"}}
	})
	v, pay := b.from.as(t, "wallet")
	b.clock.Step(10 * time.Hour) // sixty rounds
	x, _, err := v.Balance(t.Context())
	if err != nil || x.EffectiveUnlocked != "19.9977168920" || x.HoldingFees != "0.0022831081" {
		t.Error(x, err)
	}
	f, _, err := v.WalletFeatures(t.Context())
	same(t, "features", f, err, svapp.WalletFeatures{TokenStandard: true})
	b.ledger.Preapprove(acme)
	if got, err := pay.Transfer(t.Context(), b.payment("r", "15.0")); err != nil || len(got.Holdings) != 1 {
		t.Fatal(got, err)
	}
	if got := b.balance(b.from); got != "4.9677168920 0.0000000000" {
		t.Error(got)
	}
	free, locked, _, err := v.Amulets(t.Context())
	if err != nil || len(free) != 2 || len(locked) != 0 {
		t.Error(free, locked, err)
	}
}

// A transfer takes only so many amulets: an amount that needs more of them has to be split.
func TestInputsOfATransfer(t *testing.T) {
	b := open(t, func(o *sim.LedgerOptions) {
		o.MaxInputs, o.Coins = 2, []sim.Coin{{Owner: acmeOld, Amount: "1.0"}, {Owner: acmeOld, Amount: "2.0"}, {Owner: acmeOld, Amount: "3.0"}}
	})
	_, pay := b.from.as(t, "wallet")
	b.ledger.Preapprove(acme)
	if got, err := pay.Transfer(t.Context(), b.payment("r-1", "6.0")); err != nil || len(got.Holdings) != 0 {
		t.Error(got, err)
	}
	if got, err := pay.Transfer(t.Context(), b.payment("r-2", "5.0")); err != nil || len(got.Holdings) != 1 {
		t.Error(got, err)
	}
}

func TestWhoseWallet(t *testing.T) {
	b := open(t, nil)
	v, _ := b.from.as(t, "wallet")
	u, found, err := v.WalletUser(t.Context())
	same(t, "user", u, err, svapp.WalletUser{Party: acmeOld, Onboarded: true, Installed: true})
	if !found {
		t.Error("no user")
	}
	o, err := v.Operator(t.Context())
	same(t, "operator", o, err, svapp.Operator{Party: acmeOld, User: "wallet"})
	v, pay := b.from.as(t, "other")
	if _, found, err = v.WalletUser(t.Context()); found || err != nil {
		t.Error(found, err)
	}
	_, err = pay.Offer(t.Context(), b.payment("r", "1.0"))
	refused(t, err, svapp.NotFound)
	v, _ = b.from.as(t, "stranger")
	_, _, err = v.Balance(t.Context())
	refused(t, err, svapp.Forbidden)
}
