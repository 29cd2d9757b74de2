package rehearsal

import (
	"context"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
)

// The node that every restore scenario is about.
const (
	namespace = "sv"
	svName    = "Acme-SV"
	network   = "testnet"
	release   = "0.6.4"
	damaged   = "damaged: could not read block 12 in file base/16401/2619"
)

// node is a node whose participant database is damaged, with two whole backup runs: 5 and 9 hours old.
func node(now time.Time) sim.NodeOptions {
	return sim.NodeOptions{Namespace: namespace, SVName: svName, Network: network, Release: release, StorageClass: "standard-rwo", SnapshotClass: "snapshots",
		DataSize: "20Gi", Start: now, Text: dataAt, Runs: []sim.Backup{backupRun(now, 5*time.Hour), backupRun(now, 9*time.Hour)}}
}

// backupRun is named by unix seconds, as upstream's script does (reference/deployment.md 8.3).
func backupRun(now time.Time, age time.Duration) sim.Backup {
	return sim.Backup{ID: runID(now, age), Age: age}
}

func world(o sim.NodeOptions) (sim.Scenario, error) {
	s, err := o.Scenario()
	if err != nil {
		return s, err
	}
	records, err := helmRecords(o)
	if err != nil {
		return s, err
	}
	s.Objects += records
	if s.Contents == nil {
		s.Contents = map[string]string{}
	}
	s.Contents[namespace+"/pg-data-participant-pg-0"] = damaged
	s.Knobs.Workloads = map[string]sim.Workload{
		namespace + "/participant": {ReadyDelay: sim.D(8 * time.Second), Termination: sim.D(6 * time.Second)},
		"*":                        {ReadyDelay: sim.D(4 * time.Second), Termination: sim.D(3 * time.Second)},
	}
	s.Knobs.Claims = map[string]sim.Claim{"*": {RestoreRate: 2 << 30}}
	return s, nil
}

func clean() Scenario {
	return Scenario{ID: "restore-clean", Path: "restore", Title: "A damaged participant database", Expect: wire.Recovered,
		Teaches: "the whole way, with nothing in it",
		World:   func(now time.Time) (sim.Scenario, error) { return world(node(now)) }}
}

func stuckPod() Scenario {
	return Scenario{ID: "restore-stuck-pod", Path: "restore", Title: "A pod that will not terminate", Expect: wire.Recovered,
		Teaches: "why the tool waits until pods are gone, and how to let go of one on a dead node",
		Faults:  []string{"the pod of scan-app ignores its termination: its node does not answer"},
		World: func(now time.Time) (sim.Scenario, error) {
			s, err := world(node(now))
			if err == nil {
				s.Knobs.Workloads[namespace+"/scan-app"] = sim.Workload{NeverTerminates: true}
			}
			return s, err
		},
		Operator: func(ctx context.Context, e Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name != "restore/scale-down.remedy" {
				return wire.Answer{}, false
			}
			return wire.Answer{Choice: wire.ChoiceRetry}, forceDelete(ctx, e) == nil
		}}
}

// forceDelete removes the pods that are being deleted and do not go.
func forceDelete(ctx context.Context, e Elsewhere) error {
	pods, err := e.Cluster.Pods(ctx, e.Namespace, "")
	if err != nil {
		return err
	}
	now := int64(0)
	for _, pod := range pods {
		if pod.Deleting == nil {
			continue
		}
		hands := e.Cluster.Hands(kube.AccessDeletePod(pod.Namespace, pod.Name), false)
		if err := hands.DeletePod(ctx, pod.Namespace, pod.Name, pod.UID, &now); err != nil && kube.KindOf(err) != kube.NotFound {
			return err
		}
	}
	return nil
}

func snapshotNotReady() Scenario {
	return Scenario{ID: "restore-snapshot-never-ready", Path: "restore", Title: "A snapshot that never becomes ready", Expect: wire.Recovered,
		Teaches: "that a newer backup is not a better one: the newest whole set is proposed",
		Faults:  []string{"the mediator's snapshot of the newest backup run stays unready"},
		World: func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			half := backupRun(now, time.Hour)
			half.NotReady = []string{"pg-data-mediator-pg-0"}
			o.Runs = append([]sim.Backup{half}, o.Runs...)
			return world(o)
		}}
}

func crashLoop() Scenario {
	return Scenario{ID: "restore-crash-loop", Path: "restore", Title: "A participant that crash-loops after the restore", Expect: wire.Recovered,
		Teaches: "reading the last log lines before deciding, and when patience is the answer",
		Faults:  []string{"the participant crashes several times after each start, until its database has replayed its log"},
		World: func(now time.Time) (sim.Scenario, error) {
			s, err := world(node(now))
			if err == nil {
				s.Knobs.Workloads[namespace+"/participant"] = sim.Workload{ReadyDelay: sim.D(8 * time.Second), Crash: &sim.Crash{
					Times: 7, ExitCode: 1, After: sim.D(3 * time.Second), Log: participantLog}}
			}
			return s, err
		},
		Operator: func(_ context.Context, _ Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name != "restore/scale-up.remedy" {
				return wire.Answer{}, false
			}
			return wire.Answer{Choice: wire.ChoiceRetry}, true
		}}
}

// participantLog is what a participant says that cannot use its database yet.
var participantLog = []string{
	`{"level":"INFO","message":"Starting Canton version 3.4.9"}`,
	`{"level":"WARN","message":"Failed to initialize pool: FATAL: the database system is starting up"}`,
	`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`,
}

func wrongOrder() Scenario {
	return Scenario{ID: "restore-wrong-order", Path: "restore", Title: "Backups in the wrong order", Expect: wire.Refused,
		Teaches: "that a set whose apps are newer than its participant is never started, however healthy it would look",
		Faults:  []string{"in every backup run the participant was taken before the apps"},
		World: func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			for i := range o.Runs {
				o.Runs[i].WrongOrder = true
			}
			return world(o)
		}}
}

func noRights() Scenario {
	return Scenario{ID: "restore-no-rights", Path: "restore", Title: "A right that is missing", Expect: wire.Refused,
		Teaches: "that preflight names the missing right before anything is changed",
		Faults:  []string{"this account may not patch persistent volumes"},
		World: func(now time.Time) (sim.Scenario, error) {
			s, err := world(node(now))
			if err == nil {
				s.Knobs.Deny = append(s.Knobs.Deny, sim.Rule{Verbs: []string{"patch"}, Resources: []string{"persistentvolumes"}})
			}
			return s, err
		}}
}

// Paths are the paths that have scenarios.
func Paths() []string {
	var paths []string
	for _, s := range All() {
		if !slices.Contains(paths, s.Path) {
			paths = append(paths, s.Path)
		}
	}
	return paths
}
