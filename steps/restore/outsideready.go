package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

// outsideReady says whether dumps can be loaded into servers outside the cluster: they answer, their user has the rights that it takes, the
// programs fit, and the participant is the node's. The room is for the operator to look at.
func outsideReady(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	servers := loadedOutside(f)
	if len(servers) == 0 {
		return nil, nil
	}
	found, err := answering(ctx, w, servers)
	if err != nil || wire.WorstVerdict(found) == wire.Violated {
		return found, err
	}
	for _, s := range servers {
		rights, err := w.Databases.Rights(ctx, s)
		if err != nil {
			return nil, err
		}
		stored, version, err := w.Databases.Databases(ctx, s)
		if err != nil {
			return nil, err
		}
		fit, err := programsFit(ctx, w, s, version, f)
		if err != nil {
			return nil, err
		}
		found = slices.Concat(found, allows(s, rights, f), fit, unpacked(s, f), []wire.Finding{roomOutside(s, stored, f)})
	}
	same, err := sameLedger(ctx, w, f)
	return append(found, same...), err
}

// outsideAllows looks at those servers outside the cluster that this machine reaches: what they do not allow is refused before there is a pod.
func outsideAllows(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, s := range loadedOutside(f) {
		rights, err := w.Databases.Rights(ctx, s)
		if err != nil {
			found = append(found, wire.Finding{ID: "rights-" + s.String(), Verdict: wire.Attention, Text: "what may be done on " + s.String() + " is not known yet: this machine does not reach it",
				Next: "It is looked at through a pod, before anything of the node is touched"})
			continue
		}
		found = append(found, allows(s, rights, f)...)
	}
	return found, nil
}

// dumpsOn are the dumps that are loaded into a server.
func dumpsOn(s postgres.Server, f Facts) []backup.Dump {
	return slices.DeleteFunc(slices.Clone(f.Set.Dumps), func(d backup.Dump) bool { return d.Database.Server.String() != s.String() })
}

// allows says whether the user of a server may do what loading beside takes, and whether what the dumps install can be installed.
func allows(s postgres.Server, rights postgres.Rights, f Facts) []wire.Finding {
	var names, wanted []string
	for _, d := range dumpsOn(s, f) {
		names = append(names, d.Database.Name)
		for _, e := range d.Extensions {
			if !slices.Contains(wanted, e) {
				wanted = append(wanted, e)
			}
		}
	}
	var found []wire.Finding
	if missing := rights.Missing(names); len(missing) > 0 {
		found = append(found, wire.Finding{ID: "rights-" + s.String(), Verdict: wire.Violated, Text: "on " + s.String() + ", " + strings.Join(missing, "; "),
			Next: "Have whoever administers the server grant it, and look again; or take this step back, answer Backup set again and let the provider restore the server"})
	} else {
		found = append(found, wire.Finding{ID: "rights-" + s.String(), Verdict: wire.Holds, Text: fmt.Sprintf("%s may make, rename and drop databases on %s, and has the rights of their owners", rights.User, s)})
	}
	absent, untrusted := rights.Cannot(wanted)
	if len(absent) > 0 {
		found = append(found, wire.Finding{ID: "extensions-" + s.String(), Verdict: wire.Violated, Text: fmt.Sprintf("the dumps install %s, which %s does not have", strings.Join(absent, ", "), s),
			Next: "Enable them where the server is managed, and look again"})
	}
	if len(untrusted) > 0 {
		found = append(found, wire.Finding{ID: "extension-rights-" + s.String(), Verdict: wire.Undetermined,
			Text: fmt.Sprintf("the dumps install %s, for which PostgreSQL wants a superuser, and %s on %s is none: whether the provider lets it is not known", strings.Join(untrusted, ", "), rights.User, s),
			Next: "Look at which extensions the provider lets its users install; a dump that does not load leaves the old database as it is"})
	}
	return found
}

