package rehearsal

import (
	"context"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/triage"
	svapp "canton.example/svrescue/svapp/sim"
)

// Those that are no disaster.

func nothingWrong() Incident {
	i := incident("incident-nothing", "Nothing is wrong", "what a healthy node looks like, before one is needed")
	i.Situation = triage.Healthy
	i.Does = "Changes nothing. Knows now what this screen looks like on a good day, and that possible does not mean needed."
	return i
}

func wrongImage() Incident {
	i := incident("incident-image", "An image that cannot be fetched", "that a program which cannot be fetched touches no data", "the image of scan-app does not exist in the registry").
		fault(sim.Workload{ImagePullError: `failed to pull and unpack image "registry.example.invalid/splice/scan-app:0.6.4": failed to resolve reference "registry.example.invalid/splice/scan-app:0.6.4": ` +
			`registry.example.invalid/splice/scan-app:0.6.4: not found`}, "scan-app")
	i.Situation, i.Aid = triage.Fixable, string(triage.Image)
	i.Does = "Corrects the image name or its version, and looks again. Restores nothing: no data was touched."
	return i
}

func fullDisk() Incident {
	i := incident("incident-full-disk", "A full disk", "that a full disk looks like a broken database, and is none", "the disk of the participant's database is full").
		fault(crashing("LOG:  starting PostgreSQL 15.4", `FATAL:  could not write lock file "postmaster.pid": No space left on device`), "participant-pg").
		fault(crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`), "participant", "sv-app", "scan-app", "validator-app")
	i.Situation, i.Aid = triage.Fixable, string(triage.DiskFull)
	i.Does = "Makes the volume of the database larger, deletes nothing in its data folder, lets it start, and looks again. A restore would have cost hours and mended nothing."
	return i
}

func scaledToNothing() Incident {
	i := incident("incident-scaled-down", "A participant that somebody stopped", "that what was stopped is not lost, and that somebody has to be asked", "the participant is scaled to nothing").
		then(func(ctx context.Context, e Elsewhere) error {
			ref := kube.WorkloadRef{Kind: kube.Deployment, Namespace: e.Namespace, Name: "participant"}
			w, _, err := e.Cluster.Workload(ctx, ref.Kind, ref.Namespace, ref.Name)
			if err != nil {
				return err
			}
			return scale(ctx, e, w, 0)
		})
	i.Situation, i.Aid = triage.Fixable, "scaled-down"
	i.Does = "Asks who stopped the participant, and why, before starting it again. Answers on the screen what is known of it."
	return i
}

// deleteClaim asks for the participant's claim to be deleted, which waits as long as its server runs.
func deleteClaim(ctx context.Context, e Elsewhere) error {
	claim, _, err := e.Cluster.Claim(ctx, e.Namespace, participantClaim)
	if err != nil {
		return err
	}
	return e.Cluster.Hands(kube.AccessDeleteClaim(e.Namespace, participantClaim), false).DeleteClaim(ctx, e.Namespace, participantClaim, claim.UID)
}

func goingClaim() Incident {
	i := incident("incident-going-claim", "A claim that was deleted under a running server", "that data can hang on one pod which nobody must restart", "somebody has deleted the claim of the participant's database; its server still runs").
		then(deleteClaim)
	i.Situation, i.Aid = triage.Fixable, "claim-going"
	i.Does = "Restarts nothing: the data hangs on the one pod that still uses it. Sets the volume to Retain, takes a snapshot and a dump, and only then lets the claim go."
	return i
}

func keptVolume() Incident {
	i := incident("incident-kept-volume", "An empty database, and a volume that was kept", "that a StatefulSet makes its claim again by itself, with nothing in it, and that the old volume is worth more than any backup",
		"the claim of the participant's database was deleted and made again; the old volume is kept").
		then(func(ctx context.Context, e Elsewhere) error {
			claim, _, err := e.Cluster.Claim(ctx, e.Namespace, participantClaim)
			if err != nil {
				return err
			}
			volume, _, err := e.Cluster.Volume(ctx, claim.Volume)
			if err != nil {
				return err
			}
			if volume.ReclaimPolicy != "Retain" {
				if err := e.Cluster.Hands(kube.AccessPatchVolume(volume.Name), false).SetReclaimPolicy(ctx, volume.Name, volume.UID, volume.ReclaimPolicy, "Retain"); err != nil {
					return err
				}
			}
			if err := deleteClaim(ctx, e); err != nil {
				return err
			}
			return restart(ctx, e, "participant-pg")
		}).fault(crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`), "participant")
	i.Situation, i.Aid = triage.Fixable, "volume-kept"
	i.Does = "Stops what uses the new claim, keeps the old volume, and binds it to the claim again. That is safer and quicker than any restore."
	return i
}

