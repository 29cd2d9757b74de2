package backup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

// The checks of a set of dump files (reference/backups.md 1, 2 and 4).
const (
	DumpOffsets  = "backup/offset-order"
	DumpClocks   = "backup/clock-order"
	DumpComplete = "backup/complete"
	DumpAge      = "backup/age"
	DumpCometBFT = "backup/cometbft"
)

// DumpSet is what the checks of a set of dump files found: one finding for each check, in a fixed order, and the verdict over
// those that count.
type DumpSet struct {
	Checks  []wire.Finding
	Counts  map[string]bool // by id
	Verdict wire.Verdict    // Holds, Violated or Undetermined
}

// CheckDumps says whether the artifacts belong together and can be restored. retention is how far behind a node can be and still
// catch up; 0 means that it is not known, and then the age of the dumps counts for nothing. The offsets outrank the clocks:
// what they prove, no clock can refute, and what they refute, nothing can mend.
func CheckDumps(artifacts []dump.Artifact, now time.Time, retention time.Duration) DumpSet {
	offsets := dumpOffsets(artifacts)
	clocks := dumpClocks(artifacts)
	proven := offsets.Verdict == wire.Holds
	if proven && clocks.Verdict != wire.Holds {
		clocks.Next = "This does not count: the offsets prove the order, and they are what the apps and the participant go by"
	}
	age := dumpAge(artifacts, now, retention)
	set := DumpSet{
		Checks: []wire.Finding{offsets, clocks, dumpComplete(artifacts), age, {ID: DumpCometBFT, Verdict: wire.Undetermined,
			Text: "CometBFT keeps its data in files on a volume and not in a database, so no dump can hold them",
			Next: "Look for a snapshot of its volume of the same time; this does not count here"}},
		Counts:  map[string]bool{DumpOffsets: true, DumpClocks: !proven, DumpComplete: true, DumpAge: retention > 0},
		Verdict: wire.Holds,
	}
	var counting []wire.Finding
	for _, f := range set.Checks {
		if set.Counts[f.ID] {
			counting = append(counting, f)
		}
	}
	set.Verdict = wire.WorstVerdict(counting)
	return set
}

// databases are the artifacts that hold one.
func databases(artifacts []dump.Artifact) (all []dump.Artifact) {
	for _, a := range artifacts {
		if a.Kind.Database() {
			all = append(all, a)
		}
	}
	return all
}

func ofRole(artifacts []dump.Artifact, is func(postgres.Role) bool) (all []dump.Artifact) {
	for _, a := range databases(artifacts) {
		if is(a.Role) {
			all = append(all, a)
		}
	}
	return all
}

func participant(r postgres.Role) bool { return r == postgres.Participant }

// dumpOffsets compares how far the apps have read with where the participant ends.
func dumpOffsets(artifacts []dump.Artifact) wire.Finding {
	f := wire.Finding{ID: DumpOffsets, Verdict: wire.Holds}
	var positions []postgres.Position
	var unnamed []string
	for _, a := range databases(artifacts) {
		switch {
		case a.Position == nil:
		case a.Position.Role == postgres.Unknown:
			unnamed = append(unnamed, a.Name())
		default:
			positions = append(positions, *a.Position)
		}
	}
	var texts, nexts []string
	for _, p := range postgres.Prove(positions) {
		texts = append(texts, p.Text)
		if p.Next != "" && !slices.Contains(nexts, p.Next) {
			nexts = append(nexts, p.Next)
		}
		f.Verdict = wire.WorstVerdict([]wire.Finding{f, {Verdict: p.Verdict}})
		f.Evidence = append(f.Evidence, p.Evidence...)
	}
	if len(unnamed) > 0 {
		texts = append(texts, strings.Join(unnamed, ", ")+" holds the stores of an app that is not known, and was not compared")
		nexts = append(nexts, "Compare its store_last_ingested_offsets with the ledger end by hand")
		f.Verdict = wire.WorstVerdict([]wire.Finding{f, {Verdict: wire.Undetermined}})
	}
	if f.Verdict == wire.Attention {
		f.Verdict = wire.Holds
	}
	f.Text, f.Next = strings.Join(texts, "; "), strings.Join(nexts, ". ")
	return f
}

// dumpClocks says whether every app's dump was finished before the participant's began. Only what the files themselves say counts,
// as instants: the times of files change when they are copied, and a clock without a zone is no instant.
func dumpClocks(artifacts []dump.Artifact) wire.Finding {
	f := wire.Finding{ID: DumpClocks, Verdict: wire.Holds}
	participants, apps := ofRole(artifacts, participant), ofRole(artifacts, postgres.Role.App)
	if len(participants) != 1 || len(apps) == 0 {
		f.Verdict = wire.Undetermined
		f.Text = fmt.Sprintf("%s and %s were read: one participant and at least one app are compared", count(len(participants), "participant"), count(len(apps), "app"))
		f.Next = "Name the files of one set"
		return f
	}
	var texts, nexts []string
	for _, app := range apps {
		verdict, text, next := finishedBefore(app, participants[0])
		texts = append(texts, text)
		if next != "" && !slices.Contains(nexts, next) {
			nexts = append(nexts, next)
		}
		f.Verdict = wire.WorstVerdict([]wire.Finding{f, {Verdict: verdict}})
	}
	f.Text, f.Next = strings.Join(texts, "; "), strings.Join(nexts, ". ")
	return f
}

