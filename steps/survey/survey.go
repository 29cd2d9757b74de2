// Package survey looks through a cluster for what a configuration says of its node: where the apps are reached, which identity provider and
// audiences they have, who the other SVs are, what backups there are. It only reads. Of Secrets it takes the address of the identity provider
// and no other value. What could not be seen says why, and nothing is guessed: the pattern of host names is not derivable
// (reference/deployment.md 6), and an audience that the values do not name is not known.
package survey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/svapp"
)

// Answer is what was found for one question. Either there are values, and From says where; or Why says why not.
type Answer struct {
	Values []string
	From   string   // "scan.publicUrl in the values of release sv"
	Why    string   // part of a sentence: "no route leads to sv-app"
	Notes  []string // full sentences for whoever reviews it
}

func (a *Answer) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

// Survey is all that was found.
type Survey struct {
	Node              node.Node
	SV, Scan, Wallet  Answer // public addresses of the apps
	Discovery         Answer // address of the identity provider's discovery document
	AudienceSV        Answer
	AudienceValidator Answer
	Peers             Answer // addresses of other SVs' scans
	// Snapshots tells in sentences which VolumeSnapshots there are, Managed which database servers lie outside the cluster.
	Snapshots, Managed []string
}

// Cluster is what is read of one; *kube.Cluster has it.
type Cluster interface {
	Customs(ctx context.Context, group, resource, ns string) ([]kube.Custom, error)
	Secrets(ctx context.Context, ns, selector string) ([]kube.SecretName, error)
	SecretValue(ctx context.Context, ns, name, key string) (secret.String, bool, error)
	Snapshots(ctx context.Context, ns string) ([]kube.Snapshot, error)
	SnapshotContents(ctx context.Context) ([]kube.SnapshotContent, error)
}

var _ Cluster = (*kube.Cluster)(nil)

// limit is how long each source may take.
const limit = 15 * time.Second

// Look reads what there is to see around the node. scans asks the node's own scan for those of the network.
func Look(ctx context.Context, c Cluster, n node.Node, scans func(context.Context) ([]svapp.Address, error)) Survey {
	s := Survey{Node: n}
	ns := n.Subject.Namespace
	of := func(read func(context.Context)) {
		own, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		read(own)
	}
	of(func(ctx context.Context) {
		releases, err := release.In(c, ns).List(ctx)
		s.values(releases, err)
	})
	of(func(ctx context.Context) { s.hosts(readRoutes(ctx, c, ns)) })
	of(func(ctx context.Context) { s.discovery(ctx, c, ns) })
	of(func(ctx context.Context) {
		found, err := scans(ctx)
		s.peers(found, err)
	})
	of(func(ctx context.Context) { s.snapshots(ctx, c, ns) })
	for _, server := range n.Servers() {
		if server.Managed() {
			s.Managed = append(s.Managed, fmt.Sprintf("Database server %s lies outside the cluster: its backups are at its provider, and only you can say what is known of them.", plain.Line(server.String())))
		}
	}
	return s
}

// values reads what Helm's records tell (reference/deployment.md 4 and 7). Values can hold passwords: only the named ones are looked at.
func (s *Survey) values(releases []release.Release, err error) {
	audience := func(part node.Part, title string) Answer {
		v, name, why := valuesOf(s.Node, releases, part, err)
		text := plain.Line(v.Text("auth.audience"))
		switch {
		case why != "":
			return Answer{Why: why}
		case text == "":
			return Answer{Why: "the values of release " + name + " do not set auth.audience, so " + title + " goes by the default of its chart"}
		}
		return Answer{Values: []string{text}, From: "auth.audience in the values of release " + name}
	}
	s.AudienceSV, s.AudienceValidator = audience(node.SVApp, "the SV app"), audience(node.Validator, "the validator app")
	v, name, why := valuesOf(s.Node, releases, node.Participant, err)
	ledger := plain.Line(v.Text("auth.targetAudience"))
	for _, a := range []*Answer{&s.AudienceSV, &s.AudienceValidator} {
		switch {
		case why != "" || ledger == "":
			a.note("That of the ledger was not seen, so compare: the one in the Secrets is the ledger's.")
		case slices.Equal(a.Values, []string{ledger}):
			a.note("It is the ledger's too (auth.targetAudience of release %s).", name)
		default:
			a.note("Do not take the one from the Secrets: that is the ledger's, %s (auth.targetAudience of release %s).", ledger, name)
		}
	}
	v, name, why = valuesOf(s.Node, releases, node.SVApp, err)
	if address := plain.Line(v.Text("scan.publicUrl")); why == "" && isAddress(address) {
		s.Scan = Answer{Values: []string{host(address)}, From: "scan.publicUrl in the values of release " + name}
	}
}

