package network

import (
	"bytes"
	"context"
	"fmt"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// FreshIdentitiesFile is the artifact with the identities of the nodes as they are after the recovery: the next backup. It holds private keys, but
// for a KMS.
const FreshIdentitiesFile = "identities-after.json"

// freshIdentities asks the SV app for the identities of the new nodes.
type freshIdentities struct {
	app  steps.App
	node node.Node
}

func (a freshIdentities) Key() string         { return "fetch the new identities dump" }
func (a freshIdentities) Effect() wire.Effect { return wire.Observe }
func (a freshIdentities) Refs() []steps.Ref   { return []steps.Ref{{File: FreshIdentitiesFile}} }

func (a freshIdentities) Show() wire.Preview {
	return wire.Preview{Title: "ask the SV app for the identities of its new nodes", Commands: []string{"svrescue identities fetch FOLDER"},
		After: "artifacts/" + FreshIdentitiesFile + " in the run folder, readable by you only: the backup from now on"}
}

func (a freshIdentities) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a freshIdentities) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	f := freshFinding(w.Files)
	state := wire.ActionPending
	if f.Verdict == wire.Attention {
		state = wire.ActionDone
	}
	return state, []wire.Evidence{{Source: FreshIdentitiesFile, Seen: f.Text}}, nil
}

func (a freshIdentities) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	const tried = "fetching the identities dump of the new nodes"
	if h.World.Apps == nil {
		return &steps.Problem{Tried: tried, Seen: "this run has no login for the SV app", Next: "Fetch it in another terminal: svrescue identities fetch; then leave this action out"}
	}
	report(wire.Progress{Text: "asking the SV app, which asks participant, sequencer and mediator"})
	var text []byte
	defer func() { clear(text) }()
	err := h.World.Apps.SV(ctx, a.app, func(app *svapp.SV) error {
		answer, err := app.Identities(ctx)
		text = []byte(answer.Reveal())
		return err
	})
	if err != nil {
		return err
	}
	of, err := dump.Read(bytes.NewReader(text))
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "it cannot be read", Next: "Look at the SV app"}
	}
	if why := unfit(of, ownerOf(ctx, h.World, a.node)); why != "" {
		return &steps.Problem{Tried: tried, Seen: "what came was not kept: " + plain.Line(why), Next: "Look at the SV app: it may work with other nodes than it should"}
	}
	return h.Files.Write(FreshIdentitiesFile, text)
}

// freshFinding says whether there is a backup of the new nodes.
func freshFinding(files steps.FileReader) wire.Finding {
	f := wire.Finding{ID: "new-identities", Verdict: wire.Undetermined, Text: "there is no identities dump of the new nodes in the run folder", Next: "Fetch one: svrescue identities fetch"}
	text, err := files.Read(FreshIdentitiesFile)
	defer func() { clear(text) }()
	if err != nil {
		return f
	}
	of, err := dump.Read(bytes.NewReader(text))
	if err != nil || of.Participant == nil || of.Problem() != "" {
		return f
	}
	keys, kms := of.Participant.Counts()
	f.Verdict, f.Text = wire.Attention, "the identities dump of the new nodes is artifacts/"+FreshIdentitiesFile+" in the run folder"
	f.Evidence = []wire.Evidence{{Source: of.Party, Seen: fmt.Sprintf("%d keys of the participant, %d of them in a KMS", keys+kms, kms)}}
	f.Next = "Put it where the backups are, and away from here: it holds private keys, unless a KMS does"
	return f
}
