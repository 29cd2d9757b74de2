package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/survey"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/ui/command/config"
	"github.com/spf13/cobra"
)

// initialised is the document that init prints.
type initialised struct {
	Version   int              `json:"version"` // 1
	File      string           `json:"file"`
	Kept      string           `json:"kept"` // where the file is that was there before; empty: there was none
	Network   string           `json:"network"`
	SV        string           `json:"sv"`
	Cluster   string           `json:"cluster"`
	Namespace string           `json:"namespace"`
	Keys      []initialisedKey `json:"keys"`
}

type initialisedKey struct {
	Key    string   `json:"key"`
	State  string   `json:"state"` // seen; kept: from the configuration before; not-seen; yours: no cluster tells it
	Values []string `json:"values"`
	Before []string `json:"before,omitempty"` // what the configuration had, where something else was seen
	Detail string   `json:"detail"`
}

func (p *program) initCommand() *cobra.Command {
	force := false
	c := &cobra.Command{Use: "init", Short: "Write svrescue.yaml from what the cluster shows", Args: noArgs,
		Long: "Looks at the node and writes a configuration to be read and corrected by you: context and namespace, the public hosts of the\n" +
			"apps from Ingress, VirtualService and HTTPRoute objects and from Helm's values, the identity provider, audiences, the other\n" +
			"SVs' scans. Every key is in it with its explanation; what could not be seen is commented out and says why. It only reads, it\n" +
			"changes nothing in the cluster, and of Secrets it takes the address of the identity provider and nothing else. Hosts need the\n" +
			"right to list Ingress objects, the other SVs' scans that to forward ports to a pod; where one is missing, the file says so.\n\n" +
			"The file goes where svrescue reads it: -o, else --config, else $XDG_CONFIG_HOME/svrescue/svrescue.yaml. One that is there\n" +
			"is written over with --force only; then its values stay where the cluster shows none, and the old file is kept beside it.\n\n" +
			"Exit codes: 0 the file is written; 1 failed; 2 the command line or the configuration is wrong; 3 refused: there is no super\n" +
			"validator, or the file is there already.",
		Example: "  svrescue init\n  svrescue init --namespace sv -o svrescue.yaml\n  svrescue init --force",
		PersistentPreRunE: func(*cobra.Command, []string) error {
			p.newConfig = true
			return p.prepare()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.init(cmd.Context(), force) }}
	c.Flags().BoolVar(&force, "force", false, "write over a configuration that is there; it is kept under another name")
	return c
}

func (p *program) init(ctx context.Context, force bool) error {
	file := cmp.Or(p.flags.output, p.flags.config, p.Env("SVRESCUE_CONFIG"), config.DefaultPath(p.Env))
	if file == "" {
		return usage("neither XDG_CONFIG_HOME nor HOME is set: name the file with -o")
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	_, err = os.Lstat(file)
	there := err == nil
	switch {
	case there && !force:
		return exit(exitRefused, fmt.Errorf("the configuration %s is there already, and nothing was written.\n  Name another file with -o, or write over it with --force: it is then kept under another name", file))
	case !there && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	cluster, n, err := p.found(ctx, "init")
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Err, "svrescue: looking at %s in namespace %s\n", n.Subject.Word(), n.Subject.Namespace)
	s := survey.Look(ctx, cluster, n, func(ctx context.Context) ([]svapp.Address, error) { return p.scansOf(ctx, cluster, n) })
	if ctx.Err() != nil {
		return exit(exitInterrupted, errors.New("looking at the cluster was interrupted, and nothing was written"))
	}
	d := initialised{Version: 1, File: file, Network: n.Subject.Network, SV: n.Subject.SV, Cluster: n.Subject.Cluster, Namespace: n.Subject.Namespace}
	fill := p.fill(p.kubeconfig(), cluster.Target().Context, s)
	for _, section := range config.Sections() {
		for _, k := range section.Keys {
			d.Keys = append(d.Keys, initialise(k, fill, p.configured()))
		}
	}
	if there {
		if d.Kept, err = keepBefore(file, p.Clock.Now()); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), durable.FolderPerm); err != nil {
		return err
	}
	if err := durable.WriteFile(file, config.Commented(headOf(s, p.Clock.Now()), fill)); err != nil {
		return err
	}
	p.flags.output = "" // it named the configuration, not where to tell of it
	if p.json() {
		return p.printDocument(d)
	}
	return p.print(initText(d))
}

