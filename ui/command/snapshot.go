package command

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
	"github.com/spf13/cobra"
)

// snapshotDocument is what `snapshot fetch --format json` prints when the file is there.
type snapshotDocument struct {
	Version      int            `json:"version"`
	Output       string         `json:"output"`
	Bytes        int64          `json:"bytes"`
	SHA256       string         `json:"sha256"`
	Timestamp    string         `json:"timestamp"` // as it was asked for
	Release      string         `json:"release"`
	Way          string         `json:"way"`
	Tries        int            `json:"tries"`
	MigrationID  int64          `json:"migration_id"`
	CreatedAt    string         `json:"created_at"`
	ACSTimestamp string         `json:"acs_timestamp"`
	ACSFormat    string         `json:"acs_format"`
	GenesisBytes int64          `json:"genesis_bytes"`
	ACSBytes     int64          `json:"acs_bytes"`
	DARs         int            `json:"dars"`
	Force        bool           `json:"force"`
	Proof        *snapshotProof `json:"proof"`
}

// snapshotRefused is what it prints when there is none.
type snapshotRefused struct {
	Version    int                 `json:"version"`
	Timestamp  string              `json:"timestamp"`
	Cause      svapp.SnapshotCause `json:"cause"`
	Generation string              `json:"generation"` // X, Y, or empty: not told
	Status     int                 `json:"status"`     // HTTP; 0: no answer
	Code       string              `json:"code"`       // Canton's; empty: none
	Call       string              `json:"call"`
	Tries      int                 `json:"tries"`
	ForceFits  bool                `json:"force_fits"`
	Proof      *snapshotProof      `json:"proof"`
}

type snapshotFlags struct {
	timestamp, proof, token, host, by string
	migration                         int64
	force                             bool
	answer, stall, retry              time.Duration
}

func (p *program) snapshotCommand() *cobra.Command {
	c := &cobra.Command{Use: "snapshot", Short: "Fetch the data snapshot of the agreed time from the SV app",
		Long: "Fetches what releases up to 0.6.1 are recovered from after the ordering layer was lost. The node is not changed.\n\n" +
			"Exit codes: those of its command.",
		Example: "  svrescue snapshot fetch --timestamp 2026-01-11T08:30:00Z -o snapshot.json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return usage("name a command: svrescue snapshot fetch") },
	}
	c.AddCommand(p.snapshotFetchCommand())
	return c
}

func (p *program) snapshotFetchCommand() *cobra.Command {
	var f snapshotFlags
	c := &cobra.Command{Use: "fetch", Short: "Fetch the data snapshot of one time, whole and checked, or say why there is none",
		Long: "Asks the SV app for its data snapshot of the time that the SVs agreed on, and for no other. It is streamed into a temporary file that\n" +
			"only you can read, hashed and checked while it comes, and gets its name when it is whole. A refusal is told by its meaning, which\n" +
			"the status alone does not tell, with a sentence for the call of the SVs.\n\n" +
			"One request is made at a time. The app goes on with an export when nobody waits for it any more, so the next try waits, and says\n" +
			"for how long and why.\n\n" +
			"--force is never added. Where the release answers for no time at which nothing happened, it is offered. It makes newer releases\n" +
			"answer a time that they have not reached with other data, stamped with your time: nothing in the file shows it. So it needs a proof,\n" +
			"the report of your own participant by svrescue commitments scan (--proof), that it was past the time.\n\n" +
			"Exit codes: 0 the file is written; 1 failed; 2 the command line or the configuration is wrong; 3 refused: the release has no such\n" +
			"endpoint, the app does not answer for this time, or what came is no whole snapshot; 6 not determined: the release is not known, or\n" +
			"--force is without a proof; 130 interrupted.",
		Example: "  svrescue snapshot fetch --timestamp 2026-01-11T08:30:00Z -o snapshot.json\n" +
			"  svrescue snapshot fetch --timestamp 2026-01-11T08:30:00Z --by public --token-from file:/run/svrescue/token -o snapshot.json\n" +
			"  svrescue snapshot fetch --timestamp 2026-01-11T08:30:00Z --force --proof acme.json -o snapshot.json",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(p.Clock.Now(), cmd.Flags().Changed("migration-id"))
			if err != nil {
				return err
			}
			return p.fetchSnapshot(cmd.Context(), f, q)
		},
	}
	l := c.Flags()
	l.StringVar(&f.timestamp, "timestamp", "", "the agreed time, like 2026-01-11T08:30:00Z")
	l.Int64Var(&f.migration, "migration-id", 0, "the migration ID that the answer is to have (default: the app's own plus one)")
	l.BoolVar(&f.force, "force", false, "have the app answer although it would refuse; needs --proof")
	l.StringVar(&f.proof, "proof", "", "report of your own participant, by svrescue commitments scan")
	l.StringVar(&f.by, "by", string(evidence.ByAny), "the way to the app: any, tunnel, service (from a pod of the cluster), public")
	l.StringVar(&f.host, "host", "", "public address of the SV app (default: hosts.sv of the configuration)")
	l.StringVar(&f.token, "token-from", "", "where a token for the SV app is: env:NAME, file:/PATH or stdin")
	l.DurationVar(&f.answer, "answer-within", time.Hour, "how long the beginning of the answer is waited for")
	l.DurationVar(&f.stall, "stall", 2*time.Minute, "how long nothing may come in the middle of it")
	l.DurationVar(&f.retry, "retry-for", 3*time.Hour, "how long further tries are begun; 0: one try")
	return c
}

