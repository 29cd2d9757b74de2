package reonboard

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// rightReceiver says whether a party may be paid: what was sent to a wrong one never comes back. It is compared with the DSO rules as several
// other SVs' scans tell them, always by party (reference/apis.md 14.20).
func rightReceiver(ctx context.Context, w steps.World, f Facts, party string) ([]wire.Finding, error) {
	wrong := func(why, next string) ([]wire.Finding, error) {
		return []wire.Finding{{ID: "receiver", Verdict: wire.Violated, Text: why, Next: next}}, nil
	}
	switch {
	case svapp.Namespace(party) == "":
		return wrong(fmt.Sprintf("%q is no party", party), "Look whether the new node's wallet is ready, and look again")
	case party == f.Old.Party:
		return wrong("the wallet of "+f.Fresh.Wallet.Name+" is of the lost SV's own party", "Log in to the wallet of the fresh SV, not to that of the recovery validator")
	case party == f.Old.DSO:
		return wrong("the wallet of "+f.Fresh.Wallet.Name+" is of the DSO's party", "Log in as the operator's user of the fresh SV")
	case f.Fresh.Party != "" && party != f.Fresh.Party:
		return wrong(fmt.Sprintf("the wallet of %s is of %s, and the fresh SV was onboarded as %s", f.Fresh.Wallet.Name, party, f.Fresh.Party), "Log in as the operator's user of the fresh SV")
	}
	now := w.Clock.Now()
	var yes, no []string
	finding := wire.Finding{ID: "receiver"}
	for _, peer := range f.Peers {
		seen, ok := "", false
		err := w.Apps.Scan(ctx, peer.URL, func(s *svapp.Scan) error {
			dso, err := s.DSO(ctx)
			if err == nil {
				seen, ok = membership(dso, f, party)
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			seen = "not known: " + steps.FailureOf("", err).Seen
		case ok:
			yes = append(yes, peer.SV)
		default:
			no = append(no, peer.SV)
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "scan of " + peer.SV, Seen: seen, At: now})
	}
	switch {
	case len(yes) == 0 && len(no) > 0 || len(no) >= len(yes) && len(no) > 0:
		finding.Verdict, finding.Text = wire.Violated, fmt.Sprintf("by the scans of %s, %s is not the SV %s", strings.Join(no, ", "), party, f.Old.SV)
		finding.Next = "Wait until the fresh SV is onboarded on the network, then look again; if it is, the wallet is somebody else's"
	case len(yes) == 0:
		finding.Verdict, finding.Text = wire.Undetermined, "no scan of another SV could be asked who the SV "+f.Old.SV+" is now"
		finding.Next = "Ask another operator for the party of " + f.Old.SV + " in the DSO rules, and compare it with " + party
	default:
		finding.Verdict, finding.Text = wire.Holds, fmt.Sprintf("the receiver is %s: by the scans of %s it is the SV %s", partyWords(party), strings.Join(yes, ", "), f.Old.SV)
		if len(no) > 0 {
			finding.Verdict, finding.Text = wire.Attention, finding.Text+"; by those of "+strings.Join(no, ", ")+" it is not"
			finding.Next = "Those scans may be behind: ask their operators"
		}
	}
	return []wire.Finding{finding}, nil
}

// membership says what one scan tells of the receiver, and whether it is the SV in place of the lost one.
func membership(dso svapp.DSO, f Facts, party string) (string, bool) {
	switch {
	case dso.Party == party:
		return "it is the DSO's party", false
	case f.Old.DSO != "" && dso.Party != f.Old.DSO:
		return "this scan is of another network: DSO party " + dso.Party, false
	case dso.Membership(f.Old.Party) == svapp.IsSV:
		return "the lost SV's party is still an SV", false
	}
	for _, m := range dso.SVs {
		if m.Party == party {
			return "it is the SV " + m.Name, m.Name == f.Old.SV
		}
	}
	return "it is " + string(dso.Membership(party)), false
}
