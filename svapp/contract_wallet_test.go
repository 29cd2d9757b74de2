package svapp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

func TestHoldings(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	s, ctx := n.scan(t), t.Context()
	last := noon.Add(-time.Hour)
	at, found, err := s.SnapshotTime(ctx, noon, 4)
	same(t, "snapshot", at, err, last)
	if !found {
		t.Error("no snapshot")
	}
	for _, c := range []struct {
		before    time.Time
		migration int64
	}{{noon.Add(-3 * time.Hour), 4}, {noon, 3}} {
		_, found, err = s.SnapshotTime(ctx, c.before, c.migration)
		same(t, "no snapshot", found, err, false)
	}
	h, found, err := s.HoldingsSummary(ctx, 4, noon.Add(123456789), acmeOld, acme)
	same(t, "holdings", h, err, svapp.HoldingsAt{RecordTime: last, MigrationID: 4,
		Parties: []svapp.Holding{{Party: acmeOld, Unlocked: "9007199254740993.0000000001", Locked: "0.5000000000", Total: "9007199254740993.5000000001"}}})
	if _, known := h.Of(acme); known || !found {
		t.Error("who owns nothing owns something")
	}
	if got, known := h.Of(acmeOld); !known || got.Total.Rat().FloatString(10) != "9007199254740993.5000000001" {
		t.Error(got)
	}
	_, found, err = s.HoldingsSummary(ctx, 3, noon, acmeOld)
	same(t, "another migration", found, err, false)

	// A later scan may lack the older form of the endpoint.
	newer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/v0/holdings") {
			http.Error(w, "The requested resource could not be found.", http.StatusNotFound)
			return
		}
		n.app(sim.Scan).ServeHTTP(w, r)
	}))
	t.Cleanup(newer.Close)
	later, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: newer.URL, Through: newer.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := later.HoldingsSummary(ctx, 4, noon.Add(123456789), acmeOld, acme)
	same(t, "holdings in the newer form", again, err, h)

	in := svapp.Snapshot{MigrationID: 4, At: at, PageSize: 1}
	var contracts []string
	for pages := 0; ; pages++ {
		p, found, err := s.Contracts(ctx, in, acmeOld)
		if err != nil || !found || pages > 2 {
			t.Fatal(found, err, pages)
		}
		for _, e := range p.Events {
			contracts = append(contracts, e.ContractID+" "+e.TemplateID)
		}
		if p.Next == nil {
			break
		}
		in.After = *p.Next
	}
	if diff := cmp.Diff([]string{"00a1 splice-amulet:Splice.Amulet:Amulet", "00a2 splice-amulet:Splice.Amulet:LockedAmulet"}, contracts); diff != "" {
		t.Error(diff)
	}
	p, found, err := s.Holdings(ctx, svapp.Snapshot{MigrationID: 4, At: noon, AtOrBefore: true}, beta)
	if err != nil || !found || len(p.Events) != 1 || p.Events[0].ContractID != "00a3" || !strings.Contains(string(p.Events[0].Arguments), `"initialAmount": "7.0000000000"`) {
		t.Errorf("%+v, %v", p, err)
	}
	_, found, err = s.Holdings(ctx, svapp.Snapshot{MigrationID: 4, At: noon}, beta) // exactly at noon there is none
	same(t, "exact", found, err, false)
	_, _, err = s.Holdings(ctx, svapp.Snapshot{MigrationID: 4, At: at})
	refused(t, err, svapp.Invalid)
}

func TestWallet(t *testing.T) {
	n := &served{network: network(), release: "0.6.4", wallet: &sim.Wallet{Party: acme, User: "sv", Onboarded: true, Installed: true, Round: 4711, Unlocked: "12.0000000001", Locked: "0.0000000000",
		Fees: "0.0100000000", TokenStandard: true, Preapproved: []string{acme},
		Offers:   []sim.Offer{{ContractID: "0001", TrackingID: "recovery-1", Sender: acmeOld, Receiver: acme, Amount: "12.0", Status: "created"}},
		Accepted: []sim.Offer{{ContractID: "0002", TrackingID: "recovery/2", Sender: acmeOld, Receiver: acme, Amount: "12.0", Status: "failed", Failure: "withdrawn", Note: "no\x1b[2J funds"}}}}
	v, ctx := n.validator(t), t.Context()
	o, err := v.Operator(ctx)
	same(t, "operator", o, err, svapp.Operator{Party: acme, User: "sv"})
	u, found, err := v.WalletUser(ctx)
	same(t, "user", u, err, svapp.WalletUser{Party: acme, Onboarded: true, Installed: true})
	if !found {
		t.Error("no user")
	}
	b, _, err := v.Balance(ctx)
	same(t, "balance", b, err, svapp.Balance{Round: 4711, EffectiveUnlocked: "12.0000000001", EffectiveLocked: "0.0000000000", HoldingFees: "0.0100000000"})
	f, _, err := v.WalletFeatures(ctx)
	same(t, "features", f, err, svapp.WalletFeatures{TokenStandard: true, NoHoldingFees: true})
	free, locked, _, err := v.Amulets(ctx)
	if err != nil || len(free) != 1 || len(locked) != 0 || free[0].Effective != "12.0000000001" {
		t.Error(free, locked, err)
	}
	offers, _, err := v.Offers(ctx)
	if err != nil || len(offers) != 1 || offers[0].ContractID != "0001" {
		t.Error(offers, err)
	}
	accepted, _, err := v.AcceptedOffers(ctx)
	if err != nil || len(accepted) != 1 || accepted[0].ContractID != "0002" {
		t.Error(accepted, err)
	}
	transfers, found, err := v.Transfers(ctx)
	if err != nil || !found || len(transfers) != 0 {
		t.Error(transfers, err)
	}
	s, _, err := v.OfferState(ctx, "recovery/2")
	same(t, "offer", s, err, svapp.OfferState{Status: "failed", ContractID: "0002", Failure: "withdrawn", Reason: "no funds"})
	_, found, err = v.OfferState(ctx, "recovery-3")
	same(t, "no offer", found, err, false)
	yes, err := v.Preapproved(ctx, acme)
	same(t, "preapproved", yes, err, true)
	yes, err = v.Preapproved(ctx, beta)
	same(t, "not preapproved", yes, err, false)
	n.wallet = nil
	_, found, err = v.Balance(ctx)
	same(t, "no wallet", found, err, false)
}
