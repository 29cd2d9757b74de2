package action

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// distant pods are in step with their network, or behind it by so much, and far away: the question and the answer take a while.
type distant struct{ behind, way time.Duration }

func (d distant) Get(_ context.Context, _, _ string, _ int, path string) ([]byte, error) {
	time.Sleep(d.way)
	block := time.Now().Add(-d.behind)
	time.Sleep(d.way)
	if path == chainStatus {
		return fmt.Appendf(nil, `{"result":{"sync_info":{"latest_block_height":"7","latest_block_time":%q}}}`, block.UTC().Format(time.RFC3339Nano)), nil
	}
	return fmt.Appendf(nil, "%s %d\n", lastSequencing, block.UnixMicro()), nil
}

// How long an answer takes is no lag, and what is newer than the question is not ahead of the clock.
func TestSlowAnswerIsNoLag(t *testing.T) {
	for _, c := range []struct {
		distant
		want wire.Verdict
	}{
		{distant{time.Second, 0}, wire.Holds},
		{distant{time.Second, 20 * time.Second}, wire.Holds},
		{distant{time.Minute, 0}, wire.Violated},
		{distant{time.Minute, 10 * time.Second}, wire.Violated},
		{distant{-time.Minute, 0}, wire.Undetermined},
		{distant{-time.Minute, 10 * time.Second}, wire.Undetermined},
	} {
		for _, follows := range []Follows{ByChain, ByClient} {
			synctest.Test(t, func(t *testing.T) {
				w := steps.World{Clock: clock.RealClock{}, Pods: c.distant}
				lags, err := ReadLags(t.Context(), w, []Followed{{Part: "participant", Follows: follows}}, Skew{Known: true})
				if err != nil || lags[0].Verdict() != c.want {
					t.Errorf("%s, %s behind, answers after %s: %+v, %v", follows, c.behind, 2*c.way, lags, err)
				}
			})
		}
	}
}
