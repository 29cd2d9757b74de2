package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func verifyArrival() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/verify-arrival", Title: "Verify the arrival", Effect: wire.Observe,
		Summary: "Compares what the fresh SV owns with what was paid, in its wallet and on other SVs' scans, and says what stayed behind.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needPlan(f); err != nil {
				return nil, err
			}
			return []steps.Action{waitSnapshots{peers: f.Peers, migration: f.Old.MigrationID, since: f.Transfers.At}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if err := needPlan(*f); err != nil {
				return nil, err
			}
			return arrived(ctx, w, *f)
		},
	}
}

// arrived compares the wallets with the plan, and then the scans with the wallets.
func arrived(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	in, _, is, err := accountOf(f).payer(w, nil).Book.Load(ctx)
	if err != nil {
		return nil, err
	}
	if !is || !in.Done() && !spent(in) {
		return []wire.Finding{{ID: "payments", Verdict: wire.Violated, Text: "not every payment is recorded as completed", Next: "Go back to the step that is open"}}, nil
	}
	moved := in.Moved()
	receiving, err := readWallet(ctx, w, f.Fresh.Wallet)
	if err != nil {
		return nil, err
	}
	paying, err := readWallet(ctx, w, f.Validator.App)
	if err != nil {
		return nil, err
	}
	found, err := atReceiver(receiving, f, moved, w.Clock.Now())
	if err != nil {
		return nil, err
	}
	left, err := behind(paying, f, in, w.Clock.Now())
	if err != nil {
		return nil, err
	}
	scans, err := onScans(ctx, w, f, moved)
	return slices.Concat(byHand(in), found, left, scans), err
}

// spent says whether every payment is completed, or has no attempt left and so is paid by hand or not at all.
func spent(in payment.Intent) bool {
	for n := range in.Payments {
		last, begun := in.Last(n + 1)
		if !begun || last.State != payment.Completed && (last.State != payment.Failed || last.Number < tries) {
			return false
		}
	}
	return true
}

// byHand are the payments that no attempt of this run has made: nothing here can prove what a person paid.
func byHand(in payment.Intent) []wire.Finding {
	var found []wire.Finding
	for n := range in.Payments {
		if last, _ := in.Last(n + 1); last.State != payment.Completed {
			found = append(found, wire.Finding{ID: fmt.Sprintf("payment-%d", n+1), Verdict: wire.Violated,
				Text:  fmt.Sprintf("payment %d of %s was not made by this run: all of its %d attempts failed", n+1, in.Planned(n+1).Words(), tries),
				Next:  "Pay it in the wallet's own screen, and look again: what both wallets hold is told here too",
				Waive: "it was paid in the wallet's own screen and has arrived, or what is there stays behind"})
		}
	}
	return found
}

// atReceiver compares the receiver's wallet with what it had before.
func atReceiver(held wallet, f Facts, moved payment.Amount, now time.Time) ([]wire.Finding, error) {
	free, locked, err := totals(held)
	if err != nil {
		return nil, err
	}
	before, err := payment.Parse(orZero(f.Transfers.Before))
	if err != nil {
		return nil, &steps.Problem{Tried: "reading what the receiver had before", Seen: err.Error(), Next: "Compare the wallets by hand"}
	}
	finding := wire.Finding{ID: "receiver", Verdict: wire.Holds, Evidence: []wire.Evidence{
		{Source: "the wallet of " + f.Fresh.Wallet.Name, Seen: fmt.Sprintf("%s unlocked, %s locked", free.Words(), locked.Words()), At: now},
		{Source: "the same before the payments", Seen: before.Words() + " unlocked"}}}
	if held.User.Party != f.Transfers.Receiver {
		finding.Verdict, finding.Text, finding.Next = wire.Violated, "this wallet is of "+held.User.Party+", and "+f.Transfers.Receiver+" was paid", "Log in to the receiver's wallet"
		return []wire.Finding{finding}, nil
	}
	got := free.Add(locked).Sub(before)
	finding.Text = fmt.Sprintf("%s has arrived: the wallet holds %s more than before", moved.Words(), got.Words())
	if moved.Sub(got).Cmp(shortfall(moved)) > 0 {
		finding.Verdict = wire.Undetermined
		finding.Text = fmt.Sprintf("every payment is completed, %s together, and the wallet holds only %s more than before", moved.Words(), got.Words())
		finding.Next = "Look into its transactions: it may have paid something out since, bought traffic, or swept its coins to another party"
		finding.Waive = "the transactions of the wallet explain it"
	}
	return []wire.Finding{finding}, nil
}

// behind says what stayed in the sender's wallet, and why.
func behind(held wallet, f Facts, in payment.Intent, now time.Time) ([]wire.Finding, error) {
	free, locked, err := totals(held)
	if err != nil {
		return nil, err
	}
	finding := wire.Finding{ID: "left-behind", Verdict: wire.Holds, Text: "nothing stayed behind", Evidence: []wire.Evidence{{Source: "the wallet of " + f.Validator.App.Name, Seen: fmt.Sprintf("%s unlocked, %s locked", free.Words(), locked.Words()), At: now}}}
	var why []string
	if free.Positive() {
		why = append(why, fmt.Sprintf("%s unlocked (%s was set aside for fees by the plan; more are rewards that came in since)", free.Words(), in.Plan.Left.Words()))
	}
	if less := in.Plan.Paid().Sub(in.Moved()); less.Positive() {
		why = append(why, less.Words()+" by which attempts were of less than was planned")
	}
	if locked.Positive() {
		why = append(why, locked.Words()+" locked, which cannot be transferred before its lock is gone")
	}
	if len(why) > 0 {
		finding.Verdict, finding.Text = wire.Attention, "stayed behind: "+strings.Join(why, "; ")
		finding.Next = "Pay what is worth it in the wallet's own screen, to " + f.Transfers.Receiver + ", before the recovery validator is removed"
	}
	return []wire.Finding{finding}, nil
}

