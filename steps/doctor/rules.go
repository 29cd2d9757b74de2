package doctor

import (
	"maps"
	"slices"
	"time"
)

const (
	// cadence is how old a backup may be: every 4 hours (reference/deployment.md 8.1).
	cadence = 4 * time.Hour
	// maxSkew is how far clocks may be apart before ages mean little.
	maxSkew = 30 * time.Second
)

// IDs are the names of all conditions, in the order in which they are told.
func IDs() []string {
	var ids []string
	for _, r := range rules() {
		ids = append(ids, r.id)
	}
	return ids
}

// rules are all conditions (reference/backups.md 4), in the order in which they are told.
func rules() []rule {
	all := []rule{
		{id: "recovery-route", title: "There is at least one way to recover",
			consequence: "If the node is lost now, its assets are lost with it.",
			fix:         "Take a database backup, the apps before the participant, and fetch an identities backup from the SV app (/v0/admin/domain/identities-dump).", judge: route},
		{id: "backup-set", title: "A backup set is whole and in order",
			consequence: "A full node cannot be restored from backups; what is left is to re-onboard, which loses what only the databases hold.",
			fix:         "Run the backup again, the apps first, and wait until they are done before the participant's begins; then: svrescue backup check, or svrescue plan restore.", judge: taken("backup-set")},
		{id: "backup-age", title: "The newest usable set is not older than 4 hours",
			consequence: "What happened since then has to be caught up from the network, and users onboarded since then are missing.",
			fix:         "See why the backups stopped, and take one now.", judge: age},
		{id: "backup-managed", title: "Servers outside the cluster are backed up by their provider",
			consequence: "The set is not whole without them.",
			fix:         "Look at the backups at the provider, and declare what you saw.", judge: managed},
		{id: "backup-spacing", title: "Backup sets lie closer together than what is kept",
			consequence: "What happened between two sets further apart is in none of them, once the node has pruned it.",
			fix:         "Keep a set about every two weeks.", judge: spacing},
		{id: "backup-synchronizer", title: "A usable set is of the synchronizer that runs",
			consequence: "A set from before a migration or an upgrade can be restored only while the old synchronizer's nodes still run.",
			fix:         "Take a backup now, of the synchronizer that runs.", judge: synchronizer},
		{id: "restore-point", title: "The restore point lies inside the history that sequencers keep",
			consequence: "A node restored to it could not catch up any more.",
			fix:         "Take a backup now. If the retention is not known, ask the other SVs for theirs and declare the shortest (retention).", judge: taken("runway")},
		{id: "acknowledgement-age", title: "The sequencers have heard of this node lately",
			consequence: "Sequencers disable a member that is silent for as long as they keep history; its data is whole then, and of no use.",
			fix:         "See that the participant runs and reaches its sequencers.", judge: acknowledged},
		{id: "pruning-schedule", title: "The participant's pruning is configured and known",
			consequence: "How far back the participant's own history goes is not known.",
			fix:         "Set participantPruningSchedule in the values of the validator app.", judge: schedule},
		{id: "identities", title: "An identities backup exists, and is this node's",
			consequence: "Without the databases, the assets could not be recovered.",
			fix:         "Fetch one from the SV app (/v0/admin/domain/identities-dump), and keep it outside the cluster.", judge: taken("identities")},
		{id: "identities-private", title: "Nobody else can read an identities backup",
			consequence: "It holds private keys: whoever reads it can act as this node.",
			fix:         "Take the rights away from others: chmod 600 FILE, and see who had read it.", judge: private},
		{id: "identities-current", title: "The identities backup is newer than the last change of keys",
			consequence: "It would bring back keys that are no longer those of the node.",
			fix:         "Fetch a new identities backup.", judge: current},
		{id: "permissions", title: "The permissions that a recovery needs are there",
			consequence: "In an incident somebody with more rights has to be found first.",
			fix:         "Have a cluster administrator grant them: svrescue plan restore names each.", judge: permissions},
		{id: "token", title: "The SV app takes a token of the right audience",
			consequence: "Identities cannot be fetched, and a re-onboarding cannot be driven.",
			fix:         "Compare oidc.audiences with auth.audience in the values of the apps, and the client's rights at the provider.", judge: token},
		{id: "reachable", title: "A way leads to each of the node's apps",
			consequence: "In an incident the apps cannot be asked.",
			fix:         "See hosts and ca in the configuration, the allow list of the ingress, and the right to forward ports.", judge: hosts},
		{id: "disk", title: "This machine has room for the dumps",
			consequence: "Dumps cannot be taken or unpacked here.",
			fix:         "Make room, or name another folder.", judge: disk},
		{id: "clock", title: "This machine's clock agrees with the cluster's",
			consequence: "Ages of backups are told by it, and would be wrong.",
			fix:         "Correct this machine's clock.", judge: clock},
		{id: "copy-helm-values", title: "A record of the node lies outside the cluster",
			consequence: "A lost cluster would have to be put together from memory.",
			fix:         "svrescue record FOLDER, after every upgrade, away from the cluster.", judge: recorded},
	}
	for _, kind := range slices.Sorted(maps.Keys(CopyKinds())) {
		what := CopyKinds()[kind]
		all = append(all, rule{id: "copy-" + kind, title: "A copy outside the cluster: " + what,
			consequence: "If the cluster is lost, it is lost with it.", fix: "Keep a copy where the cluster's loss does not reach it, and declare where.",
			judge: func(l look) finding { return kept(l, kind, what) }})
	}
	return append(all,
		rule{id: "users-since-backup", title: "Users onboarded since the newest set", informational: true,
			consequence: "They have to be onboarded again by hand after a restore.", judge: users},
		rule{id: "parties", title: "Parties that a re-onboarding does not carry over", informational: true,
			consequence: "They stay behind where the node is re-onboarded, and need a restore from databases.", judge: parties})
}
