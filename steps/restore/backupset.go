package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

// noSnapshot is the choice of a set that uses no volume snapshot.
const noSnapshot = "none"

// Where dumps are loaded.
const (
	beside = "beside" // into new databases on the servers as they run
	anew   = "anew"   // on new, empty volumes
)

// apart is how much earlier than the participant the apps of a managed service are restored, unless the operator says otherwise:
// more than any clock of a provider is off.
const apart = 5 * time.Minute

func backupSet() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/backup-set", Title: "Backup set", Effect: wire.Observe,
		Summary: "Finds volume snapshots, dump files and databases outside the cluster, and puts together what the node is restored from.",
		Asks: []steps.Ask{
			{Name: "set", Kind: wire.AskChoice, Help: "which run of volume snapshots to restore, or none; default: the newest that is whole and in order"},
			{Name: "outside", Kind: wire.AskChoice, Help: "where the databases of servers outside the cluster come from: dumps, provider, or the HOST:PORT, with commas between, of those that are loaded from dumps; default: dumps, where --dumps names a folder with some"},
			{Name: "dumps", Kind: wire.AskText, Help: "the folder with the dumps of the databases that no snapshot brings back"},
			{Name: "room", Kind: wire.AskChoice, Help: "load dumps beside the old databases, or anew on empty volumes; default: beside, where the servers answer and have room"},
			{Name: "managed", Kind: wire.AskText, Help: "the time (RFC 3339) to which a managed participant database is restored; the apps go a little earlier"},
		},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			sets, loose, err := findSets(ctx, w, f)
			if err != nil {
				return nil, err
			}
			if f.SetRun == "" {
				return askSet(sets, loose, f, w.Clock.Now())
			}
			set, err := chosen(sets, f)
			if err != nil {
				return nil, err
			}
			here, outside := openOn(set, f)
			loaded, provided := divide(outside, f)
			switch {
			case len(outside) > 0 && f.Outside == "":
				return []wire.Question{askOutside(serversOf(outside), f.DumpHint)}, nil
			case len(here)+len(loaded) > 0 && f.DumpFolder == "":
				return []wire.Question{askDumps(slices.Concat(here, loaded), f.DumpHint)}, nil
			case len(here) > 0 && f.Room == "":
				q, err := askRoom(ctx, w, here)
				return []wire.Question{q}, err
			case len(provided) > 0 && f.ManagedAt.IsZero():
				return []wire.Question{askManaged(set, provided, w.Clock.Now())}, nil
			}
			return nil, nil
		},
		Take: takeSource,
		Forget: func(f *Facts) {
			if f.DumpFolder != "" {
				f.Chosen++ // the files may be others, even where the folder is the same
			}
			f.SetRun, f.Outside, f.DumpFolder, f.Room, f.ManagedAt, f.Set = "", "", "", "", time.Time{}, nil
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if f.DumpFolder == "" {
				return nil, needNode(f)
			}
			return []steps.Action{action.ReadDumps{Folder: f.DumpFolder, File: f.dumpsFile()}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			sets, _, err := findSets(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			set, err := chosen(sets, *f)
			if err != nil {
				return nil, err
			}
			found, err := complete(&set, w, *f)
			if err != nil {
				return nil, err
			}
			f.Set = &set
			return append(found, wire.Finding{ID: "set", Verdict: wire.Holds, Text: "the set is put together; the next step proves it"}), nil
		},
	}
}

// dumpsFile is what the dump files told, in the run folder.
func (f Facts) dumpsFile() string {
	if f.Chosen == 0 {
		return "backup/dumps.json"
	}
	return fmt.Sprintf("backup/dumps-%d.json", f.Chosen+1)
}

func takeSource(f *Facts, ask, value string) error {
	switch ask {
	case "set":
		f.SetRun = value
	case "outside":
		f.Outside = value
	case "room":
		f.Room = value
	case "dumps":
		folder, err := filepath.Abs(strings.TrimSpace(value))
		if err != nil || value == "" {
			return fmt.Errorf("%q is no path", value)
		}
		if _, err := os.Stat(folder); err != nil {
			return fmt.Errorf("%s cannot be read: %w", folder, errors.Unwrap(err))
		}
		f.DumpFolder = folder
	case "managed":
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(value))
		if err != nil {
			return fmt.Errorf("%q is no time: it looks like 2026-03-10T02:00:00Z", value)
		}
		f.ManagedAt = at.UTC()
	}
	return nil
}

