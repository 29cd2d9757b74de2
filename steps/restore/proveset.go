package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

func proveSet() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/prove-set", Title: "Prove set", Effect: wire.Observe,
		Summary: "Proves that the set is whole, in order, and young enough: by its data where that can be read, else by its clocks.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if err := needSet(*f); err != nil {
				return nil, err
			}
			found := backup.Judge(*f.Set, *f.Node, w.Clock.Now())
			f.Before = positionsNow(ctx, w, *f)
			stamped, at := stamp(ctx, w, *f)
			if !at.IsZero() {
				found = append(found, straddle(*f.Set, stamped, at))
			}
			found = append(found, withoutDatabase(*f)...)
			return append(found, sameParticipant(f.Set.Positions(), *f)...), nil
		},
	}
}

// withoutDatabase are components that must have a database and whose database is not known: no proof covers them.
func withoutDatabase(f Facts) []wire.Finding {
	var found []wire.Finding
	for part, role := range node.DataRoles() {
		for _, c := range f.Node.Of(part) {
			if _, known := f.Node.DatabaseOf(role, ""); known || slices.ContainsFunc(f.Node.Databases, func(d postgres.Database) bool { return d.Role == role }) {
				continue
			}
			found = append(found, wire.Finding{ID: "database-of-" + c.Ref.Name, Verdict: wire.Undetermined, Text: "where " + c.Ref.Name + " has its database is not known: its environment does not say it",
				Next: "What is proven here does not cover it: find out where its data is, and whether it is of the same backup"})
		}
	}
	return found
}

// positionsNow are how far the databases have got that the restore will replace, those that answer. They are read before anything is
// changed, to know afterwards that it is the same participant. A damaged one that does not answer is no reason to stop.
func positionsNow(ctx context.Context, w steps.World, f Facts) []postgres.Position {
	var found []postgres.Position
	for _, d := range f.Node.Databases {
		if d.Role != postgres.Participant {
			continue
		}
		if p, err := w.Databases.Position(ctx, d); err == nil && p.Known() {
			p.Name, p.Role, p.From = d.Name, d.Role, "before the restore"
			found = append(found, p)
		}
	}
	return found
}

// stamp is what an earlier restore wrote into the participant's database, and when that was.
func stamp(ctx context.Context, w steps.World, f Facts) (text string, at time.Time) {
	for _, d := range f.Node.Databases {
		if d.Role != postgres.Participant {
			continue
		}
		stored, _, err := w.Databases.Databases(ctx, d.Server)
		if err != nil {
			continue
		}
		for _, s := range stored {
			_, rest, ok := strings.Cut(s.Comment, action.StampWord)
			if s.Name != d.Name || !ok || !strings.HasPrefix(s.Comment, "svrescue run ") {
				continue
			}
			word, _, _ := strings.Cut(rest, ";")
			if t, err := time.Parse(time.RFC3339, word); err == nil {
				return s.Comment, t
			}
		}
	}
	return "", time.Time{}
}

// straddle says whether the set mixes data from before and from after an earlier restore: offsets began anew in between, so neither
// order nor offsets tell anything about such a set.
func straddle(s backup.Set, text string, at time.Time) wire.Finding {
	f := wire.Finding{ID: "earlier-restore", Verdict: wire.Holds, Text: "an earlier run restored this participant on " + at.Format("2006-01-02 15:04 MST") + ", and all of the set is from one side of that",
		Evidence: []wire.Evidence{{Source: "comment of the participant's database", Seen: text}}}
	begin, end := s.Begin(), s.End()
	switch {
	case begin.IsZero() || len(s.Dumps) > 0:
		f.Verdict = wire.Undetermined
		f.Text = "an earlier run restored this participant on " + at.Format("2006-01-02 15:04 MST") + ", and whether all of the set is from before or from after that is not known"
		f.Next = "Offsets from before and after it do not compare: make sure that apps and participant were backed up on the same side of it"
	case begin.Before(at) && end.After(at):
		f.Verdict = wire.Violated
		f.Text = "the set mixes data from before and after " + at.Format("2006-01-02 15:04 MST") + ", when an earlier run restored this participant: offsets began anew there and do not compare"
		f.Next = "Choose a set that was taken wholly before or wholly after it"
	}
	return f
}

// sameParticipant compares whose ledger it is with what the node had before.
func sameParticipant(positions []postgres.Position, f Facts) []wire.Finding {
	var found []wire.Finding
	for _, p := range positions {
		if p.Role != postgres.Participant {
			continue
		}
		found = append(found, sameAsBefore(p, f))
	}
	return found
}

func sameAsBefore(p postgres.Position, f Facts) wire.Finding {
	before := ""
	for _, b := range f.Before {
		if b.Name == p.Name {
			before = b.Participant
		}
	}
	if p.Participant == "" {
		return wire.Finding{ID: "participant", Verdict: wire.Undetermined, Text: "whose ledger " + p.Name + " holds is not known: it has no participant in it",
			Next: "Make sure that it is this node's, of this network"}
	}
	{
		evidence := []wire.Evidence{{Source: "participant in " + p.Name + " (" + p.From + ")", Seen: p.Participant}}
		switch {
		case before == "":
			verdict := wire.Attention
			if name, _, _ := strings.Cut(strings.TrimPrefix(p.Participant, "PAR::"), "::"); name != f.Node.Subject.SV {
				verdict = wire.Undetermined // nothing at all says that it is this node's
			}
			return wire.Finding{ID: "participant", Verdict: verdict, Text: "the data is of participant " + p.Participant + "; what the node's was could not be read to compare",
				Next: "Compare it with what you know of this node, such as its identities backup or the participant in the SV UI", Evidence: evidence}
		case before != p.Participant:
			return wire.Finding{ID: "participant", Verdict: wire.Violated, Text: fmt.Sprintf("the data is of participant %s, and this node's is %s", p.Participant, before),
				Next: "These backups are of another node, or of an earlier life of this one. This cannot be overridden", Evidence: evidence}
		}
		return wire.Finding{ID: "participant", Verdict: wire.Holds, Text: "the data is of this node's participant", Evidence: evidence}
	}
}
