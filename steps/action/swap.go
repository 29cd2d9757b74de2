package action

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// CompareLoaded proves, before anything is put in place, that what was loaded stands where its dump stood, and that no app is
// ahead of its participant.
type CompareLoaded struct {
	Databases []postgres.Database  // under the names that the node uses
	Expected  []*postgres.Position // of their dumps, in the same order; nil: not known
	Run       string
}

func (c CompareLoaded) Key() string         { return "compare what was loaded" }
func (c CompareLoaded) Effect() wire.Effect { return wire.Observe }
func (c CompareLoaded) Refs() []steps.Ref   { return nil }
func (c CompareLoaded) Show() wire.Preview {
	return wire.Preview{Title: "compare what was loaded with its dumps, and apps with participant", After: "nothing is changed"}
}

func (c CompareLoaded) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: c.Key(), Verdict: wire.Undetermined, Text: "it can be compared only when it is loaded"}}, nil
}

// Probe never finds it done: it is proof, which is worth most when it is fresh.
func (c CompareLoaded) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionPending, nil, nil
}

func (c CompareLoaded) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var found []postgres.Position
	for i, d := range c.Databases {
		if d.Role != postgres.Participant && !d.Role.App() {
			continue
		}
		report(wire.Progress{Text: d.Name})
		p, err := c.position(ctx, h.World, d)
		if err != nil {
			return err
		}
		found = append(found, p)
		if want := c.Expected[i]; want != nil && want.Known() && !p.Equal(*want) {
			e := postgres.Evidence([]postgres.Position{p, *want})
			return &steps.Problem{Tried: "comparing " + d.Name + " with its dump", Seen: fmt.Sprintf("loaded: %s; in the dump: %s", e[0].Seen, e[1].Seen),
				Next: "Nothing was put in place. Load it again"}
		}
	}
	for _, f := range postgres.Prove(found) {
		if f.Verdict == wire.Violated {
			return &steps.Problem{Tried: "comparing apps with participant", Seen: f.Text, Next: "Nothing was put in place. " + f.Next}
		}
	}
	return nil
}

// position looks under the new name, and, where the names were changed already, under the old one.
func (c CompareLoaded) position(ctx context.Context, w steps.World, d postgres.Database) (postgres.Position, error) {
	stored, _, err := w.Databases.Databases(ctx, d.Server)
	if err != nil {
		return postgres.Position{}, err
	}
	loaded := d
	if name := postgres.NewName(d.Name, c.Run); slices.ContainsFunc(stored, func(x postgres.Stored) bool { return x.Name == name }) {
		loaded.Name = name
	}
	p, err := w.Databases.Position(ctx, loaded)
	p.Name, p.From = d.Name, "loaded"
	return p, err
}

// SwapDatabases puts the loaded databases of one server in the place of the old ones, which keep their data under another name: all in one
// transaction. Back does the reverse.
type SwapDatabases struct {
	Server postgres.Server
	Names  []string // as the node uses them
	Run    string
	Back   bool
	// Kept are the names of which the old database was kept. On the way back none of them is taken away from its name unless its old one is there.
	Kept []string
	// Stopped are the workloads that use the databases. None may want a replica: one that runs would go on with what it knows of the other
	// data.
	Stopped []kube.WorkloadRef
}

func (s SwapDatabases) Key() string {
	if s.Back {
		return "put back the old databases of " + s.Server.String()
	}
	return "put the loaded databases of " + s.Server.String() + " in place"
}
func (s SwapDatabases) Effect() wire.Effect { return wire.Repeatable }

func (s SwapDatabases) Refs() []steps.Ref {
	var changes []postgres.Change
	for _, name := range s.Names {
		for _, r := range s.pair(name) {
			changes = append(changes, postgres.Change{Verb: "rename", Server: s.Server.String(), Name: r.From, To: r.To})
		}
	}
	return steps.SQLRefs(changes...)
}

// pair are the two changes of names for one database, in an order in which no name is taken.
func (s SwapDatabases) pair(name string) []postgres.Rename {
	fresh, old := postgres.NewName(name, s.Run), postgres.OldName(name, s.Run)
	if s.Back {
		return []postgres.Rename{{From: name, To: fresh}, {From: old, To: name}}
	}
	return []postgres.Rename{{From: name, To: old}, {From: fresh, To: name}}
}

func (s SwapDatabases) Show() wire.Preview {
	p := wire.Preview{Title: s.Key(), Before: strings.Join(s.Names, ", ") + " as they are",
		After: "the loaded ones under these names; the old ones are kept as " + postgres.OldName("…", s.Run)}
	var all []postgres.Rename
	for _, name := range s.Names {
		all = append(all, s.pair(name)...)
	}
	p.Commands = postgres.ShowRename(all)
	if s.Back {
		p.After = "the old ones again; the loaded ones as " + postgres.NewName("…", s.Run)
	}
	return p
}

