package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/command/config"
	"canton.example/svrescue/ui/theme"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// backupDocument is what `backup check --format json` prints.
type backupDocument struct {
	Version   int              `json:"version"`
	Artifacts []backupArtifact `json:"artifacts"`
	Checks    []backupFinding  `json:"checks"`
	Verdict   string           `json:"verdict"`
}

type backupArtifact struct {
	Path          string        `json:"path"`
	Kind          string        `json:"kind"`
	Compression   string        `json:"compression"`
	Database      *string       `json:"database"`
	Role          string        `json:"role"`
	ServerVersion *string       `json:"server_version"`
	StartedAt     *string       `json:"started_at"` // null also where the zone of the clock is not known
	Complete      *bool         `json:"complete"`
	Offsets       backupOffsets `json:"offsets"`
}

type backupOffsets struct {
	LedgerEnd    *int64 `json:"ledger_end"`
	LastIngested *int64 `json:"last_ingested"`
	MigrationID  *int64 `json:"migration_id"`
}

type backupFinding struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

func (p *program) backupCommand() *cobra.Command {
	c := &cobra.Command{Use: "backup", Short: "Look into backup files",
		Long: "Looks into backup files on this machine. Nothing is changed, and no cluster is needed.\n\n" +
			"Exit codes: those of its commands.",
		Example: "  svrescue backup check /backups/2026-11-22",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return usage("name a command: svrescue backup check PATH...") },
	}
	c.AddCommand(p.backupCheckCommand())
	return c
}

// backupFlags are those of backup check.
type backupFlags struct {
	retention, zone string
	deep            bool
}

func (p *program) backupCheckCommand() *cobra.Command {
	var f backupFlags
	c := &cobra.Command{Use: "check [PATH...]", Short: "Say what backup files hold, and whether they can be restored together",
		Example: "  svrescue backup check participant.dump apps/\n" +
			"  svrescue backup check --retention 30d --zone Europe/Zurich /backups/2026-11-22\n" +
			"  svrescue backup check --format json /backups/2026-11-22 | jq .verdict",
		Long: "Reads backup files to their end and says what each is, whether it is whole, and how far its database had got; and whether\n" +
			"they belong together: no app may have read further than its participant has written, which nothing else shows.\n" +
			"Without PATH it reads the folders of the configuration (backups.folders), and retention and zone come from there too\n" +
			"where they are not named here.\n\n" +
			"PATH is a dump of pg_dump or pg_dumpall in any form, also inside gzip, zstd, xz, bzip2 or lz4; an identities dump; or a\n" +
			"folder with such files. Files are recognised by their bytes, not by their names. Name the files of one set together.\n\n" +
			"A custom archive is walked to its last byte, and its tables are decompressed with --deep only, which takes longer.\n\n" +
			"Exit codes: 0 the set holds; 2 a PATH does not exist, or the command line is wrong; 3 violated: the set must not be\n" +
			"restored; 6 not determined: evidence is missing; 130 interrupted.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = p.config.Backups.Folders
			}
			if len(args) == 0 {
				return usage("backup check needs a file or a folder: name one, or write backups.folders into the configuration. See: svrescue backup check --help")
			}
			return p.checkBackup(cmd.Context(), f, args)
		},
	}
	c.Flags().StringVar(&f.retention, "retention", "", "how long the sequencers keep a silent node, like 30d or 720h: the age of the set counts then")
	c.Flags().StringVar(&f.zone, "zone", "", "zone of the dumping host's clock, like Europe/Zurich, UTC or +02:00: archives do not say it")
	c.Flags().BoolVar(&f.deep, "deep", false, "decompress every table of custom archives")
	return c
}

