package rehearsal

import (
	"strings"
	"testing"
	"time"

	cluster "canton.example/svrescue/kube/sim"
	"k8s.io/utils/clock"
)

// What an SV app that is started with roll-forward-lsu does, by what it is given: it moves its participant, or says what it lacks, or stays where the
// participant is not at the time that it is told.
func TestAnSVAppThatRollsForward(t *testing.T) {
	stood := newPods(clock.RealClock{}, rollClean()).network.(*roll).stood()
	rolling := `_onboarding { type = "roll-forward-lsu"
new-physical-synchronizer-serial = 5
export-times = {
`
	told := func(at time.Time) string {
		return rolling + "upgrade-time = {\n  type = \"timestamp\"\n  time = \"" + at.Format(time.RFC3339) + "\"\n}\n}"
	}
	for _, c := range []struct {
		name  string
		env   map[string]string
		down  string
		says  string
		moves bool
	}{
		{"all that it needs", nil, "", "Manual LSU completed", true},
		{"with its key", map[string]string{onboardingVar: `_onboarding { type = "join-with-key" }`}, "", "", false},
		{"no legacy synchronizer", map[string]string{domainVars + "_LEGACY": ""}, "", "Legacy node must be set for roll-forward LSU", false},
		{"no place for exports", map[string]string{exportsVar: ""}, "", "Domain migration dump path must be set for LSU", false},
		{"nothing announced", map[string]string{onboardingVar: strings.Replace(rolling, "export-times", "others", 1)}, "", "Expected exactly one LSU announcement", false},
		{"told when it stands", map[string]string{onboardingVar: told(stood)}, "", "Manual LSU completed", true},
		{"told a time that it is past", map[string]string{onboardingVar: told(stood.Add(-time.Hour))}, "", "Synchronizer index is past upgrade time", false},
		{"told a time that never comes", map[string]string{onboardingVar: told(stood.Add(time.Hour))}, "", "Synchronizer index is not yet at upgrade time", false},
		{"the successor does not run", nil, "sv/global-domain-5-sequencer", "UNAVAILABLE", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newPods(clock.RealClock{}, rollClean()).network.(*roll)
			for _, part := range []string{"global-domain-4-sequencer", "global-domain-5-sequencer", "participant"} {
				if "sv/"+part != c.down {
					r.up["sv/"+part] = cluster.Pod{Name: part + "-0"}
				}
			}
			node := func(name, sequencer string) string {
				return "canton.sv-apps.sv.local-synchronizer-nodes." + name + " {\n  sequencer {\n    admin-api {\n      address = \"" + sequencer + "\"\n"
			}
			env := map[string]string{onboardingVar: rolling, exportsVar: "x", domainVars + "_LEGACY": node("legacy", "global-domain-4-sequencer"), domainVars + "_CURRENT": node("current", "global-domain-5-sequencer")}
			for name, value := range c.env {
				env[name] = value
			}
			life := r.started(cluster.Pod{Namespace: "sv", Name: "sv-app-0", Owner: "sv-app", Container: "sv-app", Env: env, Started: time.Now()})
			var said []string
			for _, line := range life.Log {
				said = append(said, line.Text)
			}
			if life.Crash != nil {
				said = append(said, life.Crash.Log...)
			}
			if text := strings.Join(said, "\n"); !strings.Contains(text, c.says) || c.says == "" && text != "" {
				t.Errorf("it says %s", text)
			}
			if !r.moved.IsZero() != c.moves || c.moves && r.serial != 5 {
				t.Errorf("moved at %v to %d", r.moved, r.serial)
			}
		})
	}
}
