package reonboard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// onboardingPatience is how long an onboarding may take before the operator is asked: other SVs confirm it by themselves, but a chain that
// has to be caught up with first takes its time.
const onboardingPatience = 2 * time.Hour

// onboardingLook is how often it is looked at. It takes minutes, and each look asks all the others' scans for the whole DSO rules.
const onboardingLook = 30 * time.Second

// followOnboarding waits until the DSO rules have an SV of the name with a new party. Where a sponsor's SV app can be asked it tells how far
// that is, by party: by name the answer could be that of the lost SV (reference/apis.md 2.4).
type followOnboarding struct {
	sv, old string // name, and party of the lost SV
	own     steps.App
	sponsor string // host; empty: none is asked
	peers   []Peer
}

func (o followOnboarding) Key() string         { return "follow the onboarding" }
func (o followOnboarding) Effect() wire.Effect { return wire.Observe }
func (o followOnboarding) Refs() []steps.Ref   { return nil }

func (o followOnboarding) Show() wire.Preview {
	p := wire.Preview{Title: o.Key() + " of " + o.sv, After: "the DSO rules have an SV of this name with a new party, as most of the scans that answer say"}
	for _, peer := range o.peers {
		p.Commands = append(p.Commands, "curl "+scanBase(peer.URL)+"/api/scan/v0/dso")
	}
	return p
}

func (o followOnboarding) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return nil, nil
}

func (o followOnboarding) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s := o.see(ctx, w)
	var evidence []wire.Evidence
	for _, item := range s.progress.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	switch {
	case ctx.Err() != nil:
		return wire.ActionUnknown, nil, ctx.Err()
	case s.member != "":
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (o followOnboarding) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	err := steps.Poll(ctx, h, onboardingLook, onboardingPatience, o.sv+" to be onboarded", report, func(ctx context.Context) (wire.Progress, bool, error) {
		s := o.see(ctx, h.World)
		return s.progress, s.member != "", ctx.Err()
	})
	if waiting, ok := err.(*steps.StillWaiting); ok {
		waiting.Next = "Look into the log of sv-app. Ask the sponsor whether the name and the key are approved; a first onboarding that hangs can be waiting for its SvNodeState (Splice issue 1568)"
	}
	return err
}

// onboarded is what was seen of an onboarding.
type onboarded struct {
	progress  wire.Progress
	candidate string // party that the fresh SV app works for, or that a scan knows
	member    string // party of the SV of that name, as most scans say; empty: not yet
}

// see asks the fresh SV app who it is, the sponsor how far it is, and the peers' scans whether it is an SV. Whoever is away is named, and
// proves nothing.
func (o followOnboarding) see(ctx context.Context, w steps.World) onboarded {
	var s onboarded
	add := func(name, state string, done bool) {
		s.progress.Items = append(s.progress.Items, wire.Item{Name: name, State: state, Done: done})
	}
	if w.Apps == nil {
		add("apps", "cannot be asked from here", false)
		return s
	}
	say := func(err error) string { return strings.TrimSuffix(steps.FailureOf("", err).Seen, ".") }
	yes, no := map[string]int{}, 0
	for i, reply := range askDSO(ctx, w, o.peers, func(d svapp.DSO) string { return d.Party }).Replies {
		p := o.peers[i]
		named := slices.DeleteFunc(reply.Value.Named(o.sv), func(m svapp.Member) bool { return m.Party == o.old })
		switch {
		case reply.Error != nil:
			add("the scan of "+p.SV, say(reply.Error), false)
		case len(named) > 0:
			yes[named[0].Party]++
			s.candidate = named[0].Party
			add("the scan of "+p.SV, o.sv+" is an SV, with the party "+named[0].Party, true)
		default:
			no++
			add("the scan of "+p.SV, o.sv+" is no SV yet", false)
		}
	}
	for party, n := range yes {
		if n > no && n*2 > n+no+others(yes, party) {
			s.member = party
		}
	}
	var own svapp.DSO
	err := w.Apps.SV(ctx, o.own, func(sv *svapp.SV) (err error) { own, err = sv.DSO(ctx); return err })
	switch {
	case err != nil:
		add("the fresh SV app", say(err), false)
	case own.SVParty == o.old:
		add("the fresh SV app", "it works for the lost party: it is not a fresh one", false)
		s.member = ""
	default:
		s.candidate = cmp.Or(own.SVParty, s.candidate)
		add("the fresh SV app", "it works for "+own.SVParty, true)
	}
	if o.sponsor != "" && s.candidate != "" {
		s.sponsored(ctx, w, o, add, say)
	}
	s.progress.Text = o.sv + " is being onboarded"
	return s
}

func (s onboarded) sponsored(ctx context.Context, w steps.World, o followOnboarding, add func(name, state string, done bool), say func(error) string) {
	var status svapp.Onboarding
	known := false
	err := w.Apps.SV(ctx, steps.App{Name: "the sponsor", Kind: svapp.SVApp, Host: o.sponsor}, func(sv *svapp.SV) (err error) {
		status, known, err = sv.Onboarding(ctx, s.candidate)
		return err
	})
	switch {
	case err != nil:
		add("the sponsor", say(err), false)
	case !known:
		add("the sponsor", "the candidate is not among its approved identities", false)
	case status.State == "requested":
		add("the sponsor", fmt.Sprintf("requested, confirmed by %d of %d", len(status.ConfirmedBy), status.Required), false)
	default:
		add("the sponsor", status.State, status.State == "completed")
	}
}

// others are how many said another party.
func others(yes map[string]int, party string) int {
	n := 0
	for p, k := range yes {
		if p != party {
			n += k
		}
	}
	return n
}