// programsFit compares the programs in the pod with the dumps and with the server.
func programsFit(ctx context.Context, w steps.World, s postgres.Server, version string, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "programs-" + s.String(), Verdict: wire.Holds}
	programs, err := w.Databases.Programs(ctx, s)
	switch {
	case kube.IsTransient(err):
		return nil, err
	case err != nil:
		failure := steps.FailureOf("looking at the programs of the pod", err)
		finding.Verdict, finding.Text, finding.Next = wire.Violated, failure.Seen, newImage
		return []wire.Finding{finding}, nil
	}
	finding.Text = fmt.Sprintf("the programs in the pod are of PostgreSQL %d and can load the dumps into %s, PostgreSQL %s", programs, s, version)
	for _, d := range dumpsOn(s, f) {
		if why := postgres.CannotLoad(d.Kind, postgres.ParseVersion(d.Dumper), programs, postgres.ParseVersion(version)); why != "" {
			finding.Verdict, finding.Text, finding.Next = wire.Violated, d.File+" cannot be loaded: "+why, newImage
			break
		}
	}
	return []wire.Finding{finding}, nil
}

const newImage = "Nothing was touched but the pod: take that back, and start a new run that names another image"

// unpacked tells of archives that are unpacked before they are loaded: beside a server there is its volume, in the run's pod there is the disk of
// the machine that it runs on.
func unpacked(s postgres.Server, f Facts) []wire.Finding {
	var found []wire.Finding
	for _, d := range dumpsOn(s, f) {
		if d.Kind == string(dump.Directory) {
			found = append(found, wire.Finding{ID: "unpack-" + d.Database.Name, Verdict: wire.Undetermined,
				Text: fmt.Sprintf("%s is a directory archive of %s, which is unpacked in the pod, on the disk of the machine of the cluster that it runs on: whether that has the room is not known", d.File, action.Size(d.Bytes)),
				Next: "Make sure that it has; or make SQL of it, which needs none, and start a new run: pg_restore --file=dump.sql FOLDER"})
		}
	}
	return found
}

// roomOutside says what can be known of the room on a server outside the cluster, which is not how much is free. It holds once the operator
// has looked, and says so.
func roomOutside(s postgres.Server, stored []postgres.Stored, f Facts) wire.Finding {
	var all int64
	for _, d := range stored {
		all += d.Bytes
	}
	var open []postgres.Database
	var gone []string
	for _, d := range dumpsOn(s, f) {
		open = append(open, d.Database)
		if !slices.ContainsFunc(stored, func(x postgres.Stored) bool { return x.Name == d.Database.Name }) {
			gone = append(gone, fmt.Sprintf("; %s is not there now, and its dump of %s grows as it is loaded", d.Database.Name, action.Size(d.Bytes)))
		}
	}
	finding := wire.Finding{ID: "room-" + s.String(), Verdict: wire.Undetermined,
		Text: fmt.Sprintf("how much room %s has left cannot be measured from here: its databases take %s now, and loading beside them needs about %s more until the old ones are released", s, action.Size(all), action.Size(secondCopy(s, withDumps(stored, f), open))),
		Next: "Look at its free storage where it is managed, and accept with what you have seen. If it is too little, " + freshInstance(s)}
	finding.Text += strings.Join(gone, "")
	for _, d := range stored {
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: d.Name + " on " + s.String(), Seen: action.Size(d.Bytes)})
	}
	return finding
}

// sameLedger compares a participant that only the pod reaches with the set, and looks for the stamp of an earlier restore: before there was
// the pod, that could not be read.
func sameLedger(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	outside := slices.ContainsFunc(f.Set.Dumps, func(d backup.Dump) bool {
		return d.Database.Role == postgres.Participant && d.Database.Server.Managed()
	})
	if !outside {
		return nil, nil
	}
	found := sameParticipant(f.Set.Positions(), f)
	if stamped, at := stamp(ctx, w, f); !at.IsZero() {
		found = append(found, straddle(*f.Set, stamped, at))
	}
	return found, nil
}