// chosen is the set of the chosen run, so far with its snapshots only.
func chosen(sets []backup.Set, f Facts) (backup.Set, error) {
	if f.SetRun == noSnapshot {
		return backup.Set{}, nil
	}
	i := slices.IndexFunc(sets, func(s backup.Set) bool { return s.Run == f.SetRun })
	if i < 0 {
		return backup.Set{}, &steps.Problem{Tried: "finding backup run " + f.SetRun, Seen: "its snapshots are not there any more",
			Next: "Look who removed them; answer this step again to choose another set"}
	}
	return sets[i], nil
}

// openOn are the databases that the set does not bring back yet, on servers in the cluster and outside.
func openOn(set backup.Set, f Facts) (here, outside []postgres.Database) {
	open, _ := set.Open(*f.Node)
	for _, d := range open {
		if d.Server.Managed() {
			outside = append(outside, d)
		} else {
			here = append(here, d)
		}
	}
	return here, outside
}

// complete adds to the set what its snapshots do not bring: the dumps that were read, and the servers that their provider restores.
func complete(set *backup.Set, w steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	here, outside := openOn(*set, f)
	loaded, provided := divide(outside, f)
	wanted := slices.Concat(here, loaded)
	if f.DumpFolder != "" {
		data, err := w.Files.Read(f.dumpsFile())
		if err != nil {
			return nil, err
		}
		var artifacts []dump.Artifact
		if err := json.Unmarshal(data, &artifacts); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", f.dumpsFile(), err)
		}
		dumps, rest, clash := backup.Match(*f.Node, artifacts)
		if len(clash) > 0 {
			return []wire.Finding{{ID: "dumps", Verdict: wire.Violated, Text: strings.Join(clash, "; "),
				Next: "Put the files of one backup into a folder of their own, and answer this step again with it"}}, nil
		}
		used := 0
		for _, d := range dumps {
			if slices.ContainsFunc(wanted, func(o postgres.Database) bool {
				return o.Name == d.Database.Name && o.Server.String() == d.Database.Server.String()
			}) {
				set.Dumps = append(set.Dumps, d)
				used++
			}
		}
		finding := wire.Finding{ID: "dumps", Verdict: wire.Holds, Text: fmt.Sprintf("%d of the dumps in %s are loaded", used, f.DumpFolder)}
		for _, r := range rest {
			finding.Verdict, finding.Next = wire.Attention, "Nothing to do if they belong to something else"
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "left aside", Seen: r})
		}
		if len(rest) > 0 {
			finding.Text += fmt.Sprintf("; %d files are left aside", len(rest))
		}
		found = append(found, finding)
		if f.Room == anew {
			for _, s := range f.Node.Servers() {
				if !s.Managed() && set.Loads(s) {
					set.Anew(*f.Node, s)
				}
			}
		}
	}
	if len(provided) > 0 {
		set.Managed = managedServers(provided, f.ManagedAt)
	}
	return found, nil
}

// managedServers are the targets of managed servers: those with apps alone go a little earlier than the participant.
func managedServers(databases []postgres.Database, at time.Time) []backup.Managed {
	var found []backup.Managed
	for _, d := range databases {
		i := slices.IndexFunc(found, func(m backup.Managed) bool { return m.Server.String() == d.Server.String() })
		if i < 0 {
			i = len(found)
			found = append(found, backup.Managed{Server: d.Server})
		}
		found[i].Apps = found[i].Apps || d.Role.App()
		found[i].Participant = found[i].Participant || d.Role == postgres.Participant
	}
	for i := range found {
		found[i].Target = at
		if found[i].Apps && !found[i].Participant {
			found[i].Target = at.Add(-apart)
		}
	}
	return found
}

