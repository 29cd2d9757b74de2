package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// part is a component of a node that rolls forward.
func part(t *testing.T, role string, env ...string) *component {
	t.Helper()
	r, err := newRoller(append([]string{"ROLLS=2026-01-02T03:04:05Z", "PEERS=Acme-SV=,Beta-SV=http://beta"}, env...))
	if err != nil {
		t.Fatal(err)
	}
	return &component{log: slog.New(slog.NewTextHandler(io.Discard, nil)), name: role, role: roles[role], version: "0.7.5", started: time.Now(), roller: r}
}

func synchronizerOf(name, host string) string {
	return fmt.Sprintf("ADDITIONAL_CONFIG_SV_DOMAIN_%s=canton.sv-apps.sv.local-synchronizer-nodes.%s {\n  sequencer {\n    admin-api {\n      address = %q\n    }\n  }\n  mediator {\n    admin-api {\n      address = %q\n    }\n  }\n}\n", strings.ToUpper(name), name, host, host)
}

// The SV app does not start to roll forward without what upstream's needs, waits for nodes that are not there, and does nothing when it is not told to.
func TestRoll(t *testing.T) {
	const rolls = "ADDITIONAL_CONFIG_SV_ONBOARDING=_onboarding {\n  type = \"roll-forward-lsu\"\n  new-physical-synchronizer-serial = 4\n}\n"
	const nowhere = "127.255.255.254"
	export := "ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH=canton.sv-apps.sv.domain-migration-dump-path = \"" + t.TempDir() + "/dump.json\""
	for _, c := range []struct {
		name        string
		env         []string
		waits, ends string
	}{
		{"it is not told", []string{"ADDITIONAL_CONFIG_SV_ONBOARDING=_onboarding {\n  type = \"join-with-key\"\n}\n"}, "", ""},
		{"no legacy synchronizer", []string{rolls, export, synchronizerOf("current", nowhere)}, "", "Legacy node must be set"},
		{"nowhere to export to", []string{rolls, synchronizerOf("legacy", nowhere), synchronizerOf("current", nowhere)}, "", "Domain migration dump path must be set"},
		{"the old sequencer is away", []string{rolls, export, synchronizerOf("legacy", nowhere), synchronizerOf("current", nowhere)}, nowhere + ":5009 is not reachable", ""},
	} {
		waits, err := part(t, "sv-app", c.env...).roll(t.Context())
		if !strings.Contains(waits, c.waits) || (waits == "") != (c.waits == "") || (err == nil) != (c.ends == "") || err != nil && !strings.Contains(err.Error(), c.ends) {
			t.Errorf("%s: waits %q, ends with %v", c.name, waits, err)
		}
	}
	if left, err := os.ReadDir(strings.TrimSuffix(strings.SplitN(export, `"`, 3)[1], "/dump.json")); err != nil || len(left) > 0 {
		t.Errorf("it has exported %v, %v", left, err)
	}
}

// A participant goes where something answers, and scan tells it and lists the sequencers of the successor from then on.
func TestScanTellsWhereTheParticipantIs(t *testing.T) {
	participant := http.NewServeMux()
	part(t, "participant", "SERIAL=3").lsuRoutes(participant)
	web := httptest.NewServer(participant)
	t.Cleanup(web.Close)
	address := strings.TrimPrefix(web.URL, "http://")
	scan := part(t, "scan-app", "PARTICIPANT="+address)
	for _, c := range []struct {
		to     string
		serial string
		lists  bool
	}{{"127.255.255.254:5008", `{"serial":3}`, false}, {address, `{"serial":4}`, true}} {
		scan.roller.move(t.Context(), moved{Serial: 4, Sequencer: c.to})
		if code, got := ask(scan.routes(), http.MethodGet, "/api/scan/v0/active-synchronizer-serial", nil); code != http.StatusOK || strings.TrimSpace(got) != c.serial {
			t.Errorf("%s: scan says %d %s", c.to, code, got)
		}
		if code, got := ask(scan.routes(), http.MethodGet, "/api/scan/v0/dso-sequencers", nil); code != http.StatusOK || strings.Contains(got, "https://sequencer-4.beta-sv.example.invalid") != c.lists {
			t.Errorf("%s: scan lists %d %s", c.to, code, got)
		}
	}
	if code, got := ask(scan.routes(), http.MethodGet, "/api/scan/v0/scans", nil); code != http.StatusOK || !strings.Contains(got, "http://beta") || strings.Contains(got, "Acme-SV") {
		t.Errorf("scan lists the scans %d %s", code, got)
	}
}
