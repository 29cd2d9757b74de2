package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"github.com/spf13/cobra"
)

type doctorOptions struct {
	wait, every              time.Duration
	dumps, identities, scans []string
	tokenFrom, textfile      string
	fetch                    string
	rehearse                 string
	watch, quiet             bool
}

func (p *program) doctorCommand() *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{Use: "doctor", Short: "Say whether the node could be recovered if it were lost today",
		Long: "Looks at what triage looks at, and at what a recovery would need besides: backups and their age, identities, the runway, pruning,\n" +
			"permissions, a token, ways to the apps, room on this machine, and what only you can keep outside the cluster. Each condition\n" +
			"holds, is violated, or is not determined, with what it rests on, what follows, and what to do. It changes nothing on the node.\n\n" +
			"Made for cron as well: it needs no terminal, says one line on stderr when something is wrong, and --textfile writes metrics for\n" +
			"the node exporter of Prometheus. --watch looks again and again and tells what changed. What nobody here can see is declared in\n" +
			"the configuration: backups.managed, copies, acknowledged (svrescue init writes one; docs/configuration.md).\n\n" +
			"--fetch-identities takes the cheapest missing thing at once: an identities dump of the SV app, kept only if it is whole and this\n" +
			"node's. On a terminal it asks first.\n\n" +
			"Exit codes: 0 all that counts holds; 1 failed; 2 the command line or the configuration is wrong; 3 something is violated;\n" +
			"6 something is not determined; 130 interrupted.",
		Example: "  svrescue doctor\n  svrescue doctor --quiet --textfile /var/lib/node_exporter/textfile/svrescue.prom\n  svrescue doctor --watch --every 10m\n" +
			"  svrescue doctor --fetch-identities /mnt/backup/identities\n  svrescue doctor --rehearse day-neglected",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.doctor(cmd.Context(), o) }}
	f := c.Flags()
	f.DurationVar(&o.wait, "wait", time.Minute, "how long sources may take together")
	f.StringArrayVar(&o.dumps, "dumps", nil, "a folder with dump files, or one of them; may be named several times")
	f.StringArrayVar(&o.identities, "identities", nil, "an identities backup, or a folder with some; may be named several times")
	f.StringVar(&p.flags.record, "record", "", "the folder with the record of the node")
	f.StringArrayVar(&o.scans, "scan", nil, "address of a scan of the network, for when this node's own does not answer; may be named several times")
	f.StringVar(&o.tokenFrom, "token-from", "", "where a token for the SV app is: env:NAME, file:/PATH or stdin")
	f.StringVar(&o.fetch, "fetch-identities", "", "fetch an identities dump into this file, or into a new file in this folder")
	f.StringVar(&o.textfile, "textfile", "", "write metrics for the node exporter to this file, which ends in .prom")
	f.BoolVar(&o.watch, "watch", false, "look again and again, and tell what changed, until ctrl+c")
	f.DurationVar(&o.every, "every", 15*time.Minute, "how long --watch waits between two looks")
	f.BoolVar(&o.quiet, "quiet", false, "print no report; only one line on stderr when something is wrong")
	f.StringVar(&o.rehearse, "rehearse", "", "a day on the built-in network instead; \"list\" shows them")
	return c
}

// check refuses flags that do not fit.
func (o doctorOptions) check() error {
	switch {
	case o.wait < time.Second || o.wait > 10*time.Minute:
		return usage("--wait is between 1s and 10m, not %s", o.wait)
	case o.every < 10*time.Second || o.every > 24*time.Hour:
		return usage("--every is between 10s and 24h, not %s", o.every)
	case o.textfile != "" && !strings.HasSuffix(o.textfile, ".prom"):
		return usage("--textfile names a file that ends in .prom: the node exporter reads no other")
	case o.watch && o.fetch != "":
		return usage("--watch looks and takes nothing; leave out --fetch-identities, or --watch")
	}
	return nil
}

