//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/e2e/node"
)

// TestDumpsBig restores a dump of more than 2 GiB, and says how fast that was and what memory the worker took. It runs only where
// SVRESCUE_E2E_BIG=1 asks for it: it needs about 12 GiB of disk.
func TestDumpsBig(t *testing.T) {
	if os.Getenv("SVRESCUE_E2E_BIG") != "1" {
		t.Skip("SVRESCUE_E2E_BIG=1 runs this")
	}
	binary(t)
	ctx := within(t, 40*time.Minute)
	took := stopwatch(t)
	s := stage(t, ctx, node.Config{Namespace: "big"})
	must(t, s.node.Bulk(ctx, "participant-pg", "participant_0", 2200))
	took("filled")
	good := s.dump(t, ctx, map[string]node.Form{"apps-pg": node.Cluster, "mediator": node.Custom, "sequencer": node.Custom, "participant": node.Plain})
	info, err := os.Stat(filepath.Join(good, "backup-of-participant"))
	must(t, err)
	t.Logf("a dump of %.2f GiB", float64(info.Size())/(1<<30))
	if info.Size() < 2<<30 {
		t.Errorf("the dump has %d bytes only", info.Size())
	}
	took("backed up")
	must(t, s.node.LoseTables(ctx))
	s.look(t, ctx)
	s.stays = slices.DeleteFunc(s.node.Claims(), func(c string) bool { return c == s.node.CometBFTClaim })

	o := newOperator(t, s.cluster, s.node.Namespace)
	watching, stop := context.WithCancel(ctx)
	var peak atomic.Int64
	go o.watchMemory(watching, &peak)
	r := o.run(ctx, "run", "restore", "--dumps", good, "--answers", o.answers(s.node, s.run, besideAnswers...))
	stop()
	o.expect(r, exitDone, "run restore")
	took("restored")
	folder, _ := o.folder()
	load := spanOf(t, folder, regexp.MustCompile(`^load .*participant_0$`))
	t.Logf("loaded in %s, %.1f MiB/s; read and judged in %s; the worker's memory was at most %.1f MiB", load.Round(time.Second),
		float64(info.Size())/(1<<20)/load.Seconds(), spanOf(t, folder, regexp.MustCompile(`^read the dumps`)).Round(time.Second), float64(peak.Load())/1024)
	if peak.Load() > 256<<10 {
		t.Errorf("the worker took %d KiB of memory: it grows with the dump", peak.Load())
	}
	s.expectRestored(t, ctx, o.runID())
}

// watchMemory notes the most that the worker ever had in memory, in KiB.
func (o *operator) watchMemory(ctx context.Context, peak *atomic.Int64) {
	most := regexp.MustCompile(`VmHWM:\s*(\d+)`)
	for ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		folder, ok := o.folder()
		if !ok {
			continue
		}
		var w struct {
			PID int `json:"pid"`
		}
		if b, err := os.ReadFile(filepath.Join(folder, "worker.json")); err != nil || json.Unmarshal(b, &w) != nil {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.PID))
		if err != nil || !bytes.Contains(status, []byte("svrescue")) {
			continue
		}
		if m := most.FindSubmatch(status); m != nil {
			n, _ := strconv.ParseInt(string(m[1]), 10, 64)
			peak.Store(max(peak.Load(), n))
		}
	}
}

// spanOf is the time between the intent and the result of the first action whose key matches.
func spanOf(t *testing.T, folder string, key *regexp.Regexp) time.Duration {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "journal.jsonl"))
	must(t, err)
	defer f.Close()
	var began time.Time
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Event struct {
				Kind   string    `json:"kind"`
				Action string    `json:"action"`
				At     time.Time `json:"at"`
			} `json:"event"`
		}
		if json.Unmarshal(lines.Bytes(), &r) != nil || !key.MatchString(r.Event.Action) {
			continue
		}
		switch {
		case r.Event.Kind == "intent" && began.IsZero():
			began = r.Event.At
		case r.Event.Kind == "result" && !began.IsZero():
			return r.Event.At.Sub(began)
		}
	}
	t.Fatalf("no action %s in the journal", key)
	return 0
}
