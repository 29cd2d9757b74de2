package reonboard

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func validatorBalance() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/validator-balance", Title: "The validator's wallet", Effect: wire.Observe,
		Summary: "Reads what the recovery validator's wallet holds, and compares it with what the lost SV owned.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if f.Validator.Namespace == "" {
				return nil, &steps.NotYet{Step: "reonboard/validator-deploy", What: "which validator holds the coins"}
			}
			held, err := readWallet(ctx, w, f.Validator.App)
			if err != nil {
				return nil, err
			}
			found := ownsOld(held, *f, w.Clock.Now())
			if wire.WorstVerdict(found) == wire.Violated {
				return found, nil
			}
			f.Validator.Unlocked, f.Validator.Locked = string(held.Balance.EffectiveUnlocked), string(held.Balance.EffectiveLocked)
			compared, err := compare(held, f.Baseline, w.Clock.Now())
			return append(found, compared...), err
		},
	}
}

// ownsOld says whether the wallet is that of the lost SV's party, and ready. By the wallet of another one somebody else's coins would be moved.
func ownsOld(held wallet, f Facts, now time.Time) []wire.Finding {
	evidence := []wire.Evidence{{Source: "wallet of " + f.Validator.App.Name, Seen: "party " + held.User.Party, At: now}}
	switch {
	case f.Old.Party == "" || held.User.Party != f.Old.Party:
		return []wire.Finding{{ID: "owner", Verdict: wire.Violated, Evidence: evidence,
			Text: fmt.Sprintf("this wallet is of %s, not of the lost SV's party %s", held.User.Party, f.Old.Party),
			Next: "Log in as the operator's user of the recovery validator. If this is that user, the party was not migrated: look into the validator's log (migrateValidatorParty, validatorPartyHint)"}}
	case !held.User.Onboarded || !held.User.Installed:
		lacks := "it is not installed yet for its user"
		if !held.User.Onboarded {
			lacks = "its user is not onboarded yet"
		}
		return []wire.Finding{{ID: "owner", Verdict: wire.Violated, Evidence: evidence,
			Text: "the wallet is of the lost SV's party and not ready: " + lacks,
			Next: "It takes a few minutes after the validator has come up: look again"}}
	}
	return []wire.Finding{{ID: "owner", Verdict: wire.Holds, Text: "the wallet is that of the lost SV's party " + f.Old.Party + ", and it is set up for its user", Evidence: evidence}}
}

// shortfall is how much less than the baseline counts as explained without a word: a hundredth, or one coin. Effective amounts lack accrued
// holding fees, the baseline lags, and the validator buys traffic (reference/apis.md 6.2, 7, 14.27).
func shortfall(baseline payment.Amount) payment.Amount {
	return payment.More(baseline.Share(100), payment.Coins(1))
}