func findSets(ctx context.Context, w steps.World, f Facts) ([]backup.Set, []string, error) {
	snapshots, err := w.Kube.Snapshots(ctx, f.Namespace)
	if kube.KindOf(err) == kube.NotFound { // a cluster without the VolumeSnapshot API has none
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	contents, err := w.Kube.SnapshotContents(ctx)
	if err != nil && !kube.IsMissing(err) {
		return nil, nil, err
	}
	sets, loose := backup.Sets(*f.Node, snapshots, contents)
	return sets, loose, nil
}

func askSet(sets []backup.Set, loose []string, f Facts, now time.Time) ([]wire.Question, error) {
	q := wire.Question{Name: "set", Kind: wire.AskChoice, Title: "Which backup run is restored?",
		Text: "Newest first. Users who were onboarded after the backup must be onboarded again by hand."}
	for _, set := range sets {
		c := choiceOf(set, f, now)
		if q.Default == "" && c.Refuse == "" && backup.Restorable(backup.Judge(set, *f.Node, now)) {
			q.Default = set.Run
			c.Label += " (newest that is whole)"
		}
		q.Choices = append(q.Choices, c)
	}
	if len(f.Node.Databases) > 0 {
		q.Choices = append(q.Choices, wire.Choice{ID: noSnapshot, Label: "No snapshot",
			Detail: "the databases come from dump files or a managed service; the blocks of CometBFT are in neither"})
	}
	if len(loose) > 0 {
		q.Text += fmt.Sprintf(" %d snapshots of its claims are not named CLAIM-RUN and belong to no run: %s.", len(loose), strings.Join(loose, ", "))
	}
	if len(sets) == 0 {
		q.Text = "There is no VolumeSnapshot of a claim of this node. " + strings.TrimPrefix(q.Text, "Newest first. ")
	}
	if !slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.Refuse == "" }) {
		return nil, &steps.Problem{Tried: "choosing a backup set", Seen: fmt.Sprintf("none of %d can be restored%s", len(sets), newest(q.Choices)),
			Next: "Wait if snapshots are still being made; else look for other backups, or re-onboard with the identities backup"}
	}
	return []wire.Question{q}, nil
}

func newest(choices []wire.Choice) string {
	if len(choices) == 0 {
		return ": there is no VolumeSnapshot of a claim of this node, and where its databases are is not known"
	}
	return "; the newest: " + choices[0].Refuse
}

// choiceOf is a run with what speaks against it. What no dump could make good refuses it; what the operator may answer for is
// said, and proven in the next step.
func choiceOf(set backup.Set, f Facts, now time.Time) wire.Choice {
	c := wire.Choice{ID: set.Run, Label: fmt.Sprintf("%s old, run %s", age(now.Sub(set.Begin())), set.Run),
		Detail: fmt.Sprintf("cut %s to %s, %d of %d claims", set.Begin().Format("2006-01-02 15:04:05"), set.End().Format("15:04:05 MST"),
			len(set.Members), len(f.Node.Claims))}
	here, _ := openOn(set, f)
	_, claims := set.Open(*f.Node)
	for _, finding := range backup.Judge(set, *f.Node, now) {
		if finding.Verdict != wire.Violated && finding.Verdict != wire.Undetermined {
			continue
		}
		switch {
		case finding.ID == "whole" && len(set.Twice) == 0 && (len(here) > 0 || len(claims) == 0):
			c.Detail += fmt.Sprintf("; dumps would be needed for %d databases", len(here))
		case finding.ID == "order" && len(here) > 0: // the dumps decide it
		case finding.Verdict == wire.Undetermined || finding.Waive != "":
			c.Detail += "; " + finding.Text
		default:
			c.Refuse = cmp.Or(c.Refuse, finding.Text)
		}
	}
	return c
}

func askDumps(open []postgres.Database, hint string) wire.Question {
	var names []string
	for _, d := range open {
		names = append(names, d.String())
	}
	proposed := ""
	if hint != "" {
		proposed = "\nProposed: " + hint
	}
	return wire.Question{Name: "dumps", Kind: wire.AskText, Title: "Which folder holds the dumps?", Default: hint,
		Text: "Needed for " + strings.Join(names, ", ") + ". Files of pg_dump and pg_dumpall in any form, compressed or not. They are recognised by what is in them, not by their names. They are read here, on the machine where this runs." + proposed}
}

func serversOf(databases []postgres.Database) []postgres.Server {
	var found []postgres.Server
	for _, d := range databases {
		if !slices.ContainsFunc(found, func(s postgres.Server) bool { return s.String() == d.Server.String() }) {
			found = append(found, d.Server)
		}
	}
	return found
}

// askManaged proposes a time: a minute ago, or, where the participant is restored from something else, its time.
func askManaged(set backup.Set, managed []postgres.Database, now time.Time) wire.Question {
	var names []string
	for _, s := range serversOf(managed) {
		names = append(names, s.String())
	}
	q := wire.Question{Name: "managed", Kind: wire.AskText, Title: "To which time is the managed service restored?",
		Text: "For " + strings.Join(names, ", ") + ", which you restore with the provider's own tools; the commands come in a later step. " +
			"A server with apps but not the participant goes " + age(apart) + " further back. The time must be before the damage. RFC 3339, such as " + now.Add(-time.Hour).UTC().Format(time.RFC3339) + "."}
	if !slices.ContainsFunc(managed, func(d postgres.Database) bool { return d.Role == postgres.Participant }) && !set.Begin().IsZero() {
		q.Default = set.Begin().UTC().Format(time.RFC3339)
	}
	return q
}

// age is a duration as a person says it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
