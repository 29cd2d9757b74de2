package rehearsal

import (
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
}

// Every scenario ends for a good operator as it says it does, and what is recovered holds the data of the backup.
func TestScenariosEndAsTheySay(t *testing.T) {
	beside(t)
	for _, s := range All() {
		t.Run(s.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					t.Fatalf("ended %+v, want %s\n%s", v.Ended, s.Expect, lines(v))
				}
				met := meets[s.ID] == ""
				for _, e := range r.journal {
					met = met || e.Kind == wire.KindAsk && e.Question.Name == meets[s.ID]
				}
				if !met {
					t.Errorf("the fault was not met: %s was never asked\n%s", meets[s.ID], lines(v))
				}
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
