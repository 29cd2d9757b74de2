package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

func (p *program) resumeCommand() *cobra.Command {
	c := &cobra.Command{Use: "resume [RUN]", Short: "Go on with a run whose worker has ended",
		Long: "Goes on with a run whose worker has ended: parked, killed, or lost with its machine. What was under way is looked\n" +
			"at in the world first; nothing is sent twice. Without RUN the only open run is meant. A run whose worker is still\n" +
			"there is attached to. The end of the journal is compared with what the Lease of the node says of it: where it was\n" +
			"cut off or written anew, the run goes on only when its id is typed." + runExits,
		Example: "  svrescue resume\n  svrescue resume restore-0412-0309-k7qd --answers answers.yaml",
		Args:    atMostOneRun, ValidArgsFunction: p.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, answers, err := p.openRun(args)
			if err != nil {
				return err
			}
			return p.resume(cmd.Context(), folder, answers)
		}}
	p.takeOverFlag(c)
	c.Flags().StringVar(&p.flags.answers, "answers", "", "answer from this file instead of asking")
	return c
}

func atMostOneRun(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%s takes one run; see: %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

func (p *program) completeRuns(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if p.prepare() != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, _ := runs.List(p.config.RunDir)
	var names []string
	for _, s := range all {
		names = append(names, s.Spec.ID+"\t"+standing(s))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) findRun(args []string) (runs.Folder, error) {
	id := ""
	if len(args) > 0 {
		id = args[0]
	}
	return runs.Find(p.config.RunDir, id)
}

// safe refuses a folder that others can write to: what it says is sent to a cluster.
func safe(folder runs.Folder) error {
	err := durable.Folder(folder.Path)
	if err == nil {
		return nil
	}
	return exit(exitRefused, &steps.Problem{Tried: "going on with run " + folder.ID(), Seen: "its folder is not safe: " + err.Error(), Err: err,
		Next: "Find out who could have changed it before you do that"})
}

// openRun finds a run that is to be gone on with, and what answers its questions.
func (p *program) openRun(args []string) (runs.Folder, linear.Answerer, error) {
	folder, err := p.findRun(args)
	if err != nil {
		return folder, nil, err
	}
	if err := safe(folder); err != nil {
		return folder, nil, err
	}
	spec, err := folder.Spec()
	if err != nil {
		return folder, nil, exit(exitRefused, &steps.Problem{Tried: "going on with run " + folder.ID(), Seen: err.Error(), Err: err,
			Next: "Nothing was done. Keep the folder and start a new run"})
	}
	path, err := findPath(spec.Path)
	if err != nil {
		return folder, nil, err
	}
	if p.flags.watch {
		if p.flags.answers != "" {
			return folder, nil, usage("--watch only looks and --answers answers: name one of them")
		}
		return folder, nil, nil
	}
	answers, err := p.answers(path)
	return folder, answers, err
}

// resume takes a run up again, or attaches to it where its worker runs.
func (p *program) resume(ctx context.Context, folder runs.Folder, answers linear.Answerer) error {
	spec, err := folder.Spec()
	if err != nil {
		return err
	}
	events, err := readJournal(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if end := wire.FoldAll(events).Ended; end != nil {
		return exit(exitRefused, fmt.Errorf("run %s has ended (%s): %s. Read it with: svrescue report %s%s", spec.ID, end.Outcome, end.Text, spec.ID, p.runDirFlag()))
	}
	if spec.World == wire.Simulated && len(events) > 0 && !worldAlive(ctx, folder) {
		return exit(exitRefused, &steps.Problem{Tried: "going on with rehearsal " + spec.ID, Seen: "its simulated network has ended, and with it the world as the run left it",
			Next: "Begin another: svrescue rehearse " + spec.Scenario})
	}
	if err := p.refuseSecond(ctx, spec, wire.FoldAll(events).Subject.Namespace, answers); err != nil {
		return err
	}
	view, err := p.show(ctx, front{folder: folder, doing: "taking up " + folder.ID(), link: p.linkNew(folder, spec.World), answers: answers, again: len(events) > 0})
	return p.finish(folder, view, err)
}

// readJournal reads the journal of a run; one that is damaged is refused.
func readJournal(folder runs.Folder) ([]wire.Event, error) {
	events, err := journal.Read(folder.Journal())
	var broken *journal.BrokenError
	if errors.As(err, &broken) {
		return nil, exit(exitRefused, fmt.Errorf("run %s in %s: %w", folder.ID(), folder.Path, err))
	}
	return events, err
}

func (p *program) attachCommand() *cobra.Command {
	c := &cobra.Command{Use: "attach [RUN]", Short: "Look at a run that works, and answer its questions",
		Long: "Shows a run whose worker is still there, as another terminal left it. Without RUN the only open run is meant. With --watch\n" +
			"nothing can be answered from here; so it is too where the worker is of another version of svrescue." + runExits,
		Example: "  svrescue attach\n  svrescue attach restore-0412-0309-k7qd --linear\n  svrescue attach --watch",
		Args:    atMostOneRun, ValidArgsFunction: p.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, answers, err := p.openRun(args)
			if err != nil {
				return err
			}
			return p.attach(cmd.Context(), folder, answers)
		}}
	c.Flags().BoolVar(&p.flags.watch, "watch", false, "only look: answer nothing, park nothing")
	c.Flags().StringVar(&p.flags.answers, "answers", "", "answer from this file instead of asking")
	return c
}

func (p *program) attach(ctx context.Context, folder runs.Folder, answers linear.Answerer) error {
	noWorker := func() error {
		return exit(exitRefused, fmt.Errorf("no worker runs for %s. Go on with: svrescue resume %s%s; or read it: svrescue report %s%s",
			folder.ID(), folder.ID(), p.runDirFlag(), folder.ID(), p.runDirFlag()))
	}
	held, err := journal.Held(folder.Journal())
	if err != nil && !notThere(err) {
		return err
	}
	if !held {
		return noWorker()
	}
	view, err := p.show(ctx, front{folder: folder, doing: "connecting to the worker of " + folder.ID(),
		link: func(ctx context.Context) (*engine.Client, error) { return p.reach(ctx, folder) }, answers: answers, again: true})
	if notThere(err) { // it has ended meanwhile
		return noWorker()
	}
	return p.finish(folder, view, err)
}
