package wizard

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"github.com/muesli/termenv"
	"k8s.io/utils/clock"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

// The test binary runs itself with this variable set to be the wizard on a real pseudo terminal. What the wizard sends is
// written to the file that it names, a line each.
const childEnv = "SVRESCUE_WIZARD_TEST_SENT"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(child(path))
	}
	os.Exit(m.Run())
}

// recorder is a source with the events of a tape that writes down what is sent.
type recorder struct {
	events chan wire.Event
	path   string
	mu     sync.Mutex
}

func record(tape *fixture.Tape, path string) *recorder {
	r := &recorder{events: make(chan wire.Event, len(tape.Events)), path: path}
	for _, e := range tape.Events {
		r.events <- e
	}
	return r
}

func (r *recorder) Events() <-chan wire.Event { return r.events }

func (r *recorder) Send(m wire.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	return err
}

func child(path string) int {
	tape := fixture.ScaleDown
	if t := tapeOf(os.Getenv("SVRESCUE_WIZARD_TEST_SCENE")); t != nil { // also to look at one by hand
		tape = t
	}
	source := record(tape(wire.Real, wire.Live), path)
	result, err := Run(context.Background(), Options{In: os.Stdin, Out: os.Stdout, Clock: clock.RealClock{},
		Theme: theme.New(theme.Abilities{Profile: termenv.ANSI256}), Operator: "alice", Attach: "svrescue attach r-1",
		Connect: func(context.Context) (Source, error) { return source, nil }})
	if err != nil {
		return 1
	}
	if result.Why == ByHangup {
		return 7
	}
	return 0
}

// terminal is a pseudo terminal with a screen emulator behind it. It never answers anything the program asks.
type terminal struct {
	t      *testing.T
	file   *os.File
	cmd    *exec.Cmd
	screen vt10x.Terminal
	sent   string

	mu    sync.Mutex
	raw   bytes.Buffer
	ended chan struct{}
}

// limit is far above what any step takes and below the five seconds of a program that waits for a mute terminal.
const limit = 3 * time.Second

func open(t *testing.T, ahead string, command ...string) *terminal {
	t.Helper()
	return openScene(t, "", ahead, command...)
}

func openScene(t *testing.T, scene, ahead string, command ...string) *terminal {
	t.Helper()
	term := &terminal{t: t, screen: vt10x.New(vt10x.WithSize(80, 24)), sent: filepath.Join(t.TempDir(), "sent"),
		ended: make(chan struct{})}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	term.cmd = exec.Command(exe)
	if len(command) > 0 {
		term.cmd = exec.Command(command[0], command[1:]...)
	}
	term.cmd.Env = append(os.Environ(), childEnv+"="+term.sent, "TERM=xterm-256color", "CHILD="+exe)
	if scene != "" {
		term.cmd.Env = append(term.cmd.Env, "SVRESCUE_WIZARD_TEST_SCENE="+scene)
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo terminal here: ", err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(master, ahead) // before anybody reads
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = slave, slave, slave
	term.cmd.SysProcAttr = session()
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	term.file = master
	t.Cleanup(func() { term.cmd.Process.Kill(); master.Close(); <-term.ended })
	go func() {
		defer close(term.ended)
		buf := make([]byte, 32<<10)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.raw.Write(buf[:n])
			term.screen.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.screen.String()
}

func (term *terminal) bytes() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.raw.String()
}

// until waits for something to come true, as long as limit.
func (term *terminal) until(what string, ok func() bool) {
	term.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			term.t.Fatalf("after %s not: %s. The screen:\n%s", limit, what, term.text())
		}
	}
}

func (term *terminal) expect(part string) {
	term.t.Helper()
	term.until("the screen says "+part, func() bool { return strings.Contains(term.text(), part) })
}

func (term *terminal) messages() string {
	data, _ := os.ReadFile(term.sent)
	return string(data)
}

func (term *terminal) wait() int {
	term.t.Helper()
	done := make(chan struct{})
	go func() { term.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
		term.t.Fatalf("the program is still there after %s", limit)
	}
	return term.cmd.ProcessState.ExitCode()
}

func TestAMuteTerminalGetsItsFirstFrame(t *testing.T) {
	term := open(t, "")
	term.expect("Scale the seven workloads down to 0?")
	for _, ask := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c"} {
		if strings.Contains(term.bytes(), ask) {
			t.Errorf("the terminal was asked %q", ask)
		}
	}
}

