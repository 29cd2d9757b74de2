package twin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// identity is what makes the Splice workloads of a namespace one node and no other. Keys are kept as digests, in memory only: they
// are compared, and neither shown nor journaled.
type identity struct {
	namespace     string
	name, network string
	parts         []node.Component    // of the node: synchronizer, participant, apps
	databases     map[string][]string // participant workload -> its databases
	svKey         *[sha256.Size]byte
	chainKeys     [][sha256.Size]byte
}

// String says what is known of a namespace, for the evidence.
func (i identity) String() string {
	name := i.name
	if name == "" {
		name = "a node whose name cannot be read"
	}
	if i.network != "" {
		name += " on " + i.network
	}
	return fmt.Sprintf("%s, %d workloads", name, len(i.parts))
}

// NodeParts are what must not run twice.
var NodeParts = append(append([]node.Part{}, node.SynchronizerParts...), node.AppParts...)

// identify reads who a namespace's workloads are. What may not be read stays empty; only the workloads themselves must be readable.
func identify(ctx context.Context, w steps.World, namespace string) (identity, error) {
	id := identity{namespace: namespace, databases: map[string][]string{}}
	workloads, err := w.Kube.Workloads(ctx, namespace)
	if err != nil {
		return id, err
	}
	releases, err := release.In(w.Kube, namespace).List(ctx)
	if err != nil && !kube.IsMissing(err) {
		return id, err
	}
	n, _ := node.Discover(node.Seen{Namespace: namespace, Workloads: workloads, Releases: releases}) // roles do not matter here
	id.name, id.network = n.Subject.SV, n.Subject.Network
	for _, c := range n.Components {
		if !slices.Contains(NodeParts, c.Part) {
			continue
		}
		id.parts = append(id.parts, c)
		if c.Part == node.Participant {
			id.databases[c.Ref.Name] = databasesOf(workloads, c, namespace)
		}
	}
	if len(id.parts) == 0 {
		return id, nil
	}
	if id.svKey, err = digestOf(ctx, w, namespace, "splice-app-sv-key", "public"); err != nil {
		return id, err
	}
	id.chainKeys, err = chainKeys(ctx, w, namespace, releases)
	return id, err
}

// databasesOf are the databases of one participant, with hosts that can be compared between namespaces.
func databasesOf(workloads []kube.Workload, c node.Component, namespace string) []string {
	i := slices.IndexFunc(workloads, func(w kube.Workload) bool { return w.Ref() == c.Ref })
	if i < 0 {
		return nil
	}
	alone, _ := node.Discover(node.Seen{Namespace: namespace, Workloads: workloads[i : i+1]})
	var found []string
	for _, d := range alone.Databases {
		if d.Role == postgres.Participant {
			found = append(found, fmt.Sprintf("%s on %s", d.Name, hostIn(d.Server.Host, d.Server.Port, namespace)))
		}
	}
	return found
}

var serviceName = regexp.MustCompile(`^([a-z0-9-]+\.[a-z0-9-]+)\.svc(\.[a-z0-9.-]+)?$`)