// configured is the configuration as the operator has it: without what this program fills in by itself.
func (p *program) configured() config.Config {
	c := p.config
	if c.Kubeconfig != "" {
		c.Kubeconfig = p.kubeconfig() // with absolute paths, as it is written
	}
	if p.defaultRuns {
		c.RunDir = ""
	}
	return c
}

// scansOf asks the node's own scan, through its pod, for those of the network. Nobody needs to log in for that (reference/apis.md 7).
func (p *program) scansOf(ctx context.Context, cluster *kube.Cluster, n node.Node) ([]svapp.Address, error) {
	const port = 5012 // reference/deployment.md 3.2
	apps := n.Of(node.ScanApp)
	if len(apps) == 0 {
		return nil, errors.New("the node has no scan")
	}
	pods, err := cluster.Pods(ctx, n.Subject.Namespace, apps[0].Selector)
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		if !pod.Ready || pod.Deleting != nil {
			continue
		}
		closed := make(chan error, 1) // why the pod could not be reached: the client of scan knows only that it had no answer
		way := svapp.Tunnel("tunnel to pod "+pod.Name, pod.Name, func(ctx context.Context) (conn net.Conn, err error) {
			conn, err = cluster.Hands(kube.AccessTunnel(pod.Namespace, pod.Name), false).Tunnel(ctx, pod.Namespace, pod.Name, port)
			if err != nil {
				select {
				case closed <- err:
				default:
				}
			}
			return conn, err
		})
		defer way.Close()
		scan, err := svapp.NewScan(svapp.Settings{Way: way, Clock: p.Clock, UserAgent: "svrescue/" + Version()})
		if err != nil {
			return nil, err
		}
		found, err := scan.Scans(ctx)
		if err != nil {
			select {
			case err = <-closed:
			default:
			}
		}
		return found, err
	}
	return nil, errors.New("no pod of " + apps[0].Ref.Name + " is ready")
}

// fill says what is written of each key that a cluster shows.
func (p *program) fill(kubeconfig, inUse string, s survey.Survey) map[string]config.Fill {
	of := func(a survey.Answer) config.Fill {
		return config.Fill{Values: a.Values, From: a.From, Why: a.Why, Notes: a.Notes}
	}
	fill := map[string]config.Fill{
		"context":   {Values: []string{inUse}, From: "the kubeconfig; svrescue init was run with it"},
		"namespace": {Values: []string{s.Node.Subject.Namespace}, From: "it holds an SV app and a participant"},
		"hosts.sv":  of(s.SV), "hosts.scan": of(s.Scan), "hosts.validator": of(s.Wallet),
		"oidc.discovery": of(s.Discovery), "oidc.audiences.sv": of(s.AudienceSV), "oidc.audiences.validator": of(s.AudienceValidator),
		"peers": of(s.Peers), "retention": {Why: "the values of the SV app's release do not set retentionPeriod"},
		"backups.folders":    {Notes: append([]string{"No cluster tells where dumps lie: yours to fill in."}, s.Snapshots...)},
		"backups.managed":    {Notes: s.Managed},
		"copies":             {Notes: []string{"What is kept only in the cluster is lost with it: yours to fill in, once the copies are made."}},
		"backups.identities": {Notes: []string{"No cluster tells where they lie: yours to fill in."}},
		"record":             {Notes: []string{"Make one now, and after every upgrade: svrescue record /mnt/backup/sv-record"}},
	}
	if r := s.Node.Retention; r.Period > 0 && (p.config.Retention == 0 || r.Period <= p.config.Retention) { // the shortest counts, and yours may be another SV's
		fill["retention"] = config.Fill{Values: []string{config.WriteLength(r.Period)}, From: r.From,
			Notes: []string{"That is what this node's own sequencer keeps. Others may keep less, and the shortest one counts."}}
	}
	if inUse == "" {
		fill["context"] = config.Fill{Why: "svrescue runs in a pod and uses its account, without a kubeconfig"}
	}
	if kubeconfig != "" {
		fill["kubeconfig"] = config.Fill{Values: []string{kubeconfig}, From: "svrescue init was run with it"}
	}
	return fill
}

