package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
	"golang.org/x/sys/unix"
)

// front shows a run, however it is begun: link makes the connection to its worker.
type front struct {
	folder  runs.Folder
	doing   string // what link does
	link    func(context.Context) (*engine.Client, error)
	answers linear.Answerer // nil: a person answers
	again   bool            // the run is come back to
}

// seen is what a front end last saw of a run.
type seen struct {
	wire.View
	told bool // the operator was told how the run stands and how to come back to it
	gone bool // and that its worker is gone
}

// show runs the front end that fits the terminal and returns what it last saw.
func (p *program) show(ctx context.Context, f front) (seen, error) {
	risk := ""
	if p.Files != nil {
		risk = logout(p.Files, loginName(p.Env))
	}
	if risk != "" {
		fmt.Fprintf(p.Err, "svrescue: do not log out yet: %s\n", risk)
	}
	if f.answers == nil && p.interactive() && !p.flags.linear && !p.theme.Plain {
		result, err := wizard.Run(ctx, wizard.Options{
			Connect: func(ctx context.Context) (wizard.Source, error) { return f.link(ctx) },
			Doing:   f.doing, In: p.In, Out: p.Out, Clock: p.Clock, Theme: theme.New(p.theme), Operator: p.operator(),
			Report: "svrescue report " + f.folder.ID() + p.runDirFlag(),
			Attach: "svrescue attach " + f.folder.ID() + p.runDirFlag(), Resume: "svrescue resume " + f.folder.ID() + p.runDirFlag(), Risk: risk,
		})
		return seen{result.View, result.Told, result.Gone}, err
	}
	client, err := f.link(ctx)
	if err != nil {
		return seen{}, err
	}
	defer client.Close()
	if why := client.Watching(); why != "" && f.answers != nil {
		return seen{}, exit(exitHeld, fmt.Errorf("the answers are not given: %s. Attach with the version that started it", why))
	}
	o := linear.Options{Source: client, Out: p.Out, Answers: f.answers, Operator: p.operator(), Brief: f.again,
		Come: "svrescue attach " + f.folder.ID() + p.runDirFlag()}
	if p.flags.takeOver != "" {
		o.Answers = &takingOver{name: p.flags.takeOver, others: f.answers}
	}
	if p.json() {
		o.Out = p.Err
	}
	if f.answers == nil && client.Watching() == "" {
		o.In = linear.NewPrompter(p.In)
		if isTerminal(p.In) {
			o.Interrupts = p.interrupts
			o.In.Hide = linear.HideOn(p.In)
			o.In.Flush = func() { _ = unix.IoctlSetInt(int(p.In.Fd()), unix.TCFLSH, unix.TCIFLUSH) }
		}
	}
	view, err := linear.Run(ctx, o)
	if err == nil && view.Ended == nil && view.Parked == "" {
		p.awaitEnd(ctx, f.folder) // its stream has ended, so its worker has, or is about to
		if view.Halted == nil {
			err = errGone
		}
	}
	return seen{View: view}, err
}

// awaitEnd waits, but not for long, until nobody holds the run.
func (p *program) awaitEnd(ctx context.Context, folder runs.Folder) {
	deadline := p.Clock.Now().Add(ending)
	for {
		if held, err := journal.Held(folder.Journal()); err != nil || !held || p.Clock.Now().After(deadline) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-p.Clock.After(20 * time.Millisecond):
		}
	}
}

// runDirFlag repeats --run-dir in commands that are shown, where it was given.
func (p *program) runDirFlag() string {
	if p.flags.runDir == "" {
		return ""
	}
	return " --run-dir " + p.config.RunDir
}

func (p *program) operator() string {
	for _, name := range []string{p.config.Operator, p.Env("SUDO_USER"), p.Env("USER"), p.Env("LOGNAME")} {
		if name != "" {
			return name
		}
	}
	if account, err := user.Current(); err == nil {
		return account.Username // no login shell: cron, a container
	}
	return "unknown operator"
}

// loginName is the account that is logged in, as the login has set it.
func loginName(env func(string) string) string {
	if account, err := user.Current(); err == nil {
		return account.Username
	}
	return env("LOGNAME")
}

