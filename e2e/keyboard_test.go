//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"canton.example/svrescue/e2e/keys"
	"canton.example/svrescue/e2e/node"
)

// TestRestoreByKeyboard restores through the full-screen program, with keys alone: a node in a terminal of 80x24, and
// the same node once more in the smallest that is supported, after it has gone on.
func TestRestoreByKeyboard(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	s := backedUp(t, ctx, node.Config{Namespace: "kb"})
	took("backed up")
	for _, size := range [][2]int{{80, 24}, {60, 20}} {
		o := newOperator(t, s.cluster, s.node.Namespace)
		terminal, err := keys.Start(o.command(ctx, "run", "restore"), size[0], size[1])
		must(t, err)
		defer terminal.Close()
		pressed, err := terminal.Operate(ctx, byKeyboard(s.node))
		for _, p := range pressed {
			t.Log(p)
		}
		took(fmt.Sprintf("restored at %dx%d", size[0], size[1]))
		if err != nil {
			t.Fatalf("%v\n%s", err, o.workerLog())
		}
		if code, err := terminal.Wait(ctx); err != nil || code != exitDone {
			t.Errorf("the program ended with %d, %v", code, err)
		}
		s.expectRestored(t, ctx, o.runID())
		if t.Failed() {
			return
		}
		s.look(t, ctx)
		must(t, s.node.Grow(ctx))
	}
}

// byKeyboard is what the operator does on each screen of a restore: by what the question is, not by how it is drawn.
func byKeyboard(n *node.Node) []keys.Rule {
	see := regexp.MustCompile
	return []keys.Rule{
		{See: see(`(?i)\bfailed\b:|\brefused\b:|cannot go on|is not proven`), Stop: true},
		{See: see(`(?i)\brecovered\b`), Press: []string{"q"}, End: true},
		{See: see(`Type ` + regexp.QuoteMeta(word(n))), Type: word(n), Press: []string{"enter"}},
		{See: see(`if this node runs nowhere else`), Type: word(n), Press: []string{"enter"}},
		{See: see(`Which backup run is restored`), Press: []string{"enter"}},
		{See: see(`(?i)send this\?|\by yes\b`), Press: []string{"y"}},
	}
}