// compare holds the wallet against what the lost SV owned. It never demands equality: what explains a difference is named.
func compare(held wallet, b *Baseline, now time.Time) ([]wire.Finding, error) {
	free, locked, err := totals(held)
	if err != nil {
		return nil, err
	}
	shows := fmt.Sprintf("the wallet shows %s unlocked in %s, and %s locked", free.Words(), amulets(len(held.Free)), locked.Words())
	evidence := []wire.Evidence{{Source: fmt.Sprintf("the wallet's balance in round %d", held.Balance.Round), Seen: fmt.Sprintf("%s unlocked, %s locked, %s holding fees", held.Balance.EffectiveUnlocked, held.Balance.EffectiveLocked, held.Balance.HoldingFees), At: now}}
	found := wire.Finding{ID: "balance", Verdict: wire.Holds, Text: shows, Evidence: evidence}
	if b == nil || b.Unlocked == "" {
		found.Verdict, found.Text = wire.Undetermined, shows+"; what the lost SV owned was not found out, so nothing can be compared"
		found.Next, found.Waive = "Compare with what you know of the lost SV from invoices, reports or the wallet's own screens", "what the wallet shows is all that there is"
		return []wire.Finding{found}, nil
	}
	was, err := payment.Parse(b.Unlocked)
	if err != nil {
		return nil, &steps.Problem{Tried: "reading the baseline", Seen: err.Error(), Next: "Do the step baseline again"}
	}
	wasLocked, err := payment.Parse(orZero(b.Locked))
	if err != nil {
		return nil, &steps.Problem{Tried: "reading the baseline", Seen: err.Error(), Next: "Do the step baseline again"}
	}
	owned, holds := was.Add(wasLocked), free.Add(locked)
	found.Evidence = append(found.Evidence, wire.Evidence{Source: fmt.Sprintf("scans of %d SVs", len(b.Told)), Seen: was.Words() + " unlocked, " + wasLocked.Words() + " locked", At: b.At})
	age := fmt.Sprintf("the scans' snapshot is of %s", b.At.UTC().Format("2006-01-02 15:04 UTC"))
	switch missing := owned.Sub(holds); {
	case missing.Cmp(shortfall(owned)) > 0:
		found.Verdict = wire.Undetermined
		found.Text = fmt.Sprintf("%s: %s less than the %s that the lost SV owned", shows, missing.Words(), owned.Words())
		found.Next = "Look whether the import is still going on (the validator's log), whether parties were left out of the migration, and what was paid out after the snapshot: " + age
		found.Waive = "the difference is explained, or what is there is worth recovering all the same"
	case missing.Positive():
		found.Text = fmt.Sprintf("%s: %s less than the %s that the lost SV owned. That is within what holding fees, traffic that the validator bought and the age of the snapshot explain; %s", shows, missing.Words(), owned.Words(), age)
	case holds.Cmp(owned) > 0:
		found.Text = fmt.Sprintf("%s: %s more than the %s of the snapshot, as rewards explain that were claimed since; %s", shows, holds.Sub(owned).Words(), owned.Words(), age)
	default:
		found.Text = shows + ", exactly what the lost SV owned"
	}
	all := []wire.Finding{found}
	if locked.Positive() {
		all = append(all, wire.Finding{ID: "locked", Verdict: wire.Attention, Text: fmt.Sprintf("%s is locked in %s and cannot be transferred", locked.Words(), amulets(len(held.Locked))),
			Next: "Whoever holds the lock has to let it go, or it expires; the plan of payments leaves it out"})
	}
	return append(all, wire.Finding{ID: "rewards", Verdict: wire.Attention, Text: "rewards that were not claimed are in neither figure",
		Next: "The validator's wallet claims what it still can by itself; what expired is lost"}), nil
}

// amulets is a number of them.
func amulets(n int) string {
	if n == 1 {
		return "1 amulet"
	}
	return fmt.Sprintf("%d amulets", n)
}

// totals are the sums of the amulets. The balance's own figures are for the screen.
func totals(held wallet) (free, locked payment.Amount, err error) {
	for _, each := range []struct {
		all []svapp.Amulet
		sum *payment.Amount
	}{{held.Free, &free}, {held.Locked, &locked}} {
		list, err := effective(each.all)
		if err != nil {
			return free, locked, err
		}
		*each.sum = payment.Sum(list...)
	}
	return free, locked, nil
}

// effective are the effective amounts of amulets. One whose fees have eaten it up counts as nothing.
func effective(amulets []svapp.Amulet) ([]payment.Amount, error) {
	var list []payment.Amount
	for _, a := range amulets {
		if a.Effective.Rat().Sign() < 0 {
			list = append(list, payment.Amount{})
			continue
		}
		one, err := payment.Parse(string(a.Effective))
		if err != nil {
			return nil, &steps.Problem{Tried: "reading amulet " + a.Contract.ContractID, Seen: err.Error(), Next: "Report this with the release of the validator"}
		}
		list = append(list, one)
	}
	return list, nil
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}
