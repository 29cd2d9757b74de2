// Package backup finds backups of an SV node, groups them into sets, and says whether a set can be restored. It is pure:
// what it is given was read elsewhere.
package backup

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
)

// migrationID is the annotation that upstream's backup script writes (reference/deployment.md 8.3).
const migrationID = "migrationId"

// Member is the snapshot of one claim in a set.
type Member struct {
	Claim    string        `json:"claim"`
	Owner    string        `json:"owner"` // workload
	Parts    []node.Part   `json:"parts"`
	Snapshot kube.Snapshot `json:"snapshot"`
	// Taken is when the storage cut the snapshot, from its content where that is known to the nanosecond, else to the
	// second. Zero: not known.
	Taken time.Time `json:"taken,omitzero"`
	Exact bool      `json:"exact"` // Taken is finer than a second
	// Migration is the annotation of upstream's backup script; empty where there is none.
	Migration string `json:"migration,omitempty"`
	// Empty says that the claim is made new and without data, because dumps are loaded into it: there is no snapshot then.
	Empty bool `json:"empty,omitempty"`
}

// Set is what a node is restored from: the snapshots of one backup run, dump files, the backups of a managed service, or a
// mix of them. Each store of the node has one source in it.
type Set struct {
	Run     string   `json:"run,omitempty"` // what the snapshot names end in: "1767232800"; empty: no snapshot is used
	Members []Member `json:"members,omitempty"`
	Missing []string `json:"missing,omitempty"` // claims without a snapshot in this run
	Twice   []string `json:"twice,omitempty"`   // claims with more than one

	Dumps   []Dump    `json:"dumps,omitempty"`
	Managed []Managed `json:"managed,omitempty"`
}

// Sets groups the snapshots of the node's claims by the run they belong to: a run names its snapshots CLAIM-RUN
// (reference/deployment.md 8.3). Newest first. Snapshots of other claims, and those whose name does not begin with their
// claim, are not in any set; their names are returned as loose. A snapshot that names no claim was brought in by hand from what the
// storage has, as on another cluster, where there is no claim yet: its name alone tells which claim it is of.
func Sets(n node.Node, snapshots []kube.Snapshot, contents []kube.SnapshotContent) (sets []Set, loose []string) {
	exact := map[string]time.Time{}
	for _, c := range contents {
		if c.Taken != nil {
			exact[c.Name] = *c.Taken
		}
	}
	byRun := map[string][]Member{}
	for _, s := range snapshots {
		source := s.SourceClaim
		if source == "" {
			source = namedAfter(n, s.Name)
		}
		claim, known := n.Claim(source)
		run, named := strings.CutPrefix(s.Name, source+"-")
		if !known || !named || run == "" {
			if known {
				loose = append(loose, s.Name)
			}
			continue
		}
		id := s.Annotations[migrationID]
		s.Meta = node.Lean(s.Meta)
		m := Member{Migration: id, Claim: claim.Name, Owner: claim.Owner, Parts: claim.Parts, Snapshot: s}
		if t, ok := exact[s.Content]; ok {
			m.Taken, m.Exact = t, t.Nanosecond() != 0
		} else if s.Taken != nil {
			m.Taken = *s.Taken
		}
		if s.SourceClaim == "" && !m.Taken.Before(s.Created) {
			// A driver that cannot tell when the storage cut it says when it was brought in, which would prove a false order.
			m.Taken, m.Exact = time.Time{}, false
		}
		byRun[run] = append(byRun[run], m)
	}
	for _, run := range slices.Sorted(maps.Keys(byRun)) {
		set := Set{Run: run}
		for _, claim := range n.Claims {
			var of []Member
			for _, m := range byRun[run] {
				if m.Claim == claim.Name {
					of = append(of, m)
				}
			}
			switch len(of) {
			case 0:
				set.Missing = append(set.Missing, claim.Name)
			case 1:
				set.Members = append(set.Members, of[0])
			default:
				set.Twice = append(set.Twice, claim.Name)
			}
		}
		sets = append(sets, set)
	}
	slices.SortStableFunc(sets, func(a, b Set) int {
		if c := b.End().Compare(a.End()); c != 0 {
			return c
		}
		return cmp.Compare(b.Run, a.Run)
	})
	return sets, loose
}

// namedAfter is the claim with whose name a snapshot's name begins; the longest where there are several, empty if there is none.
func namedAfter(n node.Node, snapshot string) string {
	found := ""
	for _, c := range n.Claims {
		if strings.HasPrefix(snapshot, c.Name+"-") && len(c.Name) > len(found) {
			found = c.Name
		}
	}
	return found
}

// Member returns the snapshot of a claim.
func (s Set) Member(claim string) (Member, bool) {
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.Claim == claim })
	if i < 0 {
		return Member{}, false
	}
	return s.Members[i], true
}
