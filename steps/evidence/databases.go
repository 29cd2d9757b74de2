package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/triage"
)

// readDatabases asks each server what it has, and each database for its tables.
func readDatabases(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	servers := n.Servers()
	var mu sync.Mutex
	var seen []triage.Database
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() {
			found := l.server(ctx, s, n.On(s))
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, found...)
		})
	}
	all.Wait()
	d := triage.Databases{Reading: l.reading("databases"), All: seen}
	if len(servers) > 0 {
		d.Source = fmt.Sprintf("%d database servers", len(servers))
		if len(servers) == 1 {
			d.Source = "1 database server"
		}
	}
	deliver(func(e *triage.Evidence) { e.Databases = d })
	return nil
}

// server tells the state of the databases that one server should have.
func (l *look) server(ctx context.Context, s postgres.Server, wanted []postgres.Database) []triage.Database {
	stored, _, err := l.databases.Databases(ctx, s)
	found := make([]triage.Database, len(wanted))
	var all sync.WaitGroup
	for i, d := range wanted {
		found[i] = triage.Database{Name: d.Name, Role: d.Role}
		f := &found[i]
		switch {
		case err != nil:
			f.State, f.Seen = stateOf(err)
		case !slices.ContainsFunc(stored, func(s postgres.Stored) bool { return s.Name == d.Name }):
			f.State, f.Seen = triage.DatabaseGone, "the server does not have it"
		default:
			all.Go(func() { f.State, f.Seen = l.tables(ctx, d) })
		}
	}
	all.Wait()
	return found
}

// tables says whether a database has what its role must have.
func (l *look) tables(ctx context.Context, d postgres.Database) (triage.DatabaseState, string) {
	if d.Role != postgres.Participant && !d.Role.App() { // these have no table that is known by name
		empty, err := l.databases.Empty(ctx, d)
		switch {
		case err != nil:
			return stateOf(err)
		case empty:
			return triage.DatabaseGone, "it is empty"
		}
		return triage.DatabaseWhole, ""
	}
	p, err := l.databases.Position(ctx, d)
	switch {
	case err != nil:
		return stateOf(err)
	case strings.HasPrefix(p.Why, "the server has no database"), strings.HasPrefix(p.Why, "there is no table"):
		return triage.DatabaseGone, plain.Line(p.Why)
	case !p.Known() && strings.Contains(p.Why, "permission denied"):
		return triage.DatabaseSilent, plain.Line(p.Why)
	}
	return triage.DatabaseWhole, plain.Line(p.Why)
}

// stateOf an error: only a server that says itself that its data is damaged is believed to be.
func stateOf(err error) (triage.DatabaseState, string) {
	seen := plain.Cut(steps.FailureOf("", err).Seen, 200)
	switch client.KindOf(err) {
	case client.Damaged:
		return triage.DatabaseDamaged, seen
	case client.Missing:
		return triage.DatabaseGone, seen
	}
	return triage.DatabaseSilent, seen
}
