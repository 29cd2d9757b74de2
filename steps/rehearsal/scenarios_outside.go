package rehearsal

import (
	"context"
	"time"

	"canton.example/svrescue/kube/sim"
	pg "canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/steps/wire"
)

// Hosts of the managed service.
const (
	managedParticipant = "participant-pg.c0ffee.eu-west-1.rds.amazonaws.com"
	managedApps        = "apps-pg.c0ffee.eu-west-1.rds.amazonaws.com"
)

// atProvider is a node whose participant and apps have their databases at a provider.
func atProvider(o sim.NodeOptions) (sim.Scenario, error) {
	w, err := world(outsiders(o))
	delete(w.Contents, namespace+"/pg-data-participant-pg-0")
	return w, err
}

func outsiders(o sim.NodeOptions) sim.NodeOptions {
	o.Managed = map[string]string{"participant-pg": managedParticipant, "apps-pg": managedApps}
	return o
}

func managed() Scenario {
	return Scenario{ID: "restore-managed", Path: "restore", Title: "Databases of a managed service", Expect: wire.Recovered,
		Teaches: "which commands and times the provider is given, and that the result is proven with SQL through a pod",
		Faults:  []string{"apps and participant have their databases at a provider; its restore is done outside (here as soon as you say so)"},
		Managed: func(now time.Time) map[string]string {
			o := node(now)
			participant, _ := serverState(o, "participant-pg", now.Add(-time.Hour))
			apps, _ := serverState(o, "apps-pg", now.Add(-65*time.Minute))
			return map[string]string{managedParticipant: textOf(participant), managedApps: textOf(apps)}
		},
		World: func(now time.Time) (sim.Scenario, error) { return atProvider(node(now)) },
		Operator: func(ctx context.Context, e Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name != "restore/backup-set.managed" {
				return wire.Answer{}, false
			}
			r, err := e.Cluster.Reach(ctx)
			if err != nil || r.ServerTime == nil {
				return wire.Answer{}, false
			}
			return wire.Answer{Text: r.ServerTime.Add(-time.Hour).UTC().Format(time.RFC3339)}, true
		}}
}

// limited are the servers of a provider as they are before a restore: their user is no superuser, and the participant's database is gone.
func limited(now time.Time, change func(*pg.State)) map[string]string {
	all := map[string]string{}
	for host, server := range map[string]string{managedParticipant: "participant-pg", managedApps: "apps-pg"} {
		s, _ := serverState(node(now), server, now)
		s.Limited, s.Creates, s.Capacity = true, true, 0
		for _, name := range []string{"postgres", "cantonnet"} {
			s.Databases[name].Owner = "rdsadmin"
		}
		delete(s.Databases, "participant_0")
		if change != nil {
			change(&s)
		}
		all[host] = textOf(s)
	}
	return all
}

func managedDumps() Scenario {
	return Scenario{ID: "restore-managed-dumps", Path: "restore", Title: "Dumps into a managed service", Expect: wire.Recovered,
		Teaches: "loading dumps into servers outside the cluster: through a pod, with the rights of an ordinary user, and what of their room only you can see",
		Faults: []string{"apps and participant have their databases at a provider; the participant's is gone, and the provider has no backup",
			"the databases are backed up by pg_dump, CometBFT by a snapshot"},
		Dumps:   someDumps(nil),
		Managed: func(now time.Time) map[string]string { return limited(now, nil) },
		World:   func(now time.Time) (sim.Scenario, error) { return atProvider(dumped(now)) },
		Operator: func(_ context.Context, _ Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name != "restore/reach-servers.remedy" {
				return wire.Answer{}, false
			}
			return wire.Answer{Choice: wire.ChoiceAccept, Text: "the console of the provider shows 200 GiB free on both"}, true
		}}
}
