//go:build e2e

package e2e

import (
	"testing"
	"time"

	"canton.example/svrescue/e2e/rig"
)

// TestReonboard replaces a lost SV without a terminal.
func TestReonboard(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	r := replace(t, ctx, "reo", o.home)
	o.namespace = r.node.Namespace
	took("lost")
	arguments := r.watchArguments(t)
	r.until(t, ctx, o)
	took("fresh SV")
	end := o.plain(ctx, "resume", o.runID(), "--answers", r.file(t, o))
	o.expect(end, exitDone, "resume with the receiver's end")
	arguments()
	took("paid")
	r.expectPaid(t, ctx)
	folder, _ := o.folder()
	expectPrivate(t, folder)
	r.expectQuiet(t, folder, end)
}
