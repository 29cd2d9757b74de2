package network

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Owned is what this SV owns by the snapshot of a scan, in Amulet.
type Owned struct {
	Scan  string    `json:"scan"` // name of the SV whose scan it is
	Total string    `json:"total"`
	At    time.Time `json:"at"` // of the snapshot, which scans take at intervals
}

func (o Owned) amount() *big.Rat {
	r, ok := new(big.Rat).SetString(o.Total)
	if !ok {
		return new(big.Rat)
	}
	return r
}

func (o Owned) evidence(what string) wire.Evidence {
	return wire.Evidence{Source: "the scan of " + o.Scan, Seen: o.amount().FloatString(4) + " " + what, At: o.At}
}

// ownedAt asks the scans of others, one after the other, what this SV owned at a time under a migration ID. The error says why none told it.
func ownedAt(ctx context.Context, w steps.World, scans []svapp.Address, party string, migration int64, at time.Time) (Owned, error) {
	if w.Apps == nil || len(scans) == 0 {
		return Owned{}, errors.New("no scan of another SV is known that could be asked")
	}
	var last error
	for _, scan := range scans {
		var h svapp.HoldingsAt
		err := w.Apps.Scan(ctx, scan.URL, func(s *svapp.Scan) error {
			var has bool
			var err error
			h, has, err = s.HoldingsSummary(ctx, migration, at, party)
			if err == nil && !has {
				err = errors.New("the scan of " + scan.SVName + " has no snapshot of that time yet")
			}
			return err
		})
		if ctx.Err() != nil {
			return Owned{}, ctx.Err()
		}
		if err != nil {
			last = err
			continue
		}
		one, _ := h.Of(party)
		return Owned{Scan: scan.SVName, Total: one.Total.Rat().FloatString(10), At: h.RecordTime}, nil
	}
	return Owned{}, last
}

// ownership compares what this SV owned at the agreed time, on the old synchronizer, with what it owns on the new one. Rewards and fees make small
// differences; a wallet that is empty is another thing (reference/apis.md 14.27).
func ownership(ctx context.Context, w steps.World, f Facts) wire.Finding {
	a, err := f.agreed()
	found := wire.Finding{ID: "balance", Verdict: wire.Undetermined, Next: "Compare the wallet of this SV with what it had at the agreed time"}
	old, failed := strconv.ParseInt(f.Node.Serial, 10, 64)
	if err != nil || failed != nil || f.Identities == nil {
		found.Text = "what this SV owns could not be compared with what it owned at the agreed time"
		return found
	}
	was := f.Apps.Owned
	if was == nil { // it was not told before the migration; scans may still know it
		before, err := ownedAt(ctx, w, f.Apps.Peers, f.Identities.Party, old, a.at)
		if err != nil {
			found.Text = "what this SV owned at the agreed time is not known: " + why(err)
			return found
		}
		was = &before
	}
	found.Evidence = append(found.Evidence, was.evidence("on the old synchronizer"))
	is, err := ownedAt(ctx, w, f.Apps.Peers, f.Identities.Party, a.migration, w.Clock.Now())
	if err != nil {
		found.Text = "what this SV owns on the new synchronizer is not told yet: " + why(err)
		return found
	}
	found.Evidence = append(found.Evidence, is.evidence("on the new synchronizer"))
	switch {
	case was.amount().Cmp(is.amount()) == 0:
		found.Verdict, found.Next = wire.Holds, ""
		found.Text = fmt.Sprintf("this SV owns %s, as at the agreed time", is.amount().FloatString(4))
	case is.amount().Sign() == 0:
		found.Verdict, found.Waive = wire.Violated, "it has paid all of it out since"
		found.Text = fmt.Sprintf("this SV owned %s at the agreed time, and owns nothing on the new synchronizer", was.amount().FloatString(4))
		found.Next = "Tell the call: contracts of this SV may be missing in its dump"
	default:
		found.Verdict = wire.Attention
		found.Text = fmt.Sprintf("this SV owns %s, and owned %s at the agreed time", is.amount().FloatString(4), was.amount().FloatString(4))
		found.Next = "Rewards, fees and transfers since then make differences: look whether they explain this one"
	}
	return found
}
