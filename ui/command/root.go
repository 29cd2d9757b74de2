// Package command holds the commands: one file for each, which parses, calls and prints. It also wires the real clients
// into the steps; nothing above it does.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/ui/command/config"
	"canton.example/svrescue/ui/theme"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// System is what the program may use of the machine; main passes the real one.
type System struct {
	In       *os.File
	Out, Err *os.File
	Env      func(string) string
	Clock    clock.WithTicker
	Boot     func() time.Duration // the time since the machine started, suspend included
	Files    fs.FS                // the root of the file system, where the system's own settings are read; nil: they are not
}

// Exit codes; each command's help repeats those that it uses.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitRefused      = 3
	exitParked       = 4
	exitHeld         = 5
	exitUndetermined = 6
	exitInterrupted  = 130
)

// coded is an error with its exit code. silent: it was told already.
type coded struct {
	code   int
	silent bool
	error
}

func (c coded) Unwrap() error { return c.error }

func exit(code int, err error) error { return coded{code: code, error: err} }

// told ends with a code and no further words.
func told(code int) error {
	return coded{code: code, silent: true, error: fmt.Errorf("exit code %d", code)}
}

// program is what the commands share.
type program struct {
	System
	flags  flags
	config config.Config
	// newConfig says that the file which is named as the configuration may be missing: it is to be written.
	newConfig bool
	// defaultRuns says that nobody named the folder of runs.
	defaultRuns bool
	theme       theme.Abilities
	// interrupts are presses of ctrl+c that the listener is to see to.
	interrupts <-chan struct{}
}

type flags struct {
	config, kubeconfig, context, namespace, runDir string
	format, output, answers, dumps, record         string
	values, charts                                 string // of a lost node
	takeOver                                       string
	dryRun, linear, noColor, watch                 bool
}

// Main runs the command line and returns the exit code.
func Main(args []string, sys System) int {
	p := &program{System: sys}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(sys.In)
	root.SetOut(sys.Out)
	root.SetErr(sys.Err)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.interrupts = interrupts(ctx, cancel)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := codeOf(ctx, err)
	var c coded
	if !errors.As(err, &c) || !c.silent {
		fmt.Fprintln(sys.Err, "svrescue: "+sentence(err))
	}
	return code
}

// interrupts passes SIGINT to whoever listens at that moment, and where nobody does, it ends the context.
func interrupts(ctx context.Context, cancel context.CancelFunc) <-chan struct{} {
	signals, heard := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case heard <- struct{}{}:
			default:
				cancel()
			}
		}
	}()
	return heard
}

