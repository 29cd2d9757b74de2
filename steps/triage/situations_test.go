package triage_test

import (
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	. "canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

// labelled is a situation as somebody who knows recoveries would judge it.
type labelled struct {
	group, name string
	evidence    Evidence
	want        Situation
	paths       [3]Verdict // restore, reonboard, network
	aid         string     // id of a first aid that must be given
	says        string     // must be said somewhere
}

const (
	rec = Recommended
	pos = Possible
	imp = Impossible
	nd  = NotDetermined
)

func situations() []labelled {
	var all []labelled
	group := ""
	in := func(name string) { group = name }
	add := func(name string, e Evidence, want Situation, restore, reonboard, network Verdict, aid, says string) {
		all = append(all, labelled{group, name, e, want, [3]Verdict{restore, reonboard, network}, aid, says})
	}

	in("Nothing is wrong")
	add("a healthy node", whole(), Healthy, pos, pos, imp, "", "12 of 12 other SVs show new rounds, up to round 81244")
	add("healthy, no scan can be reached", with(scans(0, 12, silent)), Healthy, pos, nd, imp, "", "says nothing about the network")
	add("healthy, without any backup", with(noSets, noFiles), Healthy, nd, pos, imp, "unprotected", "nothing could be restored")
	add("healthy, 0.7.5", with(release("0.7.5")), Healthy, pos, pos, imp, "", "the migration ID stays 4, which is another number")
	add("healthy, CantonBFT", with(release("0.8.1"), cantonbft), Healthy, pos, pos, imp, "", "no CometBFT to look at")
	add("healthy, a legacy synchronizer runs and a successor is prepared", with(release("0.7.5"), func(e *Evidence) {
		e.Cluster.Node.Components = append(e.Cluster.Node.Components, component(node.Sequencer, kube.Deployment, "global-domain-3-sequencer", "3", node.Legacy),
			component(node.Sequencer, kube.Deployment, "global-domain-5-sequencer", "5", node.Successor))
	}), Healthy, pos, pos, imp, "", "A legacy synchronizer is still deployed: 3. A successor is prepared: 5.")
	add("healthy, with one lying and one stale scan", with(scans(0, 1, votedOut), scans(1, 2, stale)), Healthy, pos, pos, imp, "tell-them", "SV-01 (it says that this SV was voted out)")

	in("No disaster: first aid")
	add("a full disk", with(trouble(node.Postgres, "participant-pg", DiskFull, "the database of participant-pg says: No space left on device"), database(postgres.Participant, DatabaseSilent)), Fixable, pos, pos, imp, "disk-full", "Delete nothing in the data folder")
	add("a full disk that only the claims show", with(func(e *Evidence) { e.Storage.Stores[1].Used = 100 }, down("participant-4")), Fixable, pos, pos, imp, "disk-full", "")
	add("a full disk that looks like damage", with(trouble(node.Postgres, "participant-pg", DiskFull, "No space left on device"), trouble(node.Participant, "participant-4", Damaged, "invalid page in block 4"),
		database(postgres.Participant, DatabaseSilent)), Fixable, pos, pos, imp, "damage-or-not", "a full disk often looks like this")
	add("an expired certificate", with(trouble(node.Participant, "participant-4", Certificate, "participant-4 says: the certificate has expired")), Fixable, pos, pos, imp, "certificate", "Renew the certificate")
	add("a wrong image", with(trouble(node.ScanApp, "scan-app", Image, "the image of container scan-app cannot be fetched")), Fixable, pos, pos, imp, "image", "")
	add("a secret that is missing", with(trouble(node.SVApp, "sv-app", Config, "container sv-app cannot be created: secret splice-app-sv-key not found")), Fixable, pos, pos, imp, "config", "")
	add("a wrong database password", with(trouble(node.Mediator, "global-domain-4-mediator", Password, "password authentication failed for user cnadmin")), Fixable, pos, pos, imp, "password", "")
	add("too little memory", with(trouble(node.Participant, "participant-4", Memory, "participant-4 is killed again and again for using more memory than its limit")), Fixable, pos, pos, imp, "memory", "")
	add("no room on any machine", with(trouble(node.Sequencer, "global-domain-4-sequencer", Room, "no node has enough room")), Fixable, pos, pos, imp, "no-room", "")
	add("a volume that cannot be attached", with(trouble(node.Postgres, "participant-pg", Mount, "Multi-Attach error: the volume is still used elsewhere"), database(postgres.Participant, DatabaseSilent)), Fixable, pos, pos, imp, "mount", "Do not delete the claim")
	add("a machine that does not answer", with(trouble(node.Postgres, "apps-pg", MachineGone, "its machine does not answer"), database(postgres.SV, DatabaseSilent)), Fixable, pos, pos, imp, "machine-gone", "two databases on one volume")
	add("CometBFT replays", with(trouble(node.CometBFT, "global-domain-4-cometbft", Replaying, "CometBFT replays messages")), Fixable, pos, pos, imp, "replaying", "")
	add("two copies of an app", with(trouble(node.ScanApp, "scan-app", Locked, "another app holds the lock of the database")), Fixable, pos, pos, imp, "instance-lock", "")
	add("one app crashes, its data is whole", with(trouble(node.ScanApp, "scan-app", Crash, "scan-app crashes again and again (12 restarts)")), Fixable, pos, pos, imp, "crash", "that is no disaster")
	add("the participant crashes and takes the apps with it", with(trouble(node.Participant, "participant-4", Crash, "participant-4 crashes again and again"), trouble(node.SVApp, "sv-app", Crash, "sv-app crashes"),
		trouble(node.Validator, "validator-app", NotReady, "validator-app is not ready")), Fixable, pos, pos, imp, "crash", "The other parts that are down need it")
	add("Deployments scaled down, nobody said why", with(scaled("sv-app", "scan-app")), Fixable, pos, pos, imp, "scaled-down", "Did somebody scale these components down on purpose")
	add("Deployments scaled down on purpose", with(scaled("sv-app", "scan-app"), func(e *Evidence) { e.Answers.OnPurpose = Yes }), Fixable, pos, pos, imp, "scaled-down", "Talk to whoever stopped it")
	add("the whole node scaled down by something", with(scaled("sv-app", "scan-app", "validator-app", "participant-4", "global-domain-4-cometbft", "global-domain-4-sequencer", "global-domain-4-mediator"),
		func(e *Evidence) {
			e.Answers.OnPurpose = No
			e.Apps.Reading = failed("SV app", "it has no pod")
		}), Fixable, pos, pos, imp, "scaled-down", "Find out what stopped it")
	add("a claim is gone and its volume is kept", with(lostParticipant, leftover(volumes, Leftover{Name: "pv-participant", Claim: participantClaim, Parts: []node.Part{node.Participant}, Seen: "released 2 h ago, kept"})),
		Fixable, pos, pos, imp, "volume-kept", "bound to its claim again")
	add("CometBFT follows the old chain", with(func(e *Evidence) { e.Chain.Network = "mainnet-3" }), Fixable, pos, pos, imp, "wrong-chain", "")
	add("the SV app has another migration ID", with(func(e *Evidence) { e.Apps.MigrationID = 3 }), Fixable, pos, pos, imp, "wrong-number", "")
	add("a slow node that falls behind", with(func(e *Evidence) {
		e.Apps.Lags = []Lag{{node.Participant, 9 * time.Minute, ago(time.Minute)}, {node.Participant, 10 * time.Minute, ago(4 * time.Second)}}
	}), Fixable, pos, pos, imp, "slow", "it falls further behind")
	add("the wrong namespace", with(func(e *Evidence) { e.Cluster.Node, e.Answers.RightNamespace = node.Node{}, No }), Fixable, pos, pos, imp, "right-namespace", "")

	add("the KMS does not answer and the participant is down", with(trouble(node.Participant, "participant-4", Crash, "participant-4 crashes again and again"), kms(KMSSilent)), Fixable, nd, pos, imp, "kms-silent", "Look at the credentials")
	add("the releases were uninstalled, the claims are there", with(func(e *Evidence) {
		e.Cluster.Node, e.Databases.All, e.Storage.Stores, e.Answers.RightNamespace = node.Node{}, nil, nil, Yes
		e.Chain.Reading, e.Apps.Reading = failed("CometBFT", "no such service"), failed("SV app", "no such service")
	}, leftover(claims, Leftover{Name: participantClaim, Parts: []node.Part{node.Participant}, Seen: "512 Gi"})), Fixable, pos, pos, imp, "uninstalled", "they take the claims that are there")

	in("What could cost the assets")
	add("a claim was deleted while its server runs, and its volume goes with it", with(func(e *Evidence) { e.Storage.Stores[1].Going, e.Storage.Stores[1].Doomed = true, true }), Fixable, pos, pos, imp, "claim-going", "its volume is deleted with the data of participant")
	add("a claim was deleted while its server runs, and what becomes of its volume could not be read", with(func(e *Evidence) { e.Storage.Stores[1].Going = true }), Fixable, pos, pos, imp, "claim-going", "for all that could be read")
	add("a claim was deleted while its server runs, its volume is kept", with(func(e *Evidence) { e.Storage.Stores[1].Going, e.Storage.Stores[1].Kept = true, true }), Fixable, pos, pos, imp, "claim-going", "has to be bound again then")
	add("a claim was made anew and its old volume is kept", with(replaced(false)), Fixable, pos, pos, imp, "volume-kept", "The old volume only has to be bound to the claim again")
	add("a claim was made anew and its old volume is about to be deleted", with(replaced(true)), Fixable, pos, pos, imp, "volume-kept", "the cluster deletes it as soon as it can")
	add("a claim is gone and its released volume is about to be deleted", with(lostParticipant, leftover(volumes, Leftover{Name: "pv-participant", Claim: participantClaim, Parts: []node.Part{node.Participant}, Seen: "released, reclaim policy Delete", Doomed: true})),
		Fixable, pos, pos, imp, "volume-kept", "the cluster deletes it as soon as it can")
	add("a set that was taken after the claim was made anew", with(emptyParticipant, made(ago(400*24*time.Hour)), func(e *Evidence) { e.Storage.Stores[1].Made = ago(3 * time.Hour) }, noFiles, says(No, No, No)), NodeLost, nd, nd, imp, "keep", "it may hold the new, empty database")
	add("a set of before and one of after the claim was made anew", with(emptyParticipant, made(ago(400*24*time.Hour)), func(e *Evidence) { e.Storage.Stores[1].Made = ago(3 * time.Hour) }, sets(goodSet(), setWith(func(s *Set) {
		s.Name, s.Begin = "yesterday", ago(20*time.Hour)
	}))), NodeLost, rec, pos, imp, "keep", "The newest usable set is yesterday")
	add("the values name another database than the server has", with(database(postgres.Participant, DatabaseOther), func(e *Evidence) { e.Databases.All[0].Name, e.Databases.All[0].Seen = "participant_5", "participant_4" }, down("participant-4")),
		Fixable, pos, pos, imp, "other-database", "Delete neither database, and restore nothing")
	add("the values name another database, and there is no backup of any kind", with(database(postgres.Participant, DatabaseOther), noSets, noFiles, says(No, No, No)), Fixable, imp, nd, imp, "other-database", "which may hold the keys")
	add("a run works on the node while a claim is gone", with(lostParticipant, held), Unclear, pos, pos, imp, "recovery-under-way", "Two recoveries at once can destroy what one of them saves")
	add("a run works on the node and has stopped it", with(scaled("sv-app", "scan-app", "participant-4"), held), Unclear, pos, pos, imp, "recovery-under-way", "bob on bastion")
	add("a run holds the node, and it is well", with(held), Healthy, pos, pos, imp, "recovery-under-way", "begin no other")
	add("a run was parked after it had put a volume aside", with(lostParticipant, leftover(volumes, Leftover{Name: "pv-participant", Claim: participantClaim, Parts: []node.Part{node.Participant}, Seen: "released, put aside", KeptBy: "r-1122-0241"}),
		func(e *Evidence) { e.Hold.Run, e.Hold.Note = "r-1122-0241", "parked: nobody looked" }), Unclear, pos, pos, imp, "restore-begun", "svrescue resume r-1122-0241")
	add("stopped, and a run was parked", with(scaled("sv-app", "participant-4"), func(e *Evidence) { e.Hold.Run, e.Hold.Note = "r-1122-0241", "parked: nobody looked" }), Fixable, pos, pos, imp, "earlier-run", "what that run has stopped")
	add("whether a run works on the node could not be read", with(lostParticipant, noSets, says(No, No, No), func(e *Evidence) { e.Hold.Reading = failed("the Lease", "the permission is missing") }), NodeLost, imp, pos, imp, "keep", "another run works on this node could not be read")
	add("a participant that is to run twice", with(func(e *Evidence) { e.Cluster.Node.Components[7].Replicas, e.Cluster.Node.Components[7].Ready = 2, 2 }), Unclear, pos, pos, imp, "twice", "Scale it to 1")
	add("half of the scans answer a pod only", with(scans(0, 6, func(p *Peer) { p.Source += ", by a pod" })), Healthy, pos, pos, imp, "", "12 of 12 other SVs show new rounds")
	add("half of the scans are silent, the chain of this node stands, its data is lost", with(lostParticipant, scans(0, 6, silent), standing), NodeLost, rec, pos, imp, "keep", "6 of 12 other SVs")
	add("the chain stands, the network runs, and a claim is gone", with(lostParticipant, standing), NodeLost, rec, pos, imp, "chain-stuck", "restart the CometBFT Deployment")
	add("a disk that is nearly full", with(func(e *Evidence) { e.Storage.Stores[1].Used = 96 }), Healthy, pos, pos, imp, "nearly-full", "before it is full")
	add("four liars say that it runs while its ledger stands and this chain too", with(deadNetwork, scans(0, 4, func(p *Peer) { p.RoundAt = ago(time.Minute) }), says(Yes, No, No)), Unclear, nd, nd, pos, "", "")
	add("the wrong namespace, and the operator takes it for the right one", with(func(e *Evidence) {
		e.Cluster.Node, e.Databases.All, e.Storage.Stores, e.Answers.RightNamespace = node.Node{}, nil, nil, Yes
		e.Chain.Reading, e.Apps.Reading = failed("CometBFT", "no such service"), failed("SV app", "no such service")
	}, noSets, noFiles, says(No, DontKnow, DontKnow)), NodeLost, nd, nd, imp, "keep", "")

	in("The node needs time")
	add("a node that catches up", with(func(e *Evidence) {
		e.Apps.Lags = []Lag{{node.Participant, 50 * time.Minute, ago(time.Minute)}, {node.Participant, 40 * time.Minute, ago(4 * time.Second)}}
	}), Waiting, pos, pos, imp, "catching-up", "it comes closer")
	add("CometBFT catches up: the height grows, the blocks are old", with(func(e *Evidence) {
		e.Chain.Samples = []Block{{Height: 100, Time: ago(9 * time.Hour), At: ago(40 * time.Second)}, {Height: 300, Time: ago(8 * time.Hour), At: ago(4 * time.Second)}}
		e.Chain.CatchingUp = true
	}), Waiting, pos, pos, imp, "catching-up", "it is catching up")
	add("pods that are starting", with(trouble(node.SVApp, "sv-app", Starting, "sv-app is starting")), Waiting, pos, pos, imp, "starting", "Wait some minutes")

	in("Restore")
	add("the participant's volume is gone, a proven set", with(lostParticipant), NodeLost, rec, pos, imp, "keep", "The offsets in its data prove")
	add("PostgreSQL says that the data is damaged", with(database(postgres.Participant, DatabaseDamaged), down("participant-4", "participant-pg")), NodeLost, rec, pos, imp, "keep", "until 2026-12-22 02:00 UTC")
	add("a log says that the data is damaged, the database is silent", with(trouble(node.Postgres, "participant-pg", Damaged, "could not locate a valid checkpoint record"), database(postgres.Participant, DatabaseSilent)),
		NodeLost, rec, pos, imp, "keep", "")
	add("a log says so and the database is whole", with(trouble(node.Participant, "participant-4", Damaged, "invalid page in block 4")), Unclear, pos, pos, imp, "damage-or-not", "")
	add("the volume of CometBFT is lost", with(store("global-domain-4-cometbft-cometbft-data", StoreLost), down("global-domain-4-cometbft"), func(e *Evidence) { e.Chain.Reading = failed("CometBFT", "no pod") }),
		NodeLost, rec, pos, imp, "keep", "")
	add("the whole node is gone, it has a record", with(func(e *Evidence) {
		e.Cluster.Node, e.Databases.All, e.Storage.Stores, e.Answers.RightNamespace = node.Node{}, nil, nil, Yes
		e.Record = Record{Reading: read("/backups/record"), Made: ago(48 * time.Hour)}
		e.Chain.Reading, e.Apps.Reading = failed("CometBFT", "no such service"), failed("SV app", "no such service")
	}), NodeLost, rec, pos, imp, "keep", "There is a record of the node")
	add("the whole node is gone, no record", with(func(e *Evidence) {
		e.Cluster.Node, e.Databases.All, e.Storage.Stores, e.Answers.RightNamespace = node.Node{}, nil, nil, Yes
		e.Record = Record{Reading: read("/backups/record")}
		e.Chain.Reading, e.Apps.Reading = failed("CometBFT", "no such service"), failed("SV app", "no such service")
	}), NodeLost, pos, pos, imp, "keep", "put together by hand")
	add("an empty namespace, nobody has said whether it is the right one", with(func(e *Evidence) {
		e.Cluster.Node, e.Databases.All, e.Storage.Stores = node.Node{}, nil, nil
		e.Chain.Reading, e.Apps.Reading = failed("CometBFT", "no such service"), failed("SV app", "no such service")
	}), Unclear, pos, pos, imp, "right-namespace", "Is this the cluster and the namespace")
	add("lost, the retention is not known and the set is young", with(lostParticipant, unread(func(e *Evidence) *Reading { return &e.Pruning.Reading })), NodeLost, rec, pos, imp, "keep", "With the reference value of 30 days")
	add("lost, the retention is not known and the set is two weeks old", with(lostParticipant, sets(setWith(func(s *Set) { s.Begin = ago(14 * 24 * time.Hour) })), unread(func(e *Evidence) *Reading { return &e.Pruning.Reading })),
		NodeLost, nd, pos, imp, "keep", "each SV sets its own")
	add("lost, two sets: the newer is reversed", with(lostParticipant, sets(goodSet(), setWith(func(s *Set) {
		s.Name, s.Begin = "02:40", ago(20*time.Minute)
		s.Checks[2] = wire.Finding{ID: "offset-order-cantonnet_sv", Verdict: wire.Violated, Text: "cantonnet_sv has read to offset 62, but participant_4 ends at 59: the pair is reversed"}
	}))), NodeLost, rec, pos, imp, "keep", "1 other set was found")
	add("lost, order known by clocks only", with(lostParticipant, check("offset-order-cantonnet_sv", wire.Attention, "how far apps and participant had got cannot be read from this set before it is restored")), NodeLost, rec, pos, imp, "keep", "cannot be read from this set")
	add("lost, the data is pruned behind it, a younger set", with(trouble(node.Participant, "participant-4", Pruned, "EventsUnavailableForTimestamp")), NodeLost, rec, pos, imp, "keep", "has been pruned by the sequencers")
	add("lost, five scans out of twelve answer", with(lostParticipant, scans(0, 7, silent)), NodeLost, rec, pos, imp, "keep", "5 of 12 other SVs")
	add("lost, no scan can be reached, and the chain of this node makes blocks", with(lostParticipant, scans(0, 12, silent)), NodeLost, rec, nd, imp, "keep", "a restored node has something to catch up with")
	add("lost, and a disk is full too", with(lostParticipant, trouble(node.Postgres, "apps-pg", DiskFull, "No space left on device")), NodeLost, rec, pos, imp, "disk-full", "")
	add("lost, 0.7.5", with(release("0.7.5"), lostParticipant), NodeLost, rec, pos, imp, "keep", "roll-forward")

	in("No restore, or not yet")
	add("lost, the only set is reversed", with(lostParticipant, check("offset-order-cantonnet_sv", wire.Violated, "cantonnet_sv has read to offset 62, but participant_4 ends at 59: the pair is reversed")), NodeLost, nd, pos, imp, "keep", "the pair is reversed")
	add("lost, the only set is not whole", with(lostParticipant, check("whole", wire.Violated, "no snapshot of pg-data-apps-pg-0"), says(No, No, No)), NodeLost, imp, rec, imp, "keep", "")
	add("lost, the set is older than the retention", with(lostParticipant, sets(setWith(func(s *Set) { s.Begin = ago(31 * 24 * time.Hour) }))), NodeLost, nd, pos, imp, "keep", "The runway is over")
	add("lost, silent for longer than the retention", with(lostParticipant, func(e *Evidence) { e.Pruning.LastAck = ago(31 * 24 * time.Hour) }), NodeLost, nd, pos, imp, "keep", "last heard 31 days ago")
	add("lost, nobody has checked the set", with(lostParticipant, sets(setWith(func(s *Set) { s.Checks = nil }))), NodeLost, nd, pos, imp, "keep", "Nobody has checked yet")
	add("lost, the set is of the migration before, whose nodes run", with(lostParticipant, sets(setWith(func(s *Set) { s.Serial = "3" })), func(e *Evidence) {
		e.Cluster.Node.Components = append(e.Cluster.Node.Components, component(node.Sequencer, kube.Deployment, "global-domain-3-sequencer", "3", node.Legacy))
	}), NodeLost, nd, pos, imp, "keep", "on the old synchronizer first")
	add("lost, the set is of the migration before, whose nodes are gone", with(lostParticipant, sets(setWith(func(s *Set) { s.Serial = "3" })), says(No, No, No)), NodeLost, imp, rec, imp, "keep", "does not run here any more")
	add("lost, snapshots cannot be listed", with(lostParticipant, func(e *Evidence) {
		e.Backups.Snapshots = Place{Reading: failed("VolumeSnapshots", "permission to list volumesnapshots is missing")}
	}), NodeLost, nd, pos, imp, "keep", "permission to list volumesnapshots is missing")
	add("lost, snapshots cannot be listed, and there is nothing elsewhere", with(lostParticipant, func(e *Evidence) {
		e.Backups.Snapshots = Place{Reading: failed("VolumeSnapshots", "permission to list volumesnapshots is missing")}
	}, says(No, No, No)), NodeLost, nd, pos, imp, "keep", "permission to list volumesnapshots is missing")
	add("lost, no set here, but elsewhere", with(lostParticipant, noSets, says(No, Yes, "")), NodeLost, nd, pos, imp, "keep", "name their folder")
	add("lost, no scan can be reached", with(lostParticipant, scans(0, 12, silent), down("global-domain-4-cometbft")), NodeLost, pos, nd, nd, "keep", "addresses are filtered")
	add("lost, and the operator says the network was declared lost while it runs", with(lostParticipant, says(Yes, No, No)), NodeLost, pos, pos, nd, "keep", "clear that up first")

	in("Re-onboard")
	add("lost, no set anywhere, identities backup", with(lostParticipant, noSets, says(No, No, No)), NodeLost, imp, rec, imp, "keep", "identities-1113.json")
	add("lost, no set, nothing answered yet", with(lostParticipant, noSets), NodeLost, nd, pos, imp, "keep", "Is there any backup of the databases")
	add("lost, no set, the operator does not know", with(lostParticipant, noSets, says(DontKnow, DontKnow, DontKnow)), NodeLost, nd, pos, imp, "keep", "")
	add("disabled after 40 days of silence", with(trouble(node.Participant, "participant-4", Disabled, "MemberDisabled: the member is disabled"), func(e *Evidence) { e.Pruning.LastAck = ago(40 * 24 * time.Hour) }, says(No, "", "")),
		NodeDisabled, imp, rec, imp, "keep", "no backup changes that")
	add("disabled, nothing answered yet", with(trouble(node.Participant, "participant-4", Disabled, "MemberDisabled: the member is disabled")), NodeDisabled, imp, pos, imp, "keep", "ask before this SV gives itself up")
	add("lost and already voted out", with(emptyParticipant, scans(0, 12, votedOut), says(No, "", "")), VotedOut, imp, rec, imp, "ask-the-others", "has already been taken")
	add("voted out, and the node is well", with(scans(0, 12, votedOut)), VotedOut, imp, pos, imp, "ask-the-others", "Ask them why")
	add("voted out, two stale scans still list it", with(emptyParticipant, scans(0, 10, votedOut), scans(10, 12, stale), says(No, "", "")), VotedOut, imp, rec, imp, "tell-them", "it still lists this SV")
	add("four liars say that it was voted out", with(scans(0, 4, votedOut)), Healthy, pos, pos, imp, "tell-them", "it says that this SV was voted out")
	add("only a participant's dump for the keys, from an incomplete set", with(lostParticipant, noFiles, check("whole", wire.Violated, "no snapshot of pg-data-apps-pg-0"), says(No, No, No)), NodeLost, imp, rec, imp, "keep", "the participant's database in backup set 02:00")
	add("the keys are in a KMS, with an identities backup", with(lostParticipant, noSets, kms(KMSHolds), func(e *Evidence) { e.Identities.Files[0].Keys, e.Identities.Files[0].Remote = 0, 3 }, says(No, No, No)),
		NodeLost, imp, rec, imp, "keep", "its keys are in the KMS, which answers")
	add("only the KMS", with(lostParticipant, noSets, noFiles, kms(KMSHolds), says(No, No, No)), NodeLost, imp, pos, imp, "keep", "upstream describes no procedure")
	add("the KMS of the identities backup does not answer", with(lostParticipant, noSets, kms(KMSSilent), func(e *Evidence) { e.Identities.Files[0].Keys, e.Identities.Files[0].Remote = 0, 3 }, says(No, No, No)),
		NodeLost, imp, nd, imp, "keep", "the KMS has not answered")
	add("an unused claim may still hold the data", with(lostParticipant, noSets, says(No, No, No), leftover(claims, Leftover{Name: "pg-data-old", Parts: []node.Part{node.Participant}, Seen: "512 Gi"})), NodeLost, imp, pos, imp, "keep", "may still hold the data")
	add("volumes cannot be listed", with(lostParticipant, noSets, says(No, No, No), func(e *Evidence) { e.Leftovers.Volumes = Search{Reading: failed("volumes", "permission is missing")} }), NodeLost, imp, pos, imp, "keep", "permission is missing")
	add("lost, the scans do not know this party", with(lostParticipant, noSets, says(No, No, No), scans(0, 12, func(p *Peer) { p.SVs = []string{other} })), NodeLost, imp, pos, imp, "keep", "it may be the wrong party")

	in("The keys")
	add("nothing is left", with(lostParticipant, noSets, noFiles, database(postgres.Participant, DatabaseGone), says(No, No, No)), AssetsLost, imp, imp, imp, "keep", "the assets of this SV cannot be recovered")
	add("nothing is left but a released volume", with(lostParticipant, noSets, noFiles, database(postgres.Participant, DatabaseGone), says(No, No, No),
		leftover(volumes, Leftover{Name: "pv-old-participant", Parts: []node.Part{node.Participant}, Seen: "released 40 days ago"})), NodeLost, imp, nd, imp, "keys-may-remain", "pv-old-participant")
	add("nothing is left but a secret", with(lostParticipant, noSets, noFiles, database(postgres.Participant, DatabaseGone), says(No, No, No),
		leftover(secrets, Leftover{Name: "participant-bootstrap-dump", Seen: "key content"})), NodeLost, imp, nd, imp, "keys-may-remain", "participant-bootstrap-dump")
	add("nothing was found, and secrets were not searched", with(lostParticipant, noSets, noFiles, database(postgres.Participant, DatabaseGone), says(No, No, No), func(e *Evidence) { e.Leftovers.Secrets = Search{} }),
		NodeLost, imp, nd, imp, "keep", "have not all been searched")
	add("nothing was found, and nobody knows of a safe", with(lostParticipant, noSets, noFiles, database(postgres.Participant, DatabaseGone), says(No, No, DontKnow)), NodeLost, imp, nd, imp, "keep", "identities backups elsewhere is not known")
	add("nothing was found, and the KMS is silent", with(lostParticipant, noSets, noFiles, kms(KMSSilent), database(postgres.Participant, DatabaseGone), says(No, No, No)), NodeLost, imp, nd, imp, "keep", "did not answer")
	add("the KMS says that the keys are gone, and there is a good set", with(trouble(node.Participant, "participant-4", Crash, "participant-4 crashes"), noFiles, kms(KMSEmpty), says(No, No, No)), Unclear, imp, nd, imp, "kms-keys-gone", "could not sign anything")
	add("a set with the participant, and the KMS was not asked", with(lostParticipant, noFiles, func(e *Evidence) { e.KMS = KMS{} }, says(No, No, No)), NodeLost, rec, nd, imp, "keep", "The KMS has not been read yet")
	add("the identities backup of another node", with(lostParticipant, noSets, database(postgres.Participant, DatabaseGone), says(No, No, No), func(e *Evidence) { e.Identities.Files[0].Party = other }), AssetsLost, imp, imp, imp, "keep", "belongs to another node")
	add("an identities backup from before a reset of the network", with(lostParticipant, noSets, says(No, No, Yes), func(e *Evidence) { e.Identities.Files[0].DSO = another }), NodeLost, imp, nd, imp, "keep", "before it was reset")
	add("an identities backup that is a page of errors", with(lostParticipant, noSets, says(No, No, Yes), func(e *Evidence) { e.Identities.Files[0].Problem = "it is not JSON" }), NodeLost, imp, nd, imp, "keep", "it is not JSON")
	add("an identities backup that others can read", with(func(e *Evidence) { e.Identities.Files[0].Open = true }), Healthy, pos, pos, imp, "", "take that right away from them")

	in("The network")
	add("standing, declared lost, 0.5.10", with(deadNetwork, says(Yes, "", "")), NetworkLost, imp, imp, rec, "keep-the-rest", "can be recovered with migration dumps")
	add("standing, declared lost, CometBFT already scaled down by agreement", with(deadNetwork, scaled("global-domain-4-cometbft"), func(e *Evidence) { e.Chain = Chain{Reading: failed("CometBFT", "no pod")} }, says(Yes, "", "")),
		NetworkLost, imp, imp, rec, "scaled-down", "stopped until you know")
	add("standing, nobody has said anything", with(deadNetwork), NetworkStanding, nd, nd, nd, "call-the-others", "Have the SVs of this network together declared it lost?")
	add("standing, the operator does not know", with(deadNetwork, says(DontKnow, "", "")), NetworkStanding, nd, nd, nd, "call-the-others", "")
	add("standing, not declared lost", with(deadNetwork, says(No, "", "")), NetworkStanding, nd, nd, imp, "call-the-others", "No SV can recover it alone")
	add("standing, declared lost, 0.7.5", with(release("0.7.5"), deadNetwork, says(Yes, "", "")), NetworkLost, imp, imp, rec, "", "roll-forward logical synchronizer upgrade")
	add("standing, declared lost, 0.8.1 with CantonBFT", with(release("0.8.1"), cantonbft, scans(0, 12, stale), says(Yes, "", "")), NetworkLost, imp, imp, rec, "", "rollForwardLsu")
	add("standing, declared lost, 0.7.5, the sequencer's database is gone", with(release("0.7.5"), deadNetwork, says(Yes, "", ""), database(postgres.Sequencer, DatabaseGone)), NetworkLost, imp, imp, pos, "", "topology and traffic are exported")
	add("standing, nobody has said anything, 0.7.5", with(release("0.7.5"), deadNetwork), NetworkStanding, nd, nd, nd, "call-the-others", "which upstream calls a preview")
	add("standing, declared lost, the release is not known", with(deadNetwork, release(""), says(Yes, "", "")), NetworkLost, imp, imp, nd, "", "from 0.6.2 on that is impossible")
	add("standing, declared lost, charts and app contradict each other", with(deadNetwork, says(Yes, "", ""), func(e *Evidence) { e.Apps.Version = "0.6.4" }), NetworkLost, imp, imp, nd, "", "recover in different ways")
	add("standing, declared lost, the chain of this node was not read", with(deadNetwork, says(Yes, "", ""), func(e *Evidence) { e.Chain = Chain{} }), NetworkLost, imp, imp, pos, "", "the chain of this node stands still")
	add("standing, declared lost, the party of this SV is not known", with(deadNetwork, says(Yes, "", ""), func(e *Evidence) { e.Own.Party = "" }), NetworkLost, imp, imp, pos, "", "this SV is still one of them")
	add("standing, declared lost, the SV app does not answer", with(deadNetwork, says(Yes, "", ""), func(e *Evidence) { e.Apps = Apps{Reading: failed("SV app", "connection refused")} }), NetworkLost, imp, imp, pos, "", "bring it up first")
	add("standing, declared lost, this node's participant is gone too", with(deadNetwork, says(Yes, "", ""), database(postgres.Participant, DatabaseGone)), NetworkLost, imp, imp, pos, "", "from which the state of the ledger is exported")
	add("standing, declared lost, the ordering layer is not known", with(deadNetwork, says(Yes, "", ""), func(e *Evidence) { e.Cluster.Driver = "" }), NetworkLost, imp, imp, pos, "", "Which ordering layer the node has is not known")
	add("declared lost, no scan can be reached", with(standing, scans(0, 12, silent), says(Yes, "", "")), Unclear, nd, nd, pos, "ask-the-others", "scans that cannot be reached say nothing about it")
	add("no scan can be reached and the chain stands", with(standing, scans(0, 12, silent)), Unclear, pos, nd, nd, "ask-the-others", "says nothing about the network")
	add("the chain of this node stands, the scans go on", with(standing), Fixable, pos, pos, imp, "chain-stuck", "which a chain that stands still says as well")
	add("the scans stand, the chain of this node goes on", with(scans(0, 12, stale)), Unclear, nd, nd, imp, "", "One of the two is wrong")
	add("declared lost, and it runs", with(says(Yes, "", "")), Unclear, pos, pos, nd, "", "clear that up with the other SVs first")
	add("four of twelve scans say that it goes on, eight stand", with(scans(0, 8, stale), standing), Unclear, pos, nd, nd, "", "5 scans would have to say so")
	add("three liars say that it goes on", with(deadNetwork, scans(0, 3, func(p *Peer) { p.RoundAt = ago(time.Minute) }), says(Yes, "", "")), NetworkLost, imp, imp, rec, "tell-them", "it says that rounds go on")
	add("one SV is listed five times", with(scans(1, 5, func(p *Peer) { p.Name = "SV-01" }), scans(5, 12, silent)), Healthy, pos, nd, imp, "", "SV-01 is listed more than once")
	add("scans of another network and from the future are set aside", with(scans(0, 2, foreign), scans(2, 3, fromFuture)), Healthy, pos, pos, imp, "", "SV-03 names a round from a time that is still to come")
	add("standing, and this node's volume is lost", with(lostParticipant, deadNetwork), NodeLost, nd, nd, nd, "keep", "The ledger stands still")

	in("Missing evidence")
	add("nothing has been read yet", Evidence{}, Unclear, nd, nd, nd, "reach-the-cluster", "has not been read yet")
	add("the cluster does not answer", with(func(e *Evidence) { e.Cluster = Cluster{Reading: failed("cluster", "connection refused")} }), Unclear, pos, pos, imp, "reach-the-cluster", "connection refused")
	add("all of it was read two hours ago", func() Evidence {
		e := whole()
		for _, r := range readings(&e) {
			r.At = ago(2 * time.Hour)
		}
		return e
	}(), Unclear, nd, nd, nd, "reach-the-cluster", "which says nothing of now")
	add("events and logs have not been read", with(unread(func(e *Evidence) *Reading { return &e.Pods.Reading })), Unclear, pos, pos, imp, "missing", "")
	add("one part crashes and the databases have not been read", with(trouble(node.Participant, "participant-4", Crash, "participant-4 crashes again and again"), func(e *Evidence) { e.Databases = Databases{} }), Unclear, pos, pos, imp, "crash", "whether this is a disaster is not known either")
	add("a database server crashes, nobody knows why", with(trouble(node.Postgres, "participant-pg", Crash, "participant-pg crashes again and again"), database(postgres.Participant, DatabaseSilent)), Unclear, pos, pos, imp, "crash", "Change and delete nothing before that")
	add("parts crash that do not need each other", with(trouble(node.ScanApp, "scan-app", Crash, "scan-app crashes"), trouble(node.CometBFT, "global-domain-4-cometbft", Crash, "cometbft crashes")), Unclear, pos, pos, imp, "crash", "do not need each other")
	add("who this node is has not been read", with(unread(func(e *Evidence) *Reading { return &e.Own.Reading })), Healthy, pos, nd, imp, "", "prove nothing about it")
	add("all is well and the scans do not know this party", with(scans(0, 12, func(p *Peer) { p.SVs = []string{other} })), Unclear, pos, pos, imp, "", "the network was reset")
	add("the sequencer is ready and says that it is not initialised", with(func(e *Evidence) { e.Apps.Failed = []Fault{{node.Sequencer, "not initialised"}} }), Unclear, pos, pos, imp, "status", "ready for Kubernetes")
	add("the chain was looked at once only", with(func(e *Evidence) {
		e.Chain.Samples = []Block{{Height: 900120, Time: ago(20 * time.Minute), At: ago(4 * time.Second)}}
	}), Unclear, pos, pos, imp, "", "not watched for long enough")
	add("the height of the chain goes back", with(func(e *Evidence) {
		e.Chain.Samples = []Block{{Height: 300, Time: ago(time.Minute), At: ago(40 * time.Second)}, {Height: 100, Time: ago(time.Minute), At: ago(4 * time.Second)}}
	}), Unclear, pos, pos, imp, "", "which a chain does not do")
	return all
}
