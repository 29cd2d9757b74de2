package command

import (
	"bytes"
	"fmt"
	"text/tabwriter"
	"time"

	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"github.com/spf13/cobra"
)

// runLine is one run as `runs --format json` prints it.
type runLine struct {
	ID       string       `json:"id"`
	Path     string       `json:"path"`
	World    wire.World   `json:"world"`
	Acting   wire.Acting  `json:"acting"`
	Started  time.Time    `json:"started"`
	Node     string       `json:"node,omitempty"`
	Step     string       `json:"step,omitempty"`
	Working  bool         `json:"working"` // a worker runs
	Outcome  wire.Outcome `json:"outcome,omitempty"`
	State    runs.State   `json:"state"`
	Standing string       `json:"standing"` // in words
	Lease    *runLease    `json:"lease,omitempty"`
	Folder   string       `json:"folder"`
}

func (p *program) runsCommand() *cobra.Command {
	offline := false
	c := &cobra.Command{Use: "runs", Short: "List the runs on this machine", Args: noArgs,
		Example: "  svrescue runs\n  svrescue runs --offline\n  svrescue runs --format json\n  svrescue runs verify restore-0412-0309-k7qd",
		Long: "Lists the runs on this machine, newest first: what they are, where they stand, and whether a worker runs. The Lease of each\n" +
			"open run's node is read too, to say where somebody else holds the node by now; a cluster that does not answer within two\n" +
			"seconds is left out, and the list says so. With --offline no cluster is asked.\n\n" +
			"Exit codes: 0 listed; 1 the place of the run folders cannot be read.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := runs.List(p.config.RunDir)
			if err != nil {
				return err
			}
			var leases map[string]*runLease
			if !offline {
				leases = p.leases(cmd.Context(), all)
			}
			lines := []runLine{}
			for _, s := range all {
				l := runLine{ID: s.Spec.ID, Path: s.Spec.Path, World: s.Spec.World, Acting: s.Spec.Acting, Started: s.Spec.Started,
					Node: s.View.Subject.Word(), Working: s.Held, State: s.State(), Standing: standing(s) + leases[s.Spec.ID].words(), Lease: leases[s.Spec.ID], Folder: s.Folder.Path}
				if step := s.View.CurrentStep(); step != nil {
					l.Step = step.ID
				}
				if s.Ended != nil {
					l.Outcome = s.Ended.Outcome
				}
				lines = append(lines, l)
			}
			if p.json() {
				return p.printDocument(struct {
					Version int       `json:"version"`
					Runs    []runLine `json:"runs"`
				}{1, lines})
			}
			if len(lines) == 0 {
				fmt.Fprintf(p.Err, "svrescue: there is no run in %s\n", p.config.RunDir)
				return nil
			}
			var b bytes.Buffer
			table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "RUN\tWORLD\tNODE\tBEGAN\tSTANDS")
			for _, l := range lines {
				fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\t%s\n", l.ID, l.World, l.Acting, l.Node, l.Started.Format("2006-01-02 15:04"), l.Standing)
			}
			if err := table.Flush(); err != nil {
				return err
			}
			return p.print(b.Bytes())
		}}
	c.Flags().BoolVar(&offline, "offline", false, "read no Lease: only what is on this machine")
	c.AddCommand(p.verifyCommand(), p.runsExportCommand(), p.runsImportCommand())
	return c
}

// standing says in words where a run stands.
func standing(s runs.Summary) string {
	step := ""
	if current := s.View.CurrentStep(); current != nil {
		step = " at " + current.Title
	}
	switch s.State() {
	case runs.Broken:
		return "broken, cannot be read: " + s.Problem
	case runs.Finished:
		return string(s.Ended.Outcome)
	case runs.Waiting:
		return "waits for an answer" + step
	case runs.Running:
		return "works" + step
	case runs.Empty:
		return "never began"
	}
	return string(s.State()) + step
}

func (p *program) reportCommand() *cobra.Command {
	return &cobra.Command{Use: "report RUN", Short: "Print the report of a run", Args: atMostOneRun, ValidArgsFunction: p.completeRuns,
		Example: "  svrescue report\n  svrescue report restore-0412-0309-k7qd -o postmortem.md\n  svrescue report --format json",
		Long: "Prints the report of a run from its journal, as Markdown, or as JSON with --format json. It works for open runs too.\n" +
			"Without RUN the only open run is meant.\n\nExit codes: 0 printed; 1 there is no such run; 3 the journal is damaged, or there is none.",
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := p.findRun(args)
			if err != nil {
				return err
			}
			events, err := readJournal(folder)
			if notThere(err) {
				return exit(exitRefused, fmt.Errorf("run %s never began: it has no journal, so there is nothing to report", folder.ID()))
			}
			if err != nil {
				return err
			}
			d := report.Of(wire.FoldAll(events))
			if p.json() {
				return p.printDocument(d)
			}
			return p.print([]byte(report.Markdown(d)))
		}}
}
