package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"canton.example/svrescue/svapp/sim"
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

// answering is a pod of one port, 8080, until ctx ends.
func answering(ctx context.Context, log *slog.Logger, to http.Handler) error {
	l, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: to, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	log.Info("Ready")
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
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
	if c.survivor != nil {
		return c.survivorRoutes()
	}
	m := http.NewServeMux()
	if c.role.base != "" {
		app := c.app().Handler()
		if c.joins {
			app = c.asked(app)
		}
		m.Handle(c.role.base+"/", app)
	}
	switch c.name {
	case "cometbft":
		rpc := c.rpc().Handler()
		for _, path := range []string{"/health", "/status", "/net_info"} {
			m.Handle("GET "+path, rpc)
		}
	case "participant":
		if c.joins {
			m.HandleFunc("POST /standin/bootstrap", c.become)
		}
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
	if c.roller != nil {
		c.lsuRoutes(m)
	}
	m.Handle("GET /metrics", c.metrics())
	return m
}

func page(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "<!doctype html><title>stand-in</title>\n")
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// app is this component as svapp/sim plays it, with what is true here.
func (c *component) app() sim.App {
	a := sim.App{Base: c.role.base, ID: c.name, Version: c.version, Built: "2026-01-20T10:11:12Z", Port: c.role.http[0],
		Uptime: func() time.Duration { return time.Since(c.started) }, NotReady: c.why, Part: c.part, CometBFT: c.cometbftStatus}
	if c.roller != nil && c.name == "scan-app" {
		a.Network = c.roller.network
	}
	return a
}

// part asks whether the sequencer or the mediator opens its port.
func (c *component) part(ctx context.Context, name string) error {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", c.health[name])
	if err != nil {
		return errors.New("io exception")
	}
	return conn.Close()
}

// cometbftStatus passes on the three values that the SV app takes from CometBFT (apis.md 2.3).
func (c *component) cometbftStatus(ctx context.Context) (sim.CometBFT, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "GET", c.cometbft+"/status", nil)
	if err != nil {
		return sim.CometBFT{}, err
	}
	got, err := http.DefaultClient.Do(q)
	if err != nil {
		return sim.CometBFT{}, err
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
		return sim.CometBFT{}, err
	}
	return sim.CometBFT{ID: s.Result.NodeInfo.ID, CatchingUp: s.Result.SyncInfo.CatchingUp, VotingPower: s.Result.ValidatorInfo.VotingPower}, nil
}

// metrics are those of the catch-up check (deployment.md 8.4), and the one of background automation.
func (c *component) metrics() http.Handler {
	switch c.name {
	case "sequencer", "mediator", "participant":
		return sim.Metrics{Part: c.name, Lag: c.lag, Times: c.times}.Handler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasSuffix(c.name, "-app") {
			fmt.Fprintln(w, "splice_automation_background_service_health 0")
		}
	})
}
