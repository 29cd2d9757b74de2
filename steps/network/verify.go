package network

import (
	"context"
	"fmt"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func verifyRecovery() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/verify", Title: "Verify", Effect: wire.Observe,
		Summary: "Proves that the node works on the new synchronizer, and writes the text that tells the validators to go.",
		Asks:    toSVApp().Asks(),
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if f.Migrated == nil || w.Apps == nil {
				return nil, nil
			}
			return toSVApp().Inputs(ctx, w, svApp(f))
		},
		Take: func(f *Facts, ask, value string) error {
			app := svApp(*f)
			err := toSVApp().Take(&app, ask, value)
			f.Login = app.Login
			return err
		},
		Secret: func(_ context.Context, w steps.World, f Facts, ask string, value secret.String) error {
			return toSVApp().Secret(w, svApp(f), ask, value)
		},
		Seen: func(ctx context.Context, w steps.World, f Facts, ask string) bool {
			return toSVApp().Seen(ctx, w, svApp(f), ask)
		},
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Migrated == nil {
				return nil, nil
			}
			return statuses(ctx, w, f)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			if _, err := f.agreed(); err != nil {
				return nil, err
			}
			if f.Migrated == nil || f.Successor == nil {
				return nil, &steps.NotYet{Step: "network/migrate", What: "whether the node works on the new synchronizer"}
			}
			return []steps.Action{f.agreeing(), freshIdentities{app: svApp(f), node: *f.Node}, tellValidators{text: validatorsText(f)}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := statuses(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			commitments, err := f.agreeing().finding(ctx, w)
			if err != nil {
				return nil, err
			}
			found = append(found, commitments, ownership(ctx, w, *f), freshFinding(w.Files))
			return append(found, wire.Finding{ID: "validators", Verdict: wire.Attention, Text: "the text for the validators is artifacts/" + ValidatorsFile + " in the run folder",
				Next: "Send it when the call says that the validators may go: they have to wait for that"}), ctx.Err()
		},
	}
}

// statuses are what the nodes of the new synchronizer say of themselves. An answer of HTTP 200 is no health (reference/apis.md 14.18).
func statuses(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if w.Apps == nil {
		return []wire.Finding{{ID: "statuses", Verdict: wire.Undetermined, Text: "this run has no way to the SV app, so its nodes could not be asked", Next: "Look at the SV's own page"}}, nil
	}
	var found []wire.Finding
	say := func(id, what string, status svapp.NodeStatus, there bool, err error) {
		s := wire.Finding{ID: id, Verdict: wire.Holds, Text: what + " runs and is active"}
		switch {
		case err != nil:
			s.Verdict, s.Text, s.Next = wire.Undetermined, "how "+what+" is was not told: "+why(err), "Look at it yourself, or try again"
		case !there:
			s.Verdict, s.Text, s.Next, s.Waive = wire.Violated, "the SV app has no "+what, "Look at the values of release sv", "this SV has none of its own"
		case status.State != svapp.Running || !status.Active:
			s.Verdict, s.Text, s.Next = wire.Violated, fmt.Sprintf("%s is %s", what, status.State), "Look at its log, and wait: it may still start"
			if status.Cause != "" {
				s.Text += ": " + status.Cause
			}
			s.Waive = "it is known on the call, and comes later"
		}
		found = append(found, s)
	}
	err := w.Apps.SV(ctx, svApp(f), func(sv *svapp.SV) error {
		status, err := sv.Status(ctx)
		say("status-sv", "the SV app", status, true, err)
		sequencer, there, err := sv.Sequencer(ctx)
		say("status-sequencer", "the new sequencer", sequencer, there, err)
		mediator, there, err := sv.Mediator(ctx)
		say("status-mediator", "the new mediator", mediator, there, err)
		found = append(found, ownChain(ctx, sv, f))
		return ctx.Err()
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return []wire.Finding{{ID: "statuses", Verdict: wire.Undetermined, Text: "the nodes of this SV could not be asked: " + why(err), Next: "Look at the SV app, or try again"}}, nil
	}
	return append(found, appsReady(ctx, w, f)...), ctx.Err()
}

// ownChain is whether the SV app works with the agreed chain.
func ownChain(ctx context.Context, sv *svapp.SV, f Facts) wire.Finding {
	want := f.Card.Value(ValueChainID)
	chain, there, err := sv.Chain(ctx)
	c := wire.Finding{ID: "chain", Verdict: wire.Holds, Text: fmt.Sprintf("the SV app works with chain %s, height %d", chain.Network, chain.Height),
		Evidence: []wire.Evidence{{Source: "CometBFT, through the SV app", Seen: fmt.Sprintf("block %d of %s UTC", chain.Height, minute(chain.Time)), At: chain.Time}}}
	switch {
	case err != nil:
		c.Verdict, c.Text, c.Next, c.Evidence = wire.Undetermined, "with which chain the SV app works was not told: "+why(err), "Look at the status of the new CometBFT", nil
	case !there:
		c.Verdict, c.Text, c.Next, c.Evidence = wire.Undetermined, "the SV app tells of no chain", "Look at cometBFT.connectionUri of release sv", nil
	case chain.Network != want:
		c.Verdict, c.Text = wire.Violated, fmt.Sprintf("the SV app works with chain %s, and %s was agreed on", chain.Network, want)
		c.Next, c.Waive = "Look at cometBFT.connectionUri of release sv: it may still lead to the old CometBFT", "the call has decided on that chain"
	}
	return c
}

// appsReady is whether the other apps are ready, by their pods.
func appsReady(ctx context.Context, w steps.World, f Facts) (found []wire.Finding) {
	for _, part := range []node.Part{node.ScanApp, node.Validator} {
		state, verdict, err := stands(ctx, w, *f.Node, part)
		s := wire.Finding{ID: "status-" + string(part), Verdict: verdict, Text: state}
		if err != nil {
			s.Verdict, s.Text = wire.Undetermined, fmt.Sprintf("how the %s is could not be seen: %s", part, why(err))
		}
		if s.Verdict != wire.Holds {
			s.Next, s.Waive = "Look at its log, and wait: it may still start", "it is known on the call, and comes later"
		}
		found = append(found, s)
	}
	return found
}

// agreeing is the wait for commitments on the new participant.
func (f Facts) agreeing() awaitCommitments {
	a, _ := f.agreed()
	return awaitCommitments{namespace: f.Namespace, participant: f.Successor.Participant, svs: a.svs, since: a.at}
}
