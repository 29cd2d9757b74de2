package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/command/config"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// drain is how long a worker that is done waits for its viewers to take the last events.
const drain = 2 * time.Second

// workerCommand is the process that does the work of a run. Front ends start it in a session of its own, without the
// terminal's descriptors, so that the end of a terminal is not its end.
func (p *program) workerCommand() *cobra.Command {
	var operator, host string
	c := &cobra.Command{Use: "worker FOLDER", Hidden: true, Args: cobra.ExactArgs(1),
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			p.config, err = config.Load(p.flags.config, false, p.Env) // what it says of logins; the run has its own of the rest
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.work(runs.Folder{Path: args[0]}, operator, host)
		}}
	c.Flags().StringVar(&operator, "operator", "", "who started it")
	c.Flags().StringVar(&host, "host", "", "where")
	return c
}

func (p *program) work(folder runs.Folder, operator, host string) error {
	unix.Umask(0o077)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // memory may hold what a manifest holds
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	quietLogs(p.Err)
	spec, err := folder.Spec()
	if err != nil {
		return err
	}
	j, past, err := journal.Open(folder.Journal())
	if errors.Is(err, journal.ErrHeld) {
		return exit(exitHeld, err)
	}
	if err != nil {
		return err
	}
	defer j.Close()
	var hashes []string
	if len(past) > 0 {
		if _, hashes, _, err = journal.Chain(folder.Journal()); err != nil {
			return err
		}
	}
	k, err := p.knows(spec, clockOf(spec, p.Clock))
	if err != nil {
		return err
	}
	m, hub, err := newMachine(spec, folder.Path, folder.Artifacts(), p.Clock, p.Boot, j, past, hashes, operator, host, k)
	if err != nil {
		return err
	}
	socket, err := folder.Socket(p.Env("XDG_RUNTIME_DIR"), os.TempDir(), os.Getuid())
	if err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !notThere(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("the worker cannot listen for front ends: %w", err)
	}
	defer os.Remove(socket)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	parkOnSignal(ctx, cancel, m)
	if err := m.Open(); err != nil {
		return err
	}
	var serving sync.WaitGroup
	hello := wire.Hello{Binary: Version(), Run: spec.ID, PID: os.Getpid()}
	serving.Go(func() {
		if err := engine.Serve(ctx, listener, hub, hello, m.Say); err != nil {
			fmt.Fprintln(p.Err, "serving front ends:", err)
		}
	})
	if err := folder.SetWorker(runs.Worker{PID: os.Getpid(), Socket: socket, Started: p.Clock.Now().UTC()}); err != nil {
		return err
	}
	runErr := m.Run(ctx)
	if err := writeReport(folder, m.View()); err != nil {
		fmt.Fprintln(p.Err, "writing the report:", err)
	}
	if m.View().Ended != nil && spec.World == wire.Simulated {
		stopWorld(folder)
	}
	hub.Close() // each viewer gets what is queued for it, then the end of its stream
	p.await(&serving, listener)
	if errors.Is(runErr, engine.ErrInterrupted) {
		return nil
	}
	return runErr
}

// await lets the viewers finish, but not for ever: one that does not read is cut off.
func (p *program) await(serving *sync.WaitGroup, listener io.Closer) {
	listener.Close()
	served := make(chan struct{})
	go func() { serving.Wait(); close(served) }()
	timer := p.Clock.NewTimer(drain)
	defer timer.Stop()
	select {
	case <-served:
	case <-timer.C():
	}
}

// parkOnSignal turns the first SIGTERM or SIGINT into parking after the running action, the second into stopping now.
func parkOnSignal(ctx context.Context, cancel context.CancelFunc, m machine) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if n > 0 || m.Say(ctx, wire.Message{Kind: wire.SayPark, By: "signal " + s.String()}) != nil {
					cancel()
				}
			}
		}
	}()
}

// writeReport puts the report into the run folder, as it stands.
func writeReport(folder runs.Folder, v wire.View) error {
	d := report.Of(v)
	data, err := marshal(d)
	if err != nil {
		return err
	}
	return errors.Join(durable.WriteFile(folder.Report("json"), data), durable.WriteFile(folder.Report("md"), []byte(report.Markdown(d))))
}

// stopWorld ends the rehearsal network of a run that has ended.
func stopWorld(folder runs.Folder) {
	address, err := rehearsal.ReadAddress(folder.World())
	if err != nil {
		return
	}
	_ = rehearsal.Stop(context.Background(), address) // it ends by itself when nobody asks it anything
}