// hostIn is a host as every namespace would name it: a bare name is a service of its own namespace.
func hostIn(host string, port int, namespace string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if m := serviceName.FindStringSubmatch(host); m != nil {
		host = m[1]
	} else if !strings.Contains(host, ".") && !strings.Contains(host, ":") {
		host += "." + namespace
	}
	if port == 0 {
		port = 5432
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// digestOf is the digest of one value of a secret, nil where it is not there or may not be read.
func digestOf(ctx context.Context, w steps.World, namespace, name, key string) (*[sha256.Size]byte, error) {
	value, found, err := w.Kube.SecretValue(ctx, namespace, name, key)
	if err != nil || !found {
		return nil, notMissing(err)
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(value.Reveal())))
	return &sum, nil
}

// notMissing is the error unless it says that something is not there or may not be read.
func notMissing(err error) error {
	if err == nil || kube.IsMissing(err) {
		return nil
	}
	return err
}

// chainKeys are the digests of the CometBFT validator keys of a namespace. The secret is called cometbft-keys, or as the values of the
// chart name it (node.keysSecret), or has that at its end where the chart made it.
func chainKeys(ctx context.Context, w steps.World, namespace string, releases []release.Release) ([][sha256.Size]byte, error) {
	names := []string{"cometbft-keys"}
	for _, r := range releases {
		if r.Chart == "splice-cometbft" {
			var values struct {
				Node struct {
					KeysSecret string `json:"keysSecret"`
				} `json:"node"`
			}
			if yaml.Unmarshal([]byte(r.Values.Reveal()), &values) == nil && values.Node.KeysSecret != "" {
				names = append(names, values.Node.KeysSecret)
			}
		}
	}
	secrets, err := w.Kube.Secrets(ctx, namespace, "")
	if err != nil && !kube.IsMissing(err) {
		return nil, err
	}
	for _, s := range secrets {
		if strings.HasSuffix(s.Name, "-cometbft-keys") {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	var found [][sha256.Size]byte
	for _, name := range slices.Compact(names) {
		value, there, err := w.Kube.SecretValue(ctx, namespace, name, "priv_validator_key.json")
		if err := notMissing(err); err != nil {
			return nil, err
		}
		if err == nil && there {
			found = append(found, sha256.Sum256([]byte(publicPart(value.Reveal()))))
		}
	}
	return found, nil
}

// publicPart is the public key in a file of CometBFT's, else the text of the file: two files with one key may be written differently.
func publicPart(file string) string {
	var key struct {
		Public struct {
			Value string `json:"value"`
		} `json:"pub_key"`
	}
	if json.Unmarshal([]byte(file), &key) == nil && key.Public.Value != "" {
		return key.Public.Value
	}
	return strings.TrimSpace(file)
}

// shared is what two namespaces have in common, and which of the other's workloads must therefore not run.
type shared struct {
	certain    []string // one of these is enough, whatever the network
	likely     []string // these say it where the network is the same
	parts      []node.Component
	comparable bool // enough could be read of both to tell them apart
}

// all is everything in common, as it is said.
func (s shared) all() string {
	return "same " + strings.Join(append(slices.Clone(s.certain), s.likely...), ", same ")
}

func (s *shared) take(c node.Component) {
	if !slices.ContainsFunc(s.parts, func(o node.Component) bool { return o.Ref == c.Ref }) {
		s.parts = append(s.parts, c)
	}
}

// compare finds what makes the other namespace's workloads this node. Names and SV keys tell whole nodes apart; without them it takes
// the database of each participant and the key of each CometBFT: these are what must not run twice.
func compare(own, other identity) shared {
	var s shared
	whole := func(why string, same bool) {
		s.comparable = true
		if same {
			s.likely = append(s.likely, why)
			for _, c := range other.parts {
				s.take(c)
			}
		}
	}
	if own.name != "" && other.name != "" {
		whole("SV name "+own.name, own.name == other.name)
	}
	if own.svKey != nil && other.svKey != nil {
		whole("SV key", *own.svKey == *other.svKey)
	}
	chains, participants := len(own.chainKeys) > 0 && len(other.chainKeys) > 0, len(own.databases) > 0
	if slices.ContainsFunc(own.chainKeys, func(k [sha256.Size]byte) bool { return slices.Contains(other.chainKeys, k) }) {
		s.likely = append(s.likely, "CometBFT validator key")
	}
	var mine []string
	hasChain := false
	for _, databases := range own.databases {
		mine = append(mine, databases...)
		participants = participants && len(databases) > 0
	}
	for _, c := range other.parts {
		switch c.Part {
		case node.CometBFT:
			hasChain = true
			if slices.Contains(s.likely, "CometBFT validator key") {
				s.take(c)
			}
		case node.Participant:
			participants = participants && len(other.databases[c.Ref.Name]) > 0
			for _, d := range other.databases[c.Ref.Name] {
				if slices.Contains(mine, d) {
					s.certain = append(s.certain, "participant database "+d)
					s.take(c)
				}
			}
		}
	}
	s.comparable = s.comparable || participants && (chains || !hasChain)
	return s
}

// judgeOther says whether another namespace runs this node. No finding: it is another one.
func judgeOther(ctx context.Context, w steps.World, f Of, own, other identity) (wire.Finding, error) {
	s := compare(own, other)
	known := len(s.parts) > 0
	suspects := s.parts
	if !known && !s.comparable {
		suspects = other.parts
	}
	running, unsure, evidence, err := upOrWanted(ctx, w, suspects)
	if err != nil {
		return wire.Finding{}, err
	}
	finding := wire.Finding{ID: "namespace-" + other.namespace, Evidence: evidence}
	stands := len(running) == 0 && unsure == ""
	otherNetwork := own.network != "" && other.network != "" && own.network != other.network && len(s.certain) == 0
	switch {
	case stands && (!known || otherNetwork):
		return wire.Finding{}, nil // whoever it is, it stands still
	case stands:
		finding.Verdict, finding.Text = wire.Attention, fmt.Sprintf("namespace %s holds workloads of this node (%s); they want no replicas and have no pods", other.namespace, s.all())
		finding.Next = "They must stay so. Remove them when this is over"
	case !known:
		finding.Verdict, finding.Text = wire.Undetermined, fmt.Sprintf("whether namespace %s runs this node: neither names nor keys nor databases could be compared", other.namespace)
		finding.Next = "Find out whose workloads these are. If they are of this node, stop them"
		if len(running) > 0 {
			finding.Next += ": " + stopCommand(f.Where, running)
		}
	case otherNetwork:
		finding.Verdict, finding.Text = wire.Attention, fmt.Sprintf("namespace %s runs a node with the %s on another network: %s, this one is on %s", other.namespace, s.all(), other.network, own.network)
		finding.Next = "It is left alone. If it is this node after all, stop it"
	case len(running) > 0:
		finding.Verdict, finding.Text = wire.Violated, fmt.Sprintf("namespace %s runs this node too: %s (%s)", other.namespace, refNames(running), s.all())
		finding.Next = "Stop it and see its pods gone: " + stopCommand(f.Where, running)
		if len(s.certain) == 0 && (own.network == "" || other.network == "") {
			finding.Waive = "it is a node of another network, which could not be read here"
		}
	default:
		finding.Verdict, finding.Text = wire.Undetermined, fmt.Sprintf("whether what namespace %s holds of this node (%s) has pods: %s", other.namespace, s.all(), unsure)
		finding.Next = "Have somebody who may list its pods look"
	}
	return finding, nil
}

// upOrWanted are those of the components that want replicas or have pods; unsure says why pods could not be listed.
func upOrWanted(ctx context.Context, w steps.World, components []node.Component) (running []node.Component, unsure string, evidence []wire.Evidence, err error) {
	for _, c := range components {
		pods, err := w.Kube.Pods(ctx, c.Ref.Namespace, c.Selector)
		if err != nil && kube.KindOf(err) != kube.Forbidden {
			return nil, "", nil, err
		}
		seen := fmt.Sprintf("%d wanted, %d pods", c.Replicas, len(pods))
		if err != nil {
			unsure, seen = "its pods may not be listed", fmt.Sprintf("%d wanted, its pods may not be listed", c.Replicas)
		}
		if c.Replicas > 0 || len(pods) > 0 {
			running = append(running, c)
		}
		evidence = append(evidence, wire.Evidence{Source: c.Ref.Namespace + "/" + c.Ref.String(), Seen: seen, At: w.Clock.Now()})
	}
	return running, unsure, evidence, nil
}

func refNames(components []node.Component) string {
	var names []string
	for _, c := range components {
		names = append(names, c.Ref.Name)
	}
	return strings.Join(names, ", ")
}

// stopCommand scales all of the workloads down at once; one that wants nothing already has pods that are on their way out.
func stopCommand(where kube.Where, components []node.Component) string {
	var refs []string
	command := "nothing is wanted any more, wait until its pods are gone"
	for _, c := range components {
		if c.Replicas == 0 {
			continue
		}
		if refs = append(refs, c.Ref.String()); len(refs) == 1 {
			command = strings.Replace(kube.CommandScale(where, c.Ref, c.Replicas, 0), fmt.Sprintf(" --current-replicas=%d", c.Replicas), "", 1)
		}
	}
	if len(refs) > 1 {
		command = strings.Replace(command, " "+refs[0]+" ", " "+strings.Join(refs, " ")+" ", 1)
	}
	return command
}

// twice finds two running participants of this namespace on one database.
func twice(f Of, own identity) []wire.Finding {
	users := map[string][]node.Component{}
	for _, c := range own.parts {
		if c.Part == node.Participant && c.Replicas > 0 {
			for _, d := range own.databases[c.Ref.Name] {
				users[d] = append(users[d], c)
			}
		}
	}
	var found []wire.Finding
	for _, database := range slices.Sorted(maps.Keys(users)) {
		if all := users[database]; len(all) > 1 {
			found = append(found, wire.Finding{ID: "twice-" + database, Verdict: wire.Violated,
				Text: fmt.Sprintf("%s run on one database, %s", refNames(all), database), Next: "Stop the one that should not run: " + stopCommand(f.Where, all[:1])})
		}
	}
	return found
}

// strayPods finds pods of the namespace that use a claim of the node and belong to none of its workloads.
func strayPods(ctx context.Context, w steps.World, f Of) ([]wire.Finding, error) {
	all, err := w.Kube.Pods(ctx, f.Namespace, "")
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, c := range f.Node.Components {
		pods, err := w.Kube.Pods(ctx, f.Namespace, c.Selector)
		if err != nil {
			return nil, err
		}
		for _, p := range pods {
			known[p.UID] = true
		}
	}
	var found []wire.Finding
	for _, p := range all {
		if known[p.UID] || p.Phase == "Succeeded" || p.Phase == "Failed" {
			continue
		}
		for _, claim := range p.Claims {
			if _, ours := f.Node.Claim(claim); ours {
				found = append(found, wire.Finding{ID: "stray-" + p.Name, Verdict: wire.Attention,
					Text: fmt.Sprintf("pod %s uses claim %s and belongs to no workload of this node", p.Name, claim),
					Next: "Look what it is. If it runs a part of this node, or only holds the claim, delete it: " + kube.CommandDeletePod(f.Where, f.Namespace, p.Name, nil)})
				break
			}
		}
	}
	return found, nil
}