// query is what is asked for. Nothing finer than a microsecond is a time of Canton.
func (f snapshotFlags) query(now time.Time, migration bool) (svapp.SnapshotQuery, error) {
	q := svapp.SnapshotQuery{Force: f.force}
	if f.timestamp == "" {
		return q, usage("snapshot fetch needs the time that the SVs agreed on: --timestamp 2026-01-11T08:30:00Z. It looks for none by itself; see: svrescue commitments agree --help")
	}
	at, err := time.Parse(time.RFC3339Nano, f.timestamp)
	if err != nil || at.Nanosecond()%1000 != 0 {
		return q, usage("--timestamp is a time with its zone and at most microseconds, like 2026-01-11T08:30:00Z, and not %q", plain.Line(f.timestamp))
	}
	if at.After(now) {
		return q, usage("--timestamp %s has not come yet", plain.Line(f.timestamp))
	}
	if q.At = at.UTC(); migration {
		q.MigrationID = &f.migration
	}
	switch evidence.By(f.by) {
	case evidence.ByAny, evidence.ByTunnel, evidence.ByService, evidence.ByPublic:
	default:
		return q, usage("--by is any, tunnel, service or public, and not %q", plain.Line(f.by))
	}
	if f.answer <= 0 || f.stall <= 0 || f.retry < 0 {
		return q, usage("--answer-within and --stall are lengths of time more than 0, and --retry-for not less")
	}
	return q, nil
}

func (p *program) fetchSnapshot(ctx context.Context, f snapshotFlags, q svapp.SnapshotQuery) error {
	out := p.flags.output
	if out == "" || out == "-" {
		return usage("name the file to write with -o: what comes is everything on the ledger, and may have gigabytes")
	}
	if _, err := os.Lstat(out); err == nil {
		return exit(exitRefused, fmt.Errorf("%s is there already, and is not written over; nothing was asked for.\n  Name another file with -o", plain.Line(out)))
	} else if !notThere(err) {
		return err
	}
	proof, err := p.provenTime(f.proof, q.At)
	if err != nil {
		return err
	}
	if q.Force && !proof.holds() {
		return forceRefused(proof, q)
	}
	if err := p.tokenFrom(f.token); err != nil {
		return err
	}
	o, err := p.svAppOptions(ctx, f)
	if err != nil {
		return err
	}
	g := &snapshotFetching{program: p, flags: f, query: q, options: o, proof: proof}
	if err := g.open(ctx); err != nil {
		if ctx.Err() != nil {
			return exit(exitInterrupted, errors.New("the snapshot was not asked for: it was interrupted before"))
		}
		return fmt.Errorf("the snapshot was not asked for: %w", err)
	}
	defer func() { g.way.Close() }()
	if err := g.has(); err != nil {
		return err
	}
	return g.fetch(ctx)
}

// svAppOptions say where the SV app is. For its public host no cluster is asked, where the token and its audience are known without.
func (p *program) svAppOptions(ctx context.Context, f snapshotFlags) (evidence.Options, error) {
	quietLogs(io.Discard)
	o := evidence.Options{Clock: p.Clock, UserAgent: "svrescue/" + Version(), Out: svapp.Out{Getenv: p.Env}}
	p.config.Hosts.SV = cmp.Or(f.host, p.config.Hosts.SV)
	if err := p.knownOfNode(&o); err != nil {
		return o, err
	}
	own := p.config.OIDC.Client.ID != "" && p.config.OIDC.Discovery != "" && p.config.OIDC.Audiences.SV != ""
	if evidence.By(f.by) == evidence.ByPublic && (p.config.OIDC.Token != "" || own) {
		return o, nil
	}
	cluster, err := connect(runs.Spec{World: wire.Real, Kubeconfig: p.kubeconfig(), Context: p.config.Context, Namespace: p.config.Namespace}, p.Clock)
	if err != nil {
		return o, err
	}
	o.Cluster, o.Context = cluster, cluster.Target().Context
	o.Namespace, err = p.nodeNamespace(ctx, cluster)
	return o, err
}

// snapshotFetching is one call of the command.
type snapshotFetching struct {
	*program
	flags   snapshotFlags
	query   svapp.SnapshotQuery
	options evidence.Options
	proof   snapshotProof
	app     *svapp.SV
	way     svapp.Way
	release string
	tries   int
}

func (g *snapshotFetching) open(ctx context.Context) error {
	app, way, release, err := evidence.OpenSV(ctx, g.options, evidence.By(g.flags.by))
	if err == nil {
		g.app, g.way, g.release = app, way, release
	}
	return err
}

