package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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
			"there is attached to." + runExits,
		Args: atMostOneRun, ValidArgsFunction: p.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			answers, err := p.answers()
			if err != nil {
				return err
			}
			folder, err := p.findRun(args)
			if err != nil {
				return err
			}
			return p.resume(cmd.Context(), folder, answers)
		}}
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

// resume takes a run up again, or attaches to it where its worker runs.
func (p *program) resume(ctx context.Context, folder runs.Folder, answers linear.Answerer) error {
	spec, err := folder.Spec()
	if err != nil {
		return err
	}
	events, err := journal.Read(folder.Journal())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if end := wire.FoldAll(events).Ended; end != nil {
		return exit(exitRefused, fmt.Errorf("run %s has ended (%s): %s. Read it with: svrescue report %s", spec.ID, end.Outcome, end.Text, spec.ID))
	}
	if spec.World == wire.Simulated && len(events) > 0 && !worldAlive(ctx, folder) {
		return exit(exitRefused, &steps.Problem{Tried: "going on with rehearsal " + spec.ID, Seen: "its simulated network has ended, and with it the world as the run left it",
			Next: "Begin another: svrescue rehearse " + spec.Scenario})
	}
	view, err := p.show(ctx, front{folder: folder, doing: "taking up " + folder.ID(), link: p.linkNew(folder, spec.World), answers: answers})
	return p.finish(folder, view, err)
}

func (p *program) attachCommand() *cobra.Command {
	return &cobra.Command{Use: "attach [RUN]", Short: "Look at a run that works, and answer its questions",
		Long: "Shows a run whose worker is still there, as another terminal left it. Without RUN the only open run is meant." + runExits,
		Args: atMostOneRun, ValidArgsFunction: p.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := p.findRun(args)
			if err != nil {
				return err
			}
			if _, err := p.answers(); err != nil {
				return err
			}
			return p.attach(cmd.Context(), folder)
		}}
}

func (p *program) attach(ctx context.Context, folder runs.Folder) error {
	held, err := journal.Held(folder.Journal())
	if err != nil && !notThere(err) {
		return err
	}
	if !held {
		return exit(exitRefused, fmt.Errorf("no worker runs for %s. Go on with: svrescue resume %s%s; or read it: svrescue report %s%s",
			folder.ID(), folder.ID(), p.runDirFlag(), folder.ID(), p.runDirFlag()))
	}
	view, err := p.show(ctx, front{folder: folder, doing: "connecting to the worker of " + folder.ID(),
		link: func(context.Context) (*engine.Client, error) { return p.dial(folder) }})
	return p.finish(folder, view, err)
}
