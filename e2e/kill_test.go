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
	"strings"
	"syscall"
	"testing"
	"time"

	"canton.example/svrescue/e2e/node"
)

// killPoint is the first intent whose step, key and title match.
type killPoint struct {
	name  string
	at    *regexp.Regexp
	after time.Duration // how long it waits then
}

// killPoints are where the worker is killed, and where another run is cut off from the cluster.
var killPoints = []killPoint{
	{"scale down", regexp.MustCompile(`(?i)restore/scale-down\b`), 0},
	{"claim deletion", regexp.MustCompile(`(?i)\bdelet\w*\b.*(pvc|claim)`), 0},
	{"claim creation", regexp.MustCompile(`(?i)\b(re)?creat\w*\b.*(pvc|claim)`), 0},
}

// TestKillAndResume kills the worker with SIGKILL at each point of one restore, right after an intent was written, and
// resumes each time: the end is the same as if nothing had happened.
func TestKillAndResume(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	s := backedUp(t, ctx, node.Config{Namespace: "kill", TermDelay: map[string]string{"sv-app": "2s"}})
	took("backed up")
	o := newOperator(t, s.cluster, s.node.Namespace)
	answers := o.answers(s.node, s.run)
	args := []string{"run", "restore", "--answers", answers}
	o.expect(o.runThroughKills(ctx, killPoints, answers, args...), exitDone, "resume")
	took("resumed to the end")
	s.expectRestored(t, ctx, o.runID())
}

// runThroughKills runs the command, kills the worker at each of the points and resumes each time; it gives the end.
func (o *operator) runThroughKills(ctx context.Context, points []killPoint, answers string, args ...string) result {
	o.t.Helper()
	for _, point := range points {
		r, err := o.runAndKill(ctx, args, point)
		if err != nil {
			o.t.Fatalf("%s: %v\n%s\n%s", point.name, err, r, o.workerLog())
		}
		if r.code == exitDone {
			o.t.Fatalf("%s: the command says done although its worker was killed: %s", point.name, r)
		}
		args = []string{"resume", o.runID(), "--answers", answers}
	}
	return o.run(ctx, args...)
}

// runAndKill starts the command, kills the worker at the first new intent that matches, and waits for the command's end.
func (o *operator) runAndKill(ctx context.Context, args []string, point killPoint) (result, error) {
	o.t.Helper()
	skip := 0
	if folder, ok := o.folder(); ok {
		skip = len(intents(folder))
	}
	cmd := o.command(ctx, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	looked := int64(-1) // at a journal of this size
	finish := func() result { return result{cmd.ProcessState.ExitCode(), out.String(), complaints.String()} }
	for {
		if folder, ok := o.folder(); ok && grown(folder, &looked) {
			all := intents(folder)
			for _, text := range all[min(skip, len(all)):] {
				if !point.at.MatchString(text) {
					continue
				}
				time.Sleep(point.after)
				if err := killWorker(folder); err != nil {
					cmd.Process.Kill()
					<-ended
					return finish(), err
				}
				o.t.Logf("killed %s after the intent %q", point.after, text)
				select {
				case <-ended:
					return finish(), nil
				case <-time.After(60 * time.Second):
					cmd.Process.Kill()
					<-ended
					return finish(), fmt.Errorf("the command has not noticed for 60 s that its worker is dead")
				}
			}
		}
		select {
		case <-ended:
			return finish(), fmt.Errorf("the command ended before an intent matched %s", point.at)
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// record is what the journal says of an event, with or without an envelope.
type record struct {
	Kind   string `json:"kind"`
	Step   string `json:"step"`
	Action string `json:"action"`
	Plan   *struct {
		Actions []struct {
			Key   string `json:"key"`
			Title string `json:"title"`
		} `json:"actions"`
	} `json:"plan"`
	Event *record `json:"event"`
}

// grown says that the journal of a run has another size than when it was looked at.
func grown(folder string, looked *int64) bool {
	i, err := os.Stat(filepath.Join(folder, "journal.jsonl"))
	if err != nil || i.Size() == *looked {
		return false
	}
	*looked = i.Size()
	return true
}

// intents are the intents in a run's journal, each as "step action title".
func intents(folder string) []string {
	b, err := os.ReadFile(filepath.Join(folder, "journal.jsonl"))
	if err != nil {
		return nil
	}
	titles := map[string]string{}
	var list []string
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r record
		if json.Unmarshal(lines.Bytes(), &r) != nil { // the last line may be torn
			continue
		}
		if r.Event != nil {
			r = *r.Event
		}
		if r.Plan != nil {
			for _, a := range r.Plan.Actions {
				titles[r.Step+" "+a.Key] = a.Title
			}
		}
		if r.Kind == "intent" {
			list = append(list, strings.TrimSpace(r.Step+" "+r.Action+" "+titles[r.Step+" "+r.Action]))
		}
	}
	return list
}

// killWorker kills the process that worker.json names with SIGKILL.
func killWorker(folder string) error {
	b, err := os.ReadFile(filepath.Join(folder, "worker.json"))
	if err != nil {
		return err
	}
	var w struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.PID <= 1 {
		return fmt.Errorf("worker.json names process %d", w.PID)
	}
	// a process id is used again: only a worker of this binary is killed
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", w.PID)); err != nil || filepath.Base(exe) != "svrescue" {
		return fmt.Errorf("process %d is %q and not a worker: %v", w.PID, exe, err)
	}
	return syscall.Kill(w.PID, syscall.SIGKILL)
}