func expiredCertificate() Incident {
	i := incident("incident-certificate", "An expired certificate", "that nodes which refuse to talk to each other have lost nothing", "the sequencer's certificate has expired").
		fault(crashing(`{"level":"ERROR","message":"TLS handshake failed: certificate has expired"}`), "global-domain-0-sequencer")
	i.Situation, i.Aid = triage.Fixable, string(triage.Certificate)
	i.Does = "Renews the certificate and restarts what has the old one loaded."
	return i
}

func oneCrash() Incident {
	i := incident("incident-one-crash", "One component that crashes", "that one part which fails while its data is whole is no disaster", "the mediator ends after each start, and does not say why").
		fault(crashing(`{"level":"ERROR","message":"Exiting"}`), "global-domain-0-mediator")
	i.Situation, i.Aid = triage.Fixable, string(triage.Crash)
	i.Does = "Reads the log of the mediator from before its last restart, undoes the last change to it, and looks again. Its data is whole."
	return i
}

func onlySlow() Incident {
	i := incident("incident-slow", "A node that is behind", "that a node which catches up needs time, and no restore", "the node was down for four hours and catches up")
	i.Lag = svapp.Lag{Start: 4 * time.Hour, Rate: 6, Warmup: 5 * time.Second}
	i = i.then(func(ctx context.Context, e Elsewhere) error {
		return restart(ctx, e, "global-domain-0-cometbft", "global-domain-0-sequencer", "global-domain-0-mediator", "participant")
	})
	i.Situation, i.Aid = triage.Waiting, "catching-up"
	i.Does = "Lets it run, restarts nothing, and looks again later. A restore would put it further behind."
	return i
}

// Those that need a recovery of this node.

const participantClaim = "pg-data-participant-pg-0"

// withoutParticipant loses the claim of the participant's database, and its volume with it.
func withoutParticipant(ctx context.Context, e Elsewhere) error {
	w, _, err := e.Cluster.Workload(ctx, kube.StatefulSet, e.Namespace, "participant-pg")
	if err != nil {
		return err
	}
	if err := scale(ctx, e, w, 0); err != nil {
		return err
	}
	return deleteClaim(ctx, e)
}

func lostClaim() Incident {
	i := incident("incident-lost-claim", "A claim that was deleted", "that a whole backup set and a network that runs make a restore the shortest way", "the claim of the participant's database was deleted, and its volume with it").
		fault(crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`), "participant", "sv-app", "validator-app").then(withoutParticipant)
	i.Situation, i.Recommended = triage.NodeLost, triage.Restore
	i.Does = "Deletes nothing, finds out who stopped the database, and opens the restore: first as a dry run, then for real."
	return i
}

func damagedDatabase() Incident {
	i := incident("incident-damaged", "A damaged database", "that damage which the database itself reports calls for the backup", "the data of the participant's database is damaged")
	i.World = func(now time.Time) (sim.Scenario, error) {
		s, err := well(node(now))
		s.Contents[namespace+"/"+participantClaim] = damaged
		return s, err
	}
	i = i.fault(crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`), "participant", "sv-app", "validator-app").
		then(func(ctx context.Context, e Elsewhere) error { return restart(ctx, e, "participant-pg") })
	i.Situation, i.Recommended = triage.NodeLost, triage.Restore
	i.Does = "Keeps the damaged volume as it is, and opens the restore: first as a dry run, then for real."
	return i
}

