package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/rehearsal"
)

// started is a network of one lost SV.
func started(t *testing.T) (*network, http.Handler) {
	t.Helper()
	books, err := json.Marshal(rehearsal.Books{Place: rehearsal.Place{SV: "Acme-SV", Hosts: "%s-sv-%02d.net", Pace: 60}})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BOOKS": string(books), "NET": `{"Silent":1}`}
	n, err := newNetwork(slog.New(slog.NewTextHandler(io.Discard, nil)), func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return n, n.routes()
}

// ask sends a request and gives the status and the body of its answer.
func ask(h http.Handler, method, target string, body any) (int, string) {
	text, _ := json.Marshal(body)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(string(text))))
	return w.Code, w.Body.String()
}

// A participant that runs while another one with the same keys does is noticed; one after the other is not, and neither are others' keys.
func TestDoubles(t *testing.T) {
	n, h := started(t)
	now := time.Now()
	n.now = func() time.Time { return now }
	doubles := func() int { return len(n.tell().Doubles) }
	says := func(pod, participant string, ended bool) {
		if code, text := ask(h, "POST", "http://network/participants", running{Namespace: "sv", Pod: pod, Participant: participant, Ended: ended}); code != http.StatusOK {
			t.Fatal(code, text)
		}
	}
	says("a", "PAR::Acme-SV::1220aa", false)
	says("other", "PAR::SV-02::1220bb", false)
	says("empty", "", false)
	says("empty-too", "", false)
	if doubles() != 0 {
		t.Fatalf("doubles: %v", n.doubles)
	}
	now = now.Add(silent) // a has died
	says("b", "PAR::Acme-SV-recovery::1220aa", false)
	says("b", "PAR::Acme-SV-recovery::1220aa", true)
	says("c", "PAR::Acme-SV-recovery::1220aa", false)
	if doubles() != 0 {
		t.Fatalf("one after the other: %v", n.doubles)
	}
	says("a", "PAR::Acme-SV::1220aa", false)
	says("c", "PAR::Acme-SV-recovery::1220aa", false)
	if doubles() != 2 { // each finds the other
		t.Fatalf("both run: %v", n.doubles)
	}
}

// Apps answer as the ledger says, by what they were given: a validator with the lost SV's identities gets its wallet once that is voted out, and one
// without them gets nothing. Other SVs' scans are told by their hosts.
func TestApps(t *testing.T) {
	n, h := started(t)
	if code, text := ask(h, "GET", "http://scan-sv-02.net/api/scan/v0/dso", nil); code != http.StatusOK || !strings.Contains(text, n.books.Place.Lost()) {
		t.Errorf("a scan: %d %s", code, text)
	}
	if code, _ := ask(h, "GET", "http://scan-sv-01.net/api/scan/v0/dso", nil); code != http.StatusNotFound {
		t.Errorf("a silent scan: %d", code)
	}
	backup, _, err := n.books.Place.Identities()
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Identities struct{ Participant json.RawMessage }
	}
	if err := json.Unmarshal(backup, &whole); err != nil {
		t.Fatal(err)
	}
	pod := func(container, content string) sim.Pod {
		p := sim.Pod{Namespace: "validator", Name: container + "-0", Container: container, Owner: container, Started: time.Now(),
			Env: map[string]string{rehearsal.ServerVar: "7", rehearsal.DatabaseVar: "participant_0", rehearsal.IdentifierVar: "new", rehearsal.HintVar: "Acme-SV", rehearsal.MigrateVar: "true", rehearsal.AudienceVar: "aud"}}
		if content != "" {
			p.Files = map[string]map[string]string{rehearsal.DumpMount: {"content": content}}
		}
		return p
	}
	join := func(p sim.Pod) (how joined) {
		code, text := ask(h, "POST", "http://network/pods", p)
		if err := json.Unmarshal([]byte(text), &how); code != http.StatusOK || err != nil {
			t.Fatalf("%d %s: %v", code, text, err)
		}
		return how
	}
	join(pod("participant", ""))
	if how := join(pod("validator-app", string(backup))); how.Workload == nil || how.Workload.Crash == nil {
		t.Errorf("a dump that is not the bare one is taken: %+v", how)
	}
	how := join(pod("validator-app", string(whole.Identities.Participant)))
	if how.Workload == nil || how.Workload.Crash != nil || !strings.HasPrefix(how.Participant, "PAR::new::") {
		t.Fatalf("the bare dump is not taken: %+v", how)
	}
	w := httptest.NewRecorder()
	q := httptest.NewRequest("GET", "http://network/app/validator/validator-app-0/api/validator/v0/wallet/user-status", nil)
	q.Header.Set("Authorization", "Bearer "+rehearsal.Token("aud"))
	h.ServeHTTP(w, q)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), n.books.Place.Lost()) {
		t.Errorf("the wallet: %d %s", w.Code, w.Body)
	}
	if code, _ := ask(h, "DELETE", "http://network/pods/validator/validator-app-0", nil); code != http.StatusOK {
		t.Error(code)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, q)
	if strings.Contains(w.Body.String(), n.books.Place.Lost()) {
		t.Errorf("an app that has ended has a wallet: %s", w.Body)
	}
}
