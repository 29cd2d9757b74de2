package postgres

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// Prove compares the apps with the participant that they read from (reference/backups.md 1): no app may have read further than
// the participant has written, and none may stand before what the participant has pruned. A reversed pair starts without
// any error and is silently wrong, so nothing else shows it. One finding for each app, or one that says what is missing.
func Prove(positions []Position) []wire.Finding {
	var participants, apps []Position
	for _, p := range positions {
		switch {
		case p.Role == Participant:
			participants = append(participants, p)
		case p.Role.App():
			apps = append(apps, p)
		}
	}
	missing := func(text, next string) []wire.Finding {
		return []wire.Finding{{ID: OffsetOrder, Verdict: wire.Undetermined, Text: text, Next: next, Evidence: Evidence(positions)}}
	}
	switch {
	case len(participants) == 0:
		return missing("the ledger end of the participant is not known: no participant database was read", "The order of the backups cannot be proven from their data")
	case len(participants) > 1:
		return missing("several participant databases were read: "+names(participants)+", and which one the apps read from is not known", "Name the one that belongs to this set")
	case !participants[0].Known():
		return missing("the ledger end of "+participants[0].Name+" is not known: "+participants[0].Why, "The order of the backups cannot be proven from their data")
	case len(apps) == 0:
		return missing("no database of an app was read", "The order of the backups cannot be proven from their data")
	}
	participant, newest := participants[0], newestMigration(apps)
	var found []wire.Finding
	for _, app := range apps {
		f := prove(app, participant, newest)
		f.Evidence = Evidence([]Position{app, participant})
		found = append(found, f)
	}
	return found
}

// OffsetOrder is the id of the findings of Prove; those about one app have its name behind it.
const OffsetOrder = "offset-order"

func newestMigration(apps []Position) *int64 {
	var newest *int64
	for _, a := range apps {
		if a.MigrationID != nil && (newest == nil || *a.MigrationID > *newest) {
			newest = a.MigrationID
		}
	}
	return newest
}

func prove(app, participant Position, newest *int64) wire.Finding {
	f := wire.Finding{ID: OffsetOrder + "-" + app.Name}
	end := *participant.LedgerEnd
	switch {
	case !app.Known():
		f.Verdict, f.Text = wire.Undetermined, fmt.Sprintf("how far %s has read is not known: %s", app.Name, app.Why)
		f.Next = "It cannot be proven that it is not ahead of its participant"
	case *app.LastIngested > end:
		f.Verdict = wire.Violated
		f.Text = fmt.Sprintf("%s has read to offset %d, but %s ends at %d: the pair is reversed. Started so, the node comes up healthy and is silently wrong",
			app.Name, *app.LastIngested, participant.Name, end)
		f.Next = "Take an older backup of the app, or a newer one of the participant. This cannot be overridden"
	case *app.MigrationID < *newest:
		f.Verdict = wire.Undetermined
		f.Text = fmt.Sprintf("%s has no rows of migration %d, which another app of this set has: an older migration proves nothing", app.Name, *newest)
		f.Next = "The backups are of different times, or this one is not whole"
	case participant.PrunedUpTo != nil && *app.LastIngested < *participant.PrunedUpTo:
		f.Verdict = wire.Violated
		f.Text = fmt.Sprintf("%s has read to offset %d, and %s has pruned up to %d: what it would have to read next is gone",
			app.Name, *app.LastIngested, participant.Name, *participant.PrunedUpTo)
		f.Next = "Take a newer backup of the app, or an older one of the participant. This cannot be overridden"
	default:
		f.Verdict = wire.Holds
		f.Text = fmt.Sprintf("%s has read to offset %d, %s ends at %d", app.Name, *app.LastIngested, participant.Name, end)
		if participant.PrunedUpTo != nil && *app.Behind < *participant.PrunedUpTo {
			f.Verdict = wire.Attention
			f.Text += fmt.Sprintf("; one of its stores stands at %d, before what was pruned (%d)", *app.Behind, *participant.PrunedUpTo)
			f.Next = "A store of a user who is gone stands still for ever, which is no fault; a store in use could not go on"
		}
	}
	return f
}

func names(positions []Position) string {
	var all []string
	for _, p := range positions {
		all = append(all, p.Name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// Evidence are the readings in a form to show.
func Evidence(positions []Position) []wire.Evidence {
	var all []wire.Evidence
	for _, p := range positions {
		seen := p.Why
		switch {
		case p.Role == Participant && p.Known():
			seen = fmt.Sprintf("ledger end %d", *p.LedgerEnd)
			if p.PrunedUpTo != nil {
				seen += fmt.Sprintf(", pruned up to %d", *p.PrunedUpTo)
			}
		case p.Known():
			seen = fmt.Sprintf("read to %d in migration %d", *p.LastIngested, *p.MigrationID)
		}
		source := string(p.Role) + " " + p.Name
		if p.From != "" {
			source += " (" + p.From + ")"
		}
		all = append(all, wire.Evidence{Source: source, Seen: seen})
	}
	return all
}