const (
	takeAgain = "Take the backups again, the apps first and the participant after they have ended"
	stateZone = "State the zone of the dumping host's clock with --zone, if all were made on one host"
)

func finishedBefore(app, participant dump.Artifact) (v wire.Verdict, text, next string) {
	a, p := app.Name(), participant.Name()
	if app.InTurn && app.Path == participant.Path {
		switch { // pg_dumpall dumps one database after the other, each in a transaction of its own
		case app.Order < participant.Order:
			return wire.Holds, fmt.Sprintf("%s stands before %s in the same file, and pg_dumpall dumps one after the other", a, p), ""
		case app.Order > participant.Order:
			return wire.Violated, fmt.Sprintf("%s stands behind %s in the same file, so it was dumped after it", a, p), takeAgain
		}
		return wire.Undetermined, fmt.Sprintf("%s and %s are one database", app.Schema, participant.Schema), ""
	}
	began, first := participant.Started, cmp.Or(app.Started, app.Ended)
	for _, x := range []struct {
		of dump.Artifact
		at *dump.Moment
	}{{app, first}, {participant, began}} {
		if x.at == nil {
			return wire.Undetermined, x.of.Name() + " says nowhere when it was dumped" + hint(x.of), "Archives of pg_dump -Fc and -Fd say it"
		}
	}
	if !began.ZoneKnown || !first.ZoneKnown {
		return wire.Undetermined, fmt.Sprintf("%s was begun at %s and %s at %s by the clock of the dumping host, whose zone is not in the files", a, first.Wall.Format(time.DateTime), p, began.Wall.Format(time.DateTime)), stateZone
	}
	at := began.Wall.UTC().Format(time.RFC3339)
	switch ended := app.Ended; {
	case first.Wall.After(began.Wall):
		return wire.Violated, fmt.Sprintf("%s was still dumped or begun at %s, after %s was begun at %s", a, first.Wall.UTC().Format(time.RFC3339), p, at), takeAgain
	case ended != nil && ended.ZoneKnown && ended.Wall.Before(began.Wall):
		return wire.Holds, fmt.Sprintf("%s was finished at %s, before %s was begun at %s", a, ended.Wall.UTC().Format(time.RFC3339), p, at), ""
	case ended != nil && ended.ZoneKnown && ended.Wall.After(began.Wall):
		return wire.Violated, fmt.Sprintf("%s was finished at %s, after %s was begun at %s", a, ended.Wall.UTC().Format(time.RFC3339), p, at), takeAgain
	}
	return wire.Undetermined, fmt.Sprintf("%s was begun at %s and %s at %s, which is the right order, but when %s was finished is not in the file%s", a, first.Wall.UTC().Format(time.RFC3339), p, at, a, hint(app)),
		"Compare with the log of the backup job"
}

// hint is the time of the file, which proves nothing.
func hint(a dump.Artifact) string {
	if a.Modified.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (the file was last changed at %s, which is only a hint)", a.Modified.UTC().Format(time.RFC3339))
}

