package evidence

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// Fetched is an identities dump that is whole and of the node that was asked.
type Fetched struct {
	Text  secret.String // as the SV app answered it
	Party string
	Of    dump.Identities
}

// Says is what is in it, for people.
func (f Fetched) Says() string {
	keys, remote := f.Of.Participant.Counts()
	if remote > 0 {
		return fmt.Sprintf("%d keys of the participant, and %d that a KMS holds and no file can give back", keys, remote)
	}
	return fmt.Sprintf("%d keys of the participant, with sequencer and mediator", keys)
}

// NotKept is why an answer is no backup of this node.
type NotKept struct{ Why string }

func (e *NotKept) Error() string { return e.Why }

// FetchIdentities asks the SV app for its identities, and compares whose they are with who this node is by its own scan, which is another app on
// another database. Without that nothing is taken for a backup. Errors hold nothing of the answer.
func FetchIdentities(ctx context.Context, o Options) (Fetched, error) {
	l := newLook(ctx, o)
	n, err := l.node()
	if err != nil {
		return Fetched{}, err
	}
	var own triage.Own
	if _, _, err := l.list(ctx, n, &own); err != nil || own.Party == "" {
		why := own.Problem
		if err != nil && why == "" {
			why = problem(ctx, slow, err)
		}
		return Fetched{}, &NotKept{"who this node is could not be read from its scan, so that its dump could not be compared with it: " + why}
	}
	tokens, audience, err := l.tokens(ctx, svapp.SVApp)
	if err != nil {
		return Fetched{}, err
	}
	way, _, err := l.own(ctx, n, node.SVApp, svapp.SVApp)
	if err != nil {
		return Fetched{}, err
	}
	defer way.Close()
	s := l.settings(way)
	s.Tokens, s.Audience, s.Timeout = tokens, audience, 0
	app, err := svapp.NewSV(s)
	if err != nil {
		return Fetched{}, err
	}
	text, err := app.Identities(ctx)
	if err != nil {
		return Fetched{}, err
	}
	of, err := dump.Read(strings.NewReader(text.Reveal()))
	if err != nil {
		return Fetched{}, err
	}
	switch why := of.Problem(); {
	case of.Shape != dump.SVDump:
		return Fetched{}, &NotKept{"it is no identities dump"}
	case of.Namespace() != "" && (!of.Owner(own.Party) || of.Party != own.Party):
		return Fetched{}, &NotKept{fmt.Sprintf("it is of %s with the participant %s, and this node's scan says that it is %s", of.Party, of.Participant.ID, own.Party)}
	case why != "":
		return Fetched{}, &NotKept{why}
	case !of.Whole():
		return Fetched{}, &NotKept{"sequencer or mediator is missing in it"}
	case own.DSO != "" && of.DSO != own.DSO:
		return Fetched{}, &NotKept{"it is of another network than this node's scan is"}
	}
	return Fetched{Text: text, Party: own.Party, Of: of}, nil
}
