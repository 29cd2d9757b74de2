package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// listen opens every port of the role; failed is told when one of them ends.
func (c *component) listen(failed func(error)) error {
	serve := func(ports []int, serve func(net.Listener) error) error {
		for _, port := range ports {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			go func() { failed(serve(l)) }()
		}
		return nil
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, &healthServer{Server: health.NewServer(), component: c})
	if err := serve(c.role.grpc, server.Serve); err != nil {
		return err
	}
	web := &http.Server{Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second}
	return serve(c.role.http, web.Serve)
}

// healthServer answers by what the component knows of itself. A node that is not ready is alive all the same.
type healthServer struct {
	*health.Server
	component *component
}

func (h *healthServer) Check(_ context.Context, q *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	switch q.GetService() {
	case "liveness":
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	case "":
		if h.component.why() != "" {
			return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}, nil
		}
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}
	return nil, status.Errorf(codes.NotFound, "unknown service %q", q.GetService())
}

func (c *component) routes() http.Handler {
	m := http.NewServeMux()
	if base := c.role.base; base != "" {
		m.HandleFunc("GET "+base+"/livez", func(http.ResponseWriter, *http.Request) {})
		m.HandleFunc("GET "+base+"/readyz", func(w http.ResponseWriter, _ *http.Request) {
			if c.why() != "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		m.HandleFunc("GET "+base+"/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, c.nodeStatus()) })
		m.HandleFunc("GET "+base+"/version", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, map[string]any{"version": c.version, "commit_ts": "2026-01-20T10:11:12Z"})
		})
	}
	switch c.name {
	case "sv-app":
		m.HandleFunc("GET /api/sv/v0/admin/domain/cometbft/status", c.cometbftStatus)
		for _, part := range []string{"sequencer", "mediator"} {
			m.HandleFunc("GET /api/sv/v0/admin/domain/"+part+"/status", func(w http.ResponseWriter, r *http.Request) {
				answer(w, c.partStatus(part))
			})
		}
	case "cometbft":
		rpc := func(result func() any) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				answer(w, map[string]any{"jsonrpc": "2.0", "id": -1, "result": result()})
			}
		}
		m.HandleFunc("GET /health", rpc(func() any { return struct{}{} }))
		m.HandleFunc("GET /status", rpc(func() any { return c.chain.status(time.Since(c.started), c.behind()) }))
	case "participant":
		m.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
		m.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
			if c.why() != "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
	case "info":
		m.HandleFunc("GET /runtime/status.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"status": 0}) })
		m.HandleFunc("GET /", page)
	case "web-ui":
		m.HandleFunc("GET /", page)
	}
	m.HandleFunc("GET /metrics", c.metrics)
	return m
}

func page(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "<!doctype html><title>stand-in</title>\n")
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// nodeStatus is the NodeStatus union of apis.md 2.2.
func (c *component) nodeStatus() any {
	if c.why() != "" {
		return map[string]any{"not_initialized": map[string]any{"active": false}}
	}
	return map[string]any{"success": map[string]any{"id": c.name, "uptime": fmt.Sprintf("PT%dS", int(time.Since(c.started).Seconds())),
		"ports": map[string]any{"http": c.role.http[0]}, "active": true}}
}

// partStatus is what the SV app says of its sequencer or mediator: 200 with "failed" inside when it is down.
func (c *component) partStatus(part string) any {
	conn, err := net.DialTimeout("tcp", c.health[part], time.Second)
	if err != nil {
		return map[string]any{"failed": map[string]any{"error": "io.grpc.StatusRuntimeException: UNAVAILABLE: io exception"}}
	}
	conn.Close()
	return map[string]any{"success": map[string]any{"id": part, "uptime": "PT1M", "ports": map[string]any{}, "active": true}}
}

// cometbftStatus passes on the three values that the SV app takes from CometBFT (apis.md 2.3).
func (c *component) cometbftStatus(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(map[string]any{"error": err.Error()})
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "GET", c.cometbft+"/status", nil)
	if err != nil {
		fail(err)
		return
	}
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		fail(err)
		return
	}
	defer got.Body.Close()
	var s struct {
		Result struct {
			NodeInfo struct {
				ID string `json:"id"`
			} `json:"node_info"`
			SyncInfo struct {
				CatchingUp bool `json:"catching_up"`
			} `json:"sync_info"`
			ValidatorInfo struct {
				VotingPower int `json:"voting_power,string"`
			} `json:"validator_info"`
		} `json:"result"`
	}
	if err := json.NewDecoder(got.Body).Decode(&s); err != nil {
		fail(err)
		return
	}
	answer(w, map[string]any{"id": s.Result.NodeInfo.ID, "catching_up": s.Result.SyncInfo.CatchingUp, "voting_power": s.Result.ValidatorInfo.VotingPower})
}

// metrics are the three gauges of the catch-up check (deployment.md 8.4) and the one of background automation.
func (c *component) metrics(w http.ResponseWriter, _ *http.Request) {
	behind := c.behind()
	switch c.name {
	case "sequencer":
		fmt.Fprintf(w, "daml_sequencer_block_delay %d\n", behind.Milliseconds())
	case "participant", "mediator":
		fmt.Fprintf(w, "daml_sequencer_client_handler_last_sequencing_time_micros %d\n", time.Now().Add(-behind).UnixMicro())
	case "sv-app", "scan-app", "validator-app":
		fmt.Fprintln(w, "splice_automation_background_service_health 0")
	}
}
