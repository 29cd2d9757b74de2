package command

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/ui/command/firstlook"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

// firstVerdict is when something is said, whatever has been heard by then.
const firstVerdict = firstlook.Verdict

type triageOptions struct {
	wait                     time.Duration
	dumps, identities, scans []string
	rehearse                 string
}

func (p *program) triageCommand() *cobra.Command {
	var o triageOptions
	c := &cobra.Command{Use: "triage", Short: "Say what is the matter with the node, and which recovery applies, if any",
		Long: "Looks at the cluster, the node's pods, volumes, databases and apps, the scans of the other SVs and the backups, and says\n" +
			"what is the matter: a cause that is no disaster, with what to do first, or which recovery is recommended, possible or\n" +
			"impossible, and why. It changes nothing. After five seconds the first verdict stands; slow sources refine it. What cannot\n" +
			"be reached is not determined, and never called down. This prints plain lines, or one document; svrescue without a command\n" +
			"shows the same on a full screen, from which a recovery is opened. Where backups and other SVs' scans are is taken from the configuration,\n" +
			"where the command line does not say it. What only a person knows is answered in a file (--answers):\n\n" +
			"  answers:\n    declared-lost: no          # or yes, or i-dont-know\n\n" +
			"Exit codes: 0 a recovery is recommended, a cause that is no disaster was found, or nothing is wrong; 2 the command line or\n" +
			"the configuration is wrong; 6 not determined, or nothing can be recommended: a person has to look.",
		Example: "  svrescue triage\n  svrescue triage --namespace sv --dumps /backups/tonight --format json\n  svrescue triage --rehearse incident-full-disk",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.triage(cmd.Context(), o) }}
	f := c.Flags()
	f.DurationVar(&o.wait, "wait", firstlook.Wait, "how long sources may take together")
	p.lookingFlags(c, &o)
	f.StringVar(&o.rehearse, "rehearse", "", "triage an incident on the built-in network instead; \"list\" shows them")
	return c
}

// lookingFlags say where else to look.
func (p *program) lookingFlags(c *cobra.Command, o *triageOptions) {
	f := c.Flags()
	f.StringVar(&p.flags.answers, "answers", "", "answer from this file what only a person knows")
	f.StringArrayVar(&o.dumps, "dumps", nil, "a folder with dump files, or one of them; may be named several times")
	f.StringArrayVar(&o.identities, "identities", nil, "an identities backup, or a folder with some; may be named several times")
	f.StringVar(&p.flags.record, "record", "", "the folder with the record of the node")
	f.StringArrayVar(&o.scans, "scan", nil, "address of a scan of the network, for when this node's own does not answer; may be named several times")
}

func (p *program) triage(ctx context.Context, o triageOptions) error {
	if o.wait < time.Second || o.wait > 10*time.Minute {
		return usage("--wait is between 1s and 10m, not %s", o.wait)
	}
	if o.rehearse == "list" {
		return p.listIncidents()
	}
	answers, err := p.triageAnswers()
	if err != nil {
		return err
	}
	quietLogs(io.Discard) // what goes wrong with a source is told as evidence
	from := p.looking(o)
	where := ""
	first := p.Clock.NewTimer(firstVerdict)
	defer first.Stop()
	if o.rehearse != "" {
		incident, err := rehearsal.FindIncident(o.rehearse)
		if err != nil {
			return &usageError{err}
		}
		fmt.Fprintf(p.Err, "svrescue: %s is rehearsed; nothing real is touched\n", incident.ID)
		world, err := p.incident(ctx, incident, &from)
		if err != nil {
			return err
		}
		defer world.end()
		where = "rehearsal of " + o.rehearse
		first.Reset(firstVerdict) // the world had to be made first
	} else {
		if err := p.findNode(ctx, &from); err != nil {
			return err
		}
		where = "cluster " + from.Context
	}
	t := &triaging{Judging: evidence.NewJudging(from.Clock, answers), said: map[string]bool{}, out: io.Discard}
	var kept bytes.Buffer
	if !p.json() {
		t.out = p.Out
		if p.flags.output != "" {
			t.out = &kept
		}
		fmt.Fprintf(t.out, "Triage of namespace %s, %s\n\nWhat is seen\n", from.Namespace, where)
	}
	within, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		evidence.Gather(within, from, t.take)
	}()
	for over := false; !over; {
		select {
		case <-first.C():
			t.first()
		case <-ended:
			over = true
		}
	}
	if ctx.Err() != nil {
		return exit(exitInterrupted, fmt.Errorf("triage was interrupted"))
	}
	judged := t.finish()
	result := judged.Result
	if p.json() {
		err = p.printDocument(result)
	} else {
		fmt.Fprint(t.out, verdictText(result))
		if next := nextCommand(result, judged.Empty); next != "" && o.rehearse == "" {
			fmt.Fprintf(t.out, "\nNext: %s\n", next)
		}
		if p.flags.output != "" {
			err = p.print(kept.Bytes())
		}
	}
	if err == nil && result.ExitCode() != exitDone {
		err = told(result.ExitCode())
	}
	return err
}

