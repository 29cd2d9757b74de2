package svapp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

// What scan tells of upgrades has the shape of upstream's scan.yaml at 043b2765; releases without the endpoints answer as absent routes do.
func TestUpgrades(t *testing.T) {
	answers := map[string]string{
		"/api/scan/v0/lsu":                        `{"lsu":{"topologyFreezeTime":"2026-10-05T12:00:00Z","upgradeTime":"2026-10-05T14:00:00+02:00","successorPhysicalSynchronizerId":"global-domain::1220dd::34-5"}}`,
		"/api/scan/v0/roll-forward-lsu":           `{"rollForwardLsu":{"upgradeTime":"2026-10-05T12:00:00Z","currentPhysicalSynchronizerId":"global-domain::1220dd::34-4","successorPhysicalSynchronizerId":"global-domain::1220dd::34-6"}}`,
		"/api/scan/v0/active-synchronizer-serial": `{"serial":6}`,
		"/api/scan/v0/dso-sequencers": `{"domainSequencers":[{"domainId":"global-domain::1220dd","sequencers":[
			{"migrationId":-1,"synchronizerSerial":6,"id":"SEQ::acme::1220aa","url":"https://sequencer-6.example.org","svName":"Acme-SV","availableAfter":"2026-10-05T12:00:00Z"}]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			text = `{"error":"The requested resource could not be found."}`
		}
		w.Write([]byte(text))
	}))
	defer server.Close()
	s, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	up, found, err := s.Upgrade(t.Context())
	same(t, "upgrade", up, err, svapp.Upgrade{Freeze: at, At: at, Successor: "global-domain::1220dd::34-5"})
	if !found {
		t.Error("no upgrade")
	}
	roll, found, err := s.RollForward(t.Context())
	same(t, "roll forward", roll, err, svapp.RollForward{At: at, Current: "global-domain::1220dd::34-4", Successor: "global-domain::1220dd::34-6"})
	if !found {
		t.Error("no roll forward")
	}
	serial, err := s.Serial(t.Context())
	same(t, "serial", serial, err, 6)
	list, err := s.Sequencers(t.Context())
	if err != nil || len(list) != 1 || list[0].Serial == nil || *list[0].Serial != 6 || list[0].MigrationID != -1 {
		t.Errorf("the sequencers are %+v, %v", list, err)
	}
	answers["/api/scan/v0/lsu"], answers["/api/scan/v0/roll-forward-lsu"], answers["/api/scan/v0/active-synchronizer-serial"] = "{}", "{}", "{}"
	if _, found, err := s.Upgrade(t.Context()); found || err != nil {
		t.Errorf("an upgrade that is not announced: %v, %v", found, err)
	}
	if _, found, err := s.RollForward(t.Context()); found || err != nil {
		t.Errorf("nothing to roll forward to: %v, %v", found, err)
	}
	if _, err := s.Serial(t.Context()); svapp.KindOf(err) != svapp.Malformed {
		t.Errorf("no serial: %v", err)
	}
	delete(answers, "/api/scan/v0/lsu")
	if _, _, err := s.Upgrade(t.Context()); err == nil {
		t.Error("a release without the endpoint is taken for one without an upgrade")
	}
}

// A simulated scan tells of upgrades in that shape, from the release on that has the endpoints.
func TestUpgradesOfASimulatedScan(t *testing.T) {
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	n := &served{network: network(), release: "0.7.5"}
	n.network.Upgrade = &sim.Upgrade{Freeze: at, At: at, Successor: "global-domain::1220dd::34-5"}
	n.network.RollForward = &sim.RollForward{At: at, Current: "global-domain::1220dd::34-4", Successor: "global-domain::1220dd::34-6"}
	n.network.Serial = 4
	n.network.Physical = []sim.Physical{{SV: "Acme-SV", ID: "SEQ::acme::1220aa", URL: "https://sequencer-6.example.org", Serial: 6, Available: at}}
	s := n.scan(t)
	up, _, err := s.Upgrade(t.Context())
	same(t, "upgrade", up, err, svapp.Upgrade{Freeze: at, At: at, Successor: "global-domain::1220dd::34-5"})
	roll, _, err := s.RollForward(t.Context())
	same(t, "roll forward", roll, err, svapp.RollForward{At: at, Current: "global-domain::1220dd::34-4", Successor: "global-domain::1220dd::34-6"})
	serial, err := s.Serial(t.Context())
	same(t, "serial", serial, err, 4)
	list, err := s.Sequencers(t.Context())
	if err != nil || len(list) == 0 || list[len(list)-1].Serial == nil || *list[len(list)-1].Serial != 6 {
		t.Errorf("the sequencers are %+v, %v", list, err)
	}
	n.network.Upgrade = nil
	if _, found, err := s.Upgrade(t.Context()); found || err != nil {
		t.Errorf("an upgrade that is not announced: %v, %v", found, err)
	}
	n.release = "0.6.4"
	if _, _, err := n.scan(t).Upgrade(t.Context()); err == nil {
		t.Error("a release without the endpoint answers")
	}
}
