package command

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

const runExits = "\n\nExit codes: 0 done; 1 failed; 2 the command line or the configuration is wrong; 3 refused, nothing was changed;\n" +
	"4 parked, a person's answer is needed; 5 another operator holds the node, or another process the run; 130 interrupted."

func (p *program) runCommand() *cobra.Command {
	c := &cobra.Command{Use: "run PATH", Short: "Take a recovery path on the real node, step by step",
		Long: "Takes a recovery path on the real node. On a terminal every step is shown and asked about. With --answers nobody is\n" +
			"asked: answers come from a file, and a question that it does not answer parks the run.\n\n" +
			"A node is worked on by one operator at a time: from the first change on a Lease in its namespace keeps others away.\n" +
			"Whoever comes second is told who holds it, and may take it over only when it was seen not to be renewed for 30 s.\n\n" +
			"The work is done by a process of its own: closing the terminal does not end it. Come back with svrescue attach." + runExits,
		Example: "  svrescue run restore\n  svrescue run restore --dry-run\n  svrescue run restore --answers answers.yaml --namespace sv\n  svrescue run restore-lost --record /mnt/backup/sv-record\n  svrescue run restore-lost --values saved --charts charts --namespace sv\n  svrescue run reonboard --values saved --charts charts",
		Args:    onePath, ValidArgsFunction: completePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			acting := wire.Live
			if p.flags.dryRun {
				acting = wire.DryRun
			}
			return p.take(cmd.Context(), args[0], acting)
		}}
	c.Flags().StringVar(&p.flags.answers, "answers", "", "answer from this file instead of asking")
	p.takeOverFlag(c)
	c.Flags().BoolVar(&p.flags.dryRun, "dry-run", false, "show and try every step, change nothing")
	c.Flags().StringVar(&p.flags.dumps, "dumps", "", "the folder with the dump files, where databases are restored from such")
	p.lostFlags(c)
	return c
}

// lostFlags are those that say what a lost node is made of.
func (p *program) lostFlags(c *cobra.Command) {
	c.Flags().StringVar(&p.flags.record, "record", "", "restore-lost: the folder with the record of the lost node")
	c.Flags().StringVar(&p.flags.values, "values", "", "restore-lost, where there is no record, and reonboard: the folder with its saved Helm values")
	c.Flags().StringVar(&p.flags.charts, "charts", "", "restore-lost and reonboard: the folder with the charts for --values; network-roll-forward: the folder with its charts")
}

