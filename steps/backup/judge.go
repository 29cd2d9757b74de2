package backup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// Retention is how far behind a node can be and still catch up: sequencers prune what is older. 30 days is the reference
// value; each SV sets its own (reference/backups.md 3).
const Retention = 30 * 24 * time.Hour

// Judge says whether the set can be restored: whole, ready, in order by its data or its clocks, of the present migration, and young
// enough to catch up. An order that the data contradicts cannot be overridden; one that only the clocks contradict, and an age,
// can, with a reason. Data that tells the order outranks the clocks.
func Judge(s Set, n node.Node, now time.Time) []wire.Finding {
	found := []wire.Finding{whole(s, n), ready(s)}
	found = append(found, ordered(s, n)...)
	return append(found, migration(s, n), young(s, n, now))
}

// Restorable says whether nothing that Judge finds forbids the set.
func Restorable(findings []wire.Finding) bool {
	v := wire.WorstVerdict(findings)
	return v == wire.Holds || v == wire.Attention
}

func whole(s Set, n node.Node) wire.Finding {
	f := wire.Finding{ID: "whole", Verdict: wire.Holds, Evidence: evidence(s), Text: "every store of the node has a source: " + sources(s)}
	var wrong []string
	databases, claims := s.Open(n)
	for _, d := range databases {
		wrong = append(wrong, "nothing for database "+d.String())
	}
	onlyChain := len(databases) == 0 && len(s.Twice) == 0
	for _, claim := range claims {
		wrong = append(wrong, "no snapshot of "+claim)
		c, _ := n.Claim(claim)
		onlyChain = onlyChain && slices.Equal(c.Parts, []node.Part{node.CometBFT})
	}
	for _, claim := range s.Twice {
		wrong = append(wrong, "several snapshots of "+claim)
	}
	for _, d := range s.Dumps {
		if !d.Whole {
			wrong = append(wrong, strings.Join(append([]string{d.File + " is not whole"}, d.Problems...), ": "))
			onlyChain = false
		}
	}
	if len(wrong) > 0 {
		f.Verdict, f.Text = wire.Violated, "the set is not whole: "+strings.Join(wrong, "; ")
		f.Next = "Choose another set"
		if onlyChain {
			f.Next = "Choose a set that has it. Dump files never do: the blocks of CometBFT are in no database"
			f.Waive = "CometBFT goes on with the volume that it has now (upstream restores all components; a volume that is younger than the rest is not tried there)"
		}
	}
	return f
}

