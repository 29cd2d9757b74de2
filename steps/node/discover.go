package node

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// Seen is what was read of a namespace.
type Seen struct {
	Namespace, Context string
	Workloads          []kube.Workload
	Claims             []kube.Claim
	Volumes            []kube.Volume
	Classes            []kube.StorageClass
	Autoscalers        []kube.Autoscaler
	Releases           []release.Release
	// Serial is the operator's word on which synchronizer is the current one, where it cannot be told.
	Serial string
}

// Ambiguous says that several synchronizers run and nothing tells which is current.
type Ambiguous struct{ Serials []string }

func (a *Ambiguous) Error() string {
	return "several synchronizers are deployed (" + strings.Join(a.Serials, ", ") + "), and neither Helm's values nor the SV app tell which is current"
}

// Discover puts the node together. Where several synchronizers run and it cannot be told which is current, the error is
// *Ambiguous and the node is whole but for the roles.
func Discover(seen Seen) (Node, error) {
	n := Node{Releases: map[string]string{}}
	parts := map[string]Part{}
	for _, w := range seen.Workloads {
		c := recognise(w)
		for _, a := range seen.Autoscalers {
			if a.TargetKind == c.Ref.Kind && a.TargetName == c.Ref.Name {
				c.Rivals = append(c.Rivals, "HorizontalPodAutoscaler "+a.Name)
			}
		}
		parts[w.Kind+"/"+w.Name] = c.Part
		n.Components = append(n.Components, c)
	}
	for i := range n.Components {
		if c := &n.Components[i]; c.Part == Postgres {
			c.Serves = serves(*c, seen.Workloads, parts)
		}
	}
	for _, r := range seen.Releases {
		n.Releases[r.Name] = strings.TrimSuffix(r.Chart+"-"+r.ChartVersion, "-")
	}
	n.Release = releaseOf(n.Components)
	values := valuesOf(seen.Releases)
	n.Retention = values.retention
	n.Subject = wire.Subject{Network: values.network, SV: values.name, Namespace: seen.Namespace, Cluster: seen.Context}
	err := n.assignRoles(values, seen.Serial)
	n.Claims = claimsOf(n.Components, seen)
	n.Databases = databasesOf(n.Components, seen.Workloads)
	return n, err
}

// releaseOf is the version of the charts, the newest where they differ.
func releaseOf(components []Component) string {
	newest := ""
	for _, c := range components {
		chart, version := splitChart(c.Chart)
		if strings.HasPrefix(chart, "splice-") && compareVersions(version, newest) > 0 {
			newest = version
		}
	}
	return newest
}

