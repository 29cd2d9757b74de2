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
			fix:         "Take a database backup, the apps before the participant, and fetch an identities backup: svrescue identities fetch FOLDER.",
			learn:       "Let svrescue see what it could not read (the sentence above names it), or make sure at once: svrescue identities fetch FOLDER.", judge: route},
		{id: "backup-set", title: "A backup set is whole and in order",
			consequence: "A full node cannot be restored from backups; what is left is to re-onboard, which loses what only the databases hold.",
			fix:         "Run the backup again, the apps first, and wait until they are done before the participant's begins; then: svrescue backup check, or svrescue plan restore.",
			learn:       "Let svrescue see the backups: the right to list VolumeSnapshots, or backups.folders in svrescue.yaml. Then: svrescue backup check.", judge: taken("backup-set")},
		{id: "backup-age", title: "The newest usable set is not older than 4 hours",
			consequence: "What happened since then has to be caught up from the network, and users onboarded since then are missing.",
			fix:         "See why the backups stopped, and take one now.",
			learn:       "Let svrescue see the backups: the right to list VolumeSnapshots, or backups.folders in svrescue.yaml.", judge: age},
		{id: "backup-managed", title: "Servers outside the cluster are backed up by their provider",
			consequence: "The set is not whole without them.",
			fix:         "Take one at the provider, and see why they stopped; then say so (backups.managed in svrescue.yaml).",
			learn:       "Look at the backups at the provider, and say what you saw and until when it counts; or name a program that prints the time (backups.managed in svrescue.yaml).", judge: managed},
		{id: "backup-spacing", title: "Backup sets lie closer together than what is kept",
			consequence: "What happened between two sets further apart is in none of them, once the node has pruned it.",
			fix:         "Keep a set about every two weeks.",
			learn:       "If the retention is not known, declare the shortest of the network (retention in svrescue.yaml). Keep a set about every two weeks.", judge: spacing},
		{id: "backup-synchronizer", title: "A usable set is of the synchronizer that runs",
			consequence: "A set from before a migration or an upgrade can be restored only while the old synchronizer's nodes still run.",
			fix:         "Take a backup now, of the synchronizer that runs.",
			learn:       "Take a backup now; then svrescue plan restore shows what it is of.", judge: synchronizer},
		{id: "restore-point", title: "The restore point lies inside the history that sequencers keep",
			consequence: "A node restored to it could not catch up any more.",
			fix:         "Take a backup now.",
			learn:       "Ask the other SVs for their retentionPeriod, and declare the shortest (retention in svrescue.yaml).", judge: taken("runway")},
		{id: "acknowledgement-age", title: "The sequencers have heard of this node lately",
			consequence: "Sequencers disable a member that is silent for as long as they keep history; its data is whole then, and of no use.",
			fix:         "See that the participant runs and reaches its sequencers.",
			learn:       "Declare the shortest retention of the network (retention in svrescue.yaml). If the sequencer does not tell when it heard of the participant, see that its metrics can be read on port 10013.", judge: acknowledged},
		{id: "pruning-schedule", title: "The participant's pruning is configured and known",
			consequence: "How far back the participant's own history goes is not known.",
			fix:         "Set participantPruningSchedule in the values of the validator app.",
			learn:       "Look at participantPruningSchedule in the values of the validator app; svrescue needs the right to read Helm's records to see it.", judge: schedule},
		{id: "identities", title: "An identities backup exists, and is this node's",
			consequence: "Without the databases, the assets could not be recovered.",
			fix:         "Fetch one now, and keep it outside the cluster: svrescue identities fetch FOLDER.",
			learn:       "Fetch one now, which compares whose it is: svrescue identities fetch FOLDER. Keep it outside the cluster.", judge: taken("identities")},
		{id: "identities-private", title: "Nobody else can read an identities backup",
			consequence: "It holds private keys: whoever reads it can act as this node.",
			fix:         "Take the rights away from others: chmod 600 FILE, and see who had read it.",
			learn:       "Name the folder with identities backups (backups.identities in svrescue.yaml), and see that it can be read.", judge: private},
		{id: "identities-current", title: "The identities backup is newer than the last change of keys",
			consequence: "It would bring back keys that are no longer those of the node.",
			fix:         "Fetch a new one: svrescue identities fetch FOLDER.",
			learn:       "Fetch a new one, which is current whatever was before: svrescue identities fetch FOLDER.", judge: current},
		{id: "permissions", title: "The permissions that a recovery needs are there",
			consequence: "In an incident somebody with more rights has to be found first.",
			fix:         "Have a cluster administrator grant them: svrescue plan restore names each.",
			learn:       "See what the cluster says: kubectl auth can-i --list. svrescue plan restore names each permission.", judge: permissions},
		{id: "token", title: "The SV app takes a token of the right audience",
			consequence: "Identities cannot be fetched, and a re-onboarding cannot be driven.",
			fix:         "Compare oidc.audiences with auth.audience in the values of the apps, and the client's rights at the provider.",
			learn:       "See that the SV app can be reached and its Secret be read, or name a client or a token by reference (oidc in svrescue.yaml).", judge: token},
		{id: "reachable", title: "A way leads to each of the node's apps",
			consequence: "In an incident the apps cannot be asked.",
			fix:         "See hosts and ca in svrescue.yaml, the allow list of the ingress, and the right to forward ports.",
			learn:       "See hosts and ca in svrescue.yaml, the allow list of the ingress, and the right to forward ports.", judge: hosts},
		{id: "disk", title: "This machine has room for the dumps",
			consequence: "Dumps cannot be taken or unpacked here.",
			fix:         "Make room, or name another folder (backups.scratch in svrescue.yaml).",
			learn:       "Name a folder with room for them (backups.scratch in svrescue.yaml).", judge: disk},
		{id: "clock", title: "This machine's clock agrees with the cluster's",
			consequence: "Ages of backups are told by it, and would be wrong.",
			fix:         "Correct this machine's clock.",
			learn:       "Compare this machine's clock with another one: timedatectl.", judge: clock},
		{id: "copy-helm-values", title: "A record of the node lies outside the cluster",
			consequence: "A lost cluster would have to be put together from memory.",
			fix:         "svrescue record FOLDER, after every upgrade, away from the cluster.",
			learn:       "Make one, away from the cluster, and name its folder (record in svrescue.yaml): svrescue record FOLDER.", judge: recorded},
	}
	for _, kind := range slices.Sorted(maps.Keys(CopyKinds())) {
		what := CopyKinds()[kind]
		all = append(all, rule{id: "copy-" + kind, title: "A copy outside the cluster: " + what,
			consequence: "If the cluster is lost, it is lost with it.", fix: "Keep a copy where the cluster's loss does not reach it, and say where and until when you stand for it (copies in svrescue.yaml).",
			judge: func(l look) finding { return kept(l, kind, what) }})
	}
	return append(all,
		rule{id: "users-since-backup", title: "Users onboarded since the newest set", informational: true,
			consequence: "They have to be onboarded again by hand after a restore.", judge: users},
		rule{id: "parties", title: "Parties that a re-onboarding does not carry over", informational: true,
			consequence: "They stay behind where the node is re-onboarded, and need a restore from databases.", judge: parties},
		rule{id: "roll-forward", title: "The SV app could roll forward with the network as it is deployed", informational: true,
			consequence: "In a network recovery this is found only when all SVs wait.", fix: "Have it ready for then; svrescue run network-roll-forward changes it and tests what is rendered.",
			learn: "Look at the environment of the SV app's Deployment.", judge: rollsForward})
}