func nothingToRestore() Incident {
	i := incident("incident-no-backup", "A lost database and no backup of it", "what is left when nothing can be restored: the identities, and a new beginning",
		"the claim of the participant's database was deleted", "there is no backup set", "an identities backup lies in a secret")
	i.World = func(now time.Time) (sim.Scenario, error) {
		o := node(now)
		o.Runs = nil
		s, err := well(o)
		s.Objects += identitiesSecret()
		return s, err
	}
	i = i.fault(crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`), "participant", "sv-app", "validator-app").then(withoutParticipant)
	i.Answers = triage.Answers{DeclaredLost: triage.No, BackupsElsewhere: triage.No, IdentitiesElsewhere: triage.No}
	i.Situation, i.Recommended = triage.NodeLost, triage.Reonboard
	i.Does = "Looks for backups that were not seen, asks the other SVs whether they have declared the network lost, and only then gives the old node up and re-onboards."
	return i
}

func memberDisabled() Incident {
	i := incident("incident-disabled", "A member that the sequencers have disabled", "that data can be whole and of no use: the runway was over", "the node was silent for longer than the sequencers keep data")
	i.World = func(now time.Time) (sim.Scenario, error) {
		s, err := well(node(now))
		s.Objects += identitiesSecret()
		return s, err
	}
	i = i.fault(sim.Workload{Repeat: &sim.Line{After: *sim.D(5 * time.Second), Text: `{"level":"WARN","message":"Request failed: PERMISSION_DENIED: MemberDisabled(PAR::` + participantID + `)"}`}}, "participant")
	i.Answers = triage.Answers{DeclaredLost: triage.No}
	i.Situation, i.Recommended = triage.NodeDisabled, triage.Reonboard
	i.Does = "Does not restore: the sequencers would not take the node back. Asks the other SVs, and re-onboards."
	return i
}

// Those that are a matter of the others.

func votedOut() Incident {
	i := incident("incident-voted-out", "An SV that was voted out", "that membership is asked of the others, by party, and that people have to be asked why", "the other SVs have offboarded this one")
	i.Net.VotedOut = true
	i.Situation = triage.VotedOut
	i.Does = "Asks the other SVs why, before anything is changed. It may be a mistake, or part of a recovery that is under way."
	return i
}

func staleScans() Incident {
	i := incident("incident-stale-scans", "Scans that are out of date, and some that are silent", "that no single scan is believed, and that one which cannot be reached says nothing",
		"the scans of two SVs show what was six hours ago", "four others do not answer")
	i.Net.Stale, i.Net.Silent = 2, 4
	i.Situation, i.Aid = triage.Healthy, "tell-them"
	i.Does = "Leaves this node alone, and tells the operators of the SVs whose scans are out of date."
	return i
}

func standingNetwork() Incident {
	i := incident("incident-standing", "A ledger that stands still", "that nothing that can be measured replaces the word of the other SVs", "the ledger has stood still for two hours, and nobody has said why")
	i.Net.Standing = 2 * time.Hour
	i.Situation, i.Aid = triage.NetworkStanding, "call-the-others"
	i.Does = "Calls the other SVs in the incident channel and keeps everything as it is. What one of them does alone can make it worse."
	return i
}

func lostNetwork() Incident {
	i := incident("incident-network-lost", "A network that was declared lost", "which variant of a network recovery a release has", "the ledger has stood still for two hours", "the SVs have declared the network lost")
	i.World = func(now time.Time) (sim.Scenario, error) {
		o := node(now)
		o.Release, o.ParticipantSuffix = "0.5.10", true
		return well(o)
	}
	i.Net.Standing = 2 * time.Hour
	i.Answers = triage.Answers{DeclaredLost: triage.Yes}
	i.Situation, i.Recommended = triage.NetworkLost, triage.Network
	i.Does = "Answers that the SVs have declared the network lost, takes backups, and recovers the network together with them, by the values that all have agreed on."
	return i
}

func emptyNamespace() Incident {
	i := incident("incident-empty", "A namespace with nothing in it", "that a wrong name looks the same as a lost node", "the namespace is the wrong one")
	i.World = func(time.Time) (sim.Scenario, error) {
		return sim.Scenario{Objects: "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + namespace + "}\n"}, nil
	}
	i.Answers = triage.Answers{RightNamespace: triage.No}
	i.Situation, i.Aid = triage.Fixable, "right-namespace"
	i.Does = "Compares the context and the namespace with the record of the node, and looks in the right place. Recovers nothing into a wrong namespace."
	return i
}
