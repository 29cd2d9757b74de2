//go:build unix

package stories

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"k8s.io/utils/clock"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/ui/command"
)

// The test binary is svrescue under that name, so that front end, worker and world are real processes.
func TestMain(m *testing.M) {
	started := time.Now()
	if filepath.Base(os.Args[0]) == "svrescue" {
		os.Exit(command.Main(os.Args[1:], command.System{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Clock: clock.RealClock{}, Boot: func() time.Duration { return time.Since(started) }}))
	}
	kube.Logging(slog.New(slog.DiscardHandler)) // a pod that ends cuts what is open into it
	os.Exit(m.Run())
}

// home is an operator's machine: the binary, a state folder, a place for sockets.
type home struct {
	t     *testing.T
	dir   string
	state string
}

func newHome(t *testing.T) *home {
	t.Helper()
	if testing.Short() {
		t.Skip("real processes and real time")
	}
	dir, err := os.MkdirTemp("", "svr") // short: paths of sockets are
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: dir, state: filepath.Join(dir, "state")}
	t.Cleanup(h.end)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(exe, h.binary()); err != nil {
		data, err := os.ReadFile(exe)
		if err == nil {
			err = os.WriteFile(h.binary(), data, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *home) binary() string { return filepath.Join(h.dir, "svrescue") }

// end stops the worker and the world of every run.
func (h *home) end() {
	for _, pattern := range []string{"worker.json", "world/address.json"} {
		files, _ := filepath.Glob(filepath.Join(h.state, "svrescue/runs/*", pattern))
		for _, f := range files {
			if pid := pidIn(f); pid > 0 {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	os.RemoveAll(h.dir)
}

func pidIn(file string) int {
	var at rehearsal.Address // a worker's file names its pid alike
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &at) != nil {
		return 0
	}
	return at.PID
}

// worker is the process that works on the only run.
func (h *home) worker() int {
	h.t.Helper()
	files, _ := filepath.Glob(filepath.Join(h.state, "svrescue/runs/*/worker.json"))
	if len(files) != 1 {
		h.t.Fatalf("%d workers", len(files))
	}
	return pidIn(files[0])
}

// terminal is a pseudo terminal with svrescue in it and a screen emulator behind it.
type terminal struct {
	t      *testing.T
	file   *os.File
	cmd    *exec.Cmd
	screen vt10x.Terminal
	mu     sync.Mutex
	raw    bytes.Buffer // every byte that was written to it
	ended  chan struct{}
	gone   chan struct{}
}

// canary is a secret of the environment.
const canary = "canary-environment"

// slow is far above what any step takes on a busy machine.
const slow = 40 * time.Second

// open starts svrescue; ahead is what was typed before it began to read.
func (h *home) open(w, height int, ahead string, args ...string) *terminal {
	h.t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		h.t.Skip("no pseudo terminal here: ", err)
	}
	term := &terminal{t: h.t, file: master, screen: vt10x.New(vt10x.WithSize(w, height)), ended: make(chan struct{}), gone: make(chan struct{})}
	if err := pty.Setsize(master, &pty.Winsize{Rows: uint16(height), Cols: uint16(w)}); err != nil {
		h.t.Fatal(err)
	}
	io.WriteString(master, ahead)
	term.cmd = exec.Command(h.binary(), args...)
	term.cmd.Env = []string{"HOME=" + h.dir, "XDG_STATE_HOME=" + h.state, "XDG_RUNTIME_DIR=" + h.dir, "TERM=xterm-256color",
		"LANG=C.UTF-8", "USER=alice", "PATH=" + os.Getenv("PATH"), "PGPASSWORD=" + canary}
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	slave.Close()
	go func() { term.cmd.Wait(); close(term.gone) }()
	go func() {
		defer close(term.ended)
		buf := make([]byte, 32<<10)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.screen.Write(buf[:n])
			term.raw.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	h.t.Cleanup(func() {
		term.cmd.Process.Kill()
		term.hangUp()
		for _, secret := range []string{"invented-", "invented for", canary} { // of the simulated node, and of the environment
			if bytes.Contains(term.raw.Bytes(), []byte(secret)) {
				h.t.Errorf("a secret was on the screen: %s", secret)
			}
		}
	})
	return term
}

// hangUp is the connection that breaks.
func (term *terminal) hangUp() { term.file.Close(); <-term.ended; <-term.gone }

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.screen.String()
}

func (term *terminal) expect(parts ...string) {
	term.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(slow)
	for {
		text, all := term.text(), true
		for _, p := range parts {
			all = all && strings.Contains(text, p)
		}
		if all {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			term.t.Fatalf("after %s the screen does not say %q:\n%s", slow, parts, text)
		}
	}
}

func (term *terminal) press(keys string) { io.WriteString(term.file, keys) }

// TestTheTerminalGoesAwayWhileTheWorkerWorks: a connection that breaks ends the screen, never the work, and answers
// nothing; attach shows the run again, from the same worker.
func TestTheTerminalGoesAwayWhileTheWorkerWorks(t *testing.T) {
	h := newHome(t)
	first := h.open(80, 24, "", "rehearse", "restore-clean", "--speed", "10")
	first.expect("Which backup run is restored?", "enter choose")
	first.press("\r")
	first.expect("if this node runs nowhere else", "enter send")
	first.press("testnet/Acme-SV\r")
	first.expect("Scale down: send this?", "enter choose")
	pid := h.worker()
	first.press("y")
	first.expect("9 · Scale down", "running")
	first.hangUp()

	second := h.open(80, 24, "", "attach")
	second.expect("✓  9 Scale down", "Keep old volumes: send this?", "enter choose")
	if now := h.worker(); now != pid {
		t.Errorf("worker %d, before the terminal went away %d", now, pid)
	}

	// What was typed before the question could be read is no answer, and neither is a small terminal.
	third := h.open(80, 24, "y\ry\ry", "attach")
	third.expect("Keep old volumes: send this?", "› 1 No, not now", "enter choose", "2 screens watch this run")
	small := h.open(40, 10, "", "attach")
	small.expect("too small: 40 x 10", "At least 40 x 12", "SIMULATED")
	small.press("y")
	second.expect("Keep old volumes: send this?", "3 screens watch this run")
	third.press("y")
	second.expect("Type testnet/Acme-SV to go on:")
}
