package rollforward

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// svLog is what an SV app has logged that has come through the first phases.
func svLog(until int) (lines []sim.Line) {
	for _, p := range phases[:until] {
		lines = append(lines, sim.Line{Text: fmt.Sprintf(`{"message":%q,"level":"INFO"}`, p.any[0]+" x")})
	}
	return lines
}

// The SV app is followed until its participant is on the successor, and the others are counted.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		r.logs(map[string][]sim.Line{"sv-app": svLog(len(phases)), "participant": {{Text: `{"message":"` + commitmentCorrect + ` PAR::x"}`}, {Text: `{"message":"` + commitmentMismatch + `(5,0): y"}`}}})
		r.tells["/api/scan/v0/active-synchronizer-serial"] = map[string]any{"serial": 5}
		a := r.values()
		a.Upgrade = time.Now().Add(-time.Hour)
		var asked []wire.Question
		v, _ := r.drive(&journal{}, r.agreed(a), []steps.Step[Facts]{watch()}, script(&asked, nil))
		r.must(v, asked)
		found := v.Step(prefix + "watch").Findings[wire.PhaseVerify]
		if got := said(found); got != "holds phases, holds serial, holds quorum, attention mismatches, holds commitments" {
			t.Errorf("found %s", got)
		}
	})
}

// A participant that is past the upgrade time that it is told stops the wait, and the screen says what upstream says.
func TestAParticipantThatIsPastTheUpgradeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		r.logs(map[string][]sim.Line{"sv-app": append(svLog(5), sim.Line{Text: `{"message":"` + pastIndex + `: should not be higher than 1 time but found 2"}`})})
		var asked []wire.Question
		r.drive(&journal{}, r.agreed(r.values()), []steps.Step[Facts]{watch()}, script(&asked, nil))
		q := asked[len(asked)-1]
		if q.Kind != wire.AskRemedy || q.Error == nil || !strings.Contains(q.Error.Next, "exportTimes.upgradeTime") {
			t.Errorf("asked %+v, %+v", q, q.Error)
		}
		s, err := r.agreed(r.values()).following().see(t.Context(), r.world)
		if err != nil || said(s.findings(5)) != "violated phases, violated serial" {
			t.Errorf("found %s, %v", said(s.findings(5)), err)
		}
	})
}

// A participant that waits for a time at which a capped synchronizer never stands is not waited for until patience ends.
func TestAParticipantThatWaitsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		r.logs(map[string][]sim.Line{"sv-app": append(svLog(5), sim.Line{Text: `{"message":"` + notYetAt + `"}`})})
		began := time.Now()
		var asked []wire.Question
		r.drive(&journal{}, r.agreed(r.values()), []steps.Step[Facts]{watch()}, script(&asked, nil))
		q := asked[len(asked)-1]
		if waited := time.Since(began); q.Error == nil || !strings.Contains(q.Error.Seen, "for 10 minutes") || waited < atTimePatience || waited > watchPatience {
			t.Errorf("after %v it asked %+v", waited, q.Error)
		}
	})
}

// A roll-forward is taken back only while the participant is where it was.
func TestAMovedParticipantIsNotTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		for _, c := range []struct {
			name   string
			logged int
			serial int
			stays  bool
		}{{"nothing has begun", 0, 4, false}, {"the successor is initialised", 4, 4, false}, {"the SV app moves it", 5, 4, true}, {"scan says so", 0, 5, true}} {
			r.logs(map[string][]sim.Line{"sv-app": svLog(c.logged)})
			r.tells["/api/scan/v0/active-synchronizer-serial"] = map[string]any{"serial": c.serial}
			f := r.agreed(r.values())
			err := notMoved{f.following()}.Do(t.Context(), steps.Hands{World: r.world}, nil)
			if stays := err != nil && strings.Contains(steps.FailureOf("", err).Seen, "is moved, or is being moved"); stays != c.stays || !stays && err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if _, err := watch().Verify(t.Context(), r.world, &f); err != nil || (isMoved(f) != "") != (c.serial == 5) {
				t.Errorf("%s: %q, %v", c.name, isMoved(f), err)
			}
		}
	})
}
