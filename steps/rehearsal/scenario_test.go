package rehearsal

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
)

// meets is the question that a scenario's fault must lead to: without it the fault was never met.
var meets = map[string]string{
	"restore-stuck-pod":      "restore/scale-down.remedy",
	"restore-crash-loop":     "restore/scale-up.remedy",
	"restore-wrong-order":    "restore/prove-set.remedy",
	"restore-dumps":          "restore/backup-set.dumps",
	"restore-dumps-anew":     "restore/backup-set.room",
	"restore-truncated-dump": "restore/prove-set.remedy",
	"restore-reversed-dumps": "restore/prove-set.remedy",
	"restore-managed":        "restore/restore-databases.managed",
	"restore-managed-dumps":  "restore/reach-servers.remedy",
	"restore-reversed":       "restore/prove-restored.remedy",
	"restore-gitops":         "restore/hold-others.confirm",
	"restore-too-old":        "restore/prove-set.remedy",
	"restore-no-rights":      "restore/preflight.remedy",
	"restore-second":         "restore/backup-set.held",
	"restore-operator-gone":  "restore/backup-set.take-over",

	"reonboard-vote-rejected":      "reonboard/offboarding.remedy",
	"reonboard-vote-expires":       "reonboard/offboarding.remedy",
	"reonboard-foreign-identities": "reonboard/identities.remedy",
	"reonboard-import-mismatch":    "reonboard/validator-deploy.undo",
	"reonboard-offer-expires":      "reonboard/test-accept.mend",
	"reonboard-operator-gone":      "reonboard/test-transfer.held",
	"reonboard-kms":                "reonboard/identities.kms",

	"network-too-late":         "network/snapshot.remedy",
	"network-pruned":           "network/snapshot.remedy",
	"network-never-agreed":     "network/agree.remedy",
	"network-wrong-identities": "network/identities.remedy",
	"network-force":            "network/snapshot.remedy",

	"network-wrong-migration-id": "network/migrate.remedy",

	"roll-forward-template-trap": "network/roll-forward/roll-forward-diff.remedy",
	"roll-forward-other-value":   "network/roll-forward/parameter-card.their-card",
	"roll-forward-late-cap":      "network/roll-forward/cap-old.remedy",
	"roll-forward-past-index":    "network/roll-forward/watch.mend",
	"roll-forward-cancel-first":  "network/roll-forward/release-gate.remedy",
}

// Every scenario ends for a good operator as it says it does, and what is recovered holds the data of the backup.
func TestScenariosEndAsTheySay(t *testing.T) {
	beside(t)
	for _, s := range All() {
		if s.Path == "reonboard" || strings.HasPrefix(s.Path, "network") { // TestReonboardScenarios, TestNetworkScenarios, TestRollForwardScenarios
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					t.Fatalf("ended %+v, want %s\n%s", v.Ended, s.Expect, lines(v))
				}
				checkMet(t, r, v)
				content, _ := r.world.ContentOf(namespace, "pg-data-participant-pg-0")
				if restored := content != damaged; restored != (s.Expect == wire.Recovered) {
					t.Errorf("the participant's volume holds %q", content)
				}
				for _, write := range sent(r) {
					if s.Expect == wire.Refused {
						t.Errorf("refused, but sent %+v", write)
					}
				}
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
			})
		})
	}
}

// endAsTheySay plays each scenario with a good operator. It ends as it says, its fault was met, and nothing was sent to a pod that is not known.
func endAsTheySay(t *testing.T, all []Scenario, also func(*testing.T, *rig, wire.View)) {
	t.Helper()
	beside(t)
	for _, s := range all {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					t.Fatalf("ended %+v, parked %q, want %s\n%s", v.Ended, v.Parked, s.Expect, lines(v))
				}
				checkMet(t, r, v)
				also(t, r, v)
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
			})
		})
	}
}

// checkMet: the fault of the scenario led to its question.
func checkMet(t *testing.T, r *rig, v wire.View) {
	t.Helper()
	question := meets[r.scenario.ID]
	if question != "" && !slices.ContainsFunc(r.journal, func(e wire.Event) bool { return e.Kind == wire.KindAsk && e.Question.Name == question }) {
		t.Errorf("the fault was not met: %s was never asked\n%s", question, lines(v))
	}
}
