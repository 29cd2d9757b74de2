package backup_test

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

var dumpedAt = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func pointer[T any](v T) *T { return &v }

func moment(minutes int) *dump.Moment {
	return &dump.Moment{Wall: dumpedAt.Add(time.Duration(minutes) * time.Minute), ZoneKnown: true}
}

func whole(role postgres.Role, name string, change func(*dump.Artifact)) dump.Artifact {
	a := dump.Artifact{Path: "/backups/" + name, Kind: dump.Custom, Compression: dump.None, Database: name, Role: role, Schema: string(role), Complete: pointer(true)}
	if change != nil {
		change(&a)
	}
	return a
}

func participantAt(end int64, change func(*dump.Artifact)) dump.Artifact {
	a := whole(postgres.Participant, "participant_0", change)
	a.Position = &postgres.Position{Role: postgres.Participant, Name: a.Name(), LedgerEnd: &end}
	return a
}

func appAt(role postgres.Role, last int64, change func(*dump.Artifact)) dump.Artifact {
	a := whole(role, "cantonnet_"+string(role), change)
	a.Position = &postgres.Position{Role: role, Name: a.Name(), LastIngested: &last, MigrationID: pointer(int64(1)), Behind: &last}
	return a
}

func TestCheckDumps(t *testing.T) {
	started := func(minutes int) func(*dump.Artifact) {
		return func(a *dump.Artifact) { a.Started = moment(minutes) }
	}
	noPosition := func(a dump.Artifact) dump.Artifact {
		p := *a.Position
		a.Position = &postgres.Position{Role: p.Role, Name: p.Name, Why: "it stands in INSERT statements"}
		return a
	}
	inCluster := func(order int) func(*dump.Artifact) {
		return func(a *dump.Artifact) {
			a.Kind, a.Path, a.Order, a.InTurn = dump.Cluster, "/backups/all.sql", order, true
		}
	}
	for _, c := range []struct {
		name      string
		set       []dump.Artifact
		retention time.Duration
		want      wire.Verdict // over all
		check     string       // and of this one
		verdict   wire.Verdict
		detail    string
	}{
		{"app behind", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil)}, 0, wire.Holds, backup.DumpOffsets, wire.Holds, "read to offset 60"},
		{"app ahead", []dump.Artifact{participantAt(59, nil), appAt(postgres.Validator, 62, nil)}, 0, wire.Violated, backup.DumpOffsets, wire.Violated, "reversed"},
		{"one of two ahead", []dump.Artifact{participantAt(59, nil), appAt(postgres.SV, 1, nil), appAt(postgres.Scan, 62, nil)}, 0, wire.Violated, backup.DumpOffsets, wire.Violated, "cannot be overridden"},
		{"no participant", []dump.Artifact{appAt(postgres.SV, 60, nil)}, 0, wire.Undetermined, backup.DumpOffsets, wire.Undetermined, "no participant"},
		{"no app", []dump.Artifact{participantAt(62, nil)}, 0, wire.Undetermined, backup.DumpOffsets, wire.Undetermined, "no database of an app"},
		{"two participants", []dump.Artifact{participantAt(62, nil), participantAt(62, nil), appAt(postgres.SV, 1, nil)}, 0, wire.Undetermined, backup.DumpOffsets, wire.Undetermined, "several participant"},
		{"app of no known name", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 1, nil), appAt(postgres.Unknown, 1, nil)}, 0, wire.Undetermined, backup.DumpOffsets, wire.Undetermined, "was not compared"},
		{"offsets outrank reversed clocks", []dump.Artifact{participantAt(62, started(0)), appAt(postgres.SV, 60, started(9))}, 0, wire.Holds, backup.DumpClocks, wire.Violated, "does not count"},
		{"clocks cannot mend offsets", []dump.Artifact{participantAt(1, inCluster(2)), appAt(postgres.SV, 60, inCluster(1))}, 0, wire.Violated, backup.DumpClocks, wire.Holds, "stands before"},
		{"only clocks, reversed", []dump.Artifact{participantAt(62, started(0)), noPosition(appAt(postgres.SV, 0, started(9)))}, 0, wire.Violated, backup.DumpClocks, wire.Violated, "after participant_0 was begun"},
		{"only starts, in order", []dump.Artifact{participantAt(62, started(9)), noPosition(appAt(postgres.SV, 0, started(0)))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "when cantonnet_sv was finished is not in the file"},
		{"the same second", []dump.Artifact{participantAt(62, started(0)), noPosition(appAt(postgres.SV, 0, started(0)))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "not in the file"},
		{"starts and end, in order", []dump.Artifact{participantAt(62, started(9)), noPosition(appAt(postgres.SV, 0, func(a *dump.Artifact) { a.Started, a.Ended = moment(0), moment(5) }))}, 0, wire.Undetermined, backup.DumpClocks, wire.Holds, "was finished"},
		{"end behind the start", []dump.Artifact{participantAt(62, started(4)), noPosition(appAt(postgres.SV, 0, func(a *dump.Artifact) { a.Started, a.Ended = moment(0), moment(5) }))}, 0, wire.Violated, backup.DumpClocks, wire.Violated, "was finished"},
		{"clocks without a zone", []dump.Artifact{participantAt(62, func(a *dump.Artifact) { a.Started = &dump.Moment{Wall: dumpedAt} }), noPosition(appAt(postgres.SV, 0, started(9)))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "zone"},
		{"no clock", []dump.Artifact{participantAt(62, nil), noPosition(appAt(postgres.SV, 0, nil))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "says nowhere"},
		{"cluster in order", []dump.Artifact{noPosition(appAt(postgres.SV, 0, inCluster(0))), participantAt(62, inCluster(1))}, 0, wire.Undetermined, backup.DumpClocks, wire.Holds, "one after the other"},
		{"cluster reversed", []dump.Artifact{participantAt(62, inCluster(1)), noPosition(appAt(postgres.SV, 0, inCluster(2)))}, 0, wire.Violated, backup.DumpClocks, wire.Violated, "stands behind"},
		{"two cluster files", []dump.Artifact{participantAt(62, inCluster(1)), noPosition(appAt(postgres.SV, 0, func(a *dump.Artifact) { a.Kind, a.Order, a.InTurn = dump.Cluster, 0, true }))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "says nowhere"},
		{"dumps put into one file", []dump.Artifact{participantAt(62, func(a *dump.Artifact) { inCluster(1)(a); a.InTurn = false }), noPosition(appAt(postgres.SV, 0, func(a *dump.Artifact) { inCluster(0)(a); a.InTurn = false }))}, 0, wire.Undetermined, backup.DumpClocks, wire.Undetermined, "says nowhere"},
		{"cut off", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, func(a *dump.Artifact) { a.Complete, a.Problems = pointer(false), []string{"It was cut off."} })}, 0, wire.Violated, backup.DumpComplete, wire.Violated, "cantonnet_sv is not whole: It was cut off;"},
		{"not known whether whole", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, func(a *dump.Artifact) { a.Complete = nil })}, 0, wire.Undetermined, backup.DumpComplete, wire.Undetermined, "is not known"},
		{"missing ones are named", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil)}, 0, wire.Holds, backup.DumpComplete, wire.Holds, "not among them: validator, scan, sequencer, mediator"},
		{"standalone validator", []dump.Artifact{participantAt(62, nil), appAt(postgres.Validator, 60, nil)}, 0, wire.Holds, backup.DumpComplete, wire.Holds, "2 databases read to their end"},
		{"no backup, named", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil), {Path: "notes.txt", Kind: dump.Unknown}}, 0, wire.Violated, backup.DumpComplete, wire.Violated, "notes.txt is no backup"},
		{"no backup, in a folder", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil), {Path: "notes.txt", Kind: dump.Unknown, Found: true}}, 0, wire.Holds, backup.DumpComplete, wire.Holds, ""},
		{"not read, in a folder", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil), {Path: "x.tar", Kind: dump.Unknown, Found: true, Unread: true}}, 0, wire.Undetermined, backup.DumpComplete, wire.Undetermined, "x.tar was not read"},
		{"identities do not count", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil), {Path: "i.json", Kind: dump.Identities, Role: postgres.Participant, Complete: pointer(true)}}, 0, wire.Holds, backup.DumpOffsets, wire.Holds, ""},
		{"nothing but identities", []dump.Artifact{{Path: "i.json", Kind: dump.Identities, Role: postgres.Participant, Complete: pointer(true)}}, 0, wire.Undetermined, backup.DumpComplete, wire.Undetermined, "no dump of a database"},
		{"age without a retention", []dump.Artifact{participantAt(62, started(0)), appAt(postgres.SV, 60, nil)}, 0, wire.Holds, backup.DumpAge, wire.Undetermined, "24 h ago"},
		{"young enough", []dump.Artifact{participantAt(62, started(0)), appAt(postgres.SV, 60, nil)}, 25 * time.Hour, wire.Holds, backup.DumpAge, wire.Holds, "24 h ago"},
		{"too old", []dump.Artifact{participantAt(62, started(0)), appAt(postgres.SV, 60, nil)}, 23 * time.Hour, wire.Violated, backup.DumpAge, wire.Violated, "stated retention"},
		{"age not known", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil)}, 23 * time.Hour, wire.Undetermined, backup.DumpAge, wire.Undetermined, "is not known"},
		{"young by its ledger", []dump.Artifact{participantAt(62, func(a *dump.Artifact) { a.Ledger = &dumpedAt }), appAt(postgres.SV, 60, nil)}, 25 * time.Hour, wire.Holds, backup.DumpAge, wire.Holds, "last event"},
		{"old by its ledger", []dump.Artifact{participantAt(62, func(a *dump.Artifact) { a.Ledger = &dumpedAt }), appAt(postgres.SV, 60, nil)}, 23 * time.Hour, wire.Undetermined, backup.DumpAge, wire.Undetermined, "stood still"},
		{"from the future", []dump.Artifact{participantAt(62, started(2*24*60)), appAt(postgres.SV, 60, nil)}, 23 * time.Hour, wire.Undetermined, backup.DumpAge, wire.Undetermined, "still to come"},
		{"cometbft", []dump.Artifact{participantAt(62, nil), appAt(postgres.SV, 60, nil)}, 0, wire.Holds, backup.DumpCometBFT, wire.Undetermined, "volume"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := backup.CheckDumps(c.set, dumpedAt.Add(24*time.Hour), c.retention)
			if set.Verdict != c.want {
				t.Errorf("verdict %s, want %s: %+v", set.Verdict, c.want, set.Checks)
			}
			var ids []string
			for _, f := range set.Checks {
				ids = append(ids, f.ID)
				if f.Text == "" || f.Waive != "" || f.Verdict == wire.Attention || f.Verdict != wire.Holds && f.Next == "" {
					t.Errorf("%+v", f)
				}
				if f.ID == c.check && (f.Verdict != c.verdict || !strings.Contains(f.Text+". "+f.Next, c.detail)) {
					t.Errorf("%s is %s (%s. %s), want %s with %q", f.ID, f.Verdict, f.Text, f.Next, c.verdict, c.detail)
				}
			}
			if want := "backup/offset-order backup/clock-order backup/complete backup/age backup/cometbft"; strings.Join(ids, " ") != want {
				t.Errorf("checks %q", ids)
			}
		})
	}
}