func codeOf(ctx context.Context, err error) int {
	var c coded
	var problem *steps.Problem
	switch {
	case errors.As(err, &c):
		return c.code
	case ctx.Err() != nil:
		return exitInterrupted
	case kube.KindOf(err) == kube.Setup:
		return exitUsage
	case errors.As(err, &problem):
		return exitFailed
	}
	var bad *usageError
	if errors.As(err, &bad) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line or a configuration that is wrong.
type usageError struct{ error }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// sentence is an error as it is told: what was tried, what was seen, what to do next.
func sentence(err error) string {
	var explained steps.Explained
	if errors.As(err, &explained) {
		f := explained.Failure()
		s := f.Tried + ": " + f.Seen
		if f.Next != "" {
			s += ".\n  " + f.Next
		}
		return s + "."
	}
	var k *kube.Error
	if errors.As(err, &k) {
		return "could not " + k.Tried + ": " + k.Seen + ".\n  Next: " + k.Next + "."
	}
	return err.Error()
}

func (p *program) root() *cobra.Command {
	var first triageOptions
	root := &cobra.Command{
		Use:   "svrescue",
		Short: "Disaster recovery for a Splice Super Validator, step by step",
		Long: "svrescue walks the operator of a Splice Super Validator through disaster recovery. It shows every action before it\n" +
			"is sent, sends it, proves that it worked, and keeps a record from which an interrupted run goes on.\n\n" +
			"Without a command it opens the first screen of an incident: runs to come back to, what is seen of the node, what to do first,\n" +
			"and which recovery applies, if any. It changes nothing. svrescue triage prints the same as plain lines or JSON.",
		Example: "  svrescue                          say what is the matter with the node, and what to do first\n" +
			"  svrescue rehearse                 practise on the built-in network; nothing real is touched\n" +
			"  svrescue plan restore             show what a restore of the real node would send\n" +
			"  svrescue run restore              restore the real node, step by step",
		SilenceErrors: true, SilenceUsage: true, Args: noArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.prepare() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.home(cmd.Context(), first) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v. See: %s --help", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&p.flags.config, "config", "", "configuration file (default $XDG_CONFIG_HOME/svrescue/svrescue.yaml)")
	f.StringVar(&p.flags.kubeconfig, "kubeconfig", "", "kubeconfig file (default as kubectl)")
	f.StringVar(&p.flags.context, "context", "", "context of the kubeconfig")
	f.StringVarP(&p.flags.namespace, "namespace", "n", "", "namespace of the SV node (default: found)")
	f.StringVar(&p.flags.runDir, "run-dir", "", "where run folders lie (default $XDG_STATE_HOME/svrescue/runs)")
	f.StringVar(&p.flags.format, "format", "text", "what is printed: text or json")
	f.StringVarP(&p.flags.output, "output", "o", "", "write the result to this file instead of printing it")
	f.BoolVar(&p.flags.linear, "linear", false, "plain lines instead of the full screen")
	f.BoolVar(&p.flags.noColor, "no-color", false, "no colours (also NO_COLOR)")
	p.lookingFlags(root, &first)
	root.AddCommand(p.triageCommand(), p.doctorCommand(), p.runCommand(), p.planCommand(), p.resumeCommand(), p.attachCommand(),
		p.runsCommand(), p.reportCommand(), p.checklistCommand(), p.recordCommand(), p.initCommand(), p.rehearseCommand(), p.backupCommand(),
		p.identitiesCommand(), p.snapshotCommand(), p.dumpCommand(), p.commitmentsCommand(), p.uploadCommand(), p.versionCommand(), p.workerCommand(), p.worldCommand())
	root.SuggestionsMinimumDistance = 2
	return root
}

// prepare reads the configuration and the terminal's abilities, before every command.
func (p *program) prepare() error {
	if p.flags.format != "text" && p.flags.format != "json" {
		return usage("--format is text or json, not %q", p.flags.format)
	}
	c, err := config.Load(p.flags.config, p.newConfig, p.Env)
	if err != nil {
		return &usageError{err}
	}
	for _, override := range []struct{ to, from *string }{
		{&c.Kubeconfig, &p.flags.kubeconfig}, {&c.Context, &p.flags.context}, {&c.Namespace, &p.flags.namespace}, {&c.RunDir, &p.flags.runDir},
	} {
		if *override.from != "" {
			*override.to = *override.from
		}
	}
	p.defaultRuns = c.RunDir == ""
	if p.defaultRuns {
		state := p.Env("XDG_STATE_HOME")
		if state == "" {
			home := p.Env("HOME")
			if home == "" {
				return usage("neither XDG_STATE_HOME nor HOME is set: name a place for run folders with --run-dir")
			}
			state = filepath.Join(home, ".local", "state")
		}
		c.RunDir = filepath.Join(state, "svrescue", "runs")
	}
	if c.RunDir, err = filepath.Abs(c.RunDir); err != nil {
		return err
	}
	p.config, p.theme = c, theme.Detect(p.Env, p.flags.noColor)
	return nil
}

// interactive says whether a person sits at both ends.
func (p *program) interactive() bool { return isTerminal(p.In) && isTerminal(p.Out) }

// Version is the version of this build.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: noArgs,
		Long: "Prints the version. It needs no configuration, no terminal and no cluster.\n\nExit code: 0.", Example: "  svrescue version",
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // needs no configuration
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Out, "svrescue "+Version())
			return err
		}}
}

// noArgs refuses arguments: at the top they are commands that do not exist.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usage("%s takes no argument, not %q; see: %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	text := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage("there is no command %q%s See: svrescue --help", args[0], cmp.Or(text, "."))
}

// notThere says whether an error is a file that does not exist.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
