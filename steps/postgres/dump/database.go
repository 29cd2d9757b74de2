package dump

import (
	"fmt"
	"maps"
	"slices"

	"canton.example/svrescue/steps/postgres"
)

// database is what is found of one database while its dump is read.
type database struct {
	name                         string
	serverVersion, dumperVersion string
	started, ended               *Moment
	complete                     bool
	used                         bool // something of the database itself was seen
	schemas                      map[string]*facts
	extensions                   []string
	problems                     []string
}

// maxSchemas bounds what a file made to fill the memory can do; a node has one or two.
const maxSchemas = 256

func (d *database) schema(name string) *facts {
	if f := d.schemas[name]; f != nil {
		return f
	}
	if d.schemas == nil {
		d.schemas = map[string]*facts{}
	}
	f := newFacts()
	if len(d.schemas) < maxSchemas {
		d.schemas[name] = f
	}
	return f
}

// see notes that a table is there.
func (d *database) see(t table) {
	d.used = true
	if wanted(t.name) != nothing && t.name != descriptorsTable {
		d.schema(t.schema).exists[t.name] = true
	}
}

// installs notes an extension that loading makes.
func (d *database) installs(extension string) {
	if i, there := slices.BinarySearch(d.extensions, extension); !there && extension != "plpgsql" && len(d.extensions) < maxSchemas {
		d.extensions = slices.Insert(d.extensions, i, extension)
	}
}

func (d *database) problem(format string, args ...any) {
	if len(d.problems) < 10 {
		d.problems = append(d.problems, fmt.Sprintf(format, args...))
	}
}

// artifacts are the database's: one, or one for each schema where several tell a role. complete is nil where it is not known.
func (d *database) artifacts(kind Kind, base string, order int, complete *bool) []Artifact {
	a := Artifact{Kind: kind, Order: order, Database: d.name, Role: postgres.Unknown, ServerVersion: d.serverVersion, DumperVersion: d.dumperVersion,
		Started: d.started, Ended: d.ended, Complete: complete, Extensions: d.extensions, Problems: slices.Clone(d.problems)}
	name := d.name
	if name == "" {
		name = base
	}
	var all []Artifact
	for _, schema := range slices.Sorted(maps.Keys(d.schemas)) {
		f := d.schemas[schema]
		role, unclear := f.role(schema)
		if unclear != "" {
			a.Problems = append(a.Problems, unclear)
		}
		if role == postgres.Unknown && !f.exists[offsetsTable] {
			continue
		}
		of := a
		of.Role, of.Schema, of.Position = role, schema, f.position(role, name)
		if role == postgres.Participant && f.bad[parametersTable] == "" {
			of.Ledger = f.published
		}
		all = append(all, of)
	}
	switch len(all) {
	case 0:
		return []Artifact{a}
	case 1:
		all[0].Problems = a.Problems
	default:
		for i := range all { // they share a database: tell them apart
			all[i].Problems = a.Problems
			if all[i].Position != nil {
				all[i].Position.Name += "." + all[i].Schema
			}
		}
	}
	return all
}
