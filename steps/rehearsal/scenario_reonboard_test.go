package rehearsal

import (
	"testing"
	"testing/synctest"
)

// Every scenario of a re-onboarding ends for a good operator as it says it does, and no payment is made more than once.
func TestReonboardScenarios(t *testing.T) {
	beside(t)
	for _, s := range []Scenario{reonboardClean()} {
		t.Run(s.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != s.Expect {
					t.Fatalf("ended %+v, want %s\n%s", v.Ended, s.Expect, lines(v))
				}
			})
		})
	}
}
