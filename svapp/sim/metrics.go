package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Times are when a component runs: now, when its container started, and how often it had started before. They are asked anew for
// each request.
type Times func() (now, started time.Time, starts int)

// Metrics serves what Canton components tell on port 10013, in Prometheus' text format. The parameter name[] chooses metrics, as the
// exporter of the real ones does.
type Metrics struct {
	Part  string // "sequencer", "mediator" or "participant"
	Lag   Lag
	Times Times
	// Without are metrics that this component does not have.
	Without []string
	// Members are those whose acknowledgements a sequencer knows, by their IDs: each has just acknowledged what the sequencer has got to.
	Members []string
	// Synchronizer is the label of what a client is connected to; "global" where empty.
	Synchronizer string
}

// blockTime is how much network time a block stands for.
const blockTime = time.Second

// blocks numbers the blocks of a network that began before any simulated world, those of tests included.
func blocks(at time.Time) int64 {
	return int64(at.Sub(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)) / blockTime)
}

// Handler serves the metrics.
func (m Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		wanted := r.URL.Query()["name[]"]
		for _, s := range m.series() {
			if slices.Contains(m.Without, s.name) || len(wanted) > 0 && !slices.Contains(wanted, s.name) {
				continue
			}
			fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s{%s} %s\n", s.name, s.help, s.name, s.name, s.labels, s.value)
		}
	})
	return mux
}

type series struct{ name, help, labels, value string }

// series are the metrics as they stand now. A sequencer's delay is 0 until it has processed a block, and a client's time too, as those
// of the real ones are.
func (m Metrics) series() []series {
	now, started, starts := m.Times()
	reached := m.Lag.Reached(now, started, starts)
	idle := now.Sub(started) < m.Lag.Warmup || starts < m.Lag.StuckUntil
	labels := fmt.Sprintf("component=%q,node=%q", m.Part, m.Part)
	if m.Part == "sequencer" {
		delay, height := now.Sub(reached).Milliseconds(), blocks(reached)
		if idle {
			delay, height = 0, 0
		}
		all := []series{
			{"daml_sequencer_block_delay", "The block processing delay in milliseconds, relative to wall clock", labels, fmt.Sprint(delay)},
			{"daml_sequencer_block_height", "Current block height processed", labels, fmt.Sprint(height)},
		}
		if !idle {
			for _, m := range m.Members {
				all = append(all, series{"daml_sequencer_block_acknowledgments_micros", "Acknowledgments by senders in Micros", labels + fmt.Sprintf(",sender=%q", m),
					strconv.FormatFloat(float64(reached.UnixMicro()), 'E', -1, 64)})
			}
		}
		return all
	}
	synchronizer := m.Synchronizer
	if synchronizer == "" {
		synchronizer = "global"
	}
	micros := reached.UnixMicro()
	if idle {
		micros = 0
	}
	return []series{{"daml_sequencer_client_handler_last_sequencing_time_micros", "The sequencing time of the last event",
		labels + fmt.Sprintf(",synchronizer=%q", synchronizer), strconv.FormatFloat(float64(micros), 'E', -1, 64)}}
}
