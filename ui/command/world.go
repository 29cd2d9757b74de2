package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// worldCommand is the process that is the simulated network of a rehearsal.
func (p *program) worldCommand() *cobra.Command {
	return &cobra.Command{Use: "world FOLDER", Hidden: true, Args: cobra.ExactArgs(1),
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			unix.Umask(0o077)
			quietLogs(p.Err)
			folder := runs.Folder{Path: args[0]}
			spec, err := folder.Spec()
			if err != nil {
				return err
			}
			scenario, err := rehearsal.Find(spec.Scenario)
			if err != nil {
				return err
			}
			token, err := randomText(24)
			if err != nil {
				return err
			}
			return rehearsal.Serve(cmd.Context(), scenario, clockOf(spec, p.Clock), p.Clock, spec.Seed, token, folder.World())
		}}
}

// startWorld starts the network of a rehearsal and waits until it answers.
func (p *program) startWorld(ctx context.Context, folder runs.Folder) error {
	child, err := p.spawn(folder.Path+"/world.log", "world", folder.Path)
	if err != nil {
		return err
	}
	return p.waitFor(ctx, child, "starting the rehearsal network", folder.Path+"/world.log", func() bool {
		address, err := rehearsal.ReadAddress(folder.World())
		return err == nil && rehearsal.Alive(ctx, address)
	})
}

// worldAlive says whether the network of a rehearsal still answers.
func worldAlive(ctx context.Context, folder runs.Folder) bool {
	address, err := rehearsal.ReadAddress(folder.World())
	return err == nil && rehearsal.Alive(ctx, address)
}

// startPatience is how long a child process may take until it is reached; startLook how often it is looked for.
const (
	startPatience = 30 * time.Second
	startLook     = 10 * time.Millisecond
)

// waitFor waits until up, or tells how the child ended.
func (p *program) waitFor(ctx context.Context, child *child, doing, log string, up func() bool) error {
	deadline := p.Clock.Now().Add(startPatience)
	for {
		if up() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-child.ended:
			if up() {
				return nil
			}
			return child.failure(doing, log)
		case <-p.Clock.After(startLook):
		}
		if p.Clock.Now().After(deadline) {
			return fmt.Errorf("%s: it did not answer within %s; what it said is in %s (process %d)", doing, startPatience, log, child.pid)
		}
	}
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown host"
	}
	return name
}
