package backup

import (
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// Dump is a dump file that is loaded into one database of the node.
type Dump struct {
	Database postgres.Database `json:"database"` // as the node has it
	File     string            `json:"file"`     // absolute
	// Name is the database as the dump calls it, where it says so.
	Name     string    `json:"name,omitempty"`
	Kind     string    `json:"kind"` // custom, directory, plain, cluster
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Whole    bool      `json:"whole"`
	// Started is when the dump began: what its database held then is what it holds. Zero: not known, or its zone is not.
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`    // zero: not known
	Version string    `json:"version,omitempty"` // of the server that was dumped
	Dumper  string    `json:"dumper,omitempty"`  // version of pg_dump
	// Extensions are those that loading it installs.
	Extensions []string `json:"extensions,omitempty"`
	// Position is nil where the data of the dump does not tell it.
	Position *postgres.Position `json:"position,omitempty"`
	Problems []string           `json:"problems,omitempty"`
}

// Managed is a server outside the cluster that is restored outside, to a point in time.
type Managed struct {
	Server postgres.Server `json:"server"`
	Target time.Time       `json:"target"`
	// Apps and Participant say whose data is on it.
	Apps        bool `json:"apps,omitempty"`
	Participant bool `json:"participant,omitempty"`
}

// Dump returns the dump of a database.
func (s Set) Dump(d postgres.Database) (Dump, bool) {
	i := slices.IndexFunc(s.Dumps, func(x Dump) bool { return same(x.Database, d) })
	if i < 0 {
		return Dump{}, false
	}
	return s.Dumps[i], true
}

// Loads says whether dumps are loaded into databases of this server.
func (s Set) Loads(server postgres.Server) bool {
	return slices.ContainsFunc(s.Dumps, func(d Dump) bool { return d.Database.Server.String() == server.String() })
}

// Fills says whether a claim gets data from a snapshot of the set.
func (s Set) Fills(claim string) bool {
	m, ok := s.Member(claim)
	return ok && !m.Empty
}

func same(a, b postgres.Database) bool {
	return a.Name == b.Name && a.Server.String() == b.Server.String()
}

// Open are the databases of the node that no source of the set brings back yet, and the claims of other stores for which
// that is so.
func (s Set) Open(n node.Node) (databases []postgres.Database, claims []string) {
	for _, c := range n.Claims {
		if s.Fills(c.Name) {
			continue
		}
		if server, ok := serverOf(n, c); ok {
			for _, d := range n.On(server) {
				if _, dumped := s.Dump(d); !dumped {
					databases = append(databases, d)
				}
			}
			if len(n.On(server)) > 0 {
				continue
			}
		}
		claims = append(claims, c.Name)
	}
	for _, server := range n.Servers() {
		if !server.Managed() || slices.ContainsFunc(s.Managed, func(m Managed) bool { return m.Server.String() == server.String() }) {
			continue
		}
		for _, d := range n.On(server) {
			if _, dumped := s.Dump(d); !dumped {
				databases = append(databases, d)
			}
		}
	}
	return databases, claims
}

// serverOf is the database server whose data a claim holds.
func serverOf(n node.Node, c node.Claim) (postgres.Server, bool) {
	for _, s := range n.Servers() {
		if s.Workload != "" && s.Workload == c.Owner {
			return s, true
		}
	}
	return postgres.Server{}, false
}

// Anew makes the claims of a server empty members of the set: the dumps are loaded into new volumes.
func (s *Set) Anew(n node.Node, server postgres.Server) {
	for _, c := range n.Claims {
		if c.Owner != server.Workload || s.Fills(c.Name) {
			continue
		}
		s.Members = append(s.Members, Member{Claim: c.Name, Owner: c.Owner, Parts: c.Parts, Empty: true, Snapshot: kube.Snapshot{}})
	}
}

// Begin is when the oldest data of the set was cut; zero when none of it is known.
func (s Set) Begin() time.Time {
	var first time.Time
	for _, t := range s.times() {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// End is when the youngest data of the set was cut; zero when none of it is known.
func (s Set) End() time.Time {
	var last time.Time
	for _, t := range s.times() {
		if t.After(last) {
			last = t
		}
	}
	return last
}

func (s Set) times() []time.Time {
	var all []time.Time
	for _, m := range s.Members {
		all = append(all, m.Taken)
	}
	for _, d := range s.Dumps {
		all = append(all, d.Started)
	}
	for _, m := range s.Managed {
		all = append(all, m.Target)
	}
	return slices.DeleteFunc(all, time.Time.IsZero)
}

// Positions are what the data of the set tells of itself.
func (s Set) Positions() []postgres.Position {
	var all []postgres.Position
	for _, d := range s.Dumps {
		if d.Position != nil {
			p := *d.Position
			p.Name, p.Role, p.From = d.Database.Name, d.Database.Role, "dump"
			all = append(all, p)
		} else if d.Database.Role == postgres.Participant || d.Database.Role.App() {
			all = append(all, postgres.Position{Role: d.Database.Role, Name: d.Database.Name, From: "dump", Why: "its dump does not show it"})
		}
	}
	return all
}
