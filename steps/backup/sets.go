// Package backup finds backups of an SV node, groups them into sets, and says whether a set can be restored. It is pure:
// what it is given was read elsewhere.
package backup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Retention is how far behind a node can be and still catch up: sequencers prune what is older. 30 days is the reference
// value; each SV sets its own (reference/backups.md 3).
const Retention = 30 * 24 * time.Hour

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
}

// Set is the snapshots of one backup run.
type Set struct {
	Run     string   `json:"run"` // what the snapshot names end in: "1767232800"
	Members []Member `json:"members"`
	Missing []string `json:"missing,omitempty"` // claims without a snapshot in this run
	Twice   []string `json:"twice,omitempty"`   // claims with more than one
}

// Sets groups the snapshots of the node's claims by the run they belong to: a run names its snapshots CLAIM-RUN
// (reference/deployment.md 8.3). Newest first. Snapshots of other claims, and those whose name does not begin with their
// claim, are not in any set; their names are returned as loose.
func Sets(n node.Node, snapshots []kube.Snapshot, contents []kube.SnapshotContent) (sets []Set, loose []string) {
	exact := map[string]time.Time{}
	for _, c := range contents {
		if c.Taken != nil {
			exact[c.Name] = *c.Taken
		}
	}
	byRun := map[string][]Member{}
	for _, s := range snapshots {
		claim, known := n.Claim(s.SourceClaim)
		run, named := strings.CutPrefix(s.Name, s.SourceClaim+"-")
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

// Begin and End are when the first and the last snapshot of the set were cut; zero when none is known.
func (s Set) Begin() time.Time {
	var first time.Time
	for _, m := range s.Members {
		if !m.Taken.IsZero() && (first.IsZero() || m.Taken.Before(first)) {
			first = m.Taken
		}
	}
	return first
}

func (s Set) End() time.Time {
	var last time.Time
	for _, m := range s.Members {
		if m.Taken.After(last) {
			last = m.Taken
		}
	}
	return last
}

// Member returns the snapshot of a claim.
func (s Set) Member(claim string) (Member, bool) {
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.Claim == claim })
	if i < 0 {
		return Member{}, false
	}
	return s.Members[i], true
}

// Judge says whether the set can be restored: whole, ready, apps strictly before the participant, of the present
// migration, and young enough to catch up.
func Judge(s Set, n node.Node, now time.Time) []wire.Finding {
	return []wire.Finding{whole(s, n), ready(s), order(s), migration(s, n), young(s, now)}
}

// Restorable says whether nothing that Judge finds forbids the set.
func Restorable(findings []wire.Finding) bool {
	v := wire.WorstVerdict(findings)
	return v == wire.Holds || v == wire.Attention
}

func whole(s Set, n node.Node) wire.Finding {
	f := wire.Finding{ID: "whole", Verdict: wire.Holds, Text: fmt.Sprintf("the set has one snapshot of each of the %d claims", len(n.Claims)),
		Evidence: evidence(s)}
	var wrong []string
	for _, claim := range s.Missing {
		wrong = append(wrong, "none of "+claim)
	}
	for _, claim := range s.Twice {
		wrong = append(wrong, "several of "+claim)
	}
	if len(wrong) > 0 {
		f.Verdict, f.Text = wire.Violated, "the set is not whole: "+strings.Join(wrong, ", ")
		f.Next = "Choose another set"
	}
	return f
}

func ready(s Set) wire.Finding {
	f := wire.Finding{ID: "ready", Verdict: wire.Holds, Text: "every snapshot is ready to use"}
	var wrong []string
	for _, m := range s.Members {
		switch {
		case m.Snapshot.Error != "":
			wrong = append(wrong, m.Snapshot.Name+" has failed: "+m.Snapshot.Error)
		case m.Snapshot.Deleting != nil:
			wrong = append(wrong, m.Snapshot.Name+" is being deleted")
		case !m.Snapshot.Ready:
			wrong = append(wrong, m.Snapshot.Name+" is not ready")
		}
	}
	if len(wrong) > 0 {
		f.Verdict, f.Text = wire.Violated, strings.Join(wrong, "; ")
		f.Next = "Choose another set, or wait and look again"
	}
	return f
}