// looking says where to look, as far as the command line says it.
func (p *program) looking(o triageOptions) evidence.Options {
	return evidence.Options{Clock: p.Clock, Dumps: o.dumps, Identities: o.identities, Record: p.flags.record, Scans: o.scans, UserAgent: "svrescue/" + Version(),
		Out: svapp.Out{Getenv: p.Env}}
}

// findNode adds the cluster and the namespace of the real node.
func (p *program) findNode(ctx context.Context, from *evidence.Options) error {
	if err := p.knownOfNode(from); err != nil {
		return err
	}
	cluster, err := connect(runs.Spec{World: wire.Real, Kubeconfig: p.kubeconfig(), Context: p.config.Context, Namespace: p.config.Namespace}, p.Clock)
	if err != nil {
		return err
	}
	from.Cluster, from.Context = cluster, cluster.Target().Context
	from.Namespace, err = p.nodeNamespace(ctx, cluster)
	return err
}

// knownOfNode adds what the configuration says, where the command line does not.
func (p *program) knownOfNode(from *evidence.Options) error {
	if len(from.Dumps) == 0 {
		from.Dumps = p.config.Backups.Folders
	}
	if len(from.Identities) == 0 {
		from.Identities = p.config.Backups.Identities
	}
	if len(from.Scans) == 0 {
		from.Scans = p.config.Peers
	}
	from.Record = cmp.Or(from.Record, p.config.Record)
	from.Hosts = map[svapp.App]string{svapp.SVApp: p.config.Hosts.SV, svapp.ScanApp: p.config.Hosts.Scan, svapp.ValidatorApp: p.config.Hosts.Validator}
	from.Audiences = map[svapp.App]string{svapp.SVApp: p.config.OIDC.Audiences.SV, svapp.ValidatorApp: p.config.OIDC.Audiences.Validator}
	from.AppSecret = p.config.OIDC.AppSecret
	var err error
	if from.Out, err = p.out(); err != nil {
		return err
	}
	from.Logins, err = p.logins(from.Out, p.Clock)
	return err
}

// triageAnswers are those of the file that was named. Answers to the questions of a run may stand in it too.
func (p *program) triageAnswers() (triage.Answers, error) {
	a := triage.Answers{By: p.operator()}
	if p.flags.answers == "" {
		return a, nil
	}
	file, err := linear.ReadFile(p.flags.answers)
	if err != nil {
		return a, &usageError{err}
	}
	for id, chosen := range file.Answers {
		if strings.Contains(id, "/") {
			continue
		}
		said := triage.Answer(chosen.Choice)
		if said == "false" { // an unquoted no, as YAML reads it
			said = triage.No
		}
		if err := a.Set(id, said); err != nil {
			return a, usage("the answers file %s is not right: %v", p.flags.answers, err)
		}
	}
	return a, nil
}

// nodeNamespace is the namespace of the node: the one that was named, or the only one with an SV node in it. Where that cannot be found
// out, it is the one of the kubeconfig, and the evidence tells what is seen there.
func (p *program) nodeNamespace(ctx context.Context, cluster *kube.Cluster) (string, error) {
	if p.config.Namespace != "" {
		return p.config.Namespace, nil
	}
	ctx, cancel := context.WithTimeout(ctx, firstVerdict-time.Second)
	defer cancel()
	own := cluster.Target().Namespace
	namespaces, err := cluster.NamespacesWith(ctx, "helm.sh/chart")
	if err != nil {
		return own, nil
	}
	var found []string
	for _, ns := range namespaces {
		workloads, err := cluster.Workloads(ctx, ns)
		if err != nil {
			return own, nil
		}
		n, _ := node.Discover(node.Seen{Namespace: ns, Workloads: workloads}) // which synchronizer is current does not matter here
		if n.IsSV() {
			found = append(found, ns)
		}
	}
	switch len(found) {
	case 0:
		return own, nil
	case 1:
		return found[0], nil
	}
	return "", usage("several namespaces hold an SV node: %s; name one with --namespace", strings.Join(found, ", "))
}

