package network

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

const (
	chainLooks    = 5 * time.Second
	chainPatience = 30 * time.Minute // more than the time after which any block is old
)

// watchChain looks at the own CometBFT until it can be told whether it makes blocks: a height that was seen twice within seconds tells nothing. It
// ends sooner where the chain cannot be read; what that means, and what was seen in the end, is said by the step's proof.
type watchChain struct {
	node  node.Node
	first *Block // the look at the beginning of the run; nil: it could not be read then
}

func (a watchChain) Key() string         { return "see whether the chain of this node makes blocks" }
func (a watchChain) Effect() wire.Effect { return wire.Observe }
func (a watchChain) Refs() []steps.Ref   { return nil }

func (a watchChain) Show() wire.Preview {
	p := wire.Preview{Title: a.Key(), After: "it was watched for long enough to tell"}
	for _, c := range a.node.Of(node.CometBFT) {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s port-forward %s 26657 & curl -s localhost:26657/status", c.Ref.Namespace, c.Ref))
	}
	return p
}

func (a watchChain) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

// Probe is done where the look at the beginning and one now tell it, and where there is nothing to look at.
func (a watchChain) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	look, err := chain(ctx, w, a.node)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if p, done := watched(since(a.first, look)); !done {
		return wire.ActionPending, []wire.Evidence{{Source: look.Source, Seen: p.Text, At: w.Clock.Now()}}, nil
	}
	return wire.ActionDone, nil, nil
}

func (a watchChain) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	first := a.first
	return steps.Poll(ctx, h, chainLooks, chainPatience, "it to be told whether the chain makes blocks", report, func(ctx context.Context) (wire.Progress, bool, error) {
		look, err := chain(ctx, h.World, a.node)
		if err != nil {
			return wire.Progress{}, false, err
		}
		if first == nil {
			first = blockOf(look)
		}
		p, done := watched(since(first, look))
		return p, done, nil
	})
}

// watched is how far a watch is, and whether it may end.
func watched(c triage.Chain) (p wire.Progress, done bool) {
	if len(c.Samples) == 0 {
		return wire.Progress{Text: "the chain cannot be read: " + c.Problem}, true
	}
	seen, needed := c.Watched()
	p = wire.Progress{Text: fmt.Sprintf("CometBFT is at block %d", c.Samples[len(c.Samples)-1].Height), Unit: "seconds", Done: int64(min(seen, needed).Seconds()), Total: int64(needed.Seconds())}
	return p, seen >= needed
}

// since puts an earlier look at the same chain before one.
func since(first *Block, look triage.Chain) triage.Chain {
	if first != nil && len(look.Samples) > 0 && first.Network == look.Network && first.At.Before(look.Samples[0].At) {
		look.Samples = append([]triage.Block{{Height: first.Height, Time: first.Time, At: first.At}}, look.Samples...)
	}
	return look
}

// blockOf is a look in short; nil where it could not be read.
func blockOf(look triage.Chain) *Block {
	if len(look.Samples) == 0 {
		return nil
	}
	b := look.Samples[0]
	return &Block{Network: look.Network, Height: b.Height, Time: b.Time, At: b.At}
}
