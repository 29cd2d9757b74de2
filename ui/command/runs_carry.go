package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"github.com/spf13/cobra"
)

// carriedRun is the document of runs export and runs import.
type carriedRun struct {
	Version int    `json:"version"` // 1
	Run     string `json:"run"`
	File    string `json:"file"`
	Folder  string `json:"folder,omitempty"` // where it was imported to
	Records int    `json:"records"`
	Head    string `json:"head"`
	Files   int    `json:"files"`
	// Left are the files of the run that are not in the archive.
	Left []runs.Left `json:"left"`
	// Kubeconfig, Context and Server say which cluster the imported run goes on with.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	Server     string `json:"server,omitempty"`
	// Elsewhere are the files and folders of the other machine that the run was told of and that are not here.
	Elsewhere []string `json:"elsewhere,omitempty"`
}

func (p *program) runsExportCommand() *cobra.Command {
	return &cobra.Command{Use: "export [RUN] -o FILE", Short: "Write a run into one file, to go on with it on another machine", Args: atMostOneRun, ValidArgsFunction: p.completeRuns,
		Example: "  svrescue runs export reonboard-0412-0309-k7qd -o run.tar.gz\n  svrescue runs import run.tar.gz      # on the other machine",
		Long: "Writes the journal of a run, what it was started with, its artifacts, report and log into one file that only you may read.\n" +
			"Private keys are never in it: what was left out is listed in the file and printed, and the step that needs it asks for its\n" +
			"source again. The run must have no worker: park it first. A rehearsal cannot be carried, since its network lives here.\n" +
			"Without RUN the only open run is meant. Do not go on with the run here once it was imported elsewhere.\n\n" +
			"Exit codes: 0 written; 1 failed, or there is no such run; 2 the command line is wrong; 3 refused: a rehearsal, a run that\n" +
			"never began, a journal that was altered, or FILE is there already; 5 a worker holds the run.",
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := p.findRun(args)
			if err != nil {
				return err
			}
			if p.flags.output == "" {
				return usage("name the file to write with -o FILE")
			}
			return p.exportRun(cmd.Context(), folder, p.flags.output)
		}}
}

// holdParked keeps workers away from a run, with patience for one that has parked or ended it and is about to go.
func (p *program) holdParked(ctx context.Context, folder runs.Folder) (io.Closer, error) {
	deadline := p.Clock.Now().Add(ending)
	for {
		held, err := journal.Hold(folder.Journal())
		if !errors.Is(err, journal.ErrHeld) || p.Clock.Now().After(deadline) {
			return held, err
		}
		events, broken := readJournal(folder)
		if v := wire.FoldAll(events); broken != nil || v.Parked == "" && v.Ended == nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.Clock.After(20 * time.Millisecond):
		}
	}
}