func TestATerminalThatHangsUp(t *testing.T) {
	term := open(t, "")
	term.expect("No, not now")
	term.file.Close()
	if code := term.wait(); code != 7 {
		t.Errorf("ended with %d", code)
	}
	if got := term.messages(); got != "" {
		t.Errorf("sent: %s", got)
	}
}

func TestAHangUpSignal(t *testing.T) {
	term := open(t, "")
	term.expect("No, not now")
	hangup(term.cmd.Process)
	if code := term.wait(); code != 7 {
		t.Errorf("ended with %d", code)
	}
	term.until("the terminal is put back", func() bool { return strings.Contains(term.bytes(), "\x1b[?1049l") })
	if got := term.messages(); got != "" {
		t.Errorf("sent: %s", got)
	}
}

func TestResizing(t *testing.T) {
	term := open(t, "")
	term.expect("No, not now")
	resize := func(w, h int) {
		term.mu.Lock()
		term.screen.Resize(w, h)
		term.mu.Unlock()
		if err := pty.Setsize(term.file, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)}); err != nil {
			t.Fatal(err)
		}
	}
	resize(40, 10)
	term.expect("too small: 40 x 10")
	resize(80, 24)
	term.expect("No, not now")
}

// A storm of sizes, as a window manager makes it, leaves a whole screen and answers nothing.
func TestAResizeStorm(t *testing.T) {
	term := open(t, "")
	term.expect("No, not now")
	for i := range 200 {
		w, h := 20+i*37%120, 5+i*13%45
		if err := pty.Setsize(term.file, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)}); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 { // in between the program gets to draw
			time.Sleep(2 * time.Millisecond)
		}
	}
	term.mu.Lock()
	term.screen.Resize(80, 24)
	term.mu.Unlock()
	if err := pty.Setsize(term.file, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	term.until("the screen is whole", func() bool {
		text := term.text()
		return strings.Contains(text, "No, not now") && strings.Contains(text, "enter choose") && strings.Contains(text, "LIVE") && !strings.Contains(text, "too small")
	})
	if got := term.messages(); got != "" {
		t.Errorf("sent: %s", got)
	}
}

// questions are the moments at which something is asked, one for each kind of question, with what the screen shows then.
var questions = map[wire.QuestionKind]struct{ scene, shows string }{
	wire.AskChoice: {"inputs", "enter"}, wire.AskText: {"text", "enter"}, wire.AskConfirm: {"confirm", "No, not now"},
	wire.AskWord: {"destroy", "Type mainnet/Acme-SV"}, wire.AskRemedy: {"failure", "Seen"}, wire.AskTick: {"tick", "Not yet"},
}

// tapeOf is the tape of a scene.
func tapeOf(name string) func(wire.World, wire.Acting) *fixture.Tape {
	if name == "text" {
		return func(w wire.World, a wire.Acting) *fixture.Tape {
			tape := fixture.Inputs(w, a)
			tape.Ask("backup-set", wire.Question{Name: "restore/backup-set.dumps", Kind: wire.AskText, Title: "Which folder holds the dumps?", Default: "/mnt/dumps"})
			return tape
		}
	}
	for _, s := range scenes {
		if s.name == name {
			return s.tape
		}
	}
	return nil
}

// Whichever kind of question is open: what was typed before it is no answer, the end of the input is none, and neither is a terminal that
// hangs up or that fails with EIO, in lines typed ahead or not.
func TestNoQuestionIsAnsweredByATerminalThatEnds(t *testing.T) {
	for kind, q := range questions {
		for _, how := range []string{"EIO", "SIGHUP", "SIGTERM"} {
			t.Run(string(kind)+" "+how, func(t *testing.T) {
				t.Parallel()
				term := openScene(t, q.scene, "y\r\ry\x04")
				term.expect(q.shows)
				switch how {
				case "EIO": // reads and writes of a terminal whose other end is closed
					term.file.Close()
				case "SIGHUP":
					hangup(term.cmd.Process)
				case "SIGTERM":
					term.cmd.Process.Signal(syscall.SIGTERM)
				}
				if code := term.wait(); code != 7 {
					t.Errorf("ended with %d", code)
				}
				if got := term.messages(); got != "" {
					t.Errorf("sent: %s", got)
				}
			})
		}
	}
	for kind, q := range questions { // the end of what is piped in, and what fails in the middle
		for how, in := range map[string]io.Reader{"end": strings.NewReader("y\r1\ry\r"), "EIO": io.MultiReader(strings.NewReader("y\r"), iotest.ErrReader(syscall.EIO))} {
			tape := tapeOf(q.scene)(wire.Real, wire.Live)
			if open := wire.FoldAll(tape.Events).Question; open == nil || open.Kind != kind {
				t.Fatalf("%s: the scene asks %+v", kind, open)
			}
			path := filepath.Join(t.TempDir(), "sent")
			result, err := Run(context.Background(), Options{Source: record(tape, path), In: in, Out: io.Discard, Theme: plainTheme, Attach: "svrescue attach r-1"})
			if err != nil || result.Why != ByHangup {
				t.Errorf("%s, %s: %v, %v", kind, how, result.Why, err)
			}
			if data, err := os.ReadFile(path); err == nil {
				t.Errorf("%s, %s: sent %s", kind, how, data)
			}
		}
	}
}

