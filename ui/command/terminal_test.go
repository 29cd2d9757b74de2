package command_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"github.com/creack/pty"
)

// terminal starts the program at a pseudo terminal of its own; what it prints is kept.
func (o operator) terminal(args ...string) (*os.File, *output, *exec.Cmd) {
	o.t.Helper()
	cmd, out := o.command(args...)
	cmd.Stdout, cmd.Stderr = nil, nil
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { tty.Close(); _ = cmd.Process.Kill() })
	go func() { _, _ = io.Copy(out, tty) }()
	return tty, out, cmd
}

// presses types at a terminal.
func presses(t *testing.T, tty *os.File, keys string) {
	t.Helper()
	if _, err := io.WriteString(tty, keys); err != nil {
		t.Fatal(err)
	}
}

const firstQuestion = "waits for an answer at Backup set"

// ctrl+c at a terminal with lines asks first, and answers nothing; the second one parks the run.
func TestCtrlCAtATerminal(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	tty, out, cmd := o.terminal("rehearse", "restore-clean", "--speed", "100", "--linear")
	until(t, "it is asked", func() bool { return strings.Contains(out.String(), "QUESTION restore/backup-set.set") })
	before := records(o.only())
	presses(t, tty, "\x03")
	until(t, "it asks back", func() bool { return strings.Contains(out.String(), "ctrl+c once more parks the run") })
	if now := o.standing(); now != firstQuestion || records(o.only()) != before {
		t.Errorf("after the first ctrl+c it stands %q with %d records, it had %d", now, records(o.only()), before)
	}
	presses(t, tty, "\x03")
	_ = cmd.Wait()
	until(t, "what it wrote last has come", func() bool { return strings.Contains(out.String(), "parked: ") })
	if code := cmd.ProcessState.ExitCode(); code != 4 {
		t.Errorf("after the second: exit code %d\n%s", code, out)
	}
	if now := o.standing(); now != "parked at Backup set" {
		t.Errorf("it stands %q", now)
	}
}

// Beside an attached full screen a second one watches: it shows the same question, and none of its keys is heard.
func TestWatchingBesideTheWizard(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	_, front, _ := o.terminal("rehearse", "restore-clean", "--speed", "100", "--no-color")
	until(t, "the first question is open", func() bool { return o.only().Path != "" && o.standing() == firstQuestion })
	tty, out, _ := o.terminal("attach", "--watch", "--no-color")
	until(t, "both are seen", func() bool {
		return strings.Contains(front.String(), "2 screens watch") && strings.Contains(out.String(), "only watches")
	})
	before := records(o.only())
	presses(t, tty, "y\r1\rp\r\x1b[B\r")
	presses(t, tty, "q")
	if now := o.standing(); now != firstQuestion || records(o.only()) != before {
		t.Errorf("a key of the watcher was heard: it stands %q with %d records, it had %d", now, records(o.only()), before)
	}
	if code, more := o.run("attach", "--answers", o.answers); code != 0 {
		t.Errorf("attached: exit code %d\n%s", code, more)
	}
}

