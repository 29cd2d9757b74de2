package sim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func app(notReady string) App {
	return App{Base: SV, ID: "sv", Version: "0.6.4", Built: "2026-01-20T10:11:12Z", Port: 5014,
		Uptime: func() time.Duration { return 90 * time.Second }, NotReady: func() string { return notReady },
		Part: func(_ context.Context, name string) error {
			if name == "mediator" {
				return errors.New("io exception")
			}
			return nil
		},
		CometBFT: func(context.Context) (CometBFT, error) { return CometBFT{ID: "ab", VotingPower: 10}, nil }}
}

// The shapes of reference/apis.md 2.2 and 2.3.
func TestShapes(t *testing.T) {
	without := app("")
	without.CometBFT = nil
	broken := app("")
	broken.CometBFT = func(context.Context) (CometBFT, error) { return CometBFT{}, errors.New("io exception") }
	for _, c := range []struct {
		name, path string
		app        App
		code       int
		body       string // JSON; empty: no body
	}{
		{"alive even when not ready", "/api/sv/livez", app("starting"), 200, ""},
		{"ready", "/api/sv/readyz", app(""), 200, ""},
		{"not ready", "/api/sv/readyz", app("starting"), 503, ""},
		{"version", "/api/sv/version", app(""), 200, `{"version":"0.6.4","commit_ts":"2026-01-20T10:11:12Z"}`},
		{"status", "/api/sv/status", app(""), 200, `{"success":{"id":"sv","uptime":"PT90S","ports":{"http":5014},"extra":null,"active":true}}`},
		{"status while it starts", "/api/sv/status", app("starting"), 200, `{"not_initialized":{"active":false}}`},
		{"sequencer", "/api/sv/v0/admin/domain/sequencer/status", app(""), 200, `{"success":{"id":"sequencer","uptime":"PT90S","ports":{},"extra":null,"active":true}}`},
		{"a mediator that is down answers 200", "/api/sv/v0/admin/domain/mediator/status", app(""), 200, `{"failed":{"error":"io.grpc.StatusRuntimeException: UNAVAILABLE: io exception"}}`},
		{"cometbft", "/api/sv/v0/admin/domain/cometbft/status", app(""), 200, `{"id":"ab","catching_up":false,"voting_power":10}`},
		{"no cometbft", "/api/sv/v0/admin/domain/cometbft/status", without, 404, `{"error":"CometBFT is not configured."}`},
		{"cometbft down", "/api/sv/v0/admin/domain/cometbft/status", broken, 503, `{"error":"io exception"}`},
	} {
		w := httptest.NewRecorder()
		c.app.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
		if w.Code != c.code {
			t.Errorf("%s: status %d, want %d", c.name, w.Code, c.code)
		}
		if c.body == "" {
			if w.Body.Len() > 0 {
				t.Errorf("%s: a body: %s", c.name, w.Body)
			}
			continue
		}
		var got, want any
		if err := errors.Join(json.Unmarshal(w.Body.Bytes(), &got), json.Unmarshal([]byte(c.body), &want)); err != nil {
			t.Fatalf("%s: %v in %s", c.name, err, w.Body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestOnlyTheSVAppTellsOfItsNodes(t *testing.T) {
	scan := app("")
	scan.Base = Scan
	w := httptest.NewRecorder()
	scan.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/scan/v0/admin/domain/cometbft/status", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

func TestBefore(t *testing.T) {
	for release, want := range map[string]bool{"0.4.9": true, "0.5.10": true, "0.6.1": true, "0.6.2": false, "0.6.10": false, "0.7.0": false, "1.0.0": false, "0.6.1-snapshot.2": true, "0.6.2-rc1": false} {
		if got := before(release, 0, 6, 2); got != want {
			t.Errorf("%s: %v", release, got)
		}
	}
}
