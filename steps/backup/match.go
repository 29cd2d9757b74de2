package backup

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
)

// Match gives each database of the node the dump that is meant for it: the one of its name, else the only one of its role. What
// cannot be told is not guessed: rest says, in sentences, which files are of no database of the node, and clash which
// databases have several dumps.
func Match(n node.Node, artifacts []dump.Artifact) (dumps []Dump, rest, clash []string) {
	of := map[int][]dump.Artifact{} // by the index of the database
	for _, a := range artifacts {
		if !a.Kind.Database() {
			rest = append(rest, aside(a))
			continue
		}
		i, ok := meant(n, a, artifacts)
		if !ok {
			rest = append(rest, strings.Join(append([]string{fmt.Sprintf("%s: its data is of %s, and no one database of this node is meant by that",
				filepath.Base(a.Path), role(a))}, a.Problems...), "; "))
			continue
		}
		of[i] = append(of[i], a)
	}
	for i, d := range n.Databases {
		switch found := of[i]; len(found) {
		case 0:
		case 1:
			dumps = append(dumps, made(d, found[0]))
		default:
			var files []string
			for _, a := range found {
				files = append(files, filepath.Base(a.Path))
			}
			clash = append(clash, fmt.Sprintf("%s has %d dumps: %s", d, len(files), strings.Join(files, ", ")))
		}
	}
	slices.Sort(rest)
	return dumps, rest, clash
}

// meant is the database of the node that a dump is for.
func meant(n node.Node, a dump.Artifact, all []dump.Artifact) (int, bool) {
	var ofRole []int
	for i, d := range n.Databases {
		if a.Database != "" && d.Name == a.Database && (a.Role == d.Role || a.Role == postgres.Unknown) {
			return i, true
		}
		if d.Role == a.Role {
			ofRole = append(ofRole, i)
		}
	}
	if len(ofRole) != 1 || a.Role == postgres.Unknown {
		return 0, false
	}
	// A dump of another name is taken only where none has the right one.
	for _, b := range all {
		if b.Role == a.Role && b.Database == n.Databases[ofRole[0]].Name && a.Database != "" && b.Database != a.Database {
			return 0, false
		}
	}
	return ofRole[0], true
}

func made(d postgres.Database, a dump.Artifact) Dump {
	x := Dump{Database: d, File: a.Path, Name: a.Database, Kind: string(a.Kind), Bytes: a.Size, Modified: a.Modified,
		Whole: a.Complete != nil && *a.Complete, Version: a.ServerVersion, Dumper: a.DumperVersion, Extensions: a.Extensions, Position: a.Position, Problems: a.Problems}
	if a.Complete == nil {
		x.Problems = append(slices.Clone(x.Problems), "whether it is whole cannot be told")
	}
	if a.Started != nil && a.Started.ZoneKnown {
		x.Started = a.Started.Wall
	}
	if a.Ended != nil && a.Ended.ZoneKnown {
		x.Ended = a.Ended.Wall
	}
	return x
}

// aside is a file that holds no database, in words.
func aside(a dump.Artifact) string {
	what := cmp.Or(strings.Join(a.Problems, "; "), "holds no database")
	if a.Kind == dump.Identities {
		what = "is an identities backup, which another recovery uses"
	}
	return filepath.Base(a.Path) + ": " + what
}

func role(a dump.Artifact) string {
	if a.Role == postgres.Unknown {
		return "an unknown component"
	}
	return "a " + string(a.Role)
}