// onScans asks other SVs' scans what the receiver owns. They show it when they have taken a snapshot since.
func onScans(ctx context.Context, w steps.World, f Facts, moved payment.Amount) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "scans", Verdict: wire.Undetermined, Text: "no other SV's scan shows the coins yet", Next: "Their snapshots are taken at intervals: look again later",
		Waive: "the wallets show that they arrived"}
	var show, lack []string
	for _, peer := range f.Peers {
		seen, state, err := scanShows(ctx, w, f, peer, moved)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			seen = "not known: " + steps.FailureOf("", err).Seen
		case state == wire.Holds:
			show = append(show, peer.SV)
		case state == wire.Violated:
			lack = append(lack, peer.SV)
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "scan of " + peer.SV, Seen: seen, At: w.Clock.Now()})
	}
	switch {
	case len(show) > 0 && len(lack) == 0:
		finding.Verdict, finding.Text, finding.Next, finding.Waive = wire.Holds, "the scans of "+strings.Join(show, ", ")+" show the coins with the fresh SV", "", ""
	case len(show) > 0:
		finding.Verdict, finding.Text = wire.Attention, "the scans of "+strings.Join(show, ", ")+" show the coins with the fresh SV; those of "+strings.Join(lack, ", ")+" do not"
		finding.Next, finding.Waive = "Tell their operators", ""
	case len(lack) > 0:
		finding.Text = "the scans of " + strings.Join(lack, ", ") + " have a snapshot from after the payments, in which the fresh SV owns less than was paid"
		finding.Next = "It may have paid something out or bought traffic since: look into its transactions"
	}
	return []wire.Finding{finding}, nil
}

func scanShows(ctx context.Context, w steps.World, f Facts, peer Peer, moved payment.Amount) (seen string, state wire.Verdict, err error) {
	err = w.Apps.Scan(ctx, peer.URL, func(s *svapp.Scan) error {
		at, found, err := s.HoldingsSummary(ctx, f.Old.MigrationID, w.Clock.Now(), f.Transfers.Receiver, f.Old.Party)
		if err != nil {
			return err
		}
		if !found || at.RecordTime.Before(f.Transfers.At) {
			seen = "no snapshot from after the payments"
			return nil
		}
		fresh, _ := at.Of(f.Transfers.Receiver)
		old, _ := at.Of(f.Old.Party)
		seen = fmt.Sprintf("at %s the fresh SV owns %s, the lost one's party %s", at.RecordTime.UTC().Format("2006-01-02 15:04 UTC"), orZero(string(fresh.Total)), orZero(string(old.Total)))
		state = wire.Violated
		if owns := amountOf(svapp.Decimal(orZero(string(fresh.Total)))); owns != nil && moved.Sub(*owns).Cmp(shortfall(moved)) <= 0 {
			state = wire.Holds
		}
		return nil
	})
	return seen, state, err
}

// snapshotPatience is how long scans may take to their next snapshot; their interval is configuration that no API tells.
const snapshotPatience = 4 * time.Hour

// waitSnapshots waits until a scan has a snapshot from after the payments.
type waitSnapshots struct {
	peers     []Peer
	migration int64
	since     time.Time
}

func (s waitSnapshots) Key() string         { return "wait for a snapshot of a scan" }
func (s waitSnapshots) Effect() wire.Effect { return wire.Observe }
func (s waitSnapshots) Refs() []steps.Ref   { return nil }

func (s waitSnapshots) Show() wire.Preview {
	return wire.Preview{Title: s.Key(), After: "another SV's scan has a snapshot from after the payments", Commands: []string{"GET /api/scan/v0/state/acs/snapshot-timestamp, on other SVs' scans"}}
}

func (s waitSnapshots) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (s waitSnapshots) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	p, done := s.see(ctx, w)
	var evidence []wire.Evidence
	for _, item := range p.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	if done {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, ctx.Err()
}

func (s waitSnapshots) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return steps.Poll(ctx, h, time.Minute, snapshotPatience, "a snapshot of a scan from after the payments", report, func(ctx context.Context) (wire.Progress, bool, error) {
		p, done := s.see(ctx, h.World)
		return p, done, ctx.Err()
	})
}

// see asks every scan; one that does not answer does not keep the others from telling.
func (s waitSnapshots) see(ctx context.Context, w steps.World) (p wire.Progress, done bool) {
	p.Text = "scans take snapshots at intervals"
	for _, peer := range s.peers {
		item := wire.Item{Name: "scan of " + peer.SV, State: "no snapshot"}
		err := w.Apps.Scan(ctx, peer.URL, func(scan *svapp.Scan) error {
			at, found, err := scan.SnapshotTime(ctx, w.Clock.Now(), s.migration)
			if err == nil && found {
				item.State, item.Done = "snapshot of "+at.UTC().Format("2006-01-02 15:04 UTC"), !at.Before(s.since)
			}
			return err
		})
		if err != nil {
			item.State, item.Note = "not known", steps.FailureOf("", err).Seen
		}
		done = done || item.Done
		p.Items = append(p.Items, item)
	}
	return p, done || len(s.peers) == 0
}
