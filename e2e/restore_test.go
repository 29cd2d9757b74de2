//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"canton.example/svrescue/e2e/keys"
	"canton.example/svrescue/e2e/node"
)

// TestRestoreHeadless restores a damaged node without a terminal: exit code 0 means that the data of the set is back,
// everything runs, and nothing was thrown away.
func TestRestoreHeadless(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 6*time.Minute)
	took := stopwatch(t)
	s := disaster(t, ctx, node.Config{Namespace: "headless", SnapshotClass: "rig-sized", Replicas: map[string]int32{"wallet-web-ui": 2}})
	took("disaster")
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run))
	took("restored")
	o.expect(r, exitDone, "run restore")
	s.expectRestored(t, ctx)

	folder, ok := o.folder()
	if !ok {
		t.Fatal("the run left no journal")
	}
	for _, name := range []string{"report.md", "report.json"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	expectPrivate(t, folder)
	expectNoSecrets(t, folder, s)
}

// TestRestoreByKeyboard restores the same through the full-screen program in a terminal of 80x24, with keys alone.
func TestRestoreByKeyboard(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 6*time.Minute)
	took := stopwatch(t)
	s := disaster(t, ctx, node.Config{Namespace: "keyboard"})
	took("disaster")
	o := newOperator(t, s.cluster, s.node.Namespace)
	terminal, err := keys.Start(o.command(ctx), 80, 24)
	must(t, err)
	defer terminal.Close()
	pressed, err := terminal.Operate(ctx, byKeyboard(s.node))
	for _, p := range pressed {
		t.Log(p)
	}
	took("restored")
	if err != nil {
		t.Fatalf("%v\n%s", err, o.workerLog())
	}
	if _, err := terminal.Wait(ctx); err != nil {
		t.Error(err)
	}
	s.expectRestored(t, ctx)
}

// byKeyboard is what the operator does on each screen of a restore.
func byKeyboard(n *node.Node) []keys.Rule {
	see := regexp.MustCompile
	return []keys.Rule{
		{See: see(`(?i)\brecovered\b`), Press: []string{"q"}, End: true},
		{See: see(`Type ` + regexp.QuoteMeta(word(n)) + ` to go on`), Type: word(n), Press: []string{"enter"}},
		{See: see(`\by yes\b`), Press: []string{"y"}},
		{See: see(`enter open restore`), Press: []string{"enter"}},
		{See: see(`enter (choose|send what is typed|start)`), Press: []string{"enter"}},
	}
}