func (p *program) doctor(ctx context.Context, o doctorOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.rehearse == "list" {
		return p.listDays()
	}
	if err := p.tokenFrom(o.tokenFrom); err != nil {
		return err
	}
	if err := p.knownConditions(); err != nil {
		return err
	}
	quietLogs(io.Discard) // what goes wrong with a source is told as evidence
	from, where, end, err := p.readiness(ctx, o)
	if err != nil {
		return err
	}
	defer end()
	d := &doctoring{program: p, options: o, from: from, where: where}
	if o.watch {
		return d.watch(ctx)
	}
	report, e, err := d.look(ctx)
	if err != nil {
		return err
	}
	if o.fetch != "" {
		if err := d.fetch(ctx, e.Own); err != nil {
			return err
		}
		if report, _, err = d.look(ctx); err != nil {
			return err
		}
	}
	if err := d.tell(report, from.Clock.Now()); err != nil {
		return err
	}
	if code := report.ExitCode(); code != exitDone {
		fmt.Fprintln(p.Err, "svrescue: "+alarm(report))
		return told(code)
	}
	return nil
}

// knownConditions refuses words about conditions and copies that there are not.
func (p *program) knownConditions() error {
	ids := doctor.IDs()
	for _, a := range p.config.Acknowledged {
		if !slices.Contains(ids, a.Condition) {
			return usage("the configuration is not right: acknowledged names a condition %q, and there is none of that name; there are %s", a.Condition, strings.Join(ids, ", "))
		}
	}
	kinds := slices.Sorted(maps.Keys(doctor.CopyKinds()))
	for _, c := range p.config.Copies {
		if !slices.Contains(kinds, c.What) {
			return usage("the configuration is not right: copies names %q, and there is nothing of that name to keep; there are %s", c.What, strings.Join(kinds, ", "))
		}
	}
	return nil
}

// readiness says where to look: at the real node, or at a day of the built-in network, which end stops.
func (p *program) readiness(ctx context.Context, o doctorOptions) (r evidence.Readiness, where string, end func(), err error) {
	r = evidence.Readiness{Options: evidence.Options{Clock: p.Clock, Dumps: o.dumps, Identities: o.identities, Record: p.flags.record, Scans: o.scans,
		UserAgent: "svrescue/" + Version(), Out: svapp.Out{Getenv: p.Env}}, Room: durable.Room}
	end = func() {}
	if o.rehearse != "" {
		day, err := rehearsal.FindDay(o.rehearse)
		if err != nil {
			return r, "", end, &usageError{err}
		}
		world, err := p.incident(ctx, day.Incident, &r.Options)
		if err != nil {
			return r, "", end, err
		}
		if err := p.layDay(day, world.folder, &r); err != nil {
			world.end()
			return r, "", end, err
		}
		return r, "rehearsal of " + day.ID, world.end, nil
	}
	if err := p.knownOfNode(&r.Options); err != nil {
		return r, "", end, err
	}
	p.declared(&r)
	cluster, err := connect(runs.Spec{World: wire.Real, Kubeconfig: p.kubeconfig(), Context: p.config.Context, Namespace: p.config.Namespace}, p.Clock)
	if err != nil {
		return r, "", end, err
	}
	r.Cluster, r.Context = cluster, cluster.Target().Context
	r.Namespace, err = p.nodeNamespace(ctx, cluster)
	return r, "cluster " + r.Context, end, err
}

// declared adds what only the operator knows.
func (p *program) declared(r *evidence.Readiness) {
	for _, m := range p.config.Backups.Managed {
		r.Managed = append(r.Managed, evidence.Managed{Server: m.Server, Taken: m.Taken, Until: m.Until, Command: m.Command})
	}
	for _, c := range p.config.Copies {
		r.Copies = append(r.Copies, doctor.Copy{What: c.What, Where: c.Where, Until: c.Until})
	}
	for _, a := range p.config.Acknowledged {
		r.Acknowledged = append(r.Acknowledged, doctor.Acknowledgement{Condition: a.Condition, Why: a.Why, Until: a.Until})
	}
	r.Scratch = p.config.Backups.Scratch
	if r.Scratch == "" && len(p.config.Backups.Folders) > 0 {
		r.Scratch = p.config.Backups.Folders[0]
	}
	r.Scratch = cmp.Or(r.Scratch, p.config.RunDir)
}