func (s SwapDatabases) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Undetermined, Text: s.Key() + " can be tried only when they are loaded"}}, nil
}

// Probe tells by the mark which database is the loaded one. All of a server change in one transaction, so they are found in one state,
// or somebody else has been there.
func (s SwapDatabases) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stored, _, err := w.Databases.Databases(ctx, s.Server)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	in := 0
	for _, name := range s.Names {
		if _, swapped := marked(stored, name, s.Run); swapped {
			in++
		}
	}
	evidence := []wire.Evidence{{Source: s.Server.String(), Seen: fmt.Sprintf("%d of %d loaded databases are in place", in, len(s.Names))}}
	done := len(s.Names)
	if s.Back {
		done = 0
	}
	switch in {
	case done:
		return wire.ActionDone, evidence, nil
	case len(s.Names) - done:
		return wire.ActionPending, evidence, nil
	}
	return wire.ActionPartly, evidence, nil
}

// Do changes the names of those that have not changed them yet. A database is never taken away from its name unless the one that
// takes its place is loaded whole, or, on the way back, unless it is one that was loaded.
func (s SwapDatabases) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	for _, ref := range s.Stopped {
		now, there, err := h.World.Kube.Workload(ctx, ref.Kind, ref.Namespace, ref.Name)
		if err != nil {
			return err
		}
		if there && now.Replicas != 0 {
			return &steps.Problem{Tried: s.Key(), Seen: fmt.Sprintf("%s wants %d replicas again, and its databases must not change under it", ref, now.Replicas),
				Next: "Nothing was changed. Find out who scaled it up, and scale it down again"}
		}
	}
	stored, _, err := h.World.Databases.Databases(ctx, s.Server)
	if err != nil {
		return err
	}
	var renames []postgres.Rename
	for _, name := range s.Names {
		_, swapped := marked(stored, name, s.Run)
		if swapped != s.Back {
			continue
		}
		if fresh := postgres.NewName(name, s.Run); !s.Back {
			if _, whole := marked(stored, fresh, s.Run); !whole {
				return &steps.Problem{Tried: s.Key(), Seen: fresh + " is not loaded whole", Next: "Nothing was changed. Load it again"}
			}
		} else if old := postgres.OldName(name, s.Run); slices.Contains(s.Kept, name) {
			if there, _ := marked(stored, old, s.Run); !there {
				return &steps.Problem{Tried: s.Key(), Seen: old + ", the old database, is not there any more: it was released or dropped",
					Next: "Nothing was changed. Find out who dropped it; without it the loaded database is the only one of this name"}
			}
		}
		for _, r := range s.pair(name) {
			if there, _ := marked(stored, r.From, s.Run); there {
				renames = append(renames, r)
			}
		}
	}
	if len(renames) == 0 {
		return nil
	}
	return h.Databases.Rename(ctx, s.Server, renames)
}

// Stamp writes into a database that its offsets begin anew: those from before a restore do not compare with those after it
// (reference/deployment.md 8.1). Off takes the stamp away.
type Stamp struct {
	Database postgres.Database
	Run      string
	Off      bool
	Before   string // the comment that it had before, with Off
}

// StampWord follows the mark in the comment of a stamped database; the time follows it.
const StampWord = " restored at "

func (s Stamp) Key() string {
	if s.Off {
		return "take the stamp off " + s.Database.String()
	}
	return "stamp " + s.Database.String()
}
func (s Stamp) Effect() wire.Effect { return wire.Repeatable }
func (s Stamp) Refs() []steps.Ref {
	return steps.SQLRefs(postgres.Change{Verb: "comment", Server: s.Database.Server.String(), Name: s.Database.Name})
}

func (s Stamp) Show() wire.Preview {
	p := wire.Preview{Title: s.Key(), After: "a comment on the database that says when and by which run it was restored", Commands: postgres.ShowComment(s.Database.Name, Mark(s.Run)+StampWord+"…")}
	if s.Off {
		p.After, p.Commands = "the comment as it was", postgres.ShowComment(s.Database.Name, s.Before)
	}
	return p
}

func (s Stamp) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Undetermined, Text: s.Key() + " can be tried only when it is restored"}}, nil
}

func (s Stamp) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	stored, _, err := w.Databases.Databases(ctx, s.Database.Server)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	comment := ""
	for _, d := range stored {
		if d.Name == s.Database.Name {
			comment = d.Comment
		}
	}
	evidence := []wire.Evidence{{Source: "comment of " + s.Database.String(), Seen: comment}}
	if strings.HasPrefix(comment, Mark(s.Run)+StampWord) != s.Off {
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (s Stamp) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	text := s.Before
	if !s.Off {
		text = Mark(s.Run) + StampWord + h.World.Clock.Now().UTC().Format("2006-01-02T15:04:05Z") + "; offsets from before do not compare with offsets from after"
	}
	return h.Databases.Comment(ctx, s.Database.Server, s.Database.Name, text)
}
