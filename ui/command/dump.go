package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/ui/theme"
	"github.com/spf13/cobra"
)

// mergeDocument is what `dump merge --format json` prints.
type mergeDocument struct {
	Version      int    `json:"version"`
	Output       string `json:"output"`
	Bytes        int64  `json:"bytes"`
	SHA256       string `json:"sha256"`
	MigrationID  int64  `json:"migration_id"`
	CreatedAt    string `json:"created_at"`
	ACSTimestamp string `json:"acs_timestamp"`
}

// dumpCheckDocument is what `dump check --format json` prints.
type dumpCheckDocument struct {
	Version  int            `json:"version"`
	Verdict  dump.Verdict   `json:"verdict"`
	Findings []dump.Finding `json:"findings"`
}

func (p *program) dumpCommand() *cobra.Command {
	c := &cobra.Command{Use: "dump", Short: "Make and check migration dumps, which releases up to 0.6.1 are recovered from",
		Long: "Makes a migration dump of an identities backup and a data snapshot, and checks one. Nothing of a node is touched, and no cluster is\n" +
			"needed. Releases from 0.6.2 on read no migration dumps.\n\nExit codes: those of its commands.",
		Example: "  svrescue dump merge --identities identities.json --snapshot snapshot.json -o domain_migration_dump.json\n" +
			"  svrescue dump check domain_migration_dump.json",
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("name a command: svrescue dump merge, or svrescue dump check FILE")
		},
	}
	c.AddCommand(p.dumpMergeCommand(), p.dumpCheckCommand())
	return c
}

type mergeFlags struct {
	identities, snapshot, borrowed string
	migration                      int64
}

func (p *program) dumpMergeCommand() *cobra.Command {
	var f mergeFlags
	c := &cobra.Command{Use: "merge", Short: "Put identities and a data snapshot together to a migration dump",
		Long: "Writes the file that an SV app migrates from: the five members that it reads, every value byte by byte as it stands in its input.\n" +
			"Both inputs are checked on the way, so that what fails silently elsewhere is refused here: inputs that are exchanged, an error that\n" +
			"was saved as a snapshot, a file that is cut off, one without the users or the genesis state, another node's snapshot. The result\n" +
			"is readable by you alone and appears when it is whole. It holds the node's private keys.\n\n" +
			"A snapshot that another SV lends is taken with --borrowed-from only: its users and its contracts are then those of the lender.\n\n" +
			"Exit codes: 0 written; 2 a file does not exist, or the command line is wrong; 3 refused, with the reason; 130 interrupted.",
		Example: "  svrescue dump merge --identities identities.json --snapshot snapshot.json --migration-id 5 -o domain_migration_dump.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var id *int64
			if cmd.Flags().Changed("migration-id") {
				id = &f.migration
			}
			return p.mergeDump(cmd.Context(), f, id)
		},
	}
	c.Flags().StringVar(&f.identities, "identities", "", "the identities backup: the answer of the SV app")
	c.Flags().StringVar(&f.snapshot, "snapshot", "", "the data snapshot: the answer of the SV app")
	c.Flags().Int64Var(&f.migration, "migration-id", 0, "refuse a snapshot for another migration ID")
	c.Flags().StringVar(&f.borrowed, "borrowed-from", "", "name of the SV that lends the snapshot")
	return c
}

func (p *program) dumpCheckCommand() *cobra.Command {
	var migration int64
	c := &cobra.Command{Use: "check FILE", Short: "Say whether an SV app would migrate from a dump",
		Long: "Reads a migration dump to its end and says whether the SV app would take it: the rules of its reader, and whether genesis state and\n" +
			"contracts are whole. FILE may be - for standard input.\n\n" +
			"Exit codes: 0 nothing speaks against it; 2 FILE does not exist, or the command line is wrong; 3 the app would not take it;\n" +
			"130 interrupted.",
		Example: "  svrescue dump check domain_migration_dump.json\n  svrescue dump check --migration-id 5 --format json domain_migration_dump.json | jq .verdict",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("dump check takes one file; see: svrescue dump check --help")
			}
			var id *int64
			if cmd.Flags().Changed("migration-id") {
				id = &migration
			}
			return p.checkDump(cmd.Context(), args[0], id)
		},
	}
	c.Flags().Int64Var(&migration, "migration-id", 0, "the migration ID that the app is configured with")
	return c
}

// told is a reader that tells how far it is, and ends when it is interrupted.
type toldReader struct {
	ctx         context.Context
	from        io.Reader
	read, total int64
	show        func(read, total int64)
}

func (t *toldReader) Read(b []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.from.Read(b)
	t.read += int64(n)
	t.show(t.read, t.total)
	return n, err
}

// telling reads a file, and shows on a terminal how far it is. end takes that away.
func (p *program) telling(ctx context.Context, file *os.File, name string) (from io.Reader, end func()) {
	line := &readingLine{to: p.Err, clock: p.Clock, began: p.Clock.Now()}
	if !isTerminal(p.Err) {
		line = nil
	}
	total := int64(0)
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		total = info.Size()
	}
	return &toldReader{ctx: ctx, from: file, total: total, show: func(read, total int64) { line.show(name, read, total) }}, line.clear
}

