package rehearsal

import (
	"slices"
	"strings"
	"testing"

	helm "canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/wire"
)

// Every scenario of a lost network ends for a good operator as it says it does.
func TestNetworkScenarios(t *testing.T) {
	endAsTheySay(t, networkScenarios(), func(t *testing.T, r *rig, v wire.View) {
		if r.scenario.ID == networkCleanUp().ID {
			checkCleanedUp(t, r, v)
		}
	})
}

// checkCleanedUp: nothing tells an app to migrate any more, neither values nor what reaches the pods, and the old synchronizer is as it was.
func checkCleanedUp(t *testing.T, r *rig, v wire.View) {
	t.Helper()
	records, err := helm.In(r.cluster(), namespace).InForce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	revisions := map[string]int{}
	for _, s := range records {
		revisions[s.Name] = s.Revision
		if _, there := s.Settings().At("migration.migrating"); there {
			t.Errorf("the values of release %s say still that it migrates", s.Name)
		}
	}
	for _, name := range []string{"sv", "scan", "validator"} {
		if revisions[name] != 2 {
			t.Errorf("release %s is at revision %d", name, revisions[name])
		}
	}
	for name, replicas := range map[string]int32{"sv-app": 1, "scan-app": 1, "validator-app": 1, "participant-4": 1, "participant-3": 1, "global-domain-4-sequencer": 1,
		"global-domain-3-cometbft": 0, "global-domain-3-sequencer": 0, "global-domain-3-mediator": 0} {
		w, there, err := r.cluster().Workload(t.Context(), "Deployment", namespace, name)
		if err != nil || !there || w.Replicas != replicas {
			t.Errorf("%s: %v, %v, %d wanted, want %d", name, err, there, w.Replicas, replicas)
		}
		for _, c := range w.Containers {
			for _, e := range c.Env {
				if e.Name == restoringVar || e.Name == onboardingVar && strings.Contains(e.Value, "domain-migration") {
					t.Errorf("%s is still told to migrate by %s", name, e.Name)
				}
			}
		}
	}
	for _, claim := range []string{"global-domain-3-cometbft-cometbft-data", "global-domain-4-cometbft-cometbft-data"} {
		if _, there, err := r.cluster().Claim(t.Context(), namespace, claim); err != nil || !there {
			t.Errorf("claim %s is gone: %v", claim, err)
		}
	}
	var left []string
	for _, f := range v.Step("network-clean-up/old-synchronizer").Findings[wire.PhaseVerify] {
		left = append(left, f.ID)
	}
	slices.Sort(left)
	if got := strings.Join(left, " "); got != "old old-global-domain-3-cometbft old-global-domain-3-mediator old-global-domain-3-sequencer old-participant-3" {
		t.Errorf("of the old synchronizer it tells %s", got)
	}
}