// triaging tells a triage under way as lines. Its methods may be called from anywhere.
type triaging struct {
	*evidence.Judging
	out io.Writer

	mu        sync.Mutex
	said      map[string]bool  // by id of the evidence
	situation triage.Situation // that was told; empty: none yet
}

// take puts a piece of evidence in, and prints what it tells.
func (t *triaging) take(piece evidence.Piece) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Take(piece)
	if !piece.Last {
		return
	}
	r := t.Now()
	t.items(r, false)
	if t.situation != "" && r.Situation != t.situation {
		t.situation = r.Situation
		fmt.Fprintf(t.out, "  now: %s\n", plain.Line(r.Summary))
	}
}

// items prints each item of the evidence once all is heard on which it stands; at the end, those that are left.
func (t *triaging) items(r evidence.Judgement, end bool) {
	for _, i := range r.Evidence {
		if t.said[i.ID] || r.Waits(i.ID) && !end {
			continue
		}
		t.said[i.ID] = true
		fmt.Fprintln(t.out, evidenceLine(i))
	}
}

func evidenceLine(i triage.Item) string {
	return fmt.Sprintf("  %-14s  %-16s  %s", strings.ReplaceAll(string(i.Verdict), "-", " "), i.ID, plain.Line(i.Detail))
}

// first says what can be said by now.
func (t *triaging) first() {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.Now()
	t.situation = r.Situation
	if len(r.Open) > 0 {
		fmt.Fprintf(t.out, "  after %s: %s Still being read: %s.\n", firstVerdict, plain.Line(r.Summary), strings.Join(r.Open, ", "))
	}
}

// finish prints what stayed open, and answers the result.
func (t *triaging) finish() evidence.Judgement {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.Now()
	t.items(r, true)
	return r
}

// verdictText is the result for people.
func verdictText(r triage.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSituation: %s\n  %s\n", strings.ReplaceAll(string(r.Situation), "-", " "), plain.Line(r.Summary))
	if len(r.FirstAid) > 0 {
		b.WriteString("\nTo do first\n")
		for _, a := range r.FirstAid {
			fmt.Fprintf(&b, "  %s\n    %s\n    First: %s\n", plain.Line(a.Seen), a.Means, a.First)
		}
	}
	b.WriteString("\nWhich recovery\n")
	for _, path := range r.Paths {
		fmt.Fprintf(&b, "  %-10s %s\n", path.Path, strings.ToUpper(strings.ReplaceAll(string(path.Verdict), "-", " ")))
		for _, reason := range path.For {
			fmt.Fprintf(&b, "    + %s\n", plain.Line(reason.Text))
		}
		for _, reason := range path.Against {
			fmt.Fprintf(&b, "    - %s\n", plain.Line(reason.Text))
		}
		if path.Verdict == triage.Recommended || path.Verdict == triage.Possible {
			for _, lost := range path.Lost {
				fmt.Fprintf(&b, "    lost: %s\n", lost)
			}
			fmt.Fprintf(&b, "    takes: %s\n", path.Takes)
		}
	}
	if len(r.Questions) > 0 {
		b.WriteString("\nOnly you can know (answer in a file, with --answers; \"i-dont-know\" is an answer)\n")
		for _, q := range r.Questions {
			fmt.Fprintf(&b, "  %s: %s\n    %s\n", q.ID, q.Text, q.Why)
		}
	}
	return b.String()
}

// nextCommand is what to do with a recommendation. Only a path that this program goes is offered as a command. Where nothing of the node is left
// in its namespace, a restore puts back all of it.
func nextCommand(r triage.Result, nothingLeft bool) string {
	path := triage.Goes(r.Recommended(), r.Release.Splice)
	if path == triage.Restore && nothingLeft {
		path = "restore-lost"
	}
	_, err := findPath(path)
	switch {
	case path == "":
		return ""
	case err != nil:
		return "svrescue does not lead through the path " + r.Recommended() + " of this release yet. Follow the documentation of Splice " + cmp.Or(r.Release.Splice, "for your release") + ", with a second person."
	}
	return "svrescue plan " + path + " shows what would be sent, and svrescue run " + path + " goes the way step by step."
}
