package evidence

import (
	"context"
	"fmt"
	"regexp"
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
	found := make([]triage.Database, len(wanted))
	var all sync.WaitGroup
	for i, d := range wanted {
		found[i] = triage.Database{Name: d.Name, Role: d.Role}
		f := &found[i]
		all.Go(func() { f.State, f.Seen = l.tables(ctx, d) })
	}
	all.Wait()
	if !slices.ContainsFunc(found, func(f triage.Database) bool { return f.State == triage.DatabaseGone }) {
		return found
	}
	stored, err := l.stored(ctx, s)
	if err != nil { // then what the server has besides is not known, and that it does not have this one is
		return found
	}
	for i := range found {
		if f := &found[i]; f.State == triage.DatabaseGone {
			if others := likes(f.Name, stored, wanted); len(others) > 0 {
				f.State, f.Seen = triage.DatabaseOther, plain.Line(strings.Join(others, " and "))
			}
		}
	}
	return found
}

var numbered = regexp.MustCompile(`_\d+$`)

// likes are databases of a server that nobody names, and that have the name of one that is missing but for the number at its end: that is the
// migration or serial ID (reference/deployment.md 3.6).
func likes(name string, stored []postgres.Stored, wanted []postgres.Database) (others []string) {
	stem := numbered.ReplaceAllString(name, "")
	for _, s := range stored {
		named := slices.ContainsFunc(wanted, func(d postgres.Database) bool { return d.Name == s.Name })
		if !named && s.Name != name && numbered.ReplaceAllString(s.Name, "") == stem {
			others = append(others, s.Name)
		}
	}
	return others
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
