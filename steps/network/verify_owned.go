package network

import (
	"context"
	"fmt"
	"strconv"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// ownership compares what this SV owned at the agreed time, on the old synchronizer, with what it owns on the new one, as a scan of the network
// tells both. Rewards and fees make small differences; a wallet that is empty does not (reference/apis.md 14.27).
func ownership(ctx context.Context, w steps.World, f Facts) wire.Finding {
	a, err := f.agreed()
	found := wire.Finding{ID: "balance", Verdict: wire.Undetermined, Next: "Compare the wallet of this SV with what it had at the agreed time"}
	old, failed := strconv.ParseInt(f.Node.Serial, 10, 64)
	if err != nil || failed != nil || w.Apps == nil || f.Identities == nil {
		found.Text = "what this SV owns could not be compared with what it owned at the agreed time"
		return found
	}
	var last error
	for _, scan := range f.Apps.Peers {
		var before, now svapp.HoldingsAt
		var has, hasNow bool
		last = w.Apps.Scan(ctx, scan.URL, func(s *svapp.Scan) (err error) {
			if before, has, err = s.HoldingsSummary(ctx, old, a.at, f.Identities.Party); err != nil {
				return err
			}
			now, hasNow, err = s.HoldingsSummary(ctx, a.migration, w.Clock.Now(), f.Identities.Party)
			return err
		})
		switch {
		case ctx.Err() != nil:
			found.Text = "what this SV owns was not read to the end"
			return found
		case last != nil || !has:
			continue
		}
		return compared(found, scan.SVName, f.Identities.Party, before, now, hasNow)
	}
	found.Text = "what this SV owned at the agreed time is told by no scan that was reached"
	if last != nil {
		found.Text += ": " + why(last)
	}
	return found
}

// compared says how two answers of a scan compare.
func compared(found wire.Finding, scan, party string, before, now svapp.HoldingsAt, hasNow bool) wire.Finding {
	was, _ := before.Of(party)
	is, _ := now.Of(party)
	found.Evidence = []wire.Evidence{{Source: "the scan of " + scan, Seen: fmt.Sprintf("%s on the old synchronizer", was.Total.Rat().FloatString(4)), At: before.RecordTime}}
	if !hasNow {
		found.Text = "what this SV owns on the new synchronizer is not told yet: scan takes its snapshots at intervals"
		found.Next = "Look again later, or look into the wallet"
		return found
	}
	found.Evidence = append(found.Evidence, wire.Evidence{Source: "the scan of " + scan, Seen: fmt.Sprintf("%s on the new synchronizer", is.Total.Rat().FloatString(4)), At: now.RecordTime})
	switch {
	case was.Total.Rat().Cmp(is.Total.Rat()) == 0:
		found.Verdict, found.Next = wire.Holds, ""
		found.Text = fmt.Sprintf("this SV owns %s, as at the agreed time", is.Total.Rat().FloatString(4))
	case is.Total.Rat().Sign() == 0:
		found.Verdict, found.Waive = wire.Violated, "it has paid all of it out since"
		found.Text = fmt.Sprintf("this SV owned %s at the agreed time, and owns nothing on the new synchronizer", was.Total.Rat().FloatString(4))
		found.Next = "Tell the call: contracts of this SV may be missing in its dump"
	default:
		found.Verdict = wire.Attention
		found.Text = fmt.Sprintf("this SV owns %s, and owned %s at the agreed time", is.Total.Rat().FloatString(4), was.Total.Rat().FloatString(4))
		found.Next = "Rewards, fees and transfers since then make differences: look whether they explain this one"
	}
	return found
}
