package rehearsal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
)

// A set that does not hold is changed for another one within the run, before anything was touched.
func TestAnotherSetIsChosenWithinTheRun(t *testing.T) {
	var runs []sim.Backup
	inWorld(t, func(o *sim.NodeOptions, w *sim.Scenario) {
		if w == nil {
			o.Runs[0].WrongOrder = true
			runs = o.Runs
		}
	}, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.told(told{
			"restore/backup-set.set":   {runs[0].ID, runs[1].ID},
			"restore/prove-set.remedy": {wire.ChoiceAsk},
		}))
		must(t, v, wire.Recovered)
		if !strings.Contains(v.Ended.Text, runs[1].ID) || strings.Contains(v.Ended.Text, runs[0].ID) {
			t.Errorf("ended %q", v.Ended.Text)
		}
		checkRestored(t, r)
		checkShown(t, r)
		opened := false
		for _, e := range v.Timeline {
			opened = opened || e.Step == "restore/backup-set" && strings.Contains(e.Text, "asked anew")
		}
		if !opened {
			t.Errorf("the report does not tell that another set was chosen:\n%s", lines(v))
		}
	})
}

// A dump that was cut off is put there whole; the same folder is named again, and read again.
func TestTheSameFolderIsReadAgain(t *testing.T) {
	inScenario(t, truncatedDump(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.told(told{
			"restore/prove-set.remedy": {func() string {
				whole, err := dropped().Dumps()
				if err != nil {
					t.Error(err)
				}
				if err := os.WriteFile(filepath.Join(r.dumps, "participant_0.dump"), whole["participant_0.dump"], 0o600); err != nil {
					t.Error(err)
				}
				return wire.ChoiceAsk
			}},
		}))
		must(t, v, wire.Recovered)
	})
}
