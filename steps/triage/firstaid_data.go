package triage

import (
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// What looks like lost data and is none, as long as nobody does the wrong thing next.

// going is for claims that were deleted while a pod uses them: they are whole until it ends.
func going(e Evidence, now time.Time) (all []aid) {
	if !e.Storage.known(now) {
		return nil
	}
	for _, s := range e.Storage.Stores {
		if !s.Going {
			continue
		}
		means := "When that pod ends, for whatever reason, the claim goes, and "
		switch {
		case s.Doomed:
			means += "its volume is deleted with the data of " + list(partNames(s.Parts)) + "."
		case s.Kept:
			means += "its volume is kept and has to be bound again then."
		default:
			means += "with it, for all that could be read, its volume with the data of " + list(partNames(s.Parts)) + "."
		}
		all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "claim-going", Seen: sentence("claim " + s.Claim + " was deleted, and is still there because a pod uses it"), Means: means,
			First:    "Do not restart or stop that pod. Set the reclaim policy of volume " + s.Volume + " to Retain now, and take a backup. Only then stop the pod, and make the claim again with the same name and this volume.",
			Evidence: []string{"storage"}}})
	}
	return all
}

// rebind is for a claim that is gone, or was made anew, while the volume that it had is still there.
func rebind(e Evidence, now time.Time) (all []aid) {
	if !e.Storage.known(now) {
		return nil
	}
	for _, s := range e.Storage.Stores {
		kept := keptFor(e, s, now)
		if s.State != StoreMissing && s.State != StoreLost || len(kept) == 0 {
			continue
		}
		v := kept[0]
		if v.KeptBy != "" {
			all = append(all, aid{FirstAid: FirstAid{ID: "restore-begun", Seen: sentence(fmt.Sprintf("claim %s is gone, and run %s of svrescue has put its volume %s aside", s.Claim, v.KeptBy, v.Name)),
				Means: "A restore was begun and is not finished. What the node had before is on that volume.",
				First: "Find out who began it, and begin no other. On that machine, svrescue resume " + v.KeptBy + " goes on with it, from where it can also be taken back.", Evidence: []string{"storage", "leftover-volumes"}}})
			continue
		}
		all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "volume-kept", Seen: sentence("claim " + s.Claim + " is gone, and its volume " + v.Name + " is still there: " + v.Seen),
			Means: stillThere(v) + " The volume only has to be bound to its claim again, which is safer than any restore.",
			First: "Set the reclaim policy of the volume to Retain now. Scale down what uses the claim, clear the claimRef of the volume, make the claim again with the same name and this volume, and take a snapshot before anything starts.", Evidence: []string{"storage", "leftover-volumes"}}})
	}
	if !e.Databases.known(now) {
		return all
	}
	var told []string
	for _, d := range e.Databases.All {
		s, v, is := replacedStore(e, d.Role, now)
		if d.State != DatabaseGone || !is || slices.Contains(told, s.Claim) {
			continue
		}
		told = append(told, s.Claim)
		all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "volume-kept", Seen: sentence(fmt.Sprintf("claim %s was made anew on the empty volume %s, and its old volume %s is still there: %s", s.Claim, s.Volume, v.Name, v.Seen)),
			Means:    stillThere(v) + " The old volume only has to be bound to the claim again, which is safer than any restore.",
			First:    "Set the reclaim policy of the old volume to Retain now. Scale down what uses the claim and its database server, delete the new claim, clear the claimRef of the old volume, make the claim again with the same name and that volume, and take a snapshot before anything starts.",
			Evidence: []string{"storage", "databases", "leftover-volumes"}}})
	}
	return all
}

func stillThere(v Leftover) string {
	if v.Doomed {
		return "The data is still there, and the cluster deletes it as soon as it can: the reclaim policy of the volume is Delete."
	}
	return "The data is not lost."
}

// otherDatabase is for a server that has not the database that the values name, and another of the same kind.
func otherDatabase(e Evidence, now time.Time) (all []aid) {
	if !e.Databases.known(now) {
		return nil
	}
	for _, d := range e.Databases.All {
		if d.State == DatabaseOther {
			all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "other-database", Seen: sentence(fmt.Sprintf("database %s (%s) is not on its server, which has %s", d.Name, d.Role, d.Seen)),
				Means: "The values most likely name another database than the node had: a changed migration ID, or a changed persistence.databaseName, does that. Then no data is lost.",
				First: "Compare the name of the database in the values with those on the server, and put the value right. Delete neither database, and restore nothing.", Evidence: []string{"databases"}}})
		}
	}
	return all
}

// alone are the parts that run once, and never twice on the same data.
var alone = append([]node.Part{node.Postgres, node.SVApp}, node.SynchronizerParts...)

// twice is for a part of which more than one is to run.
func twice(e Evidence, now time.Time) (all []aid) {
	if !e.Cluster.known(now) {
		return nil
	}
	for _, c := range e.Cluster.Node.Of(alone...) {
		if c.Replicas > 1 {
			all = append(all, aid{FirstAid: FirstAid{ID: "twice", Seen: sentence(fmt.Sprintf("%s is set to run %d times", c.Ref.Name, c.Replicas)),
				Means: "Each part of a node runs once. Two that share their data or their keys contradict each other, and can damage both.",
				First: "Scale it to 1, and wait until only one pod is left. Then look again.", Evidence: []string{"components"}}})
		}
	}
	return all
}

// madeAnew says whether the claim of the participant's database was made after a set was begun and long after the other claims, while that
// database is gone: then sets that are younger than the claim may hold nothing of it.
func madeAnew(e Evidence, now time.Time) (since time.Time, is bool) {
	if !e.Storage.known(now) || !participantGone(e, now) {
		return since, false
	}
	oldest := now
	for _, s := range e.Storage.Stores {
		if !s.Made.IsZero() && s.Made.Before(oldest) {
			oldest = s.Made
		}
	}
	for _, s := range e.Storage.Stores {
		if slices.Contains(s.Parts, node.Participant) && !s.Made.IsZero() && s.Made.Sub(oldest) > time.Hour {
			return s.Made, true
		}
	}
	return since, false
}

// participantGone says whether the participant's database server answers and does not have it.
func participantGone(e Evidence, now time.Time) bool {
	return e.Databases.known(now) && slices.ContainsFunc(e.Databases.All, func(d Database) bool { return d.Role == postgres.Participant && d.State == DatabaseGone })
}