func onePath(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("%s needs one path; see: %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	_, err := findPath(args[0])
	return err
}

func completePaths(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, path := range paths() {
		names = append(names, path.Name+"\t"+path.Title)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// take begins a run on the real cluster and shows it.
func (p *program) take(ctx context.Context, path string, acting wire.Acting) error {
	info, err := findPath(path)
	if err != nil {
		return err
	}
	if err := p.forLost(path); err != nil {
		return err
	}
	answers, err := p.answers(info)
	if err != nil {
		return err
	}
	spec, err := p.real(ctx, path, acting)
	if err != nil {
		return err
	}
	if err := p.folders(&spec); err != nil {
		return err
	}
	if err := p.refuseSecond(ctx, spec, spec.Namespace, answers); err != nil {
		return err
	}
	return p.start(ctx, spec, answers)
}

// folders names in the spec the folders of the operator, with absolute paths, since the worker runs elsewhere. What the configuration
// names, a record and one folder with dumps, is proposed where the command line names nothing.
func (p *program) folders(spec *runs.Spec) error {
	if configured := p.config.Backups.Folders; len(configured) == 1 {
		spec.Dumps = configured[0]
	}
	if spec.Path == "restore-lost" && p.flags.values == "" && p.flags.charts == "" {
		spec.Record = p.config.Record
	}
	for _, f := range []struct {
		flag, value string
		to          *string
	}{{"--dumps", p.flags.dumps, &spec.Dumps}, {"--record", p.flags.record, &spec.Record}, {"--values", p.flags.values, &spec.Values}, {"--charts", p.flags.charts, &spec.Charts}} {
		if f.value == "" {
			continue
		}
		path, err := filepath.Abs(f.value)
		if err != nil {
			return usage("%s %s: %v", f.flag, f.value, err)
		}
		*f.to = path
	}
	return nil
}

// forLost refuses what a lost node is made of with another path than its own, and what does not fit together.
func (p *program) forLost(path string) error {
	for _, f := range []struct{ flag, value string }{{"--record", p.flags.record}, {"--values", p.flags.values}, {"--charts", p.flags.charts}} {
		if f.value != "" && path != "restore-lost" && (path != "reonboard" || f.flag == "--record") && (path != "network-roll-forward" || f.flag != "--charts") {
			return usage("%s is for a node that is lost: svrescue run restore-lost %s %s", f.flag, f.flag, f.value)
		}
	}
	if p.flags.record != "" && (p.flags.values != "" || p.flags.charts != "") {
		return usage("a record has values and charts in it: name it with --record, or saved values and charts with --values and --charts, not both")
	}
	return nil
}

// answers reads the answers file for a path, if one is named. Without one somebody must be there to ask.
func (p *program) answers(path pathInfo) (linear.Answerer, error) {
	if p.flags.takeOver != "" && p.flags.answers == "" && p.interactive() && !p.flags.linear && !p.theme.Plain {
		return nil, usage("--take-over is for --answers and --linear: the full screen asks by itself whether the node is taken over")
	}
	if p.flags.answers == "" {
		if !isTerminal(p.In) && !p.flags.linear {
			return nil, usage("nobody can be asked, because the input is not a terminal: name an answers file with --answers, or read questions and answers as lines with --linear")
		}
		return nil, nil
	}
	file, err := p.answersFile(path)
	if err != nil {
		return nil, err // not a File that is nil in an Answerer that is not
	}
	return file, nil
}

// answersFile reads the answers file and refuses answers to questions that the path never asks.
func (p *program) answersFile(path pathInfo) (*linear.File, error) {
	file, err := linear.ReadFile(p.flags.answers)
	if err != nil {
		return nil, &usageError{err}
	}
	known := map[string]bool{}
	for _, s := range path.Steps {
		for _, name := range engine.Asked() {
			known[s.ID+"."+name] = true
		}
		for _, ask := range path.Asks[s.ID] {
			known[s.ID+"."+ask.Name] = true
		}
	}
	if unknown := file.Unknown(func(name string) bool { return known[name] }); len(unknown) > 0 {
		return nil, usage("the answers file %s answers questions that path %s never asks: %s. Questions are named STEP.QUESTION, such as %s.confirm; svrescue plan %s --format json lists the steps and what they ask",
			p.flags.answers, path.Name, strings.Join(unknown, ", "), path.Steps[len(path.Steps)-1].ID, path.Name)
	}
	secrets := map[string]bool{}
	for step, asks := range path.Asks {
		for _, ask := range asks {
			secrets[step+"."+ask.Name] = ask.Kind == wire.AskSecret
		}
	}
	if err := file.ReadSecrets(p.places(), func(text string) { fmt.Fprintln(p.Err, "svrescue: "+text) }, func(name string) bool { return secrets[name] }); err != nil {
		return nil, usage("the answers file %s is not right: %v", p.flags.answers, err)
	}
	for _, said := range []struct{ question, value string }{ // what the command line names need not be said twice
		{"restore/backup-set.dumps", p.flags.dumps},
		{"restore-lost/inventory.record", cmp.Or(p.flags.record, p.flags.values)},
		{"restore-lost/inventory.charts", p.flags.charts},
	} {
		if said.value != "" && known[said.question] {
			folder, err := filepath.Abs(said.value) // the worker runs elsewhere
			if err != nil {
				return nil, usage("%s: %v", said.value, err)
			}
			file.Propose(said.question, folder)
		}
	}
	return file, nil
}

// start begins a run and shows it to its end, or until it is left.
func (p *program) start(ctx context.Context, spec runs.Spec, answers linear.Answerer) error {
	folder, err := p.begin(spec)
	if err != nil {
		return err
	}
	view, err := p.show(ctx, front{folder: folder, doing: "starting the worker of " + folder.ID(), link: p.linkNew(folder, spec.World), answers: answers})
	return p.finish(folder, view, err)
}

// finish prints the report of a run that was shown, where a document is wanted, and gives the exit code.
func (p *program) finish(folder runs.Folder, view seen, err error) error {
	if err == nil && p.json() {
		if err := p.printDocument(report.Of(view.View)); err != nil {
			return fmt.Errorf("printing the report: %w", err)
		}
	}
	return p.outcome(folder, view, err)
}
