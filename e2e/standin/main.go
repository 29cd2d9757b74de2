// Command standin plays one component of a Super Validator node: its ports, probes, log lines and, above all, what it
// depends on. It is what the pods of the end-to-end tests run, so that a node whose data is damaged really does not
// come up, and one whose data is back really does.
//
// Ports and probes are those of reference/deployment.md 3.2 and 3.4, HTTP shapes those of reference/apis.md 2.2 and 2.3.
//
// It is told what to be by the environment:
//
//	ROLE        participant, sequencer, mediator, cometbft, sv-app, scan-app, validator-app, web-ui or info; or network, which is all others
//	BOOKS, NET  of a network: who is in it and how it acts, as JSON (rehearsal.Books, rehearsal.Net)
//	LEDGER      http://host of the network's pod. A participant tells it that it runs; with JOINS the app answers as that pod says, and
//	            the participant is one that its app makes it: PARTICIPANT host:port, POD_NAME, POD_NAMESPACE
//	VERSION     the release it claims to be
//	DATABASE    host:port/name of its database; DB_USER, DB_PASSWORD; DB_QUERY is what it must be able to read
//	NEEDS       host:port,... that must accept connections before it is ready
//	COMETBFT    http://host:port of the CometBFT RPC (sv-app); SEQUENCER, MEDIATOR host:port of their health
//	DB_INIT     what makes the tables of a database that has none; without it that is damage
//	FRESH       CometBFT begins a store where there is none
//	DATA        folder with blockstore.db (cometbft)
//	CHAIN_ID    what CometBFT calls the network; MONIKER what it calls itself
//	LAG         how far it is behind its network after a start, 0s by default; it goes through 20 s of that in a second
//	LOST_NETWORK  http://host of the pod, of ROLE lost-network and with a PLAN, that plays a network which is lost; it says how the component
//	            behaves. WORKLOAD, POD_NAME and POD_NAMESPACE are its own names
//	ROLLS       when the network ended that rolls forward to a successor synchronizer. The SV app does what its ADDITIONAL_CONFIG_... say and
//	            moves the PARTICIPANT, host:port, which is on SERIAL at first; scan lists PEERS, NAME=URL,... of their scans, the own one first
//	TERM_DELAY  how long it takes to end after SIGTERM, 0s by default
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log := newLog(os.Stdout, os.Getenv("ROLE"))
	if err := run(log); err != nil {
		log.Error(err.Error())
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if os.Getenv("ROLE") == "network" {
		n, err := newNetwork(log, os.Getenv)
		if err != nil {
			return err
		}
		return n.run(ctx)
	}
	if os.Getenv("ROLE") == "lost-network" {
		n, err := newLostNetwork(log, os.Getenv)
		if err != nil {
			return err
		}
		return n.run(ctx)
	}
	c, err := newComponent(log, os.Getenv)
	if err != nil {
		return err
	}
	delay, err := duration(os.Getenv("TERM_DELAY"))
	if err != nil {
		return fmt.Errorf("TERM_DELAY: %w", err)
	}
	log.Info("Starting", "version", c.version)
	err = c.run(ctx)
	if ctx.Err() != nil {
		log.Info("Shutting down", "signal", "SIGTERM")
		if c.survivor != nil {
			c.survivor.leave(context.WithoutCancel(ctx))
		}
		time.Sleep(delay)
		return nil
	}
	return err
}

func duration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	return time.ParseDuration(s)
}
