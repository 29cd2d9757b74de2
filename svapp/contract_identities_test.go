package svapp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/svapp/sim"
)

// identities is a dump in the shape of reference/apis.md 5.1, with invented keys.
func identities() any {
	node := func(id string, keys ...any) any {
		return map[string]any{"id": id, "keys": append([]any{}, keys...), "authorizedStoreSnapshot": "aW52ZW50ZWQ=", "version": "0.6.4"}
	}
	key := func(name string) any { return map[string]any{"keyPair": "Y2FuYXJ5", "name": name} }
	return map[string]any{"identities": map[string]any{"sv_party_id": acme, "dso_party_id": dsoParty, "domain_alias": "global", "domain_id": global,
		"participant": node("PAR::"+acme, key("namespace"), key("signing"), key("encryption")), "sequencer": node("SEQ::sv::1220aa"), "mediator": node("MED::sv::1220aa")}}
}

func TestIdentities(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	allow := sim.Unsafe("unsafe", unsafeAudience, func() time.Time { return noon }, "sv", "ui")
	app := sim.App{Base: sim.SV, ID: "Acme-SV", Version: "0.6.4", Allow: allow, Admin: sim.Unsafe("unsafe", unsafeAudience, func() time.Time { return noon }, "sv"), Identities: identities,
		Part: func(_ context.Context, _ string) error { return n.parts }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	as := func(user string) *svapp.SV {
		tokens, err := svapp.TokenFrom("the test", strings.NewReader(sim.UnsafeToken("unsafe", unsafeAudience, user, noon.Add(time.Hour))))
		if err != nil {
			t.Fatal(err)
		}
		s, err := svapp.NewSV(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}, Tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got, err := as("sv").Identities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i, err := dump.Read(strings.NewReader(got.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	if i.Problem() != "" || i.Shape != dump.SVDump || !i.Owner(acme) || len(i.Participant.Keys) != 3 || !i.Whole() || i.DSO != dsoParty {
		t.Errorf("%+v, %s", i, i.Problem())
	}
	// Who may act as the SV need not be a participant admin: the cheap check of a token does not prove that.
	if err := as("ui").Authorized(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = as("ui").Identities(t.Context())
	refused(t, err, svapp.Forbidden, "participant admin")
	n.parts = errors.New("io exception")
	_, err = as("sv").Identities(t.Context())
	refused(t, err, svapp.Unavailable, "io exception")
	n.parts, app.Identities = nil, nil
	_, err = as("sv").Identities(t.Context())
	refused(t, err, svapp.Server, "domain node is not configured")
	app.Identities = func() any { return map[string]any{"participant": "canary"} }
	_, err = as("sv").Identities(t.Context())
	refused(t, err, svapp.Malformed, "has no identities")
}