// layDay puts what the operator of a rehearsed day has where doctor looks for it.
func (p *program) layDay(day rehearsal.Day, folder string, r *evidence.Readiness) (err error) {
	if day.Record != nil {
		r.Record = cmp.Or(r.Record, filepath.Join(folder, rehearsal.RecordFolder))
	}
	if day.Identities != nil {
		file := filepath.Join(folder, "identities.json")
		if err := durable.WriteFile(file, day.Identities); err != nil {
			return err
		}
		if err := os.Chtimes(file, time.Time{}, r.Clock.Now().Add(-day.Old)); err != nil {
			return err
		}
		r.Identities = append(r.Identities, file)
	}
	if day.Word != nil {
		r.Copies, r.Acknowledged = day.Word(r.Clock.Now())
	}
	r.Scratch, r.Room = folder, func(string) (int64, error) { return 200 << 30, nil } // a disk of the rehearsal
	r.Logins, err = p.logins(r.Out, r.Clock)
	return err
}

// doctoring is one call of the command.
type doctoring struct {
	*program
	options doctorOptions
	from    evidence.Readiness
	where   string
}

// look gathers all evidence and judges it. On a terminal it says that it is looking.
func (d *doctoring) look(ctx context.Context) (doctor.Report, doctor.Evidence, error) {
	within, cancel := context.WithTimeout(ctx, d.options.wait)
	defer cancel()
	var mu sync.Mutex
	var e doctor.Evidence
	left := len(evidence.ReadinessSources())
	evidence.GatherReadiness(within, d.from, func(piece evidence.PieceOf[doctor.Evidence]) {
		mu.Lock()
		defer mu.Unlock()
		piece.Set(&e)
		if piece.Last && piece.Source != "word" && isTerminal(d.Err) && !d.theme.Plain && !d.options.quiet {
			left--
			fmt.Fprintf(d.Err, "\r\x1b[Klooking: %d sources are still being read", left)
			if left == 0 {
				fmt.Fprint(d.Err, "\r\x1b[K")
			}
		}
	})
	if ctx.Err() != nil {
		return doctor.Report{}, e, exit(exitInterrupted, errors.New("doctor was interrupted"))
	}
	return doctor.Judge(e, d.from.Clock.Now()), e, nil
}

// tell prints the report, and writes the metrics.
func (d *doctoring) tell(r doctor.Report, at time.Time) error {
	if err := d.metrics(r); err != nil {
		return err
	}
	switch {
	case d.options.quiet:
		return nil
	case d.json():
		return d.printDocument(r)
	}
	head := fmt.Sprintf("Readiness of namespace %s, %s, %s", d.from.Namespace, d.where, triage.Moment(at))
	return d.print([]byte(d.text(head, r)))
}

// metrics writes the file of the node exporter, which runs as another user: so everybody may read it. There is nothing secret in it.
func (d *doctoring) metrics(r doctor.Report) error {
	if d.options.textfile == "" {
		return nil
	}
	if err := durable.PublishFile(d.options.textfile, r.Metrics(d.Clock.Now())); err != nil {
		return fmt.Errorf("the metrics could not be written to %s, so what stands there is old: %w", d.options.textfile, err)
	}
	return nil
}

// alarm is what is wrong in one line, for a log or the mail of cron.
func alarm(r doctor.Report) string {
	var wrong, open []string
	for _, c := range r.Conditions {
		switch {
		case !c.Counts():
		case c.Verdict == triage.Violated:
			wrong = append(wrong, c.ID)
		case c.Verdict == triage.NotDetermined:
			open = append(open, c.ID)
		}
	}
	var parts []string
	if len(wrong) > 0 {
		parts = append(parts, "violated: "+strings.Join(wrong, ", "))
	}
	if len(open) > 0 {
		parts = append(parts, "not determined: "+strings.Join(open, ", "))
	}
	return "doctor: " + strings.Join(parts, "; ")
}
