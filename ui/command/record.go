package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
	"github.com/spf13/cobra"
)

// recorded is the document that record prints.
type recorded struct {
	Version   int                `json:"version"` // 1
	Folder    string             `json:"folder"`
	Made      time.Time          `json:"made"`
	Network   string             `json:"network"`
	SV        string             `json:"sv"`
	Cluster   string             `json:"cluster"`
	Namespace string             `json:"namespace"`
	Release   string             `json:"release"`
	Helm      []record.Helm      `json:"helm"`
	Secrets   []kube.SecretShape `json:"secrets"`
	Missing   []string           `json:"missing"`
	Files     int                `json:"files"`
}

func (p *program) recordCommand() *cobra.Command {
	check := ""
	c := &cobra.Command{Use: "record [FOLDER]", Short: "Save what the node is made of, to restore it from if it is ever lost",
		Long: "Saves, while the node is well, what a restore into an empty namespace needs besides the backups: manifests, claims and\n" +
			"volumes, every Helm release with its chart and values, and the names and keys of the Secrets. It only reads, and it\n" +
			"never saves what is in a Secret. Do it after every upgrade, and keep the folder away from the cluster.\n\n" +
			"Files are readable by you only: values and manifests can hold passwords that people wrote there. FOLDER must be new\n" +
			"or empty; without one, the record goes beside the run folders. --check reads a record against its checksums and\n" +
			"needs no cluster.\n\n" +
			"Exit codes: 0 all is saved, or the record is whole; 1 failed, or something could not be saved; 2 the command line or\n" +
			"the configuration is wrong; 3 refused: there is no super validator, or the record is not what was written.",
		Example: "  svrescue record /mnt/backup/sv-record-2026-05-01\n  svrescue record --check /mnt/backup/sv-record-2026-05-01",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) > 0 && cmd.Flags().Changed("check") {
				return usage("%s takes one folder; see: %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("check") {
				return p.checkRecord(check)
			}
			folder := ""
			if len(args) == 1 {
				folder = args[0]
			}
			return p.record(cmd.Context(), folder)
		}}
	c.Flags().StringVar(&check, "check", "", "read the record in this folder against its checksums")
	return c
}

func (p *program) checkRecord(folder string) error {
	if folder == "" {
		return usage("--check needs a folder")
	}
	r, err := record.Open(record.Folder(folder))
	var broken *record.Broken
	switch {
	case errors.As(err, &broken):
		return exit(exitRefused, fmt.Errorf("the record in %s is not what was written: %w.\n  Use another copy of it, or make a new one while the node is well", folder, err))
	case notThere(err):
		return exit(exitRefused, fmt.Errorf("there is no whole record in %s: it has no %s", folder, record.IndexFile))
	case err != nil:
		return err
	}
	return p.printRecord(folder, r.Index, "is whole")
}

func (p *program) record(ctx context.Context, folder string) error {
	cluster, n, err := p.found(ctx, "record")
	if err != nil {
		return err
	}
	now := p.Clock.Now()
	if folder == "" {
		folder = filepath.Join(filepath.Dir(p.config.RunDir), "records", n.Subject.Namespace+"-"+now.UTC().Format("20060102T150405Z"))
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	write, err := record.Into(folder)
	if err != nil {
		return err
	}
	index, err := record.Source{Cluster: cluster, Node: n, By: Version()}.Save(ctx, now, write, func(wire.Progress) {})
	if err != nil {
		return err
	}
	if err := p.printRecord(folder, index, "is saved"); err != nil {
		return err
	}
	if len(index.Missing) > 0 {
		return exit(exitFailed, fmt.Errorf("not everything could be saved: %s.\n  Get the rights that are missing, and make a new record", strings.Join(index.Missing, "; ")))
	}
	return nil
}

func (p *program) printRecord(folder string, i record.Index, how string) error {
	if p.json() {
		d := recorded{Version: 1, Folder: folder, Made: i.Made, Network: i.Network, SV: i.SV, Cluster: i.Cluster, Namespace: i.Namespace, Release: i.Release,
			Helm: i.Helm, Secrets: i.Secrets, Missing: i.Missing, Files: len(i.Files)}
		if d.Missing == nil {
			d.Missing = []string{}
		}
		return p.printDocument(d)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "The record of %s %s: %s\n", i.Subject(), how, folder)
	fmt.Fprintf(&b, "  made       %s, of namespace %s on %s\n", i.Made.Format("2006-01-02 15:04:05 MST"), i.Namespace, i.Cluster)
	fmt.Fprintf(&b, "  Splice     %s\n", i.Release)
	for n, h := range i.Helm {
		title := ""
		if n == 0 {
			title = "releases"
		}
		note := ""
		switch {
		case h.Problem != "":
			note = ": not saved, " + h.Problem
		case !h.Charted:
			note = ": without its chart; it can be restored, and for an upgrade afterwards the chart is needed"
		}
		fmt.Fprintf(&b, "  %-10s %s (%s %s, revision %d, %s)%s\n", title, h.Name, h.Chart, h.Version, h.Revision, h.Status, note)
	}
	fmt.Fprintf(&b, "  secrets    %d, by name and key; what is in them is not saved\n", len(i.Secrets))
	fmt.Fprintf(&b, "  files      %d, readable by you only: values and manifests can hold passwords\n", len(i.Files))
	fmt.Fprintf(&b, "Keep it, and the Secrets, away from the cluster.\n")
	return p.print(b.Bytes())
}

// found connects to the cluster and finds the node in it, for a command that only looks. Where there is none it is refused.
func (p *program) found(ctx context.Context, doing string) (*kube.Cluster, node.Node, error) {
	spec, err := p.real(ctx, doing, wire.Live)
	if err != nil {
		return nil, node.Node{}, err
	}
	quietLogs(p.Err)
	cluster, err := connect(spec, p.Clock)
	if err != nil {
		return nil, node.Node{}, err
	}
	n, err := restore.Find(ctx, steps.World{Kube: cluster, Clock: p.Clock}, spec.Namespace, spec.Context)
	var problem *steps.Problem
	if errors.As(err, &problem) {
		return nil, n, exit(exitRefused, err)
	}
	return cluster, n, err
}
