package network

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// settle makes the card, and says what is proven of it and what is not.
func settle(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	c, ok := cardOf(*f)
	if !ok || !f.Agree.Settle {
		return []wire.Finding{{ID: "card", Verdict: wire.Violated, Text: "the card is not complete", Next: "Answer this step again"}}, nil
	}
	now := w.Clock.Now()
	found := []wire.Finding{f.timestamp(now), f.Agree.Decided.finding("decided", "the timestamp was decided on", now)}
	reports, err := f.reports(w.Files)
	if err != nil {
		return nil, err
	}
	found = append(found, ownCommitment(reports[0].Report, f.Agree.names(), f.Agree.Timestamp))
	sequencer, err := ownSequencer(ctx, w, *f.Node, f.Agree.Timestamp)
	if err != nil {
		return nil, err
	}
	found = append(append(found, sequencer...), f.standing(reports)...)
	found = append(found, f.deployedAlike()...)
	for _, sv := range f.Agree.names() {
		if sv == f.Report.Reporter {
			continue
		}
		text, verdict := f.compared(c, sv)
		compared := wire.Finding{ID: "card-" + sv, Verdict: verdict, Text: text}
		switch verdict {
		case wire.Undetermined:
			compared.Next = "Have it read out on the call, and answer this step again; or go on with a reason"
		case wire.Violated:
			compared.Next = "Clear it up on the call before anything is deployed: SVs with other values cannot join"
			compared.Waive = "that SV is to correct its card, or goes without"
		}
		found = append(found, compared)
	}
	if waiting := f.waiting(); len(waiting) > 0 {
		found = append(found, wire.Finding{ID: "waiting", Verdict: wire.Attention, Text: fmt.Sprintf("no report of %s; waited for since %s UTC", strings.Join(waiting, ", "), minute(f.Report.Made)),
			Next: "What they agreed on is not known here"})
	}
	f.Card = &c
	return append([]wire.Finding{{ID: "card", Verdict: wire.Holds, Text: "the values of the recovery are settled, fingerprint " + c.Fingerprint()}}, found...), nil
}

// timestamp tells the timestamp and how it was come to.
func (f Facts) timestamp(now time.Time) wire.Finding {
	t := wire.Finding{ID: "timestamp", Verdict: wire.Holds, Text: "the timestamp is " + card.Stamp(f.Agree.Timestamp) + ": " + f.Agree.basisText()}
	if f.Agree.Timestamp.After(now) {
		t.Verdict, t.Next = wire.Violated, "It is still to come: there are no data of it. Answer this step again, in UTC"
	}
	return t
}

// standing says what the reports say of the timestamp: who is left out, this SV among them or not, and what to mind.
func (f Facts) standing(reports []commitment.Named) []wire.Finding {
	if f.Agree.AgreedAt == nil {
		return []wire.Finding{{ID: "members", Verdict: wire.Undetermined, Text: "who agreed at the timestamp is not known here: the call decided on it",
			Next: "Have the call say which SVs have proof for it, and who is left out"}}
	}
	a, err := commitment.Agree(reports, f.options())
	if err != nil {
		return []wire.Finding{{ID: "members", Verdict: wire.Undetermined, Text: "the reports do not go together: " + plain.Line(err.Error()), Next: "Answer this step again, without the one that is wrong"}}
	}
	at := commitment.InstantOf(*f.Agree.AgreedAt)
	members, err := commitment.Members(reports, f.options(), at)
	if err != nil {
		return []wire.Finding{{ID: "members", Verdict: wire.Undetermined, Text: plain.Line(err.Error())}}
	}
	quorum := a.Quorum
	var found []wire.Finding
	m := wire.Finding{ID: "members", Verdict: wire.Holds, Text: fmt.Sprintf("%d of %d SVs agree each with each at %v: %s", len(members), quorum.Known, at, strings.Join(members, ", "))}
	switch {
	case len(members) < quorum.Needed:
		m.Verdict, m.Text = wire.Violated, fmt.Sprintf("no quorum is seen at %v: %d of %d SVs agree each with each, needed are %d", at, len(members), quorum.Known, quorum.Needed)
		m.Next, m.Waive = "Wait for more reports, or choose an earlier time", "the call knows that and has decided on it all the same"
	case a.OneSided:
		m.Verdict, m.Text = wire.Undetermined, "there is one report only, and no other SV has confirmed who agrees"
		m.Next = "Get the reports of the others"
	}
	found = append(found, m)
	if len(members) > 0 && !slices.Contains(members, f.Report.Reporter) {
		found = append(found, wire.Finding{ID: "left-out-self", Verdict: wire.Violated, Text: "this SV itself is left out: it does not agree with the members at the time",
			Next: "Borrow a dump from a member, or re-onboard after the recovery", Waive: "this SV borrows a dump from a member"})
	}
	if left := f.leftOut(append(slices.Clone(members), f.Report.Reporter)); len(left) > 0 && len(members) > 0 {
		found = append(found, wire.Finding{ID: "left-out", Verdict: wire.Attention, Text: "left out, to re-onboard or to borrow a dump from a member: " + strings.Join(left, ", "),
			Next: "Tell them on the call"})
	}
	found = append(found, wire.Finding{ID: "lost", Verdict: wire.Attention, Text: lost(f, at, latestSeen(reports))})
	for i, text := range a.Warnings {
		found = append(found, wire.Finding{ID: fmt.Sprintf("warning-%d", i+1), Verdict: wire.Attention, Text: plain.Line(text)})
	}
	return found
}

// deployedAlike says whether the new synchronizer that this run has deployed has the values of the card; nothing where it has deployed none.
func (f Facts) deployedAlike() []wire.Finding {
	s := f.Successor
	if s == nil || !s.Deployed {
		return nil
	}
	var differ []string
	compare := func(name, here string) {
		if card := f.Agree.Values[name]; card != here {
			differ = append(differ, fmt.Sprintf("%s is %s here and %s on the card", name, here, card))
		}
	}
	_, port, _ := net.SplitHostPort(s.Address)
	compare(ValueMigrationID, s.Suffix)
	compare(ValueChainID, s.ChainID)
	compare(ValuePort, port)
	compare(ValueChart, f.Deploy.Version)
	if len(differ) == 0 {
		return []wire.Finding{{ID: "deployed", Verdict: wire.Holds, Text: "the new synchronizer of this SV is deployed with these values"}}
	}
	finding := wire.Finding{ID: "deployed", Verdict: wire.Violated, Text: "the new synchronizer of this SV is deployed with other values: " + strings.Join(differ, "; "),
		Next: "Correct the card, or take back the steps until New synchronizer and go through them again with the values of the card"}
	if !slices.ContainsFunc(differ, func(d string) bool { return !strings.HasPrefix(d, ValuePort) }) {
		finding.Waive = "each SV may have its own port: the card names the one that the call has written down"
	}
	return []wire.Finding{finding}
}
