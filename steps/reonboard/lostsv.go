package reonboard

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// lostSV asks which SV was lost, by its party: after an onboarding under the same name a name tells nothing (reference/apis.md 7).
func lostSV() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/lost-sv", Title: "Lost SV", Effect: wire.Observe,
		Summary: "Names the SV that was lost by its party, and proves it on several scans.",
		Asks: []steps.Ask{
			{Name: "sv", Kind: wire.AskChoice, Help: "the party of the lost SV, such as Acme-SV::1220..."},
			{Name: "network", Kind: wire.AskText, Help: "where nothing is left of the node: the name of the network, such as MainNet"},
		},
		Inputs: lostSVInputs,
		Take: func(f *Facts, ask, value string) error {
			switch ask {
			case "sv":
				f.Old.Party = value
			case "network":
				if !networkName.MatchString(value) {
					return fmt.Errorf("%q is no name of a network, such as MainNet, TestNet or DevNet", value)
				}
				f.Old.Network = value
			}
			return nil
		},
		Forget: func(f *Facts) {
			f.Old.Party, f.Old.SV, f.Old.Participant, f.Vote, f.Fence.Held = "", "", "", Vote{}, nil
			if f.Old.Node == nil {
				f.Old.Network = ""
			}
		},
		Verify: proveLost,
	}
}

var networkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$`)

func askDSO(ctx context.Context, w steps.World, peers []Peer, same func(svapp.DSO) string) svapp.Poll[svapp.DSO] {
	return ask(ctx, w, peers, func(ctx context.Context, scan *svapp.Scan) (svapp.DSO, error) { return scan.DSO(ctx) }, same)
}

func lostSVInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Old.Party == "" {
		poll := askDSO(ctx, w, f.Peers, func(d svapp.DSO) string { return d.Party })
		if poll.Count(svapp.Answered) == 0 {
			return nil, noScan("asking who the SVs are", poll)
		}
		return []wire.Question{whichSV(poll, f)}, nil
	}
	if f.Old.Network == "" {
		return []wire.Question{{Name: "network", Kind: wire.AskText, Title: "What is the name of the network?",
			Text: "Such as MainNet, TestNet or DevNet. It is a part of what is typed before something is taken away. The DSO party is " + f.Old.DSO + "."}}, nil
	}
	return nil, nil
}

// whichSV lists the SVs that any scan knows; first those that have the name that the node gives itself.
func whichSV(poll svapp.Poll[svapp.DSO], f Facts) wire.Question {
	q := wire.Question{Name: "sv", Kind: wire.AskChoice, Title: "Which SV was lost?",
		Text: "Others will vote to offboard exactly this party, and that cannot be taken back. Compare the fingerprint with your own records."}
	mine := f.lostName()
	var first, others []wire.Choice
	seen := map[string]bool{}
	put := func(m svapp.Member, state string) {
		if seen[m.Party] {
			return
		}
		seen[m.Party] = true
		c := wire.Choice{ID: m.Party, Label: cmp.Or(m.Name, hint(m.Party)), Detail: m.Party + ", " + state}
		if m.ParticipantID != "" {
			c.Detail += ", participant " + m.ParticipantID
		}
		if slices.ContainsFunc(f.Peers, func(p Peer) bool { return p.Party == m.Party }) {
			c.Detail += ". Its scan answers"
		}
		if mine != "" && m.Name == mine {
			first = append(first, c)
		} else {
			others = append(others, c)
		}
	}
	for _, r := range poll.Replies {
		if r.Outcome != svapp.Answered {
			continue
		}
		for _, m := range r.Value.SVs {
			put(m, "an SV")
		}
	}
	for _, r := range poll.Replies {
		if r.Outcome != svapp.Answered {
			continue
		}
		for _, m := range r.Value.Offboarded {
			put(m, "offboarded already")
		}
	}
	slices.SortFunc(others, func(a, b wire.Choice) int { return strings.Compare(a.Label, b.Label) })
	q.Choices = append(first, others...)
	if len(first) > 0 {
		q.Default = first[0].ID
	}
	return q
}

// hint is what a party is called: what stands before the fingerprint.
func hint(party string) string {
	name, _, _ := strings.Cut(party, "::")
	return name
}

// standing is how a scan knows a party.
func standing(d svapp.DSO, party string) (svapp.Member, svapp.Membership) {
	for _, m := range slices.Concat(d.SVs, d.Offboarded) {
		if m.Party == party {
			return m, d.Membership(party)
		}
	}
	return svapp.Member{}, svapp.Stranger
}

// sayStanding is the same in words.
func sayStanding(party string) func(svapp.DSO) string {
	return func(d svapp.DSO) string {
		m, is := standing(d, party)
		if m.ParticipantID != "" {
			return fmt.Sprintf("%s, participant %s", is, m.ParticipantID)
		}
		return string(is)
	}
}

// proveLost proves that several scans know the party as the same, and takes down who acts on what is left of its node.
func proveLost(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	party := f.Old.Party
	f.Peers = slices.DeleteFunc(slices.Clone(f.Peers), func(p Peer) bool { return p.Party == party })
	say := sayStanding(party)
	poll := askDSO(ctx, w, f.Peers, say)
	found := []wire.Finding{knownAlike(w, poll, party)}
	if f.Old.SV == "" || poll.Agreeing > 0 {
		m, _ := standing(poll.Value, party)
		f.Old.SV, f.Old.Participant = cmp.Or(m.Name, hint(party)), m.ParticipantID
	}
	if other, some := differing(poll, say); some {
		found = append(found, other)
	}
	if quiet, some := silent(poll); some {
		found = append(found, quiet)
	}
	if f.Vote.Since.IsZero() {
		f.Vote.Since = w.Clock.Now().UTC()
	}
	if poll.Agreeing >= quorum(len(f.Peers)) && poll.Value.Membership(party) == svapp.Offboarded {
		f.Vote.Offboarded, f.Vote.Told = w.Clock.Now().UTC(), told(poll, svapp.Answered)
		found = append(found, wire.Finding{ID: "offboarded", Verdict: wire.Attention, Text: f.Old.SV + " is offboarded already", Next: "No vote is needed"})
	}
	if n := f.Old.Node; n != nil {
		if n.Subject.SV != "" && n.Subject.SV != f.Old.SV {
			found = append(found, wire.Finding{ID: "node-name", Verdict: wire.Violated,
				Text:  fmt.Sprintf("the node in namespace %s calls itself %s, and you named %s as lost", f.Old.Namespace, n.Subject.SV, f.Old.SV),
				Next:  "Answer again: this node would be stopped",
				Waive: "the SV has another name in the DSO rules, and this node is what is left of it"})
		}
		held, err := hold.On{Where: f.Where, Namespace: f.Old.Namespace, Node: n, Held: f.Fence.Held}.Gather(ctx, w)
		if err != nil {
			return nil, err
		}
		f.Fence.Held = held
	}
	return found, nil
}

// knownAlike is the proof that the party is who the scans say.
func knownAlike(w steps.World, poll svapp.Poll[svapp.DSO], party string) wire.Finding {
	finding := wire.Finding{ID: "party", Verdict: wire.Holds, Evidence: sayings(w, poll, sayStanding(party))}
	m, is := standing(poll.Value, party)
	switch {
	case poll.Agreeing == 0:
		finding.Verdict, finding.Text = wire.Undetermined, "what "+party+" is on the network: the scans say different things, and none is outvoted"
		finding.Next = "Look again in a while: one that is behind catches up. Else name other scans"
		if poll.Count(svapp.Answered) == 0 {
			finding.Text = "what " + party + " is on the network: no scan answers"
		}
	case is == svapp.Stranger:
		finding.Verdict, finding.Text = wire.Violated, party+" is unknown to the DSO rules, by "+scansOf(told(poll, svapp.Answered))
		finding.Next = "Answer again: only a party of the DSO rules can be offboarded"
	case poll.Agreeing < witnesses:
		finding.Verdict = wire.Undetermined
		finding.Text = fmt.Sprintf("only %s of other SVs says that %s is %s; %d should", count(poll.Agreeing, "scan"), party, is, witnesses)
		finding.Next = "Answer the questions of Peers again with more addresses. Go on with a reason only where the network has no more"
	default:
		finding.Text = fmt.Sprintf("%s is %s by the name of %s, as %d scans of other SVs say", party, is, cmp.Or(m.Name, hint(party)), poll.Agreeing)
	}
	return finding
}

// noScan is the error where nobody answers.
func noScan[T any](tried string, poll svapp.Poll[T]) error {
	p := &steps.Problem{Tried: tried, Seen: "no scan answers", Next: "Look whether this machine is online and the pod of the run is there; the scans may be busy"}
	for _, r := range poll.Replies {
		if r.Error != nil {
			p.Detail = append(p.Detail, "the scan of "+r.SV+": "+r.Error.Seen)
		}
	}
	return p
}
