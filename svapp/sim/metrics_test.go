package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func after(d time.Duration, starts int) Times {
	return func() (time.Time, time.Time, int) { return start.Add(d), start, starts }
}

func TestLagShrinksWithTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		lag    Lag
		up     time.Duration
		starts int
		want   time.Duration
	}{
		{"at its start", Lag{Start: time.Hour}, 0, 0, time.Hour},
		{"twenty times as fast as the network", Lag{Start: time.Hour}, time.Minute, 0, time.Hour - 19*time.Minute},
		{"caught up", Lag{Start: time.Hour}, time.Hour, 0, time.Second},
		{"while it warms up it falls back", Lag{Start: time.Hour, Warmup: 2 * time.Minute}, time.Minute, 0, 61 * time.Minute},
		{"as fast as the network", Lag{Start: time.Hour, Rate: 1}, time.Hour, 0, time.Hour},
		{"too slow", Lag{Start: time.Hour, Rate: 0.5}, time.Hour, 0, 90 * time.Minute},
		{"stuck", Lag{Start: time.Hour, StuckUntil: 1}, time.Minute, 0, 61 * time.Minute},
		{"stuck no more", Lag{Start: time.Hour, StuckUntil: 1}, time.Hour, 1, time.Second},
		{"from its backup", Lag{From: start.Add(-5 * time.Hour)}, 0, 0, 5 * time.Hour},
		{"its own floor", Lag{Floor: 40 * time.Second}, time.Hour, 0, 40 * time.Second},
		{"a clock before its start", Lag{Start: time.Minute}, -time.Hour, 0, time.Minute},
	} {
		if got := c.lag.At(start.Add(c.up), start, c.starts); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func get(t *testing.T, m interface{ Handler() http.Handler }, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, _ := io.ReadAll(w.Result().Body)
	if w.Code != 200 {
		t.Fatalf("%s: %d %s", path, w.Code, body)
	}
	return string(body)
}

func TestMetrics(t *testing.T) {
	m := Metrics{Part: "sequencer", Lag: Lag{Start: time.Minute, Rate: 1}, Times: after(time.Hour, 0)}
	if got := get(t, m, "/metrics"); !strings.Contains(got, `daml_sequencer_block_delay{component="sequencer",node="sequencer"} 60000`+"\n") {
		t.Error(got)
	}
	if got := get(t, m, "/metrics?name[]=daml_sequencer_block_height"); strings.Contains(got, "delay") || !strings.Contains(got, "height") {
		t.Error(got)
	}
	m = Metrics{Part: "participant", Lag: Lag{Start: time.Minute, Rate: 1}, Times: after(time.Hour, 0)}
	if got := get(t, m, "/metrics"); !strings.Contains(got, `synchronizer="global"} 1.77233754E+15`) {
		t.Error(got)
	}
	m.Lag.Warmup = 2 * time.Hour
	if got := get(t, m, "/metrics"); !strings.Contains(got, `synchronizer="global"} 0E+00`) {
		t.Error(got)
	}
	m.Without = []string{"daml_sequencer_client_handler_last_sequencing_time_micros"}
	if got := get(t, m, "/metrics"); got != "" {
		t.Error(got)
	}
}

func TestComet(t *testing.T) {
	c := Comet{ID: strings.Repeat("ab", 20), Network: "testnet-0", Moniker: "Acme-SV", VotingPower: 10, Peers: 12, Lag: Lag{Start: time.Hour, StuckUntil: 1}, Times: after(0, 0)}
	var status struct {
		Result struct {
			Sync struct {
				Height     string    `json:"latest_block_height"`
				Time       time.Time `json:"latest_block_time"`
				CatchingUp bool      `json:"catching_up"`
			} `json:"sync_info"`
		} `json:"result"`
	}
	read := func() (string, time.Time, bool) {
		t.Helper()
		if err := json.Unmarshal([]byte(get(t, c, "/status")), &status); err != nil {
			t.Fatal(err)
		}
		return status.Result.Sync.Height, status.Result.Sync.Time, status.Result.Sync.CatchingUp
	}
	height, at, _ := read()
	if !at.Equal(start.Add(-time.Hour)) {
		t.Errorf("block time %s", at)
	}
	c.Times = after(time.Hour, 0)
	if later, _, catching := read(); later != height || catching {
		t.Errorf("a chain that is stuck moves from %s to %s, or says that it catches up: %v", height, later, catching)
	}
	c.Times = after(time.Minute, 1)
	if later, _, catching := read(); later <= height || !catching {
		t.Errorf("a chain that was restarted stays at %s (%s), %v", later, height, catching)
	}
	if got := get(t, c, "/net_info"); !strings.Contains(got, `"n_peers":"12"`) {
		t.Error(got)
	}
	if got := get(t, c, "/health"); !strings.Contains(got, `"result":{}`) {
		t.Error(got)
	}
}
