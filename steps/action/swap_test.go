package action

import (
	"context"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
)

// shelf is a database server of which only names and comments matter.
type shelf struct {
	steps.DatabaseReader
	steps.DatabaseWriter
	stored  []postgres.Stored
	renamed []postgres.Rename
}

func (s *shelf) Databases(context.Context, postgres.Server) ([]postgres.Stored, string, error) {
	return s.stored, "15.4", nil
}

func (s *shelf) Rename(_ context.Context, _ postgres.Server, names []postgres.Rename) error {
	s.renamed = names
	return nil
}

// A database is taken away from its name only where the one that takes its place is there: loaded whole on the way there, the old one, if
// one was kept, on the way back.
func TestSwapNeverLeavesANameEmpty(t *testing.T) {
	const run, name = "run-1", "cantonnet_sv"
	fresh, old, mark := postgres.NewName(name, run), postgres.OldName(name, run), Mark(run)+" loaded from x"
	for title, c := range map[string]struct {
		back, kept bool
		stored     []postgres.Stored
		want       []postgres.Rename
		refused    string
	}{
		"there":                         {stored: []postgres.Stored{{Name: name}, {Name: fresh, Comment: mark}}, want: []postgres.Rename{{From: name, To: old}, {From: fresh, To: name}}},
		"there, half loaded":            {stored: []postgres.Stored{{Name: name}, {Name: fresh}}, refused: "is not loaded whole"},
		"there, done before":            {stored: []postgres.Stored{{Name: name, Comment: mark}, {Name: old}}},
		"back":                          {back: true, kept: true, stored: []postgres.Stored{{Name: name, Comment: mark}, {Name: old}}, want: []postgres.Rename{{From: name, To: fresh}, {From: old, To: name}}},
		"back, the old one was dropped": {back: true, kept: true, stored: []postgres.Stored{{Name: name, Comment: mark}}, refused: old + ", the old database, is not there any more"},
		"back, there was none before":   {back: true, stored: []postgres.Stored{{Name: name, Comment: mark}}, want: []postgres.Rename{{From: name, To: fresh}}},
		"back, done before":             {back: true, kept: true, stored: []postgres.Stored{{Name: name}, {Name: fresh, Comment: mark}}},
	} {
		t.Run(title, func(t *testing.T) {
			s := &shelf{stored: c.stored}
			swap := SwapDatabases{Names: []string{name}, Run: run, Back: c.back}
			if c.kept {
				swap.Kept = []string{name}
			}
			err := swap.Do(t.Context(), steps.Hands{World: steps.World{Databases: s}, Databases: s}, nil)
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("error %v, want %q", err, c.refused)
			}
			if !slices.Equal(s.renamed, c.want) {
				t.Errorf("renamed %v, want %v", s.renamed, c.want)
			}
		})
	}
}
