package reonboard

import (
	"context"
	"errors"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// offboarding waits until the others have voted the lost SV out. The proof is the party among the offboarded ones on several scans: neither a name
// nor the result of a vote (reference/apis.md 7 and 14, 20).
func offboarding() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/offboarding", Title: "Offboarding", Effect: wire.Repeatable,
		Summary: "Follows the vote of the others, and waits until several scans show the party offboarded.",
		Asks:    []steps.Ask{{Name: "request", Kind: wire.AskChoice, Help: "where no vote is open: asked, once the text was sent to the other SVs"}},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if f.Vote.Asked || !f.Vote.Offboarded.IsZero() {
				return nil, nil
			}
			if v := view(ctx, w, f); v.is.open != nil || v.proven(len(f.Peers)) {
				return nil, nil
			}
			return []wire.Question{askRequest(f.Old)}, nil
		},
		Take: func(f *Facts, _, _ string) error {
			f.Vote.Asked = true
			return nil
		},
		Forget: func(f *Facts) { f.Vote.Asked = false },
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if len(f.Peers) == 0 {
				return nil, nil
			}
			if !f.Vote.Offboarded.IsZero() {
				return []wire.Finding{{ID: "vote", Verdict: wire.Holds, Text: f.Old.SV + " is offboarded already: no vote is needed"}}, nil
			}
			fenced, err := stillFenced(ctx, w, f)
			return append(fenced, closedBefore(view(ctx, w, f))...), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needPeers(f); err != nil {
				return nil, err
			}
			if f.Old.Party == "" {
				return nil, &steps.NotYet{Step: "reonboard/lost-sv", What: "which SV was lost"}
			}
			actions := openPod(f)
			if f.Vote.Offboarded.IsZero() {
				actions = append(actions, awaitOffboarded{peers: f.Peers, old: f.Old, heard: &heard{f.Vote.Since}})
			}
			return actions, nil
		},
		Verify: verifyOffboarded,
		Stays:  "a vote is not taken back from here; one that is open can be rejected by those who vote",
		Remedies: func(err error) []steps.Remedy {
			var closed *voteLost
			if !errors.As(err, &closed) {
				return nil
			}
			return []steps.Remedy{{Choice: wire.ChoiceRetry, Label: "Wait for a new vote", Detail: "another SV asks for it with the same text, " + requestText + "; the wait goes on by itself"}}
		},
	}
}

// askRequest shows what is to be sent to the other SVs.
func askRequest(old Old) wire.Question {
	return wire.Question{Name: "request", Kind: wire.AskChoice, Title: "Send this to the operators of the other SVs",
		Text:    "No vote is open on this party, and the lost node cannot ask for one. The text is also in artifacts/" + requestText + " of the run folder.\n" + string(text(old)),
		Choices: []wire.Choice{{ID: "asked", Label: "They are asked, or will be", Detail: "the run follows the vote; it can be parked and resumed at any time"}}}
}

// closedBefore tells of a vote that had no effect, where none is open now. It may have been closed while nobody looked.
func closedBefore(v viewed) []wire.Finding {
	if v.is.open != nil || v.is.closed == nil || !lost(*v.is.closed) || len(v.offboarded) > 0 {
		return nil
	}
	return []wire.Finding{{ID: "vote", Verdict: wire.Attention,
		Text: fmt.Sprintf("the last vote on this party, of %s, was %s at %s", v.is.closed.Vote.Requester, outcome(*v.is.closed), clockTime(v.is.closed.Completed)),
		Next: "Find out why, and have another SV ask for a new one with the text of this step"}}
}

// verifyOffboarded proves it by the party, on several scans.
func verifyOffboarded(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	v := view(ctx, w, *f)
	if !v.known {
		return nil, noScan("proving that "+f.Old.SV+" is offboarded", v.poll)
	}
	finding := wire.Finding{ID: "offboarded", Verdict: wire.Holds, Evidence: sayings(w, v.poll, func(s sight) string { return "the party is " + string(s.dso.Membership(f.Old.Party)) })}
	finding.Text = fmt.Sprintf("%s is offboarded and no SV any more, as %s", f.Old.Party, showText(len(v.offboarded)))
	switch {
	case len(v.offboarded) >= quorum(len(f.Peers)):
	case v.proven(len(f.Peers)):
		finding.Verdict, finding.Text = wire.Undetermined, finding.Text+"; one alone may be wrong"
		finding.Next = "Look at the DSO rules in the UI of another SV. Go on with a reason only where no other scan can be asked"
	case len(v.offboarded) >= 2 && len(v.offboarded) == v.answering():
		finding.Verdict = wire.Undetermined
		finding.Text = fmt.Sprintf("%s is offboarded by all %d scans that answer; %d of the %d that are asked should show it", f.Old.Party, len(v.offboarded), quorum(len(f.Peers)), len(f.Peers))
		finding.Next = "Look again when the others answer. Go on with a reason only where they are gone for good"
	default:
		return nil, &steps.Problem{Tried: "proving that " + f.Old.SV + " is offboarded",
			Seen: fmt.Sprintf("only %d of %s show it, %d must", len(v.offboarded), count(len(f.Peers), "scan"), quorum(len(f.Peers))), Detail: lines(finding.Evidence),
			Next: "Look again in a while. The validator must not come up before: its SV would still be an SV"}
	}
	found := []wire.Finding{finding}
	otherwise := wire.Finding{ID: "outvoted", Verdict: wire.Attention, Next: "Such a scan is behind, or wrong. It was outvoted; tell its operators"}
	var names []string
	for _, r := range v.poll.Replies {
		if is := r.Value.dso.Membership(f.Old.Party); r.Error == nil && is != svapp.Offboarded {
			names = append(names, r.SV)
			otherwise.Evidence = append(otherwise.Evidence, wire.Evidence{Source: "the scan of " + r.SV, Seen: "the party is " + string(is)})
		}
	}
	if len(names) > 0 {
		otherwise.Text = "not shown by " + scansOf(names)
		found = append(found, otherwise)
	}
	if quiet, some := silent(v.poll); some {
		found = append(found, quiet)
	}
	if f.Vote.Offboarded.IsZero() {
		f.Vote.Offboarded = w.Clock.Now().UTC()
	}
	f.Vote.Told, f.Vote.Tracking = v.offboarded, accepted(ctx, w, *f)
	return found, nil
}

// accepted is the tracking ID of the vote that most scans name as the accepted one; empty where none is told. It is for the report, and no proof.
func accepted(ctx context.Context, w steps.World, f Facts) string {
	poll := ask(ctx, w, f.Peers, func(ctx context.Context, scan *svapp.Scan) (string, error) {
		closed, err := scan.ClosedVotes(ctx, offboardAction, 100)
		for _, r := range closed {
			if r.Vote.Offboards == f.Old.Party && !lost(r) {
				return r.Vote.Tracking, err
			}
		}
		return "", err
	}, func(id string) string { return id })
	return poll.Value
}

func showText(n int) string {
	if n == 1 {
		return "1 scan shows"
	}
	return fmt.Sprintf("%d scans show", n)
}
