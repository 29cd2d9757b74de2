package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// askRoom proposes to load beside the old databases where their servers answer and have room for a second copy.
func askRoom(ctx context.Context, w steps.World, open []postgres.Database) (wire.Question, error) {
	q := wire.Question{Name: "room", Kind: wire.AskChoice, Title: "Where are the dumps loaded?", Default: beside,
		Choices: []wire.Choice{
			{ID: beside, Label: "Beside the old databases", Detail: "under new names; they change places in one transaction when all is loaded and checked. Needs running servers and room for both"},
			{ID: anew, Label: "On new, empty volumes", Detail: "the old volumes are kept with all they hold, and can be put back. For servers that do not start, or have no room"},
		}}
	var against []string
	for _, s := range serversOf(open) {
		text, err := tooTight(ctx, w, s, open)
		if err != nil {
			return q, err
		}
		if text != "" {
			against = append(against, text)
		}
	}
	if len(against) > 0 {
		q.Default = anew
		q.Text = strings.Join(against, ". ") + "."
	}
	return q, nil
}

// tooTight says why a second copy of the databases does not fit on their server, empty where it does. An error that may pass is no
// reason: one failed request must not lead to new volumes.
func tooTight(ctx context.Context, w steps.World, s postgres.Server, open []postgres.Database) (string, error) {
	stored, _, err := w.Databases.Databases(ctx, s)
	switch {
	case kube.IsTransient(err):
		return "", err
	case err != nil:
		failure := steps.FailureOf("asking "+s.String(), err)
		return s.String() + " does not answer: " + strings.TrimSuffix(failure.Seen, "."), nil
	}
	free, err := w.Databases.Free(ctx, s)
	switch {
	case kube.IsTransient(err):
		return "", err
	case err != nil:
		return "how much room " + s.String() + " has is not known", nil
	}
	return noRoom(s, stored, open, free), nil
}

// noRoom says why a second copy of the databases does not fit into what is free, empty where it does. What is loaded is also written to the
// server's log of changes, on the same volume, which keeps about 1 GiB of it. A server whose volume becomes full stops, and may not
// start again before there is room: that it fits must be known before.
func noRoom(s postgres.Server, stored []postgres.Stored, open []postgres.Database, free int64) string {
	needed := secondCopy(s, stored, open)
	if free >= needed {
		return ""
	}
	return fmt.Sprintf("%s has %s free, and a second copy of its databases needs about %s", s, action.Size(free), action.Size(needed))
}

// secondCopy is how many bytes the databases of a server take a second time, with what loading them writes to the log of changes.
func secondCopy(s postgres.Server, stored []postgres.Stored, open []postgres.Database) int64 {
	var needed int64
	for _, d := range open {
		i := slices.IndexFunc(stored, func(x postgres.Stored) bool { return x.Name == d.Name })
		if d.Server.String() == s.String() && i >= 0 {
			needed += stored[i].Bytes
		}
	}
	return needed + needed/10 + min(needed, 1<<30)
}

// withDumps are the databases of a server with at least the size of their dumps: what is damaged or gone tells no size.
func withDumps(stored []postgres.Stored, f Facts) []postgres.Stored {
	stored = slices.Clone(stored)
	for _, d := range f.Set.Dumps {
		i := slices.IndexFunc(stored, func(x postgres.Stored) bool { return x.Name == d.Database.Name })
		switch {
		case i < 0:
			stored = append(stored, postgres.Stored{Name: d.Database.Name, Bytes: d.Bytes})
		default:
			stored[i].Bytes = max(stored[i].Bytes, d.Bytes)
		}
	}
	return stored
}

// besideFits proves, before anything is changed, that there is room for the dumps that are loaded beside the old databases on servers in the
// cluster. Of those outside, roomOutside tells.
func besideFits(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if f.Room != beside || len(f.Set.Dumps) == 0 {
		return nil, nil
	}
	var open []postgres.Database
	for _, d := range f.Set.Dumps {
		open = append(open, d.Database)
	}
	var found []wire.Finding
	for _, s := range serversOf(open) {
		if s.Managed() {
			continue
		}
		stored, _, err := w.Databases.Databases(ctx, s)
		if err != nil {
			continue // whether it answers is for the step that loads
		}
		free, err := w.Databases.Free(ctx, s)
		if err != nil {
			found = append(found, wire.Finding{ID: "room-" + s.String(), Verdict: wire.Undetermined, Text: "how much room " + s.String() + " has is not known",
				Next: "Look at its volume: a server whose volume becomes full stops"})
			continue
		}
		if text := noRoom(s, withDumps(stored, f), open, free); text != "" {
			found = append(found, wire.Finding{ID: "room-" + s.String(), Verdict: wire.Violated, Text: text,
				Next:  "Make its volume larger, or answer Backup set again and load on new, empty volumes: a server whose volume becomes full stops, and may not start again",
				Waive: "the dumps are known to be much smaller than what is there now"})
		}
	}
	return found, nil
}
