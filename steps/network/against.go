package network

import (
	"context"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// askPeers is for all other SVs' scans together, and askPeer for one: those that do not answer are many when a network is lost.
const (
	askPeers = 50 * time.Second
	askPeer  = 8 * time.Second
)

// against looks for what speaks against the loss of the network, by the rules of triage: the own chain, and the rounds on other SVs' scans.
func against(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	e := triage.Evidence{Answers: triage.Answers{DeclaredLost: triage.Yes}}
	now := w.Clock.Now()
	e.Cluster = triage.Cluster{Reading: triage.Reading{Source: "the inventory", At: now}, Node: *f.Node}
	var err error
	if e.Chain, err = chain(ctx, w, *f.Node); err != nil {
		return nil, err
	}
	e.Chain = since(f.Chain, e.Chain)
	if e.Own, e.Peers, err = peers(ctx, w, f); err != nil {
		return nil, err
	}
	return speaks(triage.Judge(e, w.Clock.Now())), nil
}

// speaks turns what triage says into findings.
func speaks(r triage.Result) []wire.Finding {
	var found []wire.Finding
	for _, id := range []string{"chain", "network"} {
		item, ok := r.Item(id)
		if !ok {
			continue
		}
		detail := strings.TrimSuffix(item.Detail, ".")
		f := wire.Finding{ID: "against-" + id, Evidence: []wire.Evidence{{Source: item.Source, Seen: item.Detail, At: item.At}}}
		switch item.Verdict {
		case triage.Holds: // it goes on
			f.Verdict, f.Text = wire.Violated, "the network seems to run: "+detail
			f.Next = "Clear that up on the call first: if only this node is lost, it is restored instead, and nothing is lost"
			f.Waive = "the call knows that and has declared the network lost all the same"
		case triage.Violated:
			f.Verdict, f.Text = wire.Holds, detail
		default:
			f.Verdict, f.Text = wire.Undetermined, detail
			f.Next = "Ask the others on the call what they see; what cannot be reached says nothing about the network"
		}
		found = append(found, f)
	}
	return found
}

// chain is one look at this node's CometBFT. The error is that of the context.
func chain(ctx context.Context, w steps.World, n node.Node) (triage.Chain, error) {
	c := triage.Chain{Peers: -1, Reading: triage.Reading{Source: "CometBFT of this node", At: w.Clock.Now()}}
	comets := n.Of(node.CometBFT)
	if len(comets) == 0 || w.Pods == nil {
		c.Problem = "there is no CometBFT to ask"
		return c, nil
	}
	followed := action.Followed{Part: string(node.CometBFT), Follows: action.ByChain, Pods: action.Pods{Workload: comets[0].Ref, Selector: comets[0].Selector}}
	lags, err := action.ReadLags(ctx, w, []action.Followed{followed}, action.ReadSkew(ctx, w))
	if err != nil {
		return c, err
	}
	l := lags[0]
	c.Source = l.Source
	if !l.Known {
		c.Problem = l.Seen
		return c, nil
	}
	c.Network, c.CatchingUp, c.Peers = l.Chain, l.CatchingUp, max(l.Peers, 0)
	c.Samples = []triage.Block{{Height: l.Height, Time: l.Block, At: l.Block.Add(l.Behind)}}
	return c, nil
}

// peers asks the scans of the other SVs that this node's own scan lists, and those that were named. The error is that of the context.
func peers(ctx context.Context, w steps.World, f Facts) (triage.Own, triage.Peers, error) {
	own := triage.Own{Reading: triage.Reading{Source: "this node's own scan", At: w.Clock.Now()}}
	all := triage.Peers{Reading: triage.Reading{Source: "the scans of the other SVs", At: w.Clock.Now()}}
	dso, list, err := ownScan(ctx, w, *f.Node)
	if ctx.Err() != nil {
		return own, all, ctx.Err()
	}
	if err != nil {
		own.Problem = "this node's own scan did not answer: " + why(err)
		all.Problem = "this node's own scan, which lists them, did not answer: " + why(err)
		return own, all, nil
	}
	own.Party, own.DSO, all.SVs = dso.SVParty, dso.Party, len(dso.SVs)
	for _, m := range dso.SVs {
		if m.Party == dso.SVParty {
			own.Name = m.Name
		}
	}
	for _, address := range f.Hints.Scans {
		if !slices.ContainsFunc(list, func(a svapp.Address) bool { return a.URL == address }) {
			list = append(list, svapp.Address{SVName: address, URL: address})
		}
	}
	within, cancel := context.WithTimeout(ctx, askPeers)
	defer cancel()
	for _, a := range list {
		if a.SVName != own.Name {
			all.Scans = append(all.Scans, peer(within, w, a))
		}
	}
	return own, all, ctx.Err()
}

// peer asks one scan. That it cannot be reached says nothing about it.
func peer(ctx context.Context, w steps.World, a svapp.Address) triage.Peer {
	p := triage.Peer{Name: plain.Line(a.SVName), Reading: triage.Reading{Source: "the scan of " + plain.Line(a.SVName)}}
	if w.Apps == nil {
		p.Problem = "no way to other SVs' scans is set up in this run"
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, askPeer)
	defer cancel()
	err := w.Apps.Scan(ctx, a.URL, func(scan *svapp.Scan) error {
		dso, err := scan.DSO(ctx)
		if err != nil {
			return err
		}
		p.DSO, p.Round, p.RoundAt = dso.Party, dso.Round, dso.RoundAt
		for _, m := range dso.SVs {
			p.SVs = append(p.SVs, m.Party)
		}
		return nil
	})
	p.At = w.Clock.Now()
	if err != nil {
		p.Problem = why(err)
	}
	return p
}
