package evidence

import (
	"context"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"sigs.k8s.io/yaml"
)

// readCluster is the inventory, and the driver of the current sequencer: first what the workloads tell, then all of it.
func readCluster(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	if parts, err := l.parts(); err == nil {
		c := triage.Cluster{Reading: l.reading("cluster"), Node: parts}
		deliver(func(e *triage.Evidence) { e.Cluster = c })
	}
	n, err := l.node()
	if err != nil {
		return err
	}
	c := triage.Cluster{Reading: l.reading("cluster"), Node: n}
	if releases, err := l.releases(); err == nil {
		c.Driver = driver(n, releases)
	}
	deliver(func(e *triage.Evidence) { e.Cluster = c })
	return nil
}

// driver is sequencer.driver.type in the values of the release that made the current sequencer; empty where it is not set there. What the
// chart takes then was not verified.
func driver(n node.Node, releases []release.Release) string {
	for _, c := range n.Of(node.Sequencer) {
		for _, r := range releases {
			if r.Name == c.Release {
				if d := text(valuesOf(r), "sequencer.driver.type"); d != "" {
					return strings.ToLower(d)
				}
			}
		}
	}
	return ""
}

// valuesOf are the values that the operator set for a release; nil where they cannot be read.
func valuesOf(r release.Release) map[string]any {
	var tree map[string]any
	if yaml.Unmarshal([]byte(r.Values.Reveal()), &tree) != nil {
		return nil // what it is not must not be shown either: values can hold passwords
	}
	return tree
}

// at is what stands at a path of keys.
func at(tree map[string]any, path string) (any, bool) {
	var here any = tree
	for key := range strings.SplitSeq(path, ".") {
		m, ok := here.(map[string]any)
		if !ok {
			return nil, false
		}
		if here, ok = m[key]; !ok {
			return nil, false
		}
	}
	return here, true
}

func text(tree map[string]any, path string) string {
	v, _ := at(tree, path)
	s, _ := v.(string)
	return s
}

// ofChart are the values of the release with that chart.
func ofChart(releases []release.Release, chart string) (map[string]any, bool) {
	i := slices.IndexFunc(releases, func(r release.Release) bool { return r.Chart == chart && r.Problem == "" })
	if i < 0 {
		return nil, false
	}
	return valuesOf(releases[i]), true
}
