package rehearsal

import (
	"context"
	"path/filepath"
	"time"

	"canton.example/svrescue/kube"
	netpath "canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
	svapp "canton.example/svrescue/svapp/sim"
)

// networkScenarios are those of a network that is recovered by all SVs together, in the order in which they are best learnt.
func networkScenarios() []Scenario {
	return []Scenario{networkClean(), networkTooLate(), networkPruned(), networkNeverAgreed(), networkWrongIdentities(), networkCutSnapshot(), networkGoesOn(), networkForce(), networkWrongMigrationID(), networkLateQuorum(), networkGitOps(), networkCleanUp()}
}

// networkClean is an ordinary call: one of the others has lost the last lines of its log, and two did not agree with each other.
func networkClean() Scenario {
	return recovering("network-clean", "The network has lost its CometBFT layer", "the whole way: agreeing on a time, the new synchronizer, the dump, the migration", wire.Recovered, Loss{})
}

func networkTooLate() Scenario {
	s := recovering("network-too-late", "The call decides on a timestamp that is too late", "what it means when the participant has not got as far, and that the call has to agree anew", wire.Recovered,
		Loss{Generation: svapp.Y}, "the call names a time after which this participant has not processed everything", "the release exports by offset: it answers 500 where older ones answer 429")
	s.Operator = decides(true, 18*time.Minute)
	return s
}

func networkPruned() Scenario {
	s := recovering("network-pruned", "The participant is pruned beyond the timestamp", "that nothing brings a pruned time back, and that a later one may be within the same period", wire.Recovered,
		Loss{Pruned: 5 * time.Minute}, "the participant is pruned up to five minutes before the last commitments")
	s.Operator = decides(false, 0)
	return s
}

func networkNeverAgreed() Scenario {
	return recovering("network-never-agreed", "An SV that never agreed", "who is left out, and that an earlier time may bring more SVs along", wire.Recovered,
		Loss{Never: []int{2}}, "the commitments of "+nameOfPeer(2)+" do not match those of anybody")
}

func networkWrongIdentities() Scenario {
	s := recovering("network-wrong-identities", "The identities file of the wrong node", "that a dump of another SV starts without a complaint, so its owner is compared before", wire.Recovered,
		Loss{NoIdentities: true, Backup: nameOfPeer(4)}, "the SV app does not answer its identities any more", "the newest file in the folder of backups is that of another SV")
	s.Operator = otherwise(func(_ context.Context, _ Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		tried := 0
		for _, a := range v.Answers {
			if a.Name == q.Name {
				tried++
			}
		}
		switch {
		case q.Name == "network/identities.source" && tried > 0:
			return wire.Answer{Choice: "file"}, true
		case q.Name == "network/identities.backup" && tried > 0:
			return wire.Answer{Text: filepath.Join(filepath.Dir(q.Default), olderIdentities)}, true
		case q.Name == "network/identities.remedy":
			return wire.Answer{Choice: wire.ChoiceAsk}, true
		}
		return wire.Answer{}, false
	})
	return s
}

func networkCutSnapshot() Scenario {
	return recovering("network-cut-snapshot", "A snapshot that is cut off", "that a file which ends early is found out while it comes, and never merged", wire.Recovered,
		Loss{CutAt: 90, CutTimes: 1}, "the connection breaks when nine tenths of the first snapshot have come")
}

func networkGoesOn() Scenario {
	return recovering("network-goes-on", "An export that outlasts its request", "why one waits after a 503: the export goes on in the app, and another one beside it makes both slower", wire.Recovered,
		Loss{Slow: 1}, "the first export takes longer than the SV app lets a request take")
}

func networkForce() Scenario {
	s := recovering("network-force", "A release that wants a time at which something happened", "when force is right, and what has to be proven before", wire.Recovered,
		Loss{Generation: svapp.YExact, Every: 7 * time.Second}, "without force the SV app answers only for a time at which an event was")
	s.Operator = otherwise(func(_ context.Context, _ Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
		switch q.Name {
		case "network/snapshot.source":
			return wire.Answer{Choice: offered(q, "force", "app"), Text: "this participant was past the time by its own commitments, and the call knows"}, true
		case "network/snapshot.remedy":
			return wire.Answer{Choice: wire.ChoiceAsk}, true
		}
		return wire.Answer{}, false
	})
	return s
}