func (p *program) mergeDump(ctx context.Context, f mergeFlags, id *int64) error {
	switch {
	case f.identities == "" || f.snapshot == "":
		return usage("dump merge needs --identities FILE and --snapshot FILE; see: svrescue dump merge --help")
	case p.flags.output == "" || p.flags.output == "-":
		return usage("name the file to write with -o: private keys are not written to a screen")
	case f.identities == "-" && f.snapshot == "-":
		return usage("only one of the two inputs can be standard input")
	}
	identities, identitiesName, open, err := p.identitiesFile(f.identities)
	if err != nil {
		return err
	}
	defer identities.Close()
	if open {
		fmt.Fprintf(p.Err, "svrescue: others on this machine can read %s, and may have the keys by now. Next: %s\n", identitiesName, protect(identitiesName))
	}
	snapshot, snapshotName, _, err := p.identitiesFile(f.snapshot)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	for _, input := range []*os.File{identities, snapshot} {
		if same(input, p.flags.output) {
			return usage("-o names an input: it would be gone")
		}
	}
	from, end := p.telling(ctx, snapshot, snapshotName)
	var m dump.Merged
	sum, size := sha256.New(), counter(0)
	err = durable.Write(p.flags.output, func(to io.Writer) error {
		behind := durable.NewBehind(io.MultiWriter(to, sum, &size))
		m, err = dump.Merge(behind, identities, from, dump.MergeOptions{MigrationID: id, BorrowedFrom: f.borrowed})
		if written := behind.Close(); err == nil {
			err = written
		}
		return err
	})
	end()
	switch {
	case err != nil && ctx.Err() != nil:
		return exit(exitInterrupted, errors.New("merging was interrupted, and nothing was written"))
	case dump.IsRefused(err):
		return exit(exitRefused, fmt.Errorf("no dump was written: %w.\n  inputs: identities %s, snapshot %s", err, identitiesName, snapshotName))
	case err != nil:
		return fmt.Errorf("no dump was written: %w", err)
	}
	for _, name := range m.Snapshot.Extra {
		fmt.Fprintf(p.Err, "svrescue: the snapshot has a member %q that no app reads; it was left out\n", plain.Cut(plain.Line(name), 40))
	}
	if m.Unproven {
		fmt.Fprintln(p.Err, "svrescue: the snapshot has no users that would tell whose it is; that it is of the same node as the identities is not proven")
	}
	if m.Borrowed != nil {
		fmt.Fprintf(p.Err, "svrescue: the snapshot is lent by %s. Its users and their rights are the lender's, and of the contracts only those of the DSO are yours too\n", plain.Line(f.borrowed))
	}
	document := mergeDocument{Version: 1, Output: p.flags.output, Bytes: int64(size), SHA256: hex.EncodeToString(sum.Sum(nil)), MigrationID: *m.Snapshot.MigrationID,
		CreatedAt: m.Snapshot.CreatedAt, ACSTimestamp: m.Snapshot.Data.At}
	if p.json() {
		return p.tell(document)
	}
	_, err = fmt.Fprintf(p.Out, "%s\n  of           %s\n  for          migration ID %d, at %s\n  size         %d bytes\n  SHA-256      %s\nIt holds the private keys of the node: keep it where only you can read it.\nNext: svrescue dump check %s\n",
		plain.Line(document.Output), m.Identities.Party, document.MigrationID, document.ACSTimestamp, document.Bytes, document.SHA256, plain.Line(document.Output))
	return err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(part []byte) (int, error) {
	*c += counter(len(part))
	return len(part), nil
}

// same says whether a path is that of an open file.
func same(file *os.File, path string) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

func (p *program) checkDump(ctx context.Context, path string, id *int64) error {
	file, name, _, err := p.identitiesFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	from, end := p.telling(ctx, file, name)
	m, err := dump.CheckMigration(from, id)
	end()
	switch {
	case err != nil && ctx.Err() != nil:
		return exit(exitInterrupted, errors.New("reading the file was interrupted, and nothing is known of it"))
	case errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	verdict := dump.Overall(m.Findings)
	if p.json() {
		err = p.printDocument(dumpCheckDocument{Version: 1, Verdict: verdict, Findings: m.Findings})
	} else {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s\n\n", name)
		p.putFindings(&b, m.Findings)
		err = p.print(b.Bytes())
	}
	if err == nil && verdict == dump.Violated {
		return told(exitRefused)
	}
	return err
}

// putFindings writes what a person reads of findings, in 80 columns.
func (p *program) putFindings(b *bytes.Buffer, found []dump.Finding) {
	shown := theme.New(p.theme)
	for _, f := range found {
		fmt.Fprintf(b, "%-15s %s\n", f.Verdict, f.ID)
		for _, line := range shown.Wrap(plain.Line(f.Detail), 76) {
			fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", 4), line)
		}
	}
	fmt.Fprintf(b, "\nVerdict: %s\n", dump.Overall(found))
}
