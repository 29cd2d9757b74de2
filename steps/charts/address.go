package charts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Registry is where the charts of Splice are published (reference/deployment.md 5).
const Registry = "oci://ghcr.io/digital-asset/decentralized-canton-sync/helm"

// bitnami is where the documentation has the chart of PostgreSQL from 0.6.13 on (reference/deployment.md 3.2).
const bitnami = "oci://registry-1.docker.io/bitnamicharts"

// BitnamiVersion is the version of that chart that the documentation names.
const BitnamiVersion = "16.7.27"

// Address is where a chart of a node is published.
func Address(chart string) string { return AddressIn(Registry, chart) }

// AddressIn is where a chart is in a registry. The chart of PostgreSQL is not in that of Splice; in a mirror it is taken to be beside the others.
func AddressIn(registry, chart string) string {
	if registry == Registry && chart == "postgresql" {
		registry = bitnami
	}
	return strings.TrimSuffix(registry, "/") + "/" + chart
}

// IsRegistry says whether a place for charts is a registry, and not a folder.
func IsRegistry(place string) bool { return strings.HasPrefix(place, "oci://") }

// Pick chooses, among the charts of a folder, that of one of the names. A version is chosen only where one is wanted: more than one chart
// that fits is an error, since nothing tells which.
func Pick(have []release.Chart, version string, wanted ...string) (release.Chart, error) {
	var fit []release.Chart
	for _, c := range have {
		if slices.Contains(wanted, c.Name) && (version == "" || c.Version == version) {
			fit = append(fit, c)
		}
	}
	what := strings.TrimSpace(strings.Join(wanted, " or ") + " " + version)
	switch len(fit) {
	case 0:
		return release.Chart{}, &steps.Problem{Tried: "looking for the chart " + what, Seen: "the charts are " + cmp.Or(names(have), "none"),
			Next: fmt.Sprintf("Put it there: helm pull %s --version %s", Address(wanted[0]), cmp.Or(version, "VERSION"))}
	case 1:
		return fit[0], nil
	}
	return release.Chart{}, &steps.Problem{Tried: "looking for the chart " + what, Seen: "several fit: " + names(fit), Next: "Leave only the one that is wanted in the folder"}
}

// Of is a release to be, with values that are known.
func Of(name string, c release.Chart, v release.Values) Release {
	return Release{Name: name, Chart: c, values: v}
}

// MakeOf renders releases into a namespace. Its errors are *steps.Problem, and hold no value.
func MakeOf(ctx context.Context, c Cluster, namespace string, releases []Release) (Made, error) {
	if len(releases) == 0 {
		return Made{}, errors.New("there is no release to render")
	}
	return makeOf(ctx, c, namespace, releases)
}