// outcome turns what was last seen of a run into the exit code, and tells on stderr where it stands, unless the front end has.
func (p *program) outcome(folder runs.Folder, v seen, err error) error {
	say := func(format string, args ...any) {
		if !v.told {
			fmt.Fprintf(p.Err, "svrescue: "+format+"\n", args...)
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return told(exitParked) // the linear front end has said how to come back
	case errors.Is(err, context.Canceled):
		return told(exitInterrupted)
	case errors.Is(err, errGone):
		return p.gone(folder)
	case err != nil:
		return err
	case v.Ended != nil:
		say("%s; the report is %s", v.Ended.Outcome, folder.Report("md"))
		switch v.Ended.Outcome {
		case wire.Recovered, wire.Rehearsed:
			return nil
		case wire.Refused:
			return told(exitRefused)
		}
		return told(exitFailed)
	case v.Halted != nil && v.Parked == "" && v.told:
		return told(exitFailed)
	case v.Halted != nil && v.Parked == "":
		return exit(exitFailed, &steps.Problem{Tried: v.Halted.Tried, Seen: v.Halted.Seen, Next: v.Halted.Next})
	case v.Parked != "":
		say("parked: %s. Go on with: svrescue resume %s%s", v.Parked, folder.ID(), p.runDirFlag())
		if v.Lease.State == wire.LeaseForeign {
			if held := v.Lease.Sentence(); !strings.Contains(v.Parked, held) {
				say("%s", held)
			}
			return told(exitHeld)
		}
		return told(exitParked)
	}
	if v.told && v.gone {
		return told(exitFailed) // its journal may be held a moment longer than its socket was open
	}
	held, heldErr := journal.Held(folder.Journal())
	if heldErr == nil && held {
		say("the run goes on without this terminal. Come back with: svrescue attach %s%s", folder.ID(), p.runDirFlag())
		return told(exitParked)
	}
	return p.gone(folder) // a front end that was left before may have said that the work goes on
}

// errGone says that the worker ended without saying how the run stands.
var errGone = errors.New("the worker is gone")

func (p *program) gone(folder runs.Folder) error {
	return exit(exitFailed, fmt.Errorf("the worker of run %s is gone; the journal says where it stood. Go on with: svrescue resume %s%s",
		folder.ID(), folder.ID(), p.runDirFlag()))
}

// dial reaches the worker of a run. fs.ErrNotExist: there is none. Any other error means that one holds the run.
func (p *program) dial(folder runs.Folder) (*engine.Client, error) {
	held, err := journal.Held(folder.Journal())
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, fs.ErrNotExist
	}
	w, err := folder.Worker()
	if err != nil {
		return nil, mute(folder, w, err)
	}
	conn, err := net.Dial("unix", w.Socket)
	if err != nil {
		return nil, mute(folder, w, err)
	}
	_ = conn.SetDeadline(p.Clock.Now().Add(greeting)) // a Unix socket can
	client, err := engine.Connect(conn, wire.Hello{Binary: Version(), Run: folder.ID(), Watch: p.flags.watch})
	var mismatch *wire.MismatchError
	switch {
	case errors.As(err, &mismatch):
		return nil, exit(exitHeld, err)
	case err != nil:
		conn.Close()
		return nil, mute(folder, w, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return client, nil
}

// reach is dial with patience for a worker that is about to end: it answers no more, but still holds the run.
func (p *program) reach(ctx context.Context, folder runs.Folder) (*engine.Client, error) {
	deadline := p.Clock.Now().Add(ending)
	for {
		client, err := p.dial(folder)
		var problem *steps.Problem
		if !errors.As(err, &problem) || p.Clock.Now().After(deadline) {
			return client, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.Clock.After(20 * time.Millisecond):
		}
	}
}

// ending is how long a worker that ends may still hold its run: a little longer than it waits for its viewers.
const ending = drain + time.Second

// greeting is how long a worker may take to say who it is.
const greeting = 5 * time.Second

// mute says that a process holds a run and cannot be talked to.
func mute(folder runs.Folder, w runs.Worker, err error) error {
	who := "a worker"
	if w.PID > 0 {
		who = fmt.Sprintf("worker process %d", w.PID)
	}
	return exit(exitHeld, &steps.Problem{Tried: "connecting to the worker of run " + folder.ID(), // without Err: a missing socket is no missing worker
		Seen: who + " holds the run and does not answer: " + err.Error(),
		Next: "Wait a moment and try again. If it stays so, end that process (it parks at SIGTERM, after what it does) and: svrescue resume " + folder.ID()})
}

// work starts a worker for the run and connects to it.
func (p *program) startWorker(ctx context.Context, folder runs.Folder) (*engine.Client, error) {
	args := []string{"worker", folder.Path, "--operator", p.operator(), "--host", hostname()}
	if at := cmp.Or(p.flags.config, p.Env("SVRESCUE_CONFIG")); at != "" {
		abs, err := filepath.Abs(at) // the worker runs elsewhere
		if err != nil {
			return nil, err
		}
		args = append(args, "--config", abs)
	}
	child, err := p.spawn(folder.WorkerLog(), args...)
	if err != nil {
		return nil, err
	}
	var client *engine.Client
	err = p.waitFor(ctx, child, "starting the worker of run "+folder.ID(), folder.WorkerLog(), func() bool {
		if w, err := folder.Worker(); err != nil || w.PID != child.pid {
			return false
		}
		client, err = p.dial(folder)
		return err == nil
	})
	var c coded
	if errors.As(err, &c) && c.code == exitHeld {
		return nil, exit(exitHeld, &steps.Problem{Tried: "taking up run " + folder.ID(), Seen: "another process was faster and holds it",
			Next: "Look at it with: svrescue attach " + folder.ID() + p.runDirFlag()})
	}
	return client, err
}
