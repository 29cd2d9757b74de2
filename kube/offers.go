package kube

import (
	"context"
	"path"
	"slices"

	"k8s.io/client-go/discovery"
)

// Offers is what a cluster says of itself to somebody who writes manifests for it: Helm's charts ask for it.
type Offers struct {
	Version      string   // such as v1.35.1
	Major, Minor string   // as the server puts them
	APIs         []string // such as "apps/v1" and "apps/v1/Deployment", sorted
}

// Offers asks for the version of the server and for every kind that it serves. A kind whose own server does not answer is left out, as
// Helm does it.
func (c *Cluster) Offers(ctx context.Context) (Offers, error) {
	tried := "ask the cluster at " + c.server + " which kinds it serves"
	version, err := c.kube.Discovery().ServerVersionWithContext(ctx)
	if err != nil {
		return Offers{}, explain(tried, nil, err)
	}
	groups, lists, err := c.kube.Discovery().ServerGroupsAndResourcesWithContext(ctx)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return Offers{}, explain(tried, nil, err)
	}
	o := Offers{Version: version.GitVersion, Major: version.Major, Minor: version.Minor}
	for _, g := range groups {
		for _, v := range g.Versions {
			o.APIs = append(o.APIs, v.GroupVersion)
		}
	}
	for _, l := range lists {
		for _, r := range l.APIResources {
			o.APIs = append(o.APIs, path.Join(l.GroupVersion, r.Kind))
		}
	}
	slices.Sort(o.APIs)
	o.APIs = slices.Compact(o.APIs)
	return o, nil
}
