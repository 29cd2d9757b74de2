package evidence

import (
	"context"
	"errors"
	"sync"
	"time"

	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
)

// A block younger than this shows that the chain runs, with one look. Else it is looked at again until it was watched for long enough to be
// said to stand (triage).
const (
	blockFresh = 2 * time.Minute
	lookEvery  = 8 * time.Second
	watch      = 32 * time.Second
)

// readChain reads height and block time of the current CometBFT, a few times where one look does not tell.
func readChain(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	comets := n.Of(node.CometBFT)
	if len(comets) == 0 {
		return errors.New("there is no CometBFT among the workloads")
	}
	skew := l.skew()
	c := triage.Chain{Peers: -1}
	for {
		lag, err := l.lag(ctx, comets[0], action.ByChain, skew)
		switch {
		case err != nil && len(c.Samples) == 0:
			return err
		case err != nil:
			return nil // what was seen before stays
		}
		c.Reading = l.reading("chain")
		c.Source = lag.Source
		c.Network, c.CatchingUp, c.Peers = lag.Chain, lag.CatchingUp, max(lag.Peers, 0)
		// Told by the cluster's clock, by which blocks are made.
		c.Samples = append(c.Samples[:len(c.Samples):len(c.Samples)], triage.Block{Height: lag.Height, Time: lag.Block, At: lag.Block.Add(lag.Behind)})
		seen := c
		deliver(func(e *triage.Evidence) { e.Chain = seen })
		if lag.Behind <= blockFresh || c.Samples[len(c.Samples)-1].At.Sub(c.Samples[0].At) >= watch {
			return nil
		}
		if !l.wait(ctx, lookEvery) {
			return nil
		}
	}
}

// wait lets time pass; false: the context ended.
func (l *look) wait(ctx context.Context, d time.Duration) bool {
	timer := l.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// skew is how far the cluster's clock is from ours, by the lists that it has answered before.
func (l *look) skew() action.Skew {
	by, known := l.Cluster.Skew()
	return action.Skew{Known: known, By: by}
}

// lag reads how far one component is behind. What it does not tell is an error here.
func (l *look) lag(ctx context.Context, c node.Component, by action.Follows, skew action.Skew) (action.Lag, error) {
	lags, err := action.ReadLags(ctx, l.world(), []action.Followed{{Part: string(c.Part), Follows: by, Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}}}, skew)
	if err != nil {
		return action.Lag{}, err
	}
	if !lags[0].Known {
		return lags[0], errors.New(lags[0].Seen)
	}
	return lags[0], nil
}

// trendAfter is when a component that is behind is looked at again, to see whether it comes closer.
const trendAfter = 20 * time.Second

// readLags reads how far the Canton nodes are behind, and again for those that are.
func readLags(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	skew := l.skew()
	var all sync.WaitGroup
	for _, c := range n.Of(node.Sequencer, node.Mediator, node.Participant) {
		by := action.ByClient
		if c.Part == node.Sequencer {
			by = action.BySequencer
		}
		all.Go(func() {
			for range 2 {
				lag, err := l.lag(ctx, c, by, skew)
				if err != nil {
					return // whether it runs is told elsewhere
				}
				seen := triage.Lag{Part: c.Part, Behind: lag.Behind, At: l.Clock.Now()}
				deliver(func(e *triage.Evidence) { e.Apps.Lags = append(e.Apps.Lags[:len(e.Apps.Lags):len(e.Apps.Lags)], seen) })
				if lag.Behind <= action.InStep || !l.wait(ctx, trendAfter) {
					return
				}
			}
		})
	}
	all.Wait()
	return nil
}