// A front end of another version than the worker, which speaks the same wire, shows the run and answers nothing.
func TestFrontEndOfAnotherVersion(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	folder := o.parked()
	j, past, err := journal.Open(folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for len(past) > 0 && past[len(past)-1].Kind != wire.KindAsk { // as it was while the question was open
		past = past[:len(past)-1]
	}
	socket := o.in("other.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var heard atomic.Int32
	hub := engine.NewHub(past)
	go func() {
		_ = engine.Serve(t.Context(), listener, hub, wire.Hello{Binary: "v0.0.1", Run: folder.ID(), PID: os.Getpid()}, func(context.Context, wire.Message) error {
			heard.Add(1)
			return nil
		})
	}()
	if err := folder.SetWorker(runs.Worker{PID: os.Getpid(), Socket: socket}); err != nil {
		t.Fatal(err)
	}
	if code, out := o.run("attach", "--answers", o.answers); code != 5 || !strings.Contains(out, "the worker of this run is svrescue v0.0.1") {
		t.Errorf("with answers: exit code %d\n%s", code, out)
	}
	cmd, out := o.command("attach", "--linear")
	cmd.Stdin = strings.NewReader("1\npark\n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the question is seen", func() bool { return strings.Contains(out.String(), "QUESTION restore/backup-set.set") })
	hub.Close()
	_ = cmd.Wait()
	if !strings.Contains(out.String(), "Nothing can be answered from here: the worker of this run is svrescue v0.0.1") || heard.Load() != 0 {
		t.Errorf("%d messages were heard\n%s", heard.Load(), out)
	}
}

// Whoever leaves the full screen is told once how the run stands, whatever has become of it.
func TestLeavingIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(o operator, tty *os.File)
		code   int
		says   string
		never  string
	}{
		"the work goes on": {nil, 4, "Come back with: svrescue attach", "the run goes on without this terminal"},
		"the worker is gone": {func(o operator, _ *os.File) {
			w, err := o.only().Worker()
			if err != nil {
				o.t.Fatal(err)
			}
			process, err := os.FindProcess(w.PID)
			if err == nil {
				err = process.Kill()
			}
			if err != nil {
				o.t.Fatal(err)
			}
		}, 1, "Go on with: svrescue resume", "svrescue: the worker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t)
			tty, out, cmd := o.terminal("rehearse", "restore-clean", "--speed", "100", "--no-color")
			until(t, "the first question is open", func() bool {
				return o.only().Path != "" && o.standing() == firstQuestion && strings.Contains(out.String(), "Backup set")
			})
			if c.before != nil {
				c.before(o, tty)
				until(t, "it is seen", func() bool { return strings.Contains(out.String(), "The worker is gone") })
			}
			left := make(chan struct{})
			go func() { _ = cmd.Wait(); close(left) }()
			until(t, "it is left", func() bool { // keys are dropped while a question is new, and as long as they do not rest
				_, _ = io.WriteString(tty, "q")
				select {
				case <-left:
					return true
				case <-time.After(time.Second):
					return false
				}
			})
			until(t, "all was read", func() bool {
				return strings.Contains(out.String(), "\x1b[?1049l") && strings.Contains(after(out), c.says)
			})
			said := after(out)
			if code := cmd.ProcessState.ExitCode(); code != c.code || strings.Count(strings.ToLower(said), strings.ToLower(c.says)) != 1 || strings.Contains(said, c.never) {
				t.Errorf("exit code %d, want %d; said %q", code, c.code, said)
			}
		})
	}
}

// after is what was printed when the full screen was left.
func after(out *output) string {
	text := out.String()
	return text[max(strings.LastIndex(text, "\x1b[?1049l"), 0):]
}

// Without a command the first screen of an incident opens. Where there is no cluster it says so, and offers what can be done all the same.
func TestFirstScreenWithoutACluster(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	tty, out, cmd := o.terminal("--no-color", "--kubeconfig", o.in("nowhere.yaml"))
	until(t, "it says what was tried", func() bool {
		return strings.Contains(out.String(), "No cluster could be looked at") && strings.Contains(out.String(), "nowhere.yaml")
	})
	for _, part := range []string{"LIVE", "only looks, changes nothing", "practises on a simulated"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the screen does not say %q", part)
		}
	}
	presses(t, tty, "o")
	until(t, "what can be opened is listed", func() bool { return strings.Contains(out.String(), "Dry run: Restore a node from backups") })
	before := strings.Count(out.String(), "look again")
	presses(t, tty, "q")
	until(t, "the list has gone", func() bool { return strings.Count(out.String(), "look again") > before })
	presses(t, tty, "q")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Whoever lost the connection types svrescue and has their run back: an open run on the real node comes before anything else.
func TestFirstScreenOffersTheOpenRun(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	tty, out, cmd := o.terminal("checklist", "restore", "--tick", "--no-color")
	until(t, "the run has begun", func() bool {
		return strings.Contains(out.String(), "Inventory") && o.only().Path != "" && records(o.only()) > 1
	})
	tty.Close() // the connection breaks
	_ = cmd.Wait()
	tty, out, _ = o.terminal("--no-color", "--kubeconfig", o.in("nowhere.yaml"))
	until(t, "the run is offered, and keys count", func() bool {
		return strings.Contains(out.String(), "An open run waits for you") && strings.Contains(out.String(), "Go on with restore-") && strings.Contains(out.String(), "enter choose")
	})
	before := records(o.only())
	presses(t, tty, "\r")
	until(t, "the run is back", func() bool { return strings.Contains(out.String(), "CHECKLIST") })
	if now := records(o.only()); now > before+3 { // a viewer comes and goes; nothing is ticked
		t.Errorf("%d records, before %d", now, before)
	}
	presses(t, tty, "q")
}