// compareVersions compares dotted numbers; a text that is none sorts first.
func compareVersions(a, b string) int {
	split := func(v string) (out []int) {
		core, _, _ := strings.Cut(v, "-")
		for _, f := range strings.Split(core, ".") {
			n, err := strconv.Atoi(f)
			if err != nil {
				return out
			}
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(split(a), split(b))
}

// values are what Helm's records tell of the node (reference/deployment.md 4).
type values struct {
	name, network string
	current       []string // addresses of the current synchronizer's sequencer
	successor     []string
	legacy        []string
	retention     Retention
}

var chainSuffix = regexp.MustCompile(`-\d+$`)

func valuesOf(releases []release.Release) values {
	var v values
	for _, r := range releases {
		var tree map[string]any
		if yaml.Unmarshal([]byte(r.Values.Reveal()), &tree) != nil {
			continue
		}
		switch r.Chart {
		case "splice-sv-node":
			v.name = cmp.Or(at(tree, "onboardingName"), at(tree, "nodeIdentifier"), v.name)
			v.current = nonEmpty(at(tree, "synchronizers.current.sequencerAddress"), at(tree, "domain.sequencerAddress"))
			v.successor = nonEmpty(at(tree, "synchronizers.successor.sequencerAddress"))
			v.legacy = nonEmpty(at(tree, "synchronizers.legacy.sequencerAddress"))
			for _, key := range []string{"synchronizers.current.sequencerPruningConfig.retentionPeriod", "domain.sequencerPruningConfig.retentionPeriod"} {
				if period, ok := canton(at(tree, key)); ok {
					v.retention = Retention{Period: period, From: key + " in the values of release " + r.Name}
				}
			}
		case "splice-cometbft":
			if chain := at(tree, "genesis.chainId"); chain != "" {
				v.network = chainSuffix.ReplaceAllString(chain, "")
			}
		}
	}
	return v
}

var length = regexp.MustCompile(`^(\d+)\s*(d|day|days|h|hour|hours|m|min|minute|minutes)$`)

// canton reads a length of time as Canton's configuration writes it: "30 days", "48h".
func canton(text string) (time.Duration, bool) {
	m := length.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}[m[2][0]]
	if err != nil || n == 0 || int64(n) > int64(100*365*24*time.Hour)/int64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func at(tree map[string]any, path string) string {
	var node any = tree
	for _, key := range strings.Split(path, ".") {
		m, ok := node.(map[string]any)
		if !ok {
			return ""
		}
		node = m[key]
	}
	s, _ := node.(string)
	return s
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// unnumbered stands for a synchronizer whose workloads carry no number, where others do.
const unnumbered = "unnumbered"

// numberAll gives workloads of a synchronizer that carry no number the one number there is.
func (n *Node) numberAll() {
	var numbers []string
	for _, c := range n.Components {
		if c.Serial != "" && !slices.Contains(numbers, c.Serial) {
			numbers = append(numbers, c.Serial)
		}
	}
	serial := unnumbered
	switch len(numbers) {
	case 0:
		return
	case 1:
		serial = numbers[0]
	}
	for i := range n.Components {
		c := &n.Components[i]
		if c.Serial == "" && (c.Part == CometBFT || c.Part == Sequencer || c.Part == Mediator) {
			c.Serial = serial
		}
	}
}

// assignRoles tells the synchronizers apart: by the SV app's values, by the operator's word, or because there is one.
func (n *Node) assignRoles(v values, said string) error {
	n.numberAll()
	serials := map[string]Role{}
	var order []string
	for _, c := range n.Components {
		if c.Part != CometBFT && c.Part != Sequencer && c.Part != Mediator {
			continue
		}
		if _, known := serials[c.Serial]; !known {
			order = append(order, c.Serial)
			serials[c.Serial] = ""
		}
		if c.Part != Sequencer {
			continue
		}
		switch {
		case named(v.current, c.Ref.Name):
			serials[c.Serial] = Current
		case named(v.successor, c.Ref.Name):
			serials[c.Serial] = Successor
		case named(v.legacy, c.Ref.Name):
			serials[c.Serial] = Legacy
		}
	}
	slices.SortFunc(order, func(a, b string) int { return compareVersions(a, b) })
	current := -1
	for i, s := range order {
		if serials[s] == Current || s == said && said != "" || len(order) == 1 {
			current = i
		}
	}
	if current < 0 && len(order) > 1 {
		return &Ambiguous{Serials: order}
	}
	for i, s := range order {
		switch {
		case i == current:
			serials[s], n.Serial = Current, s
		case serials[s] == Legacy || serials[s] == Successor:
		case i < current:
			serials[s] = Legacy
		default:
			serials[s] = Successor
		}
	}
	for i := range n.Components {
		c := &n.Components[i]
		if c.Part == CometBFT || c.Part == Sequencer || c.Part == Mediator {
			c.Role = serials[c.Serial]
		}
	}
	return nil
}

// named says whether one of the addresses is the service of that workload.
func named(addresses []string, workload string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool {
		host, _, _ := strings.Cut(a, ":")
		host, _, _ = strings.Cut(host, ".")
		return host == workload
	})
}

// claimsOf are the claims that hold data of the node: those of its databases and of its current CometBFT. Others
// (migration dumps, heap dumps) are not part of a restore.
func claimsOf(components []Component, seen Seen) []Claim {
	var found []Claim
	for _, c := range components {
		if c.Part != Postgres && c.Part != CometBFT || c.Role == Legacy || c.Role == Successor {
			continue
		}
		parts := c.Serves
		if c.Part == CometBFT {
			parts = []Part{CometBFT}
		}
		for _, name := range c.Claims {
			i := slices.IndexFunc(seen.Claims, func(k kube.Claim) bool { return k.Name == name })
			claim := Claim{Owner: c.Ref.Name, Parts: parts, Stateful: c.Ref.Kind == kube.StatefulSet}
			if i >= 0 {
				claim.Claim = seen.Claims[i]
				claim.Meta = Lean(claim.Meta)
				claim.Labels, claim.Annotations = seen.Claims[i].Labels, whatWasMeant(seen.Claims[i].Annotations)
				claim.Conditions = nil
			} else {
				claim.Name, claim.Namespace = name, c.Ref.Namespace
			}
			if j := slices.IndexFunc(seen.Volumes, func(v kube.Volume) bool { return v.Name != "" && v.Name == claim.Volume }); j >= 0 {
				claim.Old = seen.Volumes[j]
				claim.Old.Meta = Lean(claim.Old.Meta)
			}
			if j := slices.IndexFunc(seen.Classes, func(s kube.StorageClass) bool { return s.Name == claim.Class }); j >= 0 {
				claim.StorageClass = seen.Classes[j]
				claim.StorageClass.Meta = Lean(claim.StorageClass.Meta)
				claim.Binding = claim.StorageClass.BindingMode
			}
			found = append(found, claim)
		}
	}
	return found
}

// Lean is what tells an object from others. Labels and annotations hold what other programs wrote, so they do not belong
// in facts, which are journaled.
func Lean(m kube.Meta) kube.Meta {
	return kube.Meta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, Created: m.Created, Deleting: m.Deleting}
}

// whatWasMeant leaves out of a claim's annotations what was not written for it by whoever made it: the state of its binding, which
// would pin a new claim to the old node or make it believe it is bound, and copies of whole objects.
func whatWasMeant(all map[string]string) map[string]string {
	own := map[string]string{}
	for key, value := range all {
		domain, _, _ := strings.Cut(key, "/")
		switch {
		case domain == "pv.kubernetes.io", domain == "volume.kubernetes.io", domain == "volume.beta.kubernetes.io",
			domain == "objectset.rio.cattle.io", strings.Contains(key, "last-applied"):
			continue
		}
		own[key] = value
	}
	if len(own) == 0 {
		return nil
	}
	return own
}

// Owner returns the component that uses the claim.
func (n Node) Owner(claim Claim) (Component, error) {
	for _, c := range n.Components {
		if c.Ref.Name == claim.Owner && slices.Contains(c.Claims, claim.Name) {
			return c, nil
		}
	}
	return Component{}, fmt.Errorf("no component uses claim %s", claim.Name)
}