func (p *program) checkBackup(ctx context.Context, f backupFlags, paths []string) error {
	retention, err := parseRetention(f.retention)
	if err != nil {
		return err
	}
	zone, err := parseZone(cmp.Or(f.zone, p.config.Backups.Zone))
	if err != nil {
		return err
	}
	o := dump.Options{Zone: zone, Deep: f.deep}
	if program, err := exec.LookPath("pg_restore"); err == nil {
		o.Restore = program
	}
	artifacts, err := p.readBackups(ctx, o, paths)
	if err != nil {
		return err
	}
	set := backup.CheckDumps(artifacts, p.Clock.Now(), cmp.Or(retention, p.config.Retention))
	if p.json() {
		err = p.printDocument(documentOf(artifacts, set))
	} else {
		err = p.print(p.backupText(artifacts, set))
	}
	switch {
	case err != nil:
		return err
	case set.Verdict == wire.Violated:
		return told(exitRefused)
	case set.Verdict != wire.Holds:
		return told(exitUndetermined)
	}
	return nil
}

// readBackups reads what the paths name, each file once.
func (p *program) readBackups(ctx context.Context, o dump.Options, paths []string) ([]dump.Artifact, error) {
	var all []dump.Artifact
	seen := map[string]bool{}
	told := &readingLine{to: p.Err, clock: p.Clock, began: p.Clock.Now()}
	if !isTerminal(p.Err) {
		told = nil
	}
	defer told.clear()
	for _, path := range paths {
		o.Progress = func(read, total int64) { told.show(path, read, total) }
		of, err := dump.Read(ctx, path, o)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, usage("there is no %s", plain.Line(path))
		case ctx.Err() != nil:
			return nil, exit(exitInterrupted, errors.New("reading the files was interrupted, and nothing is known of them"))
		case err != nil:
			return nil, err
		}
		for _, a := range of {
			key := a.Path
			if absolute, err := filepath.Abs(a.Path); err == nil {
				key = absolute
			}
			key += "\x00" + strconv.Itoa(a.Order) + "\x00" + a.Schema
			if seen[key] {
				continue
			}
			seen[key] = true
			all = append(all, a)
		}
	}
	return all, nil
}

// readingLine is a line on a terminal that says how far reading is, once it takes longer than a second.
type readingLine struct {
	to interface {
		WriteString(string) (int, error)
	}
	clock       clock.PassiveClock
	began, last time.Time
}

func (r *readingLine) show(path string, read, total int64) {
	if r == nil || r.clock.Since(r.began) < time.Second || r.clock.Since(r.last) < 200*time.Millisecond {
		return
	}
	r.last = r.clock.Now()
	percent := int64(100)
	if total > 0 {
		percent = min(100, 100*read/total)
	}
	r.to.WriteString(fmt.Sprintf("\r\x1b[Kreading %s: %d %% of %s", plain.Cut(plain.Line(path), 40), percent, bytesText(total)))
}

func (r *readingLine) clear() {
	if r != nil && !r.last.IsZero() {
		r.to.WriteString("\r\x1b[K")
	}
}

func bytesText(n int64) string {
	units := []string{"bytes", "KB", "MB", "GB", "TB"}
	v, unit := float64(n), 0
	for v >= 1000 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	if unit == 0 || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[unit])
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}

// parseRetention reads a duration that may be in days.
func parseRetention(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, ok := config.ParseLength(text)
	if !ok {
		return 0, usage("--retention is a length of time like 30d or 720h, not %q", text)
	}
	return d, nil
}

// parseZone reads the name of a zone, or its offset from UTC.
func parseZone(text string) (*time.Location, error) {
	if text == "" {
		return nil, nil
	}
	zone, ok := config.ParseZone(text)
	if !ok {
		return nil, usage("--zone is a zone like Europe/Zurich, UTC or +02:00, not %q", text)
	}
	return zone, nil
}

// verdictWord is a verdict as documents and texts have it.
func verdictWord(v wire.Verdict) string {
	if v == wire.Undetermined {
		return "not-determined"
	}
	return string(v)
}