// initialise settles what is written of a key: what was seen, else what the configuration had before.
func initialise(k config.Key, fill map[string]config.Fill, before config.Config) initialisedKey {
	f := fill[k.Path]
	out := initialisedKey{Key: k.Path, State: "seen", Values: []string{}, Detail: f.From}
	switch had := k.Values(before); {
	case len(f.Values) > 0 && len(had) > 0 && !slices.Equal(had, f.Values):
		out.Before = had
		f.Notes = append(slices.Clone(f.Notes), "It was "+strings.Join(had, ", ")+" before: look which is right.")
	case len(f.Values) > 0:
	case len(had) > 0:
		f.Values, f.From, f.Why = had, "the configuration that was in force before", ""
		out.State, out.Detail = "kept", f.From
	case f.Why != "":
		out.State, out.Detail = "not-seen", f.Why
	default:
		out.State, out.Detail = "yours", k.Default
	}
	fill[k.Path] = f
	out.Values = append(out.Values, f.Values...)
	return out
}

// keepBefore copies the configuration that is there to a name of its own.
func keepBefore(file string, now time.Time) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	kept := file + ".before-" + now.UTC().Format("20060102T150405Z")
	return kept, durable.WriteFile(kept, data)
}

// headOf is the first comment of the file: what it is, and of which node.
func headOf(s survey.Survey, now time.Time) []string {
	n := s.Node
	head := []string{"svrescue.yaml: how svrescue finds this node, its apps and its backups. It holds no secret.", "",
		fmt.Sprintf("Written by svrescue init on %s. Read all of it once and correct what is wrong: in an", now.UTC().Format("2006-01-02 15:04 MST")),
		"incident svrescue goes by it. A key that begins with # has no effect; NOT SEEN says why it could not",
		"be filled in. Every key is explained in docs/configuration.md.", "",
		fmt.Sprintf("The node: %s, Splice %s, in namespace %s", n.Subject.Word(), cmp.Or(n.Release, "of unknown release"), n.Subject.Namespace)}
	several := map[string]bool{}
	for _, part := range append(append([]node.Part{}, node.SynchronizerParts...), append(node.AppParts, node.Postgres, node.UI, node.Info, node.Exporter)...) {
		for _, c := range n.Components {
			if c.Part != part {
				continue
			}
			line := fmt.Sprintf("  %-13s  %-44s %s", part, c.Ref, c.Chart)
			if c.Role == node.Legacy || c.Role == node.Successor {
				line += fmt.Sprintf(" (%s, left alone)", c.Role)
			}
			if c.Serial != "" {
				several[c.Serial] = true
			}
			head = append(head, plain.Clean(line))
		}
	}
	if n.Serial == "" && len(several) > 1 {
		head = append(head, "", "Several synchronizers are deployed, and nothing tells which is current: svrescue will ask.")
	}
	return append(head, "", "svrescue recognises these by itself; they are listed so that you see what it takes them for.")
}

func initText(d initialised) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Wrote %s, readable by you only.\n", d.File)
	if d.Kept != "" {
		fmt.Fprintf(&b, "The file that was there is kept as %s.\n", d.Kept)
	}
	for _, group := range []struct{ state, title string }{{"seen", "Seen in the cluster; compare it with what you know:"}, {"kept", "Not seen, and kept from the configuration before:"},
		{"not-seen", "Could not be seen; fill it in:"}} {
		first := true
		for _, k := range d.Keys {
			if k.State != group.state {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n%s\n", group.title)
				first = false
			}
			text := strings.Join(k.Values, ", ")
			if k.State == "not-seen" {
				text = k.Detail
			}
			if len(k.Before) > 0 {
				text += " (it was " + strings.Join(k.Before, ", ") + ")"
			}
			fmt.Fprintf(&b, "  %-24s %s\n", k.Key, text)
		}
	}
	var yours []string
	for _, k := range d.Keys {
		if k.State == "yours" {
			yours = append(yours, k.Key)
		}
	}
	if len(yours) > 0 {
		fmt.Fprintf(&b, "\nOnly you know, if the defaults are not right: %s\n", strings.Join(yours, ", "))
	}
	fmt.Fprintf(&b, "\nNext: open the file, read it from top to bottom, and correct it. Then: svrescue doctor\n")
	return b.Bytes()
}
