package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// baseline takes down what the lost SV owned, before anything moves.
func baseline() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/baseline", Title: "Baseline", Effect: wire.Observe,
		Summary: "Asks several scans what the lost SV owned at the last snapshot that they have in common.",
		Asks:    []steps.Ask{{Name: "since", Kind: wire.AskText, Help: "since when the node is lost, as 2026-01-31T14:00Z; or " + notKnown}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if !f.Old.Since.IsZero() || f.Old.NoSince {
				return nil, nil
			}
			return []wire.Question{{Name: "since", Kind: wire.AskText, Title: "Since when is the node lost?", Default: notKnown,
				Text: "In UTC, as 2026-01-31T14:00Z. Rewards since then were not collected, which explains differences later."}}, nil
		},
		Take: func(f *Facts, _, value string) error {
			if f.Old.NoSince = value == notKnown; f.Old.NoSince {
				return nil
			}
			for _, form := range []string{"2006-01-02T15:04Z07:00", time.RFC3339, "2006-01-02 15:04", "2006-01-02"} {
				if at, err := time.Parse(form, value); err == nil {
					f.Old.Since = at.UTC()
					return nil
				}
			}
			return fmt.Errorf("%q is no time: write it as 2026-01-31T14:00Z, or %s", value, notKnown)
		},
		Forget: func(f *Facts) { f.Old.Since, f.Old.NoSince, f.Baseline = time.Time{}, false, nil },
		Verify: verifyBaseline,
	}
}

const notKnown = "not known"

// owned is what a scan says that the lost SV owned.
type owned struct {
	at               time.Time
	unlocked, locked svapp.Decimal
	named            bool // it is in the answer at all
}

// key is what two answers must have in common: the amounts. Scans may take their snapshots at different times.
func (o owned) key() string { return digits(o.unlocked) + " " + digits(o.locked) }

func (o owned) say() string {
	text := fmt.Sprintf("%s unlocked, %s locked, by the snapshot of %s", digits(o.unlocked), digits(o.locked), clockTime(o.at))
	if !o.named {
		text += "; the party is not named in it, which most likely means that it owns nothing"
	}
	return text
}

// digits is an amount with all its ten digits.
func digits(d svapp.Decimal) string { return d.Rat().FloatString(10) }

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// commonSnapshot is the newest time up to which a quorum of the scans has a snapshot. One that is far behind does not hold the others back.
func commonSnapshot(p svapp.Poll[time.Time], asked int) (time.Time, bool) {
	var times []time.Time
	for _, r := range p.Replies {
		if r.Error == nil && !r.Value.IsZero() {
			times = append(times, r.Value)
		}
	}
	if len(times) == 0 {
		return time.Time{}, false
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[min(quorum(asked), len(times))-1], true
}

func verifyBaseline(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	now := w.Clock.Now().UTC()
	last := ask(ctx, w, f.Peers, func(ctx context.Context, scan *svapp.Scan) (time.Time, error) {
		at, _, err := scan.SnapshotTime(ctx, now, f.Old.MigrationID)
		return at, err
	}, func(t time.Time) int64 { return t.UnixMicro() })
	if len(told(last, svapp.Answered))+len(told(last, svapp.Disagrees)) == 0 {
		return nil, noScan("reading the times of snapshots", last)
	}
	at, some := commonSnapshot(last, len(f.Peers))
	if !some {
		return []wire.Finding{{ID: "owned", Verdict: wire.Undetermined, Text: fmt.Sprintf("what %s owned: no scan has a snapshot of migration ID %d", f.Old.SV, f.Old.MigrationID),
			Next: "If the migration ID is another, answer the questions of Peers again with scans that tell it. Without a baseline, what arrives later cannot be compared"}}, nil
	}
	poll := ask(ctx, w, f.Peers, func(ctx context.Context, scan *svapp.Scan) (owned, error) {
		h, found, err := scan.HoldingsSummary(ctx, f.Old.MigrationID, at, f.Old.Party)
		if err == nil && !found {
			err = &svapp.Error{Kind: svapp.NotFound, From: svapp.FromApp, Tried: "read what the party owns", Seen: "it has no snapshot at or before " + clockTime(at)}
		}
		one, named := h.Of(f.Old.Party)
		return owned{at: h.RecordTime, unlocked: one.Unlocked, locked: one.Locked, named: named}, err
	}, owned.key)
	found := []wire.Finding{takeBaseline(w, poll, f)}
	if other, some := differing(poll, owned.say); some {
		found = append(found, other)
	}
	if quiet, some := silent(poll); some {
		found = append(found, quiet)
	}
	return append(found, explanations(*f, now)...), nil
}

// takeBaseline takes down what most say.
func takeBaseline(w steps.World, poll svapp.Poll[owned], f *Facts) wire.Finding {
	f.Baseline = nil
	finding := wire.Finding{ID: "owned", Verdict: wire.Undetermined, Evidence: sayings(w, poll, owned.say),
		Next: "Look again in a while. Without a baseline that several scans agree on, what arrives later can be compared with less certainty"}
	if poll.Agreeing == 0 {
		finding.Text = "what " + f.Old.SV + " owned: the scans say different things, and none is outvoted"
		return finding
	}
	is := poll.Value
	f.Baseline = &Baseline{At: is.at.UTC(), Unlocked: digits(is.unlocked), Locked: digits(is.locked), Told: told(poll, svapp.Answered)}
	for _, r := range poll.Replies {
		if r.Outcome == svapp.Disagrees {
			f.Baseline.Differ = append(f.Baseline.Differ, r.SV+": "+r.Value.say())
		}
	}
	finding.Text = fmt.Sprintf("%s owned %s Amulet unlocked and %s locked by the snapshot of %s, as %s", f.Old.SV, f.Baseline.Unlocked, f.Baseline.Locked, clockTime(is.at), agreeText(poll.Agreeing))
	if poll.Agreeing >= quorum(len(f.Peers)) {
		finding.Verdict, finding.Next = wire.Holds, ""
	}
	return finding
}

func agreeText(n int) string {
	if n == 1 {
		return "1 scan says"
	}
	return fmt.Sprintf("%d scans say", n)
}

// explanations are what makes figures differ later without anything being wrong (reference/apis.md 7).
func explanations(f Facts, now time.Time) []wire.Finding {
	if f.Baseline == nil {
		return nil
	}
	b := *f.Baseline
	var found []wire.Finding
	if svapp.Decimal(b.Locked).Rat().Sign() > 0 {
		found = append(found, wire.Finding{ID: "locked", Verdict: wire.Attention, Text: b.Locked + " is locked, and cannot be transferred while it is",
			Next: "It is a lock of a transfer or of another application. What becomes of it is seen when the validator has come up"})
	}
	text := []string{"reward coupons that were not collected are not in it"}
	lost := "since when the node is lost is not known"
	if !f.Old.Since.IsZero() {
		lost = fmt.Sprintf("the node is lost for %s, since %s", action.Span(max(now.Sub(f.Old.Since), 0)), clockTime(f.Old.Since))
		if b.At.Before(f.Old.Since) {
			lost += ", and the snapshot is older: what it earned or paid in between is not in it"
		}
	}
	text = append(text, "what a wallet shows as effective is less by holding fees", lost)
	return append(found, wire.Finding{ID: "differences", Verdict: wire.Attention, Text: "later figures can differ and be right: " + strings.Join(text, "; "),
		Next: "Differences are explained one by one when the coins have arrived"})
}