// sources counts what a set is made of.
func sources(s Set) string {
	var parts []string
	snapshots := 0
	for _, m := range s.Members {
		if !m.Empty {
			snapshots++
		}
	}
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(snapshots, "snapshot", "snapshots")
	add(len(s.Dumps), "dump", "dumps")
	add(len(s.Managed), "managed server", "managed servers")
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func ready(s Set) wire.Finding {
	f := wire.Finding{ID: "ready", Verdict: wire.Holds, Text: "every snapshot is ready to use"}
	if s.Run == "" {
		f.Text = "no snapshot is used"
	}
	var wrong []string
	for _, m := range s.Members {
		switch {
		case m.Empty:
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

// ordered is the order by data where all of it can be read before the restore, and by clock.
func ordered(s Set, n node.Node) []wire.Finding {
	clock := order(s)
	if clock.Verdict == wire.Violated {
		clock.Waive = "the clocks are known to be wrong, and the order of the backups is known from elsewhere"
	}
	positions := s.Positions()
	tells := func(role func(postgres.Role) bool) bool {
		return slices.ContainsFunc(positions, func(p postgres.Position) bool { return role(p.Role) })
	}
	if !tells(func(r postgres.Role) bool { return r == postgres.Participant }) || !tells(postgres.Role.App) {
		return []wire.Finding{clock, {ID: postgres.OffsetOrder, Verdict: wire.Attention,
			Text: "how far apps and participant had got cannot be read from this set before it is restored",
			Next: "The restored databases are compared before any app starts"}}
	}
	proof := postgres.Prove(positions)
	if unproven := withoutPosition(s, n); len(unproven) > 0 {
		proof = append(proof, wire.Finding{ID: postgres.OffsetOrder, Verdict: wire.Attention, Text: "how far " + strings.Join(unproven, ", ") + " had got cannot be read from this set before it is restored",
			Next: "The restored databases are compared before any app starts; until then only the clocks tell"})
	} else if Restorable(proof) && !Restorable([]wire.Finding{clock}) {
		clock.Verdict, clock.Waive = wire.Attention, ""
		clock.Text += ". The offsets in the data are in order, which outranks the clocks"
		clock.Next = "Nothing to do; the databases are compared once more before any app starts"
	}
	return append(proof, clock)
}

// withoutPosition are the apps of the node whose data in the set does not show how far they had got.
func withoutPosition(s Set, n node.Node) []string {
	var found []string
	for _, d := range n.Databases {
		if from, ok := s.Dump(d); d.Role.App() && (!ok || from.Position == nil) {
			found = append(found, d.Name)
		}
	}
	return found
}

// migration compares the annotation that upstream's backup script writes with the node (reference/deployment.md 8.1).
// From 0.6.2 on the migration ID is frozen and the node's number is the serial ID: a difference says nothing then.
func migration(s Set, n node.Node) wire.Finding {
	f := wire.Finding{ID: "migration", Verdict: wire.Holds, Text: "nothing in the set is of another migration than the node"}
	for _, d := range s.Dumps {
		if d.Name != "" && d.Name != d.Database.Name {
			f.Verdict = wire.Attention
			f.Text = fmt.Sprintf("the dump calls its database %s, and the node has %s: a number in these names is a migration or serial ID", d.Name, d.Database.Name)
			f.Next = "A set from before a migration or an upgrade can be restored only while the old synchronizer still runs"
		}
	}
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

// young compares the age of the set with the retention of the sequencers. What is left is the runway: after it, only
// re-onboarding is left (reference/backups.md 3).
func young(s Set, n node.Node, now time.Time) wire.Finding {
	period, from := Retention, "the reference value; what the network keeps was not read"
	if n.Retention.Period > 0 {
		period, from = n.Retention.Period, n.Retention.From+"; other SVs may keep less"
	}
	begin := s.Begin()
	f := wire.Finding{ID: "age", Verdict: wire.Holds, Evidence: []wire.Evidence{
		{Source: "oldest data of the set", Seen: begin.Format(time.RFC3339)}, {Source: "retention of the sequencers", Seen: span(period) + " (" + from + ")"}}}
	left := period - now.Sub(begin)
	switch {
	case begin.IsZero():
		f.Verdict, f.Text, f.Next = wire.Undetermined, "the age of the set is not known", "Find out when it was taken: what is older than the retention of the sequencers cannot catch up"
	case left < 0:
		f.Verdict, f.Next = wire.Violated, "Choose a younger set; if there is none, re-onboard with the identities backup"
		f.Text = fmt.Sprintf("the set is %s old, and sequencers keep %s (%s): the node could not catch up", span(now.Sub(begin)), span(period), from)
		f.Waive = "the sequencers of this network are known to keep more than " + span(period)
	default:
		f.Text = fmt.Sprintf("the set is %s old; sequencers keep %s (%s), so %s are left to catch up", span(now.Sub(begin)), span(period), from, span(left))
	}
	return f
}

// span is a length of time as a person says it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	if h := int(d.Hours()) % 24; h > 0 && d < 10*24*time.Hour {
		return fmt.Sprintf("%d d %d h", int(d.Hours()/24), h)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func evidence(s Set) []wire.Evidence {
	var all []wire.Evidence
	for _, m := range s.Members {
		if m.Empty {
			all = append(all, wire.Evidence{Source: "pvc/" + m.Claim, Seen: "made new and empty, for dumps"})
			continue
		}
		seen := "not ready"
		if m.Snapshot.Ready {
			seen = "ready"
		}
		if m.Snapshot.RestoreSize.Bytes > 0 {
			seen += ", " + m.Snapshot.RestoreSize.Text
		}
		all = append(all, wire.Evidence{Source: "volumesnapshot " + m.Snapshot.Name, Seen: seen + ", cut " + m.Taken.Format(time.RFC3339)})
	}
	for _, d := range s.Dumps {
		seen := d.Kind + " dump for " + d.Database.String()
		if d.Version != "" {
			seen += ", of PostgreSQL " + d.Version
		}
		all = append(all, wire.Evidence{Source: d.File, Seen: seen})
	}
	for _, m := range s.Managed {
		all = append(all, wire.Evidence{Source: m.Server.String(), Seen: "restored outside, to " + m.Target.Format(time.RFC3339)})
	}
	return all
}
