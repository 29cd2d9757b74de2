package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
	"github.com/spf13/cobra"
)

// Speeds of rehearsals: a person should see what happens, without waiting as long as a real cluster makes one wait; the
// good operator needs no time to read.
const (
	personSpeed = 4
	autoSpeed   = 40
)

type rehearseOptions struct {
	list, auto bool
	seed       int64
	speed      float64
}

func (p *program) rehearseCommand() *cobra.Command {
	var o rehearseOptions
	c := &cobra.Command{Use: "rehearse [SCENARIO]", Short: "Practise on the built-in network; nothing real is touched",
		Long: "Practises a recovery on a simulated network on this machine: the same wizard, the same engine, no cluster. Without\n" +
			"SCENARIO a list is shown; where there is no terminal, a good operator plays the first one. With --auto a good operator is\n" +
			"played and the run is shown as lines. A scenario whose name begins with incident- is one of another kind: the first screen of an\n" +
			"incident opens, you find out what is the matter, say what you conclude, and are told whether a good operator would.\n\n" +
			"Exit codes: 0 it ended as the scenario says; 1 it did not; 2 no such scenario; 4 parked.",
		Example: "  svrescue rehearse\n  svrescue rehearse incident-full-disk\n  svrescue rehearse restore-clean --auto\n  svrescue rehearse --list --format json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("rehearse takes one scenario")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, i := range rehearsal.Incidents() {
				ids = append(ids, i.ID+"\t"+i.Title)
			}
			for _, s := range rehearsal.All() {
				ids = append(ids, s.ID+"\t"+s.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.list {
				return p.listScenarios()
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			return p.rehearse(cmd.Context(), id, o)
		}}
	c.Flags().BoolVar(&o.list, "list", false, "list the scenarios")
	c.Flags().BoolVar(&o.auto, "auto", false, "play what a good operator does")
	c.Flags().StringVar(&p.flags.answers, "answers", "", "answer from this file instead of asking")
	c.Flags().Int64Var(&o.seed, "seed", 1, "makes the simulated network's names and choices")
	c.Flags().Float64Var(&o.speed, "speed", 0, "simulated seconds in one second (default 4, with --auto 40)")
	c.Flags().BoolVar(&p.flags.dryRun, "dry-run", false, "show and try every step, change nothing even there")
	return c
}

func (p *program) rehearse(ctx context.Context, id string, o rehearseOptions) error {
	if id == "" && !o.auto && p.flags.answers == "" && !p.flags.linear && !p.interactive() {
		first := rehearsal.All()[0]
		fmt.Fprintf(p.Err, "svrescue: nobody can be asked here, so a good operator plays %s. On a terminal the wizard opens.\n", first.ID)
		id, o.auto = first.ID, true
	}
	if id == "" {
		var err error
		if id, err = p.pickScenario(ctx); err != nil || id == "" {
			return err
		}
	}
	if incident, is := rehearsal.IsIncident(id); is {
		if o.auto || p.flags.answers != "" || p.flags.dryRun || o.speed != 0 {
			return usage("%s is looked at by a person: it takes no --auto, --answers, --dry-run or --speed. As plain lines: svrescue triage --rehearse %s", id, id)
		}
		return p.rehearseIncident(ctx, incident)
	}
	scenario, err := rehearsal.Find(id)
	if err != nil {
		return &usageError{err}
	}
	if o.speed < 0 || o.speed > 1000 {
		return usage("--speed is between 0.1 and 1000, not %v", o.speed)
	}
	if o.speed == 0 {
		o.speed = personSpeed
		if o.auto {
			o.speed = autoSpeed
		}
	}
	acting := wire.Live
	if p.flags.dryRun {
		acting = wire.DryRun
	}
	spec := runs.Spec{Path: scenario.Path, Acting: acting, World: wire.Simulated, Scenario: scenario.ID, Seed: o.seed, Speed: o.speed, Context: "rehearsal"}
	if o.auto && p.flags.answers != "" {
		return usage("--auto plays a good operator and --answers reads answers from a file: name one of them")
	}
	var answers linear.Answerer
	if !o.auto {
		path, err := findPath(scenario.Path)
		if err != nil {
			return err
		}
		if p.flags.answers == "" && !isTerminal(p.In) && !p.flags.linear {
			return usage("nobody can be asked, because the input is not a terminal: let a good operator be played with --auto, name an answers file with --answers, or use --linear")
		}
		if answers, err = p.answers(path); err != nil {
			return err
		}
	}
	folder, err := p.begin(spec)
	if err != nil {
		return err
	}
	f := front{folder: folder, doing: "starting the rehearsal network", link: p.linkNew(folder, wire.Simulated), answers: answers}
	if o.auto {
		f.answers = p.player(scenario, folder)
	}
	view, err := p.show(ctx, f)
	if !o.auto {
		return p.finish(folder, view, err)
	}
	if err != nil {
		return p.outcome(folder, view, err)
	}
	return p.judge(scenario, acting, folder, view)
}

// player is the scenario's good operator.
func (p *program) player(scenario rehearsal.Scenario, folder runs.Folder) linear.Answerer {
	return &rehearsal.Player{Scenario: scenario, Hands: func() (rehearsal.Elsewhere, error) {
		spec, err := folder.Spec()
		if err != nil {
			return rehearsal.Elsewhere{}, err
		}
		cluster, err := connect(spec, clockOf(spec, p.Clock))
		if err != nil {
			return rehearsal.Elsewhere{}, err
		}
		return rehearsal.Elsewhere{Cluster: cluster, Namespace: cluster.Target().Namespace}, nil
	}}
}

// rehearsed is the document that ends an automatic rehearsal.
type rehearsed struct {
	Version  int             `json:"version"`
	Scenario string          `json:"scenario"`
	Outcome  wire.Outcome    `json:"outcome"`
	Steps    []rehearsedStep `json:"steps"`
	Run      string          `json:"run"`
}

type rehearsedStep struct {
	ID      string         `json:"id"`
	State   wire.StepState `json:"state"`
	Seconds float64        `json:"seconds"`
}

// judge compares how an automatic rehearsal ended with how its scenario says that it does.
func (p *program) judge(scenario rehearsal.Scenario, acting wire.Acting, folder runs.Folder, view seen) error {
	r := report.Of(view.View)
	if r.Outcome == "" {
		r.Outcome = wire.Failed // the worker went away before the end
	}
	if p.json() {
		document := rehearsed{Version: 1, Scenario: scenario.ID, Outcome: r.Outcome, Run: r.Run, Steps: []rehearsedStep{}}
		for _, s := range r.Steps {
			state := s.State
			if state == wire.StepPending {
				state = "pending"
			}
			document.Steps = append(document.Steps, rehearsedStep{ID: s.ID, State: state, Seconds: s.Seconds})
		}
		if err := p.printDocument(document); err != nil {
			return err
		}
	}
	expect := scenario.Expect
	if acting == wire.DryRun && expect == wire.Recovered {
		expect = wire.Rehearsed
	}
	if r.Outcome == expect {
		fmt.Fprintf(p.Err, "svrescue: %s, as the scenario says; the report is %s\n", r.Outcome, folder.Report("md"))
		return nil
	}
	if view.Ended == nil && view.Parked == "" {
		return p.outcome(folder, view, nil) // the worker stopped by itself, or is gone
	}
	code := exitFailed
	if r.Outcome == wire.Parked {
		code = exitParked
	}
	return exit(code, fmt.Errorf("the rehearsal ended %s, the scenario says %s: %s", r.Outcome, expect, r.Text))
}

func (p *program) listScenarios() error {
	if p.json() {
		type line struct {
			ID     string   `json:"id"`
			Path   string   `json:"path"`
			Title  string   `json:"title"`
			Faults []string `json:"faults"`
		}
		lines := []line{}
		for _, s := range rehearsal.All() {
			l := line{ID: s.ID, Path: s.Path, Title: s.Title, Faults: s.Faults}
			if l.Faults == nil {
				l.Faults = []string{}
			}
			lines = append(lines, l)
		}
		return p.printDocument(struct {
			Version   int            `json:"version"`
			Scenarios []line         `json:"scenarios"`
			Incidents []incidentLine `json:"incidents"`
		}{1, lines, incidentLines()})
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tPATH\tTITLE\tTEACHES")
	for _, i := range rehearsal.Incidents() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", i.ID, "none yet", i.Title, i.Teaches)
	}
	for _, s := range rehearsal.All() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.ID, s.Path, s.Title, s.Teaches)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return p.print(b.Bytes())
}

// pickScenario shows the list of scenarios. Empty: the operator left.
func (p *program) pickScenario(ctx context.Context) (string, error) {
	if !p.interactive() || p.flags.linear || p.theme.Plain {
		return "", usage("name a scenario: svrescue rehearse --list shows them")
	}
	o := wizard.PickOptions{Title: "Rehearsals", Text: "A simulated network on this machine. Nothing real is touched.", In: p.In, Out: p.Out, Theme: theme.New(p.theme)}
	for _, i := range rehearsal.Incidents() {
		o.Items = append(o.Items, wizard.Item{ID: i.ID, Group: "Find out what is the matter", Title: i.Title, Detail: "Teaches " + i.Teaches + "."})
	}
	for _, s := range rehearsal.All() {
		o.Items = append(o.Items, wizard.Item{ID: s.ID, Group: s.Path, Title: s.Title, Detail: "Teaches " + s.Teaches + "."})
	}
	id, err := wizard.Pick(ctx, o)
	if errors.Is(err, wizard.ErrNothingPicked) {
		return "", nil
	}
	return id, err
}
