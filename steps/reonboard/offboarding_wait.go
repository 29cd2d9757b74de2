package reonboard

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	votesLook     = 30 * time.Second
	votesPatience = 14 * 24 * time.Hour
)

// awaitOffboarded waits until enough scans show the party offboarded. It holds nothing in memory that a restart would lose: each look tells all.
type awaitOffboarded struct {
	peers []Peer
	old   Old
	heard *heard // nil: nothing yet
}

// heard is when the last vote was closed of which somebody knows that it came to nothing: at first when the lost SV was named; later that of the vote
// that was told of. What was lost while no process looked is so told of once by the next one. The zero time knows nothing, and the first look tells.
type heard struct{ of time.Time }

func (a awaitOffboarded) Key() string         { return "wait until " + a.old.Party + " is offboarded" }
func (a awaitOffboarded) Effect() wire.Effect { return wire.Observe }
func (a awaitOffboarded) Refs() []steps.Ref   { return nil }

func (a awaitOffboarded) Show() wire.Preview {
	p := wire.Preview{Title: "wait until " + a.old.SV + " is offboarded", Before: a.old.Party + " is an SV",
		After: fmt.Sprintf("it is among the offboarded ones, and no SV, on %d of %s at least", quorum(len(a.peers)), count(len(a.peers), "scan"))}
	for _, peer := range a.peers {
		p.Commands = append(p.Commands, "curl -sS "+peer.URL+"/api/scan/v0/dso | jq '.dso_rules.contract.payload.offboardedSvs'")
	}
	return p
}

func (a awaitOffboarded) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a awaitOffboarded) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	poll := ask(ctx, w, a.peers, func(ctx context.Context, scan *svapp.Scan) (svapp.DSO, error) { return scan.DSO(ctx) },
		func(d svapp.DSO) string { return string(d.Membership(a.old.Party)) })
	v, evidence := viewed{}, []wire.Evidence(nil)
	for _, r := range poll.Replies {
		if r.Error != nil {
			continue
		}
		is := r.Value.Membership(a.old.Party)
		if is == svapp.Offboarded {
			v.offboarded = append(v.offboarded, r.SV)
		}
		evidence = append(evidence, wire.Evidence{Source: "the scan of " + r.SV, Seen: "the party is " + string(is)})
	}
	if v.proven(len(a.peers)) {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

// voteLost says that a vote was closed without an effect while it was waited for. The wait goes on where somebody chooses so.
type voteLost struct {
	steps.Problem
}

// Do looks again and again. A scan that does not answer, or all of them for a while, is shown and no reason to end: the votes go on meanwhile. A vote
// that is closed without an effect ends it once; one that was closed before the lost SV was named is only shown.
func (a awaitOffboarded) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	known := a.heard
	if known == nil {
		known = &heard{}
	}
	return steps.Poll(ctx, h, votesLook, votesPatience, "the others to offboard "+a.old.SV, report, func(ctx context.Context) (wire.Progress, bool, error) {
		v := viewOf(ctx, h.World, a.peers, a.old.Party)
		p := wire.Progress{Text: v.text(a.old.SV), Items: v.items()}
		if v.is.open != nil {
			p.Done, p.Total, p.Unit = int64(accepting(*v.is.open)), int64(v.is.dso.Threshold), "votes"
		}
		if v.proven(len(a.peers)) {
			return wire.Progress{Text: a.old.SV + " is offboarded, by " + scansOf(v.offboarded)}, true, nil
		}
		if names := told(v.poll, svapp.Disagrees); len(names) > 0 {
			p.Text += ". Otherwise, and outvoted: " + scansOf(names)
		}
		if !v.known || v.poll.Agreeing < min(2, len(a.peers)) { // nothing is concluded from what one scan says
			return p, false, nil
		}
		r := v.is.closed
		first := known.of.IsZero()
		later := r != nil && r.Completed.After(known.of)
		if later {
			known.of = r.Completed
		} else if first {
			known.of = time.Unix(0, 0) // there was none
		}
		if later && !first && v.is.open == nil && lost(*r) {
			return p, false, &voteLost{steps.Problem{Tried: "waiting for the others to offboard " + a.old.SV,
				Seen: fmt.Sprintf("the vote of %s was %s at %s", r.Vote.Requester, outcome(*r), clockTime(r.Completed)),
				Next: "Find out why, have another SV ask for a new vote with the text in " + requestText + ", and wait on"}}
		}
		return p, false, nil
	})
}
