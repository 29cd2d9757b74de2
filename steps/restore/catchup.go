package restore

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// elsewhere is where an operator sees what this tool cannot.
const elsewhere = `Look in the SV UI: "CometBFT Debug Info" (peers: all other super validators), "Domain Node Status"; and for fresh lines in its log`

func catchUp() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/catch-up", Title: "Catch up", Effect: wire.Observe,
		Summary: "Follows how CometBFT, sequencer, mediator and participant catch up, until each is less than 30 s behind.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			components := followed(*f.Node)
			if len(components) == 0 {
				return nil, nil
			}
			return []steps.Action{action.FollowCatchUp{Where: f.Where, Namespace: f.Namespace, Components: components}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return caughtUp(ctx, w, *f)
		},
		Remedies: func(err error) []steps.Remedy {
			advice := []steps.Remedy{
				{Choice: wire.ChoiceRetry, Detail: "goes on following; the node works meanwhile, whether anybody looks or not"},
				{Choice: wire.ChoiceSkip, Label: "Follow no longer", Detail: "what is behind then is said, and asked about"},
			}
			if restart, ok := action.RestartChain(err); ok {
				advice = append(advice, restart)
			}
			return advice
		},
	}
}

// followParts are the parts whose lag tells of a catch-up, and how it is read.
var followParts = []struct {
	part    node.Part
	follows action.Follows
}{
	{node.CometBFT, action.ByChain}, {node.Sequencer, action.BySequencer}, {node.Mediator, action.ByClient}, {node.Participant, action.ByClient},
}

// followed are the components of the node that run and whose lag is followed. Those of legacy and successor synchronizers are not.
func followed(n node.Node) []action.Followed {
	var found []action.Followed
	for _, p := range followParts {
		for _, c := range n.Of(p.part) {
			if c.Replicas > 0 {
				found = append(found, action.Followed{Part: string(p.part), Follows: p.follows, Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}})
			}
		}
	}
	return found
}

// caughtUp judges one reading of every component. It is the proof; that following is over is none.
func caughtUp(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	found := notFollowed(*f.Node)
	components := followed(*f.Node)
	if len(components) == 0 {
		return append(found, wire.Finding{ID: "catch-up", Verdict: wire.Undetermined, Text: "whether the node has caught up: none of its parts that would tell runs", Next: elsewhere}), nil
	}
	skew := action.ReadSkew(ctx, w)
	lags, err := action.ReadLags(ctx, w, components, skew)
	if err != nil {
		return nil, err
	}
	return append(append(found, lagFindings(lags, w.Clock.Now())...), skewFinding(skew)...), nil
}

// notFollowed says which parts nothing is known of.
func notFollowed(n node.Node) []wire.Finding {
	var found []wire.Finding
	for _, p := range followParts {
		all := n.Of(p.part)
		if len(all) == 0 && p.part == node.CometBFT {
			found = append(found, wire.Finding{ID: "lag-" + string(p.part), Verdict: wire.Attention,
				Text: "there is no CometBFT to follow: right for a node whose sequencer runs CantonBFT"})
		} else if len(all) == 0 {
			found = append(found, wire.Finding{ID: "lag-" + string(p.part), Verdict: wire.Undetermined,
				Text: fmt.Sprintf("how far the %s is behind: there is none", p.part), Next: elsewhere})
		}
		for _, c := range all {
			if c.Replicas == 0 {
				found = append(found, wire.Finding{ID: "lag-" + c.Ref.Name, Verdict: wire.Attention,
					Text: c.Ref.Name + " stood at 0 when this run began and is not followed", Next: "If it should run, scale it up and look at it yourself"})
			}
		}
	}
	return found
}

// lagFindings are the verdicts on readings: what is in step as one, and each that is not.
func lagFindings(lags []action.Lag, now time.Time) []wire.Finding {
	var found []wire.Finding
	var worst time.Duration
	good := wire.Finding{ID: "in-step", Verdict: wire.Holds}
	for _, l := range lags {
		seen := wire.Evidence{Source: l.Source, Seen: l.Seen, At: now}
		name := l.Of.Workload.Name
		switch l.Verdict() {
		case wire.Holds:
			worst = max(worst, l.Behind)
			seen.Seen = action.Span(l.Behind) + " behind: " + l.Seen
			good.Evidence = append(good.Evidence, seen)
		case wire.Violated:
			found = append(found, wire.Finding{ID: "lag-" + name, Verdict: wire.Violated, Evidence: []wire.Evidence{seen},
				Text:  fmt.Sprintf("%s is %s behind", name, action.Span(l.Behind)),
				Next:  "Go on following until it is less than " + action.Span(action.InStep) + " behind",
				Waive: "the node goes on catching up, and you watch it yourself"})
		default:
			next := elsewhere
			if l.Denied {
				next = "Have the right to open tunnels to pods (create pods/portforward) granted, or look yourself. " + elsewhere
			}
			found = append(found, wire.Finding{ID: "lag-" + name, Verdict: wire.Undetermined, Evidence: []wire.Evidence{seen},
				Text: fmt.Sprintf("how far %s is behind: %s", name, l.Seen), Next: next})
		}
	}
	if n := len(good.Evidence); n > 0 {
		good.Text = fmt.Sprintf("%d of %d components are in step, at most %s behind", n, len(lags), action.Span(worst))
		found = append(found, good)
	}
	return found
}

func skewFinding(s action.Skew) []wire.Finding {
	switch {
	case !s.Known:
		return []wire.Finding{{ID: "clock", Verdict: wire.Attention, Text: "the cluster's clock is not known: lags are told by this machine's",
			Next: "If this machine's clock is wrong, so are they"}}
	case s.By.Abs() > maxSkew:
		return []wire.Finding{{ID: "clock", Verdict: wire.Attention,
			Text: fmt.Sprintf("this machine's clock is %s off the cluster's: lags are told by the cluster's", action.Span(s.By.Abs())),
			Next: "Correct this machine's clock"}}
	}
	return nil
}
