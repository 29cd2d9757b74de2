package reonboard

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
	"sigs.k8s.io/yaml"
)

// mostPeers is how many scans are asked at most: enough to outvote some that are behind, and few enough to be asked for days.
const mostPeers = 9

// introduction is what a scan says of itself and of the network.
type introduction struct {
	dso         svapp.DSO
	release     string
	migrationID int64
	known       bool // the migration ID
	borrowed    bool // it was asked from a pod that is not the run's own, and that may be stopped with the lost node
}

// introduce asks a scan. What else than the DSO rules it does not answer stays empty.
func introduce(ctx context.Context, scan *svapp.Scan) (introduction, error) {
	dso, err := scan.DSO(ctx)
	if err != nil {
		return introduction{}, err
	}
	i := introduction{dso: dso, borrowed: strings.HasPrefix(scan.Way(), "from pod ")}
	if v, err := scan.Version(ctx); err == nil {
		i.release = v.Release
	}
	if all, err := scan.Sequencers(ctx); err == nil {
		for _, s := range all {
			i.migrationID, i.known = max(i.migrationID, s.MigrationID), true
		}
	}
	return i, nil
}

// surveyed is what came of asking every scan that is known.
type surveyed struct {
	poll         svapp.Poll[introduction]
	peers        []Peer // in the order of the poll
	synchronizer string
}

// survey asks the scans that were named, and those that the first of them which answers lists. The lost node's own scan is left out where its name
// is known. A scan is known by the party that it answers for, so that one SV is not counted twice.
func survey(ctx context.Context, w steps.World, f Facts) surveyed {
	var s surveyed
	var all []Peer
	add := func(p Peer) {
		p.URL = strings.TrimRight(p.URL, "/")
		if p.SV != "" && p.SV == f.lostName() || slices.ContainsFunc(all, func(o Peer) bool { return o.URL == p.URL }) {
			return
		}
		all = append(all, p)
	}
	var list []svapp.Address
	for _, address := range f.Reach.Scans {
		if list == nil {
			err := w.Apps.Scan(ctx, address, func(scan *svapp.Scan) (err error) {
				list, err = scan.Scans(ctx)
				return err
			})
			if err != nil {
				list = nil
			}
		}
	}
	for _, address := range f.Reach.Scans {
		url := strings.TrimRight(address, "/")
		i := slices.IndexFunc(list, func(a svapp.Address) bool { return strings.TrimRight(a.URL, "/") == url })
		if i >= 0 {
			add(Peer{SV: list[i].SVName, URL: url})
		} else {
			add(Peer{URL: url})
		}
	}
	for _, a := range list {
		s.synchronizer = cmp.Or(s.synchronizer, a.Synchronizer)
		add(Peer{SV: a.SVName, URL: a.URL})
	}
	s.peers = all
	s.poll = ask(ctx, w, all, introduce, func(i introduction) string { return i.dso.Party })
	for i, r := range s.poll.Replies {
		if r.Error != nil {
			continue
		}
		p := &s.peers[i]
		p.Party = r.Value.dso.SVParty
		for _, m := range r.Value.dso.SVs {
			if m.Party == p.Party && m.Name != "" {
				p.SV = m.Name
			}
		}
		s.poll.Replies[i].SV = p.name()
	}
	return s
}

// agreed are the peers that agree on which network this is, each SV once, at most as many as are asked for long.
func (s surveyed) agreed() []Peer {
	var found []Peer
	for i, r := range s.poll.Replies {
		p := s.peers[i]
		if r.Outcome != svapp.Answered || s.poll.Agreeing == 0 || p.Party == "" || len(found) == mostPeers ||
			slices.ContainsFunc(found, func(o Peer) bool { return o.Party == p.Party }) {
			continue
		}
		found = append(found, p)
	}
	return found
}

// here are those that agree and answer this machine.
func (s surveyed) here() []Peer {
	return slices.DeleteFunc(s.agreed(), func(p Peer) bool {
		i := slices.IndexFunc(s.peers, func(o Peer) bool { return o.URL == p.URL })
		return s.poll.Replies[i].Value.borrowed
	})
}

// shut says whether scans do not answer this machine that may answer another address: a pod of the cluster could ask them.
func (s surveyed) shut() bool {
	return slices.ContainsFunc(s.poll.Replies, func(r svapp.Reply[introduction]) bool { return r.Outcome == svapp.NoAnswer || r.Value.borrowed })
}

// most is the value that most of those who agree tell; the first of those told equally often.
func most[K comparable](s surveyed, tell func(introduction) (K, bool)) (K, bool) {
	var best K
	counts, top := map[K]int{}, 0
	for _, r := range s.poll.Replies {
		if r.Outcome != svapp.Answered {
			continue
		}
		if value, ok := tell(r.Value); ok {
			if counts[value]++; counts[value] > top {
				best, top = value, counts[value]
			}
		}
	}
	return best, top > 0
}

// lostName is the name of the lost SV, as far as it is known.
func (f Facts) lostName() string {
	if f.Old.SV == "" && f.Old.Node != nil {
		return f.Old.Node.Subject.SV
	}
	return f.Old.SV
}

// proposedScans are addresses of scans of others: those of the configuration, else the sponsor's in the values of what is left of the node.
func proposedScans(ctx context.Context, w steps.World, f Facts) []string {
	if len(f.Hints.Scans) > 0 || f.Old.Namespace == "" {
		return f.Hints.Scans
	}
	releases, err := release.In(w.Kube, f.Old.Namespace).List(ctx)
	if err != nil {
		return nil
	}
	var found []string
	for _, r := range releases {
		var values struct {
			Join struct {
				Sponsor string `json:"sponsorScanUrl"`
			} `json:"joinWithKeyOnboarding"`
		}
		if r.Chart == "splice-sv-node" && yaml.Unmarshal([]byte(r.Values.Reveal()), &values) == nil && values.Join.Sponsor != "" {
			found = append(found, values.Join.Sponsor)
		}
	}
	return found
}

// isNamespace says whether a namespace is there; true where this account may not see that.
func isNamespace(ctx context.Context, w steps.World, name string) (bool, error) {
	all, err := w.Kube.Namespaces(ctx)
	switch {
	case kube.KindOf(err) == kube.Forbidden:
		return true, nil
	case err != nil:
		return false, err
	}
	return slices.ContainsFunc(all, func(n kube.Namespace) bool { return n.Name == name }), nil
}

var errNoScan = errors.New("name at least one address, such as https://scan.sv-2.example.org")