func documentOf(artifacts []dump.Artifact, set backup.DumpSet) backupDocument {
	d := backupDocument{Version: 1, Artifacts: []backupArtifact{}, Verdict: verdictWord(set.Verdict)}
	text := func(s string) *string {
		if s = cleanName(s); s == "" {
			return nil
		}
		return &s
	}
	for _, a := range artifacts {
		one := backupArtifact{Path: cleanName(a.Path), Kind: string(a.Kind), Compression: string(a.Compression), Database: text(a.Database), Role: string(a.Role),
			ServerVersion: text(a.ServerVersion), Complete: a.Complete}
		if a.Started != nil && a.Started.ZoneKnown {
			one.StartedAt = text(a.Started.Wall.Format(time.RFC3339))
		}
		if a.Position != nil {
			one.Offsets = backupOffsets{LedgerEnd: a.Position.LedgerEnd, LastIngested: a.Position.LastIngested, MigrationID: a.Position.MigrationID}
		}
		d.Artifacts = append(d.Artifacts, one)
	}
	for _, f := range set.Checks {
		d.Checks = append(d.Checks, backupFinding{ID: f.ID, Verdict: verdictWord(f.Verdict), Detail: detailOf(f)})
	}
	return d
}

// cleanName is a name without what a terminal would act on; its blanks stay as they are.
func cleanName(name string) string { return strings.ReplaceAll(plain.Clean(name), "\n", " ") }

func detailOf(f wire.Finding) string {
	detail := f.Text
	if f.Next != "" {
		detail += ". " + f.Next
	}
	return plain.Line(detail)
}

// backupText is what a person reads, in 80 columns.
func (p *program) backupText(artifacts []dump.Artifact, set backup.DumpSet) []byte {
	var b bytes.Buffer
	shown := theme.New(p.theme)
	put := func(indent int, text string) {
		for _, line := range shown.Wrap(plain.Line(text), 80-indent) {
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", indent), line)
		}
	}
	path, told := "", map[string]bool{}
	for _, a := range artifacts {
		if a.Path != path {
			path = a.Path
			put(0, a.Path)
		}
		put(2, artifactLine(a))
		problems := slices.Clone(a.Problems)
		if a.Position != nil && a.Position.Why != "" {
			problems = append(problems, "How far it had got is not determined: "+a.Position.Why)
		}
		for _, problem := range problems {
			if !told[a.Path+problem] { // once for the databases of one file
				told[a.Path+problem] = true
				put(4, problem)
			}
		}
	}
	b.WriteString("\n")
	for _, f := range set.Checks {
		counts := ""
		if !set.Counts[f.ID] {
			counts = "  (does not count)"
		}
		fmt.Fprintf(&b, "%-15s %s%s\n", verdictWord(f.Verdict), f.ID, counts)
		put(4, f.Text)
		if f.Next != "" {
			put(4, "Next: "+f.Next)
		}
	}
	fmt.Fprintf(&b, "\nVerdict: %s\n", verdictWord(set.Verdict))
	return b.Bytes()
}

// artifactLine is one database, or one file without any.
func artifactLine(a dump.Artifact) string {
	if a.Kind == dump.Unknown {
		return "no backup that was read, " + bytesText(a.Size)
	}
	form := string(a.Kind)
	if a.Compression != dump.None {
		form += " in " + string(a.Compression)
	}
	parts := []string{form}
	if a.Kind == dump.Identities {
		return strings.Join(append(parts, "of a "+string(a.Role), bytesText(a.Size)), ", ")
	}
	parts = append(parts, cmp.Or(a.Database, "database not named"), string(a.Role))
	if a.ServerVersion != "" {
		version, _, _ := strings.Cut(a.ServerVersion, " ")
		parts = append(parts, "PostgreSQL "+version)
	}
	switch {
	case a.Complete == nil:
		parts = append(parts, "not known whether whole")
	case *a.Complete:
		parts = append(parts, "whole")
	default:
		parts = append(parts, "NOT WHOLE")
	}
	if p := a.Position; p != nil && p.Why == "" {
		switch {
		case p.LedgerEnd != nil:
			parts = append(parts, fmt.Sprintf("ledger end %d", *p.LedgerEnd))
		case p.LastIngested != nil:
			parts = append(parts, fmt.Sprintf("read to %d in migration %d", *p.LastIngested, *p.MigrationID))
		}
	}
	if a.Started != nil {
		when := a.Started.Wall.Format(time.DateTime) + " in a zone that is not known"
		if a.Started.ZoneKnown {
			when = a.Started.Wall.Format(time.RFC3339)
		}
		parts = append(parts, "begun "+when)
	}
	return strings.Join(parts, ", ")
}