// valuesOf are the values of the release that made a part of the node, and its name; why says why there are none.
func valuesOf(n node.Node, releases []release.Release, part node.Part, err error) (v release.Values, name, why string) {
	of := n.Of(part)
	switch {
	case err != nil:
		return v, "", "Helm's records could not be read: " + seen(err)
	case len(of) == 0:
		return v, "", "the node has no " + string(part)
	}
	i := slices.IndexFunc(releases, func(r release.Release) bool { return r.Name == of[0].Release })
	if i < 0 {
		return v, "", "Helm has no record of the release that made " + of[0].Ref.Name
	}
	r := releases[i]
	if r.Problem == "" {
		v, err = release.ReadValues([]byte(r.Values.Reveal()))
	}
	if r.Problem != "" || err != nil {
		return v, "", "Helm's record of release " + r.Name + " cannot be read"
	}
	return v, r.Name, ""
}

// The Secrets of the apps that hold the address of the identity provider (reference/deployment.md 3.7).
var loginSecrets = []string{"splice-app-sv-ledger-api-auth", "splice-app-validator-ledger-api-auth"}

func (s *Survey) discovery(ctx context.Context, c Cluster, ns string) {
	var why []string
	for _, name := range loginSecrets {
		value, found, err := c.SecretValue(ctx, ns, name, "url")
		address := value.Reveal()
		switch {
		case err != nil:
			why = append(why, "Secret "+name+" could not be read: "+seen(err))
		case !found:
			why = append(why, "there is no key url in a Secret "+name)
		case !isAddress(address):
			why = append(why, "key url of Secret "+name+" is no address")
		case len(s.Discovery.Values) == 0:
			s.Discovery = Answer{Values: []string{address}, From: "key url of Secret " + name}
		case s.Discovery.Values[0] != address:
			s.Discovery.note("Secret %s names another one: %s", name, address)
		}
	}
	if len(s.Discovery.Values) == 0 {
		s.Discovery.Why = strings.Join(why, "; ")
	}
}

func (s *Survey) peers(scans []svapp.Address, err error) {
	if err != nil {
		s.Peers.Why = "this node's scan could not be asked for the others: " + seen(err)
		return
	}
	for _, a := range scans {
		switch address := host(a.URL); {
		case s.Node.Subject.SV != "" && a.SVName == s.Node.Subject.SV, slices.Contains(s.Scan.Values, address): // its own
		case !isAddress(a.URL):
			s.Peers.note("The scan of %s has no address that can be used.", a.SVName)
		case !slices.Contains(s.Peers.Values, address):
			s.Peers.Values = append(s.Peers.Values, address)
		}
	}
	if len(s.Peers.Values) == 0 {
		s.Peers.Why = "this node's scan names no others"
		return
	}
	s.Peers.From = "this node's own scan"
	s.Peers.note("Compare them with a list that you trust: in an incident they say whether the network is well.")
}

func (s *Survey) snapshots(ctx context.Context, c Cluster, ns string) {
	all, err := c.Snapshots(ctx, ns)
	if err != nil {
		s.Snapshots = []string{"VolumeSnapshots could not be seen: " + seen(err) + "."}
		return
	}
	contents, err := c.SnapshotContents(ctx)
	if err != nil { // then times are good to the second only, which is enough here
		contents = nil
	}
	sets, loose := backup.Sets(s.Node, all, contents)
	if len(sets) == 0 {
		s.Snapshots = []string{fmt.Sprintf("VolumeSnapshots need no key. None was found in namespace %s that belongs to a backup run of this node.", ns)}
	} else {
		newest := sets[0]
		when := "at a time that is not known"
		if at := newest.End(); !at.IsZero() {
			when = "at " + at.UTC().Format("2006-01-02 15:04 MST")
		}
		s.Snapshots = []string{fmt.Sprintf("VolumeSnapshots need no key: %s of this node %s found in namespace %s, the newest %s, taken %s, with %d of %d volumes.",
			count(len(sets), "backup run"), one(len(sets), "was", "were"), ns, plain.Line(newest.Run), when, len(newest.Members), len(s.Node.Claims))}
	}
	if len(loose) > 0 {
		s.Snapshots = append(s.Snapshots, fmt.Sprintf("%s of its volumes %s to no run, because %s with %s claim's: %s.",
			count(len(loose), "snapshot"), one(len(loose), "belongs", "belong"), one(len(loose), "its name does not begin", "their names do not begin"), one(len(loose), "its", "their"), plain.Cut(strings.Join(loose, ", "), 200)))
	}
}

// isAddress says whether a text is an address that may stand in a file: nothing but where something is, no password.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && plain.Line(text) == text
}

// host is an address without what follows the host.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

// seen is an error as a part of a sentence.
func seen(err error) string {
	var app *svapp.Error
	var k *kube.Error
	text := steps.FailureOf("", err).Seen
	if errors.As(err, &app) && !errors.As(err, &k) {
		text = app.Seen
	}
	return strings.TrimRight(plain.Cut(plain.Line(cmp.Or(text, err.Error())), 300), ".")
}

func one(n int, singular, plural string) string {
	if n == 1 {
		return singular
	}
	return plural
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