// has says why the release has no snapshots. That is decided before anything else is asked (reference/apis.md 14.1).
func (g *snapshotFetching) has() error {
	switch triage.FamilyOf(g.release) {
	case triage.FamilyA:
		return nil
	case triage.FamilyUnknown:
		return exit(exitUndetermined, fmt.Errorf("nothing was asked for: the SV app does not tell a release that this program knows (%q), so whether it has data snapshots is not determined.\n  Look at the release of the node; from 0.6.2 on there are none",
			plain.Cut(plain.Line(g.release), 60)))
	}
	return exit(exitRefused, fmt.Errorf("nothing was asked for: the SV app is of release %s, and releases from 0.6.2 on have no data snapshots.\n  There a lost network is recovered by a roll-forward upgrade of the synchronizer", g.release))
}

// fetch asks until the file is there.
func (g *snapshotFetching) fetch(ctx context.Context) error {
	g.leftovers()
	line := g.transferring("waiting for the snapshot of " + g.query.Time())
	var got fetchedSnapshot
	again := false
	retry := svapp.SnapshotRetry{Clock: g.Clock, Patience: g.flags.retry, Waiting: func(w svapp.SnapshotWait) {
		again = true
		line.say("try %d: %s. The next one is in %s, at %s: %s", w.Try, w.Err.Seen, w.For.Round(time.Second), g.Clock.Now().Add(w.For).UTC().Format("15:04:05Z"), w.Refusal.Why)
		line.phase("waiting until the next try of " + g.query.Time())
	}}
	err := retry.Run(ctx, g.query, func(ctx context.Context) error {
		if again { // the pod behind the way may be another one by now
			old := g.way
			if g.open(ctx) == nil {
				old.Close()
			}
		}
		g.tries++
		line.phase("waiting for the snapshot of " + g.query.Time())
		var err error
		got, err = g.once(ctx, line)
		return err
	})
	line.end()
	if err != nil {
		return g.failed(ctx, err)
	}
	return g.told(got)
}

// fetchedSnapshot is what was written.
type fetchedSnapshot struct {
	dump.Fetched
	bytes int64
	sum   string
}

// once makes one request. After an error there is no file.
func (g *snapshotFetching) once(ctx context.Context, line *transferLine) (got fetchedSnapshot, err error) {
	err = durable.Write(g.out(), func(to io.Writer) error {
		patience := svapp.SnapshotPatience{Clock: g.Clock, Answer: g.flags.answer, Stall: g.flags.stall}
		return g.app.Snapshot(ctx, g.query, patience, func(body io.Reader, length int64) error {
			if err := g.room(length); err != nil {
				return err
			}
			line.phase("receiving the snapshot of " + g.query.Time())
			sum, size := sha256.New(), counter(0)
			shown := tally(func() { line.at(int64(size), max(0, length)) })
			var err error
			got.Fetched, err = dump.ReadSnapshot(io.TeeReader(body, io.MultiWriter(to, sum, &size, shown)))
			if err != nil {
				return err
			}
			got.bytes, got.sum = int64(size), hex.EncodeToString(sum.Sum(nil))
			return g.fits(got)
		})
	})
	return got, err
}

func (g *snapshotFetching) out() string { return g.program.flags.output }

// tally is called for each part that is written.
type tally func()

func (t tally) Write(part []byte) (int, error) {
	t()
	return len(part), nil
}

// room refuses what the disk has no room for.
func (g *snapshotFetching) room(length int64) error {
	free, err := durable.Room(filepath.Dir(g.out()))
	if err != nil || length <= free {
		return nil // where it cannot be told, writing tells
	}
	return exit(exitRefused, fmt.Errorf("the snapshot has %s, and the disk of %s has room for %s; nothing was kept.\n  Name a file on another disk with -o", bytesText(length), plain.Line(g.out()), bytesText(free)))
}

// fits compares a whole answer with what was asked for, and with the proof.
func (g *snapshotFetching) fits(got fetchedSnapshot) error {
	if err := got.Fits(g.query.At, g.query.MigrationID); err != nil {
		return err
	}
	if g.query.Force && !g.proof.of(got.Users.Parties) {
		return &dump.Refused{Input: "the snapshot", Why: fmt.Sprintf("its users act for %s, and the proof is the report of %s: it proves nothing of this node",
			strings.Join(got.Users.Parties[:min(3, len(got.Users.Parties))], ", "), g.proof.Reporter)}
	}
	return nil
}

// leftovers names what tries that were killed have left: they may have gigabytes.
func (g *snapshotFetching) leftovers() {
	folder, name := filepath.Split(g.out())
	left, _ := filepath.Glob(filepath.Join(folder, "."+globless(name)+".*"))
	for _, file := range left {
		fmt.Fprintf(g.Err, "svrescue: %s is what an earlier try left, unless another svrescue writes it just now. Delete it if not\n", plain.Line(file))
	}
}

// globless is a name whose letters mean themselves in a pattern.
func globless(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
