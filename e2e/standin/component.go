package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/svapp/sim"
)

// A role says which ports a component opens. The health port of the gRPC components is 5061 (deployment.md 3.4).
type role struct {
	grpc []int
	http []int
	base string // where its HTTP API begins
}

var roles = map[string]role{
	"participant":   {grpc: []int{5001, 5002, 5061}, http: []int{7575, 10013}},
	"sequencer":     {grpc: []int{5008, 5009, 5061}, http: []int{10013}},
	"mediator":      {grpc: []int{5007, 5061}, http: []int{10013}},
	"cometbft":      {http: []int{26656, 26657, 26660}},
	"sv-app":        {http: []int{5014, 10013}, base: "/api/sv"},
	"scan-app":      {http: []int{5012, 10013}, base: "/api/scan"},
	"validator-app": {http: []int{5003, 10013}, base: "/api/validator"},
	"web-ui":        {http: []int{8080}},
	"info":          {http: []int{8080}},
}

// component is one running stand-in.
type component struct {
	log      *slog.Logger
	name     string
	role     role
	version  string
	database *database // nil: it has none
	needs    []string
	cometbft string // RPC of CometBFT
	health   map[string]string
	chain    *chain // nil: it is not CometBFT
	started  time.Time
	lag      sim.Lag
	member   *member   // nil: it is of no network
	joins    bool      // its app is one of the network's
	survivor *survivor // nil: its network is not lost
	roller   *roller   // nil: its network does not roll forward

	mu     sync.Mutex
	reason string // why it is not ready; empty: it is
}

func newComponent(log *slog.Logger, env func(string) string) (*component, error) {
	c := &component{log: log, name: env("ROLE"), version: env("VERSION"), started: time.Now(), cometbft: env("COMETBFT"),
		health: map[string]string{"sequencer": env("SEQUENCER"), "mediator": env("MEDIATOR")}, reason: "starting"}
	var ok bool
	if c.role, ok = roles[c.name]; !ok {
		return nil, fmt.Errorf("ROLE %q is not one of the components", c.name)
	}
	var err error
	if c.lag.Start, err = duration(env("LAG")); err != nil {
		return nil, fmt.Errorf("LAG: %w", err)
	}
	if s := env("NEEDS"); s != "" {
		c.needs = strings.Split(s, ",")
	}
	if s := env("DATABASE"); s != "" {
		address, name, ok := strings.Cut(s, "/")
		if !ok {
			return nil, fmt.Errorf("DATABASE %q is not host:port/name", s)
		}
		c.database = &database{address: address, name: name, user: env("DB_USER"), password: env("DB_PASSWORD"), query: env("DB_QUERY"), init: env("DB_INIT")}
	}
	if c.name == "cometbft" {
		c.chain = &chain{folder: env("DATA"), id: env("CHAIN_ID"), moniker: env("MONIKER")}
		if env("FRESH") != "" {
			if err := c.chain.begin(); err != nil {
				return nil, err
			}
		}
	}
	if env("LEDGER") != "" {
		c.member, c.joins = newMember(env, c.name), env("JOINS") != ""
	}
	if env("LOST_NETWORK") != "" {
		c.survivor = newSurvivor(c, os.Environ())
	}
	if env("ROLLS") != "" {
		var err error
		if c.roller, err = newRoller(os.Environ()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// run serves until the context ends or something happens that a real component does not survive.
func (c *component) run(ctx context.Context) error {
	if c.chain != nil { // CometBFT opens its store before anything else
		if err := c.chain.check(); err != nil {
			return err
		}
		c.log.Info("Opened block store", "height", c.chain.height())
	}
	failed := make(chan error, 1)
	if err := c.listen(func(err error) {
		select {
		case failed <- err:
		default:
		}
	}); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		reason, err := c.look(ctx)
		if err != nil {
			return err
		}
		if reason == "" && c.joins && !c.member.joined.Load() {
			if reason, err = c.tryJoin(ctx); err != nil {
				return err
			}
		}
		if reason == "" && c.member != nil && c.name == "participant" {
			if err := c.speak(ctx, false); err != nil {
				c.log.Warn("Not told: " + err.Error())
			}
		}
		c.set(reason)
		select {
		case <-ctx.Done():
			if c.member != nil {
				c.leave(context.WithoutCancel(ctx))
			}
			return nil
		case err := <-failed:
			return err
		case <-tick.C:
		}
	}
}

// look finds out why the component cannot work now; an error is what makes it end.
func (c *component) look(ctx context.Context) (string, error) {
	if c.chain != nil {
		if err := c.chain.check(); err != nil {
			return "", err
		}
	}
	if c.database != nil {
		value, err := c.database.ask(ctx)
		var refused *serverError
		switch {
		case errors.As(err, &refused) && !refused.passing():
			return "", fmt.Errorf("database %s on %s: %w", c.database.name, c.database.address, err)
		case err != nil:
			return fmt.Sprintf("database %s is not reachable: %v", c.database.address, err), nil
		}
		c.database.note(c.log, value)
	}
	for _, address := range c.needs {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Sprintf("%s is not reachable: %v", address, err), nil
		}
		conn.Close()
	}
	if c.survivor != nil {
		return c.survivor.live(ctx)
	}
	if c.roller != nil {
		return c.roll(ctx)
	}
	return "", nil
}

// tryJoin joins the network; what does not answer yet is why it is not ready.
func (c *component) tryJoin(ctx context.Context) (string, error) {
	err := c.join(ctx)
	var away *url.Error
	if errors.As(err, &away) {
		return err.Error(), nil
	}
	return "", err
}

// set publishes the reason and logs when it changes.
func (c *component) set(reason string) {
	c.mu.Lock()
	old := c.reason
	c.reason = reason
	c.mu.Unlock()
	switch {
	case reason == old:
	case reason == "":
		c.log.Info("Ready")
	default:
		c.log.Warn("Not ready: " + reason)
	}
}

// why is the reason for which the component is not ready, empty when it is.
func (c *component) why() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// times are real ones; a component that is started again is another process.
func (c *component) times() (now, started time.Time, starts int) { return time.Now(), c.started, 0 }