func (p *program) exportRun(ctx context.Context, folder runs.Folder, file string) error {
	tried := "exporting run " + folder.ID()
	if err := safe(folder); err != nil {
		return err
	}
	spec, err := folder.Spec()
	if err != nil {
		return err
	}
	if spec.World != wire.Real {
		return exit(exitRefused, &steps.Problem{Tried: tried, Seen: "it is a rehearsal, and its network runs on this machine alone", Next: "Begin another there: svrescue rehearse " + spec.Scenario})
	}
	held, err := p.holdParked(ctx, folder)
	switch {
	case errors.Is(err, journal.ErrHeld):
		return exit(exitHeld, &steps.Problem{Tried: tried, Seen: "its worker is there", Next: "Park it first: svrescue attach " + folder.ID() + p.runDirFlag()})
	case notThere(err):
		return exit(exitRefused, fmt.Errorf("run %s never began: it has no journal, so there is nothing to carry", folder.ID()))
	case err != nil:
		return err
	}
	defer held.Close()
	if _, err := os.Lstat(file); !notThere(err) {
		return exit(exitRefused, errors.Join(&steps.Problem{Tried: tried, Seen: file + " is there already", Next: "Name another file"}, err))
	}
	if _, err := readJournal(folder); err != nil {
		return err
	}
	var index runs.Index
	err = durable.Write(file, func(to io.Writer) (err error) {
		index, err = folder.Export(to, p.Clock.Now(), p.operator(), hostname())
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	d := carriedRun{Version: 1, Run: index.Run, File: file, Records: index.Records, Head: index.Head, Files: len(index.Members), Left: index.Left}
	if p.json() {
		return p.tell(d)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Run %s is in %s: %d files, a journal of %d records.\n", d.Run, file, d.Files, d.Records)
	leftOut(&b, d.Left)
	fmt.Fprintf(&b, "On the other machine: svrescue runs import FILE, then svrescue resume %s. Do not go on with it here as well.\n", d.Run)
	_, err = p.Out.Write(b.Bytes())
	return err
}

func leftOut(b *bytes.Buffer, left []runs.Left) {
	for _, l := range left {
		fmt.Fprintf(b, "Not in it: %s, because %s.\n", l.Name, l.Why)
	}
}

func (p *program) runsImportCommand() *cobra.Command {
	return &cobra.Command{Use: "import FILE", Short: "Take over a run that another machine exported",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes one file; see: %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		Example: "  svrescue runs import run.tar.gz\n  svrescue runs import run.tar.gz --kubeconfig ~/.kube/sv --context sv-mainnet",
		Long: "Reads the file that svrescue runs export wrote into a run folder of this machine. Every file is compared with its hash, and\n" +
			"the journal with its chain, before anything gets the name of the run. The run goes on with the kubeconfig of this machine,\n" +
			"and with the context of the same name unless --context names another: make sure that it leads to the same cluster. What\n" +
			"the run was told of the other machine's files is listed where it is not here. Nothing is sent to the cluster.\n\n" +
			"Exit codes: 0 imported; 1 failed; 2 the command line or the configuration is wrong; 3 refused: the file is damaged, of a\n" +
			"later version or no run, or a run of that name is here already.",
		RunE: func(_ *cobra.Command, args []string) error { return p.importRun(args[0]) }}
}

func (p *program) importRun(file string) error {
	tried := "importing the run in " + file
	from, err := os.Open(file)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "it cannot be read: " + err.Error(), Next: "Name the file that svrescue runs export wrote", Err: err}
	}
	defer from.Close()
	d := carriedRun{Version: 1, File: file}
	folder, index, err := runs.Import(p.config.RunDir, from, func(spec *runs.Spec) error {
		if _, err := findPath(spec.Path); err != nil {
			return exit(exitRefused, &steps.Problem{Tried: tried, Seen: "this svrescue has no path " + spec.Path, Next: "Import it with the version that exported it"})
		}
		for _, path := range []string{spec.Dumps, spec.Record, spec.Values, spec.Charts} {
			if _, err := os.Stat(path); path != "" && err != nil {
				d.Elsewhere = append(d.Elsewhere, path)
			}
		}
		spec.Kubeconfig = p.kubeconfig()
		if p.config.Context != "" {
			spec.Context = p.config.Context
		}
		if spec.Acting == wire.Checklist {
			return nil
		}
		cluster, err := connect(*spec, p.Clock)
		if err != nil {
			return exit(exitUsage, &steps.Problem{Tried: tried, Seen: steps.FailureOf("", err).Seen, Err: err,
				Next: "The run is about a cluster: name the kubeconfig of this machine that leads there with --kubeconfig, and its context with --context"})
		}
		spec.Context = cluster.Target().Context
		d.Kubeconfig, d.Context, d.Server = spec.Kubeconfig, spec.Context, cluster.Server()
		return nil
	})
	var told coded
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, runs.ErrThere):
		return exit(exitRefused, &steps.Problem{Tried: tried, Seen: "run " + index.Run + " is in " + p.config.RunDir + " already", Next: "Go on with that one, or name another place with --run-dir"})
	case err != nil:
		return exit(exitRefused, &steps.Problem{Tried: tried, Seen: err.Error(), Err: err, Next: "Nothing was taken over. Carry the file again, and compare its size"})
	}
	d.Run, d.Folder, d.Records, d.Head, d.Files, d.Left = index.Run, folder.Path, index.Records, index.Head, len(index.Members), index.Left
	if p.json() {
		return p.printDocument(d)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Run %s was imported: %d files, a journal of %d records, exported by %s on %s.\n", d.Run, d.Files, d.Records, index.By, index.Host)
	if d.Server != "" {
		fmt.Fprintf(&b, "It goes on with context %s, which leads to %s: make sure that this is its cluster.\n", d.Context, d.Server)
	}
	leftOut(&b, d.Left)
	for _, path := range d.Elsewhere {
		fmt.Fprintf(&b, "Not on this machine: %s, of which the run was told. Have it here before the step that reads it.\n", path)
	}
	fmt.Fprintf(&b, "Next: svrescue resume %s%s\n", d.Run, p.runDirFlag())
	return p.print(b.Bytes())
}