func networkWrongMigrationID() Scenario {
	s := recovering("network-wrong-migration-id", "The SV app refuses the dump", "that the app says why it does not start, and where else than in the values a migration ID can be fixed", wire.Recovered,
		Loss{Stuck: oldID}, "an additional variable of the SV app, whose value is in a Secret, fixes the old migration ID")
	s.Operator = otherwise(func(ctx context.Context, e Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
		if q.Name != "network/migrate.remedy" {
			return wire.Answer{}, false
		}
		return wire.Answer{Choice: wire.ChoiceRetry}, unstick(ctx, e) == nil
	})
	return s
}

// unstick puts the new migration ID into the Secret that fixes it, and has the SV app start anew: its pod ends again and again, and waits longer each time.
func unstick(ctx context.Context, e Elsewhere) error {
	secrets := kube.Place{Version: "v1", Resource: "secrets", Namespaced: true}
	objects, err := kube.Objects([]byte(stuckDoc(oldID + 1)))
	if err != nil {
		return err
	}
	was, found, err := e.Cluster.Find(ctx, secrets, e.Namespace, stuckSecret)
	if err != nil || !found {
		return err
	}
	if err := e.Cluster.Hands([]kube.Access{secrets.Access("update", e.Namespace, stuckSecret)}, false).Replace(ctx, secrets, objects[0], was, "operator"); err != nil {
		return err
	}
	pods, err := e.Cluster.Pods(ctx, e.Namespace, "app=sv-app")
	if err != nil {
		return err
	}
	now := int64(0)
	for _, pod := range pods {
		hands := e.Cluster.Hands(kube.AccessDeletePod(pod.Namespace, pod.Name), false)
		if err := hands.DeletePod(ctx, pod.Namespace, pod.Name, pod.UID, &now); err != nil && kube.KindOf(err) != kube.NotFound {
			return err
		}
	}
	return nil
}

func networkLateQuorum() Scenario {
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	return recovering("network-late-quorum", "The other SVs take their time", "that waiting for more than two thirds of the SVs is normal, and that nothing is wrong meanwhile", wire.Recovered,
		Loss{Stale: true, Migrates: []time.Duration{-time.Minute, 20 * time.Minute, hours(1), hours(2), hours(3), hours(9)}},
		"two more SVs have to migrate within the next hours before the new synchronizer runs", "a dump of an earlier migration lies on the SV app's volume")
}

// networkGitOps is a node whose apps are applied from a repository.
func networkGitOps() Scenario {
	return recovering("network-gitops", "The apps are applied by GitOps", "that what a repository holds is changed there: the run writes the changes, somebody commits them, and the migration waits for it", wire.Recovered,
		Loss{Flux: true}, "Flux applies sv, scan and validator", "a colleague commits what the run has written, some minutes after the old sequencer has stopped")
}

// networkCleanUp is a run of its own, days after a recovery that went well.
func networkCleanUp() Scenario {
	plan := Loss{Over: 5 * 24 * time.Hour}
	return Scenario{ID: "network-clean-up", Path: netpath.CleanUpPath, Title: "Days after the recovery of the network", Expect: wire.Recovered, Loss: &plan, World: plan.world, Operator: cleanUpOperator,
		Teaches: "that an app which is told to migrate does so at every start, and that the proof is what reaches the pods",
		Faults:  []string{"sv, scan and validator are still told to migrate", "the old synchronizer is there beside the new one, and its participant runs"}}
}

// cleanUpOperator was told on the call that nobody has to migrate any more.
func cleanUpOperator(_ context.Context, _ Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
	switch q.Name {
	case "network-clean-up/decided.who":
		return wire.Answer{Text: "alice of " + nameOfPeer(0) + ", for all SVs"}, true
	case "network-clean-up/decided.where":
		return wire.Answer{Text: "the weekly call"}, true
	case "network-clean-up/values.charts": // Helm has kept them
		return wire.Answer{Text: "record"}, true
	}
	return wire.Answer{}, false
}
