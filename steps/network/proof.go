package network

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// ownCommitment is whether the own participant was past a time with an agreement: it has agreed on a period that ends there or later, so it has
// processed everything up to it (reference/apis.md 3.4 and 9). Only what is said of the other SVs counts. A line that is missing proves nothing.
func ownCommitment(r commitment.Report, svs []string, at time.Time) wire.Finding {
	f := wire.Finding{ID: "own-commitment", Evidence: []wire.Evidence{{Source: "artifacts/" + ReportFile, Seen: fmt.Sprintf("%d agreements, %d mismatches", len(r.Agreements), len(r.Mismatches))}}}
	t := commitment.InstantOf(at)
	stranger := func(e commitment.Entry) bool {
		name, _, _ := strings.Cut(e.Counterparty, "::")
		return !slices.Contains(svs, name)
	}
	r.Agreements, r.Mismatches = slices.DeleteFunc(slices.Clone(r.Agreements), stranger), slices.DeleteFunc(slices.Clone(r.Mismatches), stranger)
	for _, e := range r.Mismatches {
		if e.From < t && t <= e.To {
			f.Verdict = wire.Violated
			f.Text = fmt.Sprintf("this participant's commitments and those of %s did not match in the period until %v, in which the timestamp lies", e.Counterparty, e.To)
			f.Next = "Tell the call: a snapshot of this SV may differ from those of others. Take an earlier time, or borrow a dump from a member"
			f.Waive = "the call has decided so and knows of it"
			return f
		}
	}
	latest := latestOf(r)
	switch {
	case latest == nil:
		f.Verdict, f.Text = wire.Undetermined, "whether this participant agreed with others at the timestamp is not proven: its logs say of no commitment that it agrees"
	case latest.Before(at):
		f.Verdict, f.Text = wire.Undetermined, fmt.Sprintf("whether this participant agreed with others at the timestamp is not proven: the latest agreement in its logs is of %v", commitment.InstantOf(*latest))
	default:
		f.Verdict, f.Text = wire.Holds, fmt.Sprintf("this participant agreed with others on a period that ends at %v, which is not before the timestamp", commitment.InstantOf(*latest))
		return f
	}
	f.Next = "Look the commitments up on the participant's console with " + commitment.Lookup + ", and make the own report with that"
	return f
}

// ownSequencer is whether the own sequencer has processed beyond a time, by the last event that its mediator and its participant got from it.
func ownSequencer(ctx context.Context, w steps.World, n node.Node, at time.Time) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, p := range []struct {
		part     node.Part
		id, what string
	}{{node.Mediator, "own-sequencer", "the own sequencer"}, {node.Participant, "own-participant", "the own participant"}} {
		f := wire.Finding{ID: p.id, Verdict: wire.Undetermined, Next: "The snapshot is taken from both, so look that they run, and in their logs how far they got"}
		components := n.Of(p.part)
		if len(components) == 0 || w.Pods == nil {
			f.Text = fmt.Sprintf("whether %s has processed beyond the timestamp is not proven: there is no %s to ask", p.what, p.part)
			found = append(found, f)
			continue
		}
		c := components[0]
		lags, err := action.ReadLags(ctx, w, []action.Followed{{Part: string(p.part), Follows: action.ByClient, Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}}}, action.ReadSkew(ctx, w))
		if err != nil {
			return nil, err
		}
		l := lags[0]
		f.Evidence = []wire.Evidence{{Source: l.Source, Seen: l.Seen, At: w.Clock.Now()}}
		switch {
		case l.Event.IsZero():
			f.Text = fmt.Sprintf("whether %s has processed beyond the timestamp is not proven: %s", p.what, l.Seen)
		case l.Event.Before(at):
			f.Verdict, f.Text = wire.Violated, fmt.Sprintf("%s has processed up to %s UTC only, which is before the timestamp", p.what, l.Event.Format("2006-01-02 15:04:05"))
			f.Next = "It may still catch up: wait and look again, or tell the call that this SV needs an earlier time"
			f.Waive = "this SV borrows a dump from a member"
		default:
			f.Verdict, f.Next = wire.Holds, ""
			f.Text = fmt.Sprintf("%s has processed up to %s UTC, beyond the timestamp", p.what, l.Event.Format("2006-01-02 15:04:05"))
		}
		found = append(found, f)
	}
	return found, nil
}