// order compares the clocks: the last snapshot with data of an app must be strictly older than the first with data of
// the participant (reference/deployment.md 8.1). Apps and participant in one claim are cut at one moment, which is
// consistent by itself.
func order(s Set) wire.Finding {
	var apps, participant []Member
	shared := 0
	for _, m := range s.Members {
		isApp := slices.ContainsFunc(m.Parts, func(p node.Part) bool { return slices.Contains(node.AppParts, p) })
		isParticipant := slices.Contains(m.Parts, node.Participant)
		if isApp {
			apps = append(apps, m)
		}
		if isParticipant {
			participant = append(participant, m)
		}
		if isApp && isParticipant {
			shared++
		}
	}
	f := wire.Finding{ID: "order", Next: "Choose another set: one in which the apps were backed up strictly before the participant"}
	switch {
	case len(apps) == 0 || len(participant) == 0:
		f.Verdict, f.Text = wire.Undetermined, "the set does not show both an apps and a participant snapshot"
		return f
	case shared > 1:
		f.Verdict, f.Text = wire.Undetermined, "several claims hold data of both apps and participant, so their order means nothing"
		return f
	case len(apps) == 1 && len(participant) == 1 && shared == 1:
		return wire.Finding{ID: "order", Verdict: wire.Holds, Text: "apps and participant share one claim, so one snapshot has both at one moment"}
	}
	for _, m := range append(slices.Clone(apps), participant...) {
		if m.Taken.IsZero() {
			f.Verdict, f.Text = wire.Undetermined, "the time of "+m.Snapshot.Name+" is not known"
			return f
		}
		f.Evidence = append(f.Evidence, wire.Evidence{Source: "volumesnapshot " + m.Snapshot.Name, Seen: "cut at " + m.Taken.Format(time.RFC3339Nano)})
	}
	// The pair of different claims that is closest to breaking the rule decides.
	var lastApp, first Member
	var a, p time.Time
	for _, app := range apps {
		for _, part := range participant {
			if app.Claim == part.Claim {
				continue
			}
			x, y := app.Taken, part.Taken
			if !app.Exact || !part.Exact { // compare what both clocks can show
				x, y = x.Truncate(time.Second), y.Truncate(time.Second)
			}
			if lastApp.Claim == "" || y.Sub(x) < p.Sub(a) {
				lastApp, first, a, p = app, part, x, y
			}
		}
	}
	switch {
	case a.Before(p):
		f.Verdict, f.Next = wire.Holds, ""
		f.Text = fmt.Sprintf("apps were cut %s before the participant", first.Taken.Sub(lastApp.Taken).Round(time.Millisecond))
	case a.Equal(p):
		f.Verdict = wire.Undetermined
		f.Text = "apps and participant were cut in the same second: which came first cannot be told"
	default:
		f.Verdict = wire.Violated
		f.Text = fmt.Sprintf("the order is reversed: the participant was cut %s before the apps. Restored so, the node comes up healthy and is silently wrong",
			lastApp.Taken.Sub(first.Taken).Round(time.Millisecond))
	}
	return f
}

// migration compares the annotation that upstream's backup script writes with the node (reference/deployment.md 8.1).
// From 0.6.2 on the migration ID is frozen and the node's number is the serial ID: a difference says nothing then.
func migration(s Set, n node.Node) wire.Finding {
	f := wire.Finding{ID: "migration", Verdict: wire.Holds, Text: "the snapshots carry no migration ID that differs from the node's"}
	for _, m := range s.Members {
		id := m.Migration
		if id == "" || n.Serial == "" || id == n.Serial {
			continue
		}
		if !n.SerialIsMigration() {
			f.Verdict = wire.Attention
			f.Text = fmt.Sprintf("the snapshots are of migration %s and the synchronizer has serial %s: from 0.6.2 on these are two numbers, so this does not tell whether the set is older than the last upgrade", id, n.Serial)
			f.Next = "A set from before an upgrade can be restored only while the old synchronizer still runs: compare its age with the day of the last upgrade"
			return f
		}
		f.Verdict = wire.Violated
		f.Text = fmt.Sprintf("%s is of migration %s, the node runs %s", m.Snapshot.Name, id, n.Serial)
		f.Next = "A set from before a migration can be restored only on the old synchronizer, while that still runs"
		return f
	}
	return f
}

func young(s Set, now time.Time) wire.Finding {
	begin := s.Begin()
	f := wire.Finding{ID: "age", Verdict: wire.Holds, Evidence: []wire.Evidence{{Source: "oldest snapshot", Seen: begin.Format(time.RFC3339)}},
		Text: "the set is younger than 30 days, after which sequencers have pruned what it would need to catch up (30 days is the reference value, not read from this network)"}
	switch {
	case begin.IsZero():
		f.Verdict, f.Text, f.Next = wire.Undetermined, "the age of the set is not known", "Choose another set"
	case now.Sub(begin) > Retention:
		f.Verdict, f.Next = wire.Violated, "Choose a younger set; if there is none, re-onboard with the identities backup"
		f.Text = "the set is older than 30 days: the node could not catch up"
	}
	return f
}

func evidence(s Set) []wire.Evidence {
	var all []wire.Evidence
	for _, m := range s.Members {
		seen := "not ready"
		if m.Snapshot.Ready {
			seen = "ready"
		}
		if m.Snapshot.RestoreSize.Bytes > 0 {
			seen += ", " + m.Snapshot.RestoreSize.Text
		}
		all = append(all, wire.Evidence{Source: "volumesnapshot " + m.Snapshot.Name, Seen: seen + ", cut " + m.Taken.Format(time.RFC3339)})
	}
	return all
}
