package triage

import (
	"cmp"
	"encoding/json"
	"slices"
)

// ordered is a copy in an order that depends on the content alone, so that nothing depends on which gatherer's answer came first.
func ordered[T any](all []T) []T {
	type keyed struct {
		key  string
		item T
	}
	with := make([]keyed, len(all))
	for i, x := range all {
		key, err := json.Marshal(x)
		if err != nil { // these types have nothing that JSON cannot hold
			panic(err)
		}
		with[i] = keyed{string(key), x}
	}
	slices.SortStableFunc(with, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	out := make([]T, len(all))
	for i, k := range with {
		out[i] = k.item
	}
	return out
}

// inOrder is the evidence with every list in an order of its own.
func inOrder(e Evidence) Evidence {
	e.Cluster.Node.Components = ordered(e.Cluster.Node.Components)
	e.Pods.Troubles = ordered(e.Pods.Troubles)
	e.Storage.Stores = ordered(e.Storage.Stores)
	for _, s := range []*Search{&e.Leftovers.Volumes, &e.Leftovers.Claims, &e.Leftovers.Secrets} {
		s.Found = ordered(s.Found)
	}
	e.Databases.All = ordered(e.Databases.All)
	e.Chain.Samples = byTime(e.Chain.Samples, func(b Block) int64 { return b.At.UnixNano() })
	e.Apps.Lags = byTime(e.Apps.Lags, func(l Lag) int64 { return l.At.UnixNano() })
	e.Apps.Failed = ordered(e.Apps.Failed)
	e.Peers.Scans = ordered(e.Peers.Scans)
	for _, p := range []*Place{&e.Backups.Snapshots, &e.Backups.Dumps, &e.Backups.Managed} {
		p.Sets = ordered(p.Sets)
		for i := range p.Sets {
			p.Sets[i].Checks = ordered(p.Sets[i].Checks)
		}
	}
	e.Identities.Files = ordered(e.Identities.Files)
	return e
}

// byTime is ordered, by time first.
func byTime[T any](all []T, at func(T) int64) []T {
	all = ordered(all)
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(at(a), at(b)) })
	return all
}