func TestTypeAheadOnARealTerminal(t *testing.T) {
	term := open(t, "yy\ry")
	term.expect("No, not now")
	if got := term.messages(); got != "" {
		t.Fatalf("sent: %s", got)
	}
	term.expect("enter choose") // the footer is the promise that keys count now
	io.WriteString(term.file, "y")
	term.until("the answer is sent", func() bool { return strings.Contains(term.messages(), `"choice":"yes"`) })
	io.WriteString(term.file, "q")
	if code := term.wait(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	term.until("the way back is said", func() bool { return strings.Contains(term.bytes(), "svrescue attach r-1") })
	if n := strings.Count(term.messages(), "\n"); n != 1 {
		t.Errorf("sent: %s", term.messages())
	}
}

func TestSuspendAndComeBack(t *testing.T) {
	term := open(t, "", "/bin/sh", "-mc", `"$CHILD"; echo STOPPED; fg >/dev/null; echo DONE`)
	term.expect("No, not now")
	io.WriteString(term.file, "\x1a")
	term.until("the shell has its terminal back", func() bool { return strings.Contains(term.bytes(), "STOPPED") })
	term.expect("No, not now")
	if got := term.messages(); got != "" {
		t.Errorf("sent: %s", got)
	}
	term.expect("enter choose")
	io.WriteString(term.file, "q")
	term.until("the wizard has left", func() bool { return strings.Contains(term.bytes(), "DONE") })
}

func TestNoSuspendingWithoutAShell(t *testing.T) {
	term := open(t, "")
	term.expect("enter choose")
	io.WriteString(term.file, "\x1a")
	term.expect("no shell waits behind it")
}

func TestEndOfInputIsNoAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent")
	result, err := Run(context.Background(), Options{Source: record(fixture.ScaleDown(wire.Real, wire.Live), path),
		In: strings.NewReader(""), Out: io.Discard, Theme: plainTheme, Attach: "svrescue attach r-1"})
	if err != nil || result.Why != ByHangup {
		t.Errorf("%v, %v", result.Why, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("something was sent")
	}
}

func TestInputThatIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	path := filepath.Join(t.TempDir(), "sent")
	result, err := Run(context.Background(), Options{Source: record(fixture.ScaleDown(wire.Real, wire.Live), path),
		In: null, Out: io.Discard, Theme: plainTheme})
	if err != nil || result.Why != ByHangup {
		t.Errorf("%v, %v", result.Why, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("something was sent")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestATerminalThatTakesNoMore(t *testing.T) {
	in, keep := io.Pipe()
	defer keep.Close()
	result, err := Run(context.Background(), Options{Source: record(fixture.Running(wire.Real, wire.Live), os.DevNull),
		In: in, Out: brokenWriter{}, Theme: plainTheme, Attach: "svrescue attach r-1"})
	if err != nil || result.Why != ByHangup {
		t.Errorf("%v, %v", result.Why, err)
	}
}

func TestTheContextEndsTheWizard(t *testing.T) {
	in, keep := io.Pipe()
	defer keep.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	result, err := Run(ctx, Options{Source: record(fixture.Running(wire.Real, wire.Live), os.DevNull), In: in, Out: io.Discard,
		Theme: plainTheme})
	if err != nil || result.Why != ByHangup {
		t.Errorf("%v, %v", result.Why, err)
	}
}
