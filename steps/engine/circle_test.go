package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// A step of which everything is done ends, even where what it looks at reads otherwise at each look: nothing was asked that could be out of date.
func TestWhatIsDoneDoesNotGoInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newToy()
		w.on["a"], w.on["b"] = true, true
		path := toyPath(w, wire.Repeatable)
		looks := 0
		path.Steps[1].Check = func(context.Context, steps.World, facts) ([]wire.Finding, error) {
			looks++
			verdict := wire.Holds
			if looks > 50 {
				verdict = wire.Violated // ends a circle
			}
			return []wire.Finding{{ID: "look", Verdict: verdict, Text: fmt.Sprintf("this is look %d", looks)}}, nil
		}
		v, err := playPath(t, path, &memory{}, wire.Live, willing)
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered || looks > 2 {
			t.Errorf("%v, ended %+v after %d looks", err, v.Ended, looks)
		}
		if len(w.sent) != 1 {
			t.Errorf("sent: %v", w.sent)
		}
	})
}
