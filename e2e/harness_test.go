//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestKillHarness proves runAndKill without a cluster: a stand-in for the product writes intents into a journal, and is
// killed at the one that is asked for, not before.
func TestKillHarness(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	home := t.TempDir()
	shell, err := exec.LookPath("sh")
	must(t, err)
	shell, err = filepath.EvalSymlinks(shell)
	must(t, err)
	b, err := os.ReadFile(shell)
	must(t, err)
	// a shell called svrescue takes its first argument, "run", for the script to run
	must(t, os.WriteFile(filepath.Join(home, "svrescue"), b, 0o700))
	script := `d=state/svrescue/runs/r-1; mkdir -p $d; echo "{\"pid\": $$}" > $d/worker.json
say() { echo "$1" >> $d/journal.jsonl; sleep 0.2; }
say '{"prev":"","hash":"00","event":{"kind":"plan","step":"restore/volumes","plan":{"actions":[{"key":"k1","title":"create pvc/a"}]}}}'
say '{"kind":"intent","step":"restore/scale-down","action":"sv-app"}'
say '{"prev":"00","hash":"01","event":{"kind":"intent","step":"restore/volumes","action":"k1"}}'
printf '{"prev":"01","ha' >> $d/journal.jsonl
sleep 20
`
	must(t, os.WriteFile(filepath.Join(home, "run"), []byte(script), 0o600))
	o := &operator{t: t, binary: filepath.Join(home, "svrescue"), home: home}
	r, err := o.runAndKill(ctx, []string{"run"}, killPoint{at: regexp.MustCompile(`create pvc`)})
	if err != nil || r.code != -1 {
		t.Fatalf("%v: %s", err, r)
	}
	folder, _ := o.folder()
	want := []string{"restore/scale-down sv-app", "restore/volumes k1 create pvc/a"}
	if got := intents(folder); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("intents %q, want %q", got, want)
	}
}