// dumpComplete says whether every dump is whole, and which databases of a node are not among them. What is missing does not
// count: whether the node has such a database, or has it elsewhere, is not known from files.
func dumpComplete(artifacts []dump.Artifact) wire.Finding {
	f := wire.Finding{ID: DumpComplete, Verdict: wire.Holds}
	worse := func(v wire.Verdict, next string) {
		f.Verdict = wire.WorstVerdict([]wire.Finding{f, {Verdict: v}})
		if f.Next == "" || v == wire.Violated {
			f.Next = next
		}
	}
	var texts []string
	whole := 0
	told := map[string]bool{}
	for _, a := range artifacts {
		name := a.Name()
		problem := ""
		if len(a.Problems) > 0 {
			problem = ": " + strings.TrimSuffix(strings.Join(a.Problems, ". "), ".")
		}
		switch {
		case a.Kind.Database() && a.Complete != nil && *a.Complete:
			whole++
			continue
		case a.Kind.Database() && a.Complete != nil:
			if told[a.Path+problem] { // a damaged file with several databases
				continue
			}
			texts = append(texts, name+" is not whole"+problem)
			worse(wire.Violated, "Take another copy of the file, or another backup; a dump that is not whole cannot be restored")
		case a.Kind.Database():
			texts = append(texts, "whether "+name+" is whole is not known"+problem)
			worse(wire.Undetermined, "See what is said of the file")
		case a.Unread:
			texts = append(texts, name+" was not read"+problem)
			worse(wire.Undetermined, "See what is said of the file")
		case a.Kind == dump.Identities && a.Complete != nil && !*a.Complete:
			texts = append(texts, name+problem+" (identities do not count here)")
		case a.Kind == dump.Unknown && !a.Found:
			texts = append(texts, name+" is no backup"+problem)
			worse(wire.Violated, "Name backup files and folders with them only")
		}
		told[a.Path+problem] = true
	}
	dbs := databases(artifacts)
	switch {
	case len(dbs) == 0:
		texts = append([]string{"there is no dump of a database among the files"}, texts...)
		worse(wire.Undetermined, "Name the files with the dumps")
	case whole == len(dbs):
		texts = append([]string{fmt.Sprintf("%s read to their end", count(whole, "database"))}, texts...)
	default:
		texts = append([]string{fmt.Sprintf("%d of %s read to their end", whole, count(len(dbs), "database"))}, texts...)
	}
	if missing := missingRoles(dbs); len(missing) > 0 && len(dbs) > 0 {
		texts = append(texts, "not among them: "+strings.Join(missing, ", ")+" (this does not count: they may be kept elsewhere)")
	}
	f.Text = strings.Join(texts, "; ")
	return f
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// missingRoles are the databases of an SV node that no artifact holds; of a standalone validator's, if nothing of an SV is there.
func missingRoles(dbs []dump.Artifact) (missing []string) {
	has := func(r postgres.Role) bool {
		return slices.ContainsFunc(dbs, func(a dump.Artifact) bool { return a.Role == r })
	}
	want := []postgres.Role{postgres.Participant, postgres.Validator}
	if has(postgres.SV) || has(postgres.Scan) || has(postgres.Sequencer) || has(postgres.Mediator) {
		want = append(want, postgres.SV, postgres.Scan, postgres.Sequencer, postgres.Mediator)
	}
	for _, r := range want {
		if !has(r) {
			missing = append(missing, string(r))
		}
	}
	return missing
}

// dumpAge says whether the participant's dump is young enough for the node to catch up: sequencers disable members that are silent
// for longer than their retention (reference/backups.md 3).
func dumpAge(artifacts []dump.Artifact, now time.Time, retention time.Duration) wire.Finding {
	f := wire.Finding{ID: DumpAge, Verdict: wire.Undetermined}
	participants := ofRole(artifacts, participant)
	if len(participants) == 0 {
		f.Text, f.Next = "no participant was read, whose dump must not be older than the sequencers' retention", "Name the participant's dump too"
		return f
	}
	var texts []string
	f.Verdict = wire.Holds
	for _, p := range participants {
		at, how, exact := bornAt(p)
		age := now.Sub(at)
		verdict := wire.Holds
		switch {
		case at.IsZero():
			verdict = wire.Undetermined
			texts = append(texts, "when "+p.Name()+" was dumped is not known"+hint(p))
		case age < -time.Hour:
			verdict = wire.Undetermined
			texts = append(texts, fmt.Sprintf("%s %s at %s, which is still to come: the zone or a clock is wrong", p.Name(), how, at.UTC().Format(time.RFC3339)))
		default:
			texts = append(texts, fmt.Sprintf("%s %s at %s, %s ago", p.Name(), how, at.UTC().Format(time.RFC3339), inDays(age)))
			switch {
			case retention <= 0 || age <= retention:
			case exact:
				verdict = wire.Violated
			default:
				verdict = wire.Undetermined
				texts = append(texts, "a node that stood still could have been dumped later, within the stated retention of "+inDays(retention))
			}
		}
		f.Verdict = wire.WorstVerdict([]wire.Finding{f, {Verdict: verdict}})
	}
	f.Text = strings.Join(texts, "; ")
	switch {
	case retention <= 0:
		f.Verdict = wire.Undetermined
		f.Next = "State the sequencers' retention with --retention, else this does not count; the reference value is 30d, each SV sets its own"
	case f.Verdict == wire.Violated:
		f.Text += fmt.Sprintf("; the stated retention is %s", inDays(retention))
		f.Next = "Take a younger backup: the sequencers have disabled a node that was silent for so long, or pruned what it would have to read"
	case f.Verdict == wire.Undetermined:
		f.Next = "Find out when it was taken, from the log of the backup job"
		if slices.ContainsFunc(participants, func(p dump.Artifact) bool { return p.Started != nil }) {
			f.Next = stateZone
		}
	default:
		f.Text += fmt.Sprintf("; the stated retention is %s", inDays(retention))
	}
	return f
}

// bornAt is when a dump was begun, or else when the last event of its ledger was published, before which it cannot have been
// begun. With either the age is never told too small; only the first is exact.
func bornAt(p dump.Artifact) (at time.Time, how string, exact bool) {
	switch {
	case p.Started != nil && p.Started.ZoneKnown:
		return p.Started.Wall, "was begun", true
	case p.Ledger != nil:
		return *p.Ledger, "has the last event of its ledger", false
	}
	return time.Time{}, "", false
}

// inDays is a length of time as operators state retentions.
func inDays(d time.Duration) string {
	if d < 72*time.Hour {
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
