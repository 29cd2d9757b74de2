package backup

import (
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// cut is one source of the set and when its data was cut. Of a dump only its beginning is known: what it holds was cut a little
// later, and when it was finished its file does not say.
type cut struct {
	store       string // what was cut at one moment: a claim, a dump file, a server
	name        string // for people
	app         bool
	participant bool
	at          time.Time // zero: not known
	exact       bool      // finer than a second
	until       time.Time // of a dump: when it was finished; zero: as at
	open        bool      // at is the earliest it can have been, and until is not known
	why         string    // why at is not known
}

// end is the latest moment that is known of the cut.
func (c cut) end() time.Time {
	if c.until.IsZero() {
		return c.at
	}
	return c.until
}

func cuts(s Set) []cut {
	var all []cut
	for _, m := range s.Members {
		if m.Empty {
			continue
		}
		all = append(all, cut{store: "claim " + m.Claim, name: m.Snapshot.Name, at: m.Taken, exact: m.Exact,
			app:         slices.ContainsFunc(m.Parts, func(p node.Part) bool { return slices.Contains(node.AppParts, p) }),
			participant: slices.Contains(m.Parts, node.Participant), why: "the time of " + m.Snapshot.Name + " is not known"})
	}
	for _, d := range s.Dumps {
		all = append(all, cut{store: "dump " + d.File + " " + d.Database.Name, name: d.File, at: d.Started, until: d.Ended, open: d.Ended.IsZero(), app: d.Database.Role.App(),
			participant: d.Database.Role == postgres.Participant, why: "when " + d.File + " was made is not known: its header has no zone, or no time"})
	}
	for _, m := range s.Managed {
		all = append(all, cut{store: "server " + m.Server.String(), name: m.Server.String(), at: m.Target, app: m.Apps, participant: m.Participant,
			why: "to which time " + m.Server.String() + " is restored is not known"})
	}
	return all
}

// order compares the clocks: the last source with data of an app must be strictly older than the first with data of the
// participant (reference/deployment.md 8.1). Apps and participant in one snapshot of one claim, or on one server restored to one
// time, are cut at one moment, which is consistent by itself.
func order(s Set) wire.Finding {
	var apps, participant []cut
	shared := 0
	for _, c := range cuts(s) {
		if c.app {
			apps = append(apps, c)
		}
		if c.participant {
			participant = append(participant, c)
		}
		if c.app && c.participant {
			shared++
		}
	}
	f := wire.Finding{ID: "order", Next: "Choose another set: one in which the apps were backed up strictly before the participant"}
	switch {
	case len(apps) == 0 || len(participant) == 0:
		f.Verdict, f.Text = wire.Undetermined, "the set does not show both a backup of the apps and one of the participant"
		return f
	case shared > 1:
		f.Verdict, f.Text = wire.Undetermined, "several claims hold data of both apps and participant, so their order means nothing"
		return f
	case len(apps) == 1 && len(participant) == 1 && shared == 1:
		return wire.Finding{ID: "order", Verdict: wire.Holds, Text: "apps and participant were cut together, at one moment: " + apps[0].name}
	}
	for _, c := range append(slices.Clone(apps), participant...) {
		if c.at.IsZero() {
			f.Verdict, f.Text = wire.Undetermined, c.why
			return f
		}
		f.Evidence = append(f.Evidence, wire.Evidence{Source: c.name, Seen: "cut at " + c.at.Format(time.RFC3339Nano)})
	}
	// The pair of different stores that is closest to breaking the rule decides.
	var lastApp, first cut
	var a, p time.Time
	for _, app := range apps {
		for _, part := range participant {
			if app.store == part.store {
				continue
			}
			x, y := app.end(), part.at
			if !app.exact || !part.exact { // compare what both clocks can show
				x, y = x.Truncate(time.Second), y.Truncate(time.Second)
			}
			if lastApp.store == "" || y.Sub(x) < p.Sub(a) {
				lastApp, first, a, p = app, part, x, y
			}
		}
	}
	switch {
	case a.Before(p) && lastApp.open:
		f.Verdict = wire.Undetermined
		f.Text = fmt.Sprintf("%s was begun %s before the participant's backup, but a dump does not say when it was finished", lastApp.name, apart(first.at.Sub(lastApp.at)))
	case a.Before(p):
		f.Verdict, f.Next = wire.Holds, ""
		f.Text = fmt.Sprintf("apps were cut %s before the participant", apart(first.at.Sub(lastApp.end())))
	case a.Equal(p):
		f.Verdict = wire.Undetermined
		f.Text = "apps and participant were cut in the same second: which came first cannot be told"
	default:
		f.Verdict = wire.Violated
		f.Text = fmt.Sprintf("the order is reversed: the participant was cut %s before the apps. Restored so, the node comes up healthy and is silently wrong",
			apart(lastApp.end().Sub(first.at)))
	}
	return f
}

// apart is the time between two cuts, which may be milliseconds.
func apart(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Microsecond).String()
	}
	return span(d)
}
