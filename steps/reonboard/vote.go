package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// offboardAction is the action of the vote, which the documentation and the user interface call OffboardMember (reference/apis.md 2.6).
const offboardAction = "SRARC_OffboardSv"

// sight is what one scan sees of the offboarding.
type sight struct {
	party  string
	dso    svapp.DSO
	open   *svapp.Vote       // the vote on this party that is open; of several the one with most votes for it
	closed *svapp.VoteResult // the last one that is closed
}

// see asks a scan.
func see(party string) func(context.Context, *svapp.Scan) (sight, error) {
	return func(ctx context.Context, scan *svapp.Scan) (sight, error) {
		s := sight{party: party}
		var err error
		if s.dso, err = scan.DSO(ctx); err != nil || s.dso.Membership(party) == svapp.Offboarded {
			return s, err
		}
		open, err := scan.OpenVotes(ctx)
		if err != nil {
			return s, err
		}
		for _, v := range open {
			if v.Offboards == party && (s.open == nil || accepting(v) > accepting(*s.open)) {
				s.open = &v
			}
		}
		closed, err := scan.ClosedVotes(ctx, offboardAction, 100)
		for _, r := range closed {
			if r.Vote.Offboards == party && (s.closed == nil || r.Completed.After(s.closed.Completed)) {
				s.closed = &r
			}
		}
		return s, err
	}
}

func accepting(v svapp.Vote) int {
	n := 0
	for _, b := range v.Cast {
		if b.Accepts {
			n++
		}
	}
	return n
}

// key is what two scans must have in common to agree.
func (s sight) key() string {
	text := string(s.dso.Membership(s.party))
	if s.open != nil {
		cast := []string{}
		for _, b := range s.open.Cast {
			cast = append(cast, fmt.Sprint(b.SV, b.Accepts))
		}
		slices.Sort(cast)
		text += " open " + s.open.Tracking + strings.Join(cast, " ")
	}
	return text + " closed " + s.past()
}

// past names the vote that was closed last, empty where there is none.
func (s sight) past() string {
	if s.closed == nil {
		return ""
	}
	return s.closed.Vote.Tracking + " " + s.closed.Outcome + " " + s.closed.Completed.Format(time.RFC3339)
}

// lost says that a vote was closed without an effect.
func lost(r svapp.VoteResult) bool { return r.Outcome != "VRO_Accepted" }

// outcome is what became of a vote, in words.
func outcome(r svapp.VoteResult) string {
	switch r.Outcome {
	case "VRO_Accepted":
		if r.EffectiveAt != nil {
			return "accepted, effective at " + clockTime(*r.EffectiveAt)
		}
		return "accepted"
	case "VRO_Rejected":
		return "rejected"
	case "VRO_Expired":
		return "expired before enough had voted"
	case "VRO_AcceptedButActionFailed":
		return "accepted, but the action failed"
	}
	return r.Outcome
}

// viewed is what came of asking all scans.
type viewed struct {
	poll       svapp.Poll[sight]
	offboarded []string // SVs whose scans show the party offboarded
	is         sight    // what most see; where nobody is outvoted, what one with most votes sees
	known      bool     // somebody answered
}

func view(ctx context.Context, w steps.World, f Facts) viewed {
	return viewOf(ctx, w, f.Peers, f.Old.Party)
}

func viewOf(ctx context.Context, w steps.World, peers []Peer, party string) viewed {
	v := viewed{poll: ask(ctx, w, peers, see(party), sight.key)}
	best := -1
	for _, r := range v.poll.Replies {
		if r.Error != nil {
			continue
		}
		v.known = true
		if r.Value.dso.Membership(party) == svapp.Offboarded {
			v.offboarded = append(v.offboarded, r.SV)
		}
		n := 0
		if r.Value.open != nil {
			n = accepting(*r.Value.open) + 1
		}
		if v.poll.Agreeing == 0 && n > best {
			best, v.is = n, r.Value
		}
	}
	if v.poll.Agreeing > 0 {
		v.is = v.poll.Value
	}
	return v
}

// proven says whether enough of the scans show the party offboarded. Where only one can be asked, that is as much as can be seen from here.
func (v viewed) proven(asked int) bool { return len(v.offboarded) >= min(quorum(asked), max(asked, 1)) }

// answering is how many scans answered.
func (v viewed) answering() int {
	return v.poll.Count(svapp.Answered) + v.poll.Count(svapp.Disagrees)
}

// items are the SVs and their votes.
func (v viewed) items() []wire.Item {
	if v.is.open == nil {
		return nil
	}
	var all []wire.Item
	for _, m := range v.is.dso.SVs {
		item := wire.Item{Name: m.Name, State: "has not voted"}
		if i := slices.IndexFunc(v.is.open.Cast, func(b svapp.Ballot) bool { return b.SV == m.Name }); i >= 0 {
			item.State = "against it"
			if v.is.open.Cast[i].Accepts {
				item.State, item.Done = "for it", true
			}
		}
		all = append(all, item)
	}
	return all
}

// text is where the offboarding stands.
func (v viewed) text(sv string) string {
	switch {
	case !v.known:
		return "no scan answers now; they are asked again"
	case len(v.offboarded) > 0:
		return fmt.Sprintf("%s is offboarded by %s; more must show it", sv, scansOf(v.offboarded))
	case v.is.open != nil:
		return openText(*v.is.open, v.is.dso.Threshold)
	case v.is.closed != nil && !lost(*v.is.closed):
		return "the vote was " + outcome(*v.is.closed) + "; the DSO rules do not show it yet"
	case v.is.closed != nil:
		return fmt.Sprintf("no vote is open; the last one, of %s, was %s. Another SV must ask for a new one: %s has the text", v.is.closed.Vote.Requester, outcome(*v.is.closed), requestText)
	}
	return "no vote is open. Another SV must ask for one: " + requestText + " in the run folder has the text for its operators"
}

func openText(v svapp.Vote, threshold int) string {
	text := fmt.Sprintf("a vote of %s is open: %d for it, %d against, %d are needed", v.Requester, accepting(v), len(v.Cast)-accepting(v), threshold)
	if missing := threshold - accepting(v); missing > 0 {
		text += fmt.Sprintf(", %d missing", missing)
	}
	if !v.VoteBefore.IsZero() {
		text += "; it expires at " + clockTime(v.VoteBefore)
	}
	if v.EffectiveAt != nil {
		return text + ", and takes effect at " + clockTime(*v.EffectiveAt)
	}
	return text + ", and takes effect when enough are for it"
}
