package evidence

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
)

// atOnce is how many scans are asked at the same time.
const atOnce = 8

// readNetwork asks this node's own scan who this node is and which other scans there are, and then each of those. A scan that does not answer
// this machine is asked from a pod: scans often answer only the addresses of the clusters that they know.
func readNetwork(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	own := triage.Own{Reading: l.reading("network"), Name: n.Subject.SV}
	list, dso, err := l.list(ctx, n, &own)
	deliver(func(e *triage.Evidence) { e.Own = own })
	if err != nil {
		return err
	}
	var others []svapp.Address
	for _, a := range list {
		if a.SVName != own.Name && !slices.ContainsFunc(others, func(o svapp.Address) bool { return o.SVName == a.SVName && o.URL == a.URL }) {
			others = append(others, a)
		}
	}
	p := triage.Peers{Reading: l.reading("network"), SVs: len(dso.SVs), Scans: make([]triage.Peer, len(others))}
	for i, a := range others {
		p.Scans[i].Name = a.SVName
	}
	var mu sync.Mutex
	hand := func() {
		seen := p
		seen.Scans = slices.Clone(p.Scans)
		deliver(func(e *triage.Evidence) { e.Peers = seen })
	}
	hand()
	from, has := l.sender(n, "")
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, a := range others {
		all.Go(func() {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
			case <-ctx.Done():
				return
			}
			peer, svs := l.peer(ctx, a, from, has)
			mu.Lock()
			defer mu.Unlock()
			p.Scans[i], p.SVs = peer, max(p.SVs, svs)
			p.At = l.Clock.Now()
			hand()
		})
	}
	all.Wait()
	return nil
}

// list is who this node is, and the scans of the network, from the node's own scan. Where that does not answer, a scan that was named, or the
// sponsor's in the values of the SV app, tells the list and the network; who this node is stays open then, since a name does not tell it.
func (l *look) list(ctx context.Context, n node.Node, own *triage.Own) ([]svapp.Address, svapp.DSO, error) {
	way, _, err := l.own(ctx, n, node.ScanApp, svapp.ScanApp)
	if err == nil {
		defer way.Close()
		var list []svapp.Address
		var dso svapp.DSO
		if list, dso, err = l.told(ctx, way); err == nil {
			own.Party, own.DSO = dso.SVParty, dso.Party
			own.Source = "this node's own scan, " + way.Name
			for _, m := range dso.SVs {
				if m.Party == dso.SVParty && m.Name != "" {
					own.Name = m.Name
				}
			}
			return list, dso, nil
		}
	}
	why := err
	scans := slices.Clone(l.Scans)
	if releases, err := l.releases(); err == nil {
		values, _ := ofChart(releases, "splice-sv-node")
		if sponsor := text(values, "joinWithKeyOnboarding.sponsorScanUrl"); sponsor != "" {
			scans = append(scans, sponsor)
		}
	}
	from, has := l.sender(n, "")
	for _, address := range scans {
		way, err := l.reach(ctx, address, from, has)
		if err != nil {
			continue
		}
		list, dso, err := l.told(ctx, way)
		way.Close()
		if err == nil {
			own.DSO, own.Source = dso.Party, "the scan "+plain.Line(address)
			return list, dso, nil
		}
	}
	own.Problem = "this node's own scan did not tell it (" + problem(ctx, slow, why) + ")"
	if len(scans) == 0 {
		return nil, svapp.DSO{}, errors.New("this node's own scan did not list the others (" + problem(ctx, slow, why) + "), and no other scan was named: name one with --scan")
	}
	return nil, svapp.DSO{}, errors.New("neither this node's own scan (" + problem(ctx, slow, why) + ") nor one that was named told the list")
}

// told is what a scan says of the network.
func (l *look) told(ctx context.Context, way svapp.Way) ([]svapp.Address, svapp.DSO, error) {
	scan, err := svapp.NewScan(l.settings(way))
	if err != nil {
		return nil, svapp.DSO{}, err
	}
	dso, err := scan.DSO(ctx)
	if err != nil {
		return nil, dso, err
	}
	list, err := scan.Scans(ctx)
	return list, dso, err
}

// reach is the best way to a scan by its public address: from this machine, else from a pod.
func (l *look) reach(ctx context.Context, address string, from reach.Sender, has bool) (svapp.Way, error) {
	var ways []svapp.Way
	w, err := l.Out.Public(address)
	if err != nil {
		return w, err
	}
	ways = append(ways, w)
	if has {
		if w, err := l.web.FromPod(from.Namespace, from.Pod, from.Container, address, false); err == nil {
			ways = append(ways, w)
		}
	}
	way, _, _, err := l.choose(ctx, svapp.ScanApp, ways)
	return way, err
}

// peer asks one scan. That it cannot be reached says nothing about it. svs is how many SVs it knows.
func (l *look) peer(ctx context.Context, a svapp.Address, from reach.Sender, has bool) (p triage.Peer, svs int) {
	p = triage.Peer{Name: a.SVName, Reading: triage.Reading{Source: "the scan of " + a.SVName}}
	way, err := l.reach(ctx, a.URL, from, has)
	p.At = l.Clock.Now()
	if err != nil {
		p.Problem = problem(ctx, slow, err)
		return p, 0
	}
	defer way.Close()
	if u, err := url.Parse(a.URL); err == nil {
		p.Source += " (" + u.Host + ", " + way.Name + ")"
	}
	scan, err := svapp.NewScan(l.settings(way))
	if err != nil {
		p.Problem = problem(ctx, slow, err)
		return p, 0
	}
	dso, err := scan.DSO(ctx)
	p.At = l.Clock.Now()
	if err != nil {
		p.Problem = problem(ctx, slow, err)
		return p, 0
	}
	p.DSO, p.Round, p.RoundAt = dso.Party, dso.Round, dso.RoundAt
	if skew := l.skew(); skew.Known && !p.RoundAt.IsZero() {
		p.RoundAt = p.RoundAt.Add(-skew.By) // on this machine's clock, by which its age is told: it may be wrong by more than a round
	}
	for _, m := range dso.SVs {
		p.SVs = append(p.SVs, m.Party)
	}
	for _, m := range dso.Offboarded {
		p.Offboarded = append(p.Offboarded, m.Party)
	}
	return p, len(dso.SVs)
}
