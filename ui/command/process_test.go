package command_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

var (
	soak    = flag.Bool("soak", false, "kill at every record instead of a sample")
	soakFor = flag.Duration("soak-for", 0, "kill at every record in random order until this time is over")
	seed    = flag.Uint64("seed", 1, "chooses the sample of TestSIGKILL")
)

// How TestSIGKILL spends its time: points tried without -soak, simulated seconds in one.
const (
	killSample = 20
	killSpeed  = "50"
)

const allAnswers = "confirm: yes\nword: testnet/Acme-SV\nanswers:\n  restore/backup-set.set: default\n  restore/fence.attest: testnet/Acme-SV\n"

// operator is somebody with a home of their own and the built program.
type operator struct {
	t *testing.T
	home
	answers string
}

func newOperator(t *testing.T) operator {
	t.Helper()
	o := operator{t: t, home: home(t.TempDir())}
	if err := o.make(); err != nil {
		t.Fatal(err)
	}
	o.answers = o.in("answers.yaml")
	if err := os.WriteFile(o.answers, []byte(allAnswers), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.endAll)
	t.Cleanup(func() { o.noSecrets(t) })
	return o
}

// output is what a process has printed so far; when its test is over it is looked through for secrets.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *output) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *output) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// command is the program, not started; what it prints is kept.
func (o operator) command(args ...string) (*exec.Cmd, *output) {
	cmd := exec.Command("svrescue", args...)
	cmd.Env = append(o.env(), "PATH="+os.Getenv("PATH"))
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	o.t.Cleanup(func() {
		for _, seen := range found([]byte(out.String())) {
			o.t.Errorf("a secret was printed: %s", seen)
		}
	})
	return cmd, &out
}

// run runs the program to its end and returns its exit code.
func (o operator) run(args ...string) (int, string) {
	cmd, out := o.command(args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err.Error()
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// only is the operator's only run, "" while there is none.
func (o operator) only() runs.Folder {
	found, _ := filepath.Glob(filepath.Join(o.runs(), "*", "run.json"))
	if len(found) != 1 {
		return runs.Folder{}
	}
	return runs.Folder{Path: filepath.Dir(found[0])}
}

// records counts the journal's whole lines.
func records(f runs.Folder) int {
	data, err := os.ReadFile(f.Journal())
	if err != nil {
		return 0
	}
	return bytes.Count(data, []byte("\n"))
}

// patience is far above what anything here takes.
const patience = 60 * time.Second

// until waits for a condition of another process.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

var (
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	seconds = regexp.MustCompile(`\b1[6-9]\d{8}\b`)
	offsets = regexp.MustCompile(`\b[89]\d{7}\b`) // of simulated ledgers, which follow from the time
)

// packed is a release record of Helm: base64 of base64 of gzip.
var packed = regexp.MustCompile(`"release":"[A-Za-z0-9+/=]+"`)

func unpack(field string) string {
	value := strings.TrimSuffix(strings.TrimPrefix(field, `"release":"`), `"`)
	once, _ := base64.StdEncoding.DecodeString(value)
	twice, _ := base64.StdEncoding.DecodeString(string(once))
	zip, err := gzip.NewReader(bytes.NewReader(twice))
	if err != nil {
		return field
	}
	record, err := io.ReadAll(zip)
	if err != nil {
		return field
	}
	return `"release":` + string(record)
}

// lastWorld is what the world of an ended run was like, without what differs between equal runs: the run's name, and the
// times that data and backups are named by, which are numbered in their order.
func lastWorld(f runs.Folder) (world map[string]any, err error) {
	data, err := os.ReadFile(filepath.Join(f.World(), rehearsal.LastState))
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(string(data), f.ID(), "RUN")
	text = packed.ReplaceAllStringFunc(text, unpack)
	for name, pattern := range map[string]*regexp.Regexp{"TIME": instant, "SECONDS": seconds, "OFFSET": offsets} {
		found := pattern.FindAllString(text, -1)
		slices.Sort(found)
		found = slices.Compact(found)
		text = pattern.ReplaceAllStringFunc(text, func(s string) string {
			i, _ := slices.BinarySearch(found, s)
			return fmt.Sprintf("%s#%d", name, i+1)
		})
	}
	return world, json.Unmarshal([]byte(text), &world)
}

// TestSIGKILL kills the worker of a rehearsal when its journal has a certain number of records, takes the run up with the
// program, and compares the world at the end with that of a run which nobody killed.
func TestSIGKILL(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some sixty processes")
	}
	t.Parallel()
	start := time.Now()
	calm := newOperator(t)
	if code, out := calm.run("rehearse", "restore-clean", "--speed", killSpeed, "--answers", calm.answers); code != 0 {
		t.Fatalf("the undisturbed run ended with %d\n%s", code, out)
	}
	all := records(calm.only())
	var want map[string]any
	until(t, "the world has ended", func() (ended bool) {
		var err error
		want, err = lastWorld(calm.only())
		return err == nil
	})
	points := rand.New(rand.NewPCG(*seed, 0)).Perm(all - 10) // how many there are differs a little with what is asked again
	if !*soak && *soakFor == 0 {
		points = points[:min(killSample, len(points))]
	}
	var mu sync.Mutex
	tried, killed, equal := 0, 0, 0
	t.Run("point", func(t *testing.T) {
		for _, p := range points {
			at := p + 1
			t.Run(fmt.Sprint(at), func(t *testing.T) {
				t.Parallel()
				if *soakFor > 0 && time.Since(start) > *soakFor {
					return
				}
				o := newOperator(t)
				mu.Lock()
				tried++
				mu.Unlock()
				out := o.killAt(at)
				mu.Lock()
				killed++
				mu.Unlock()
				if code, more := o.run("resume", "--answers", o.answers); code != 0 {
					t.Fatalf("taken up after record %d it ended with %d\n%s\n%s", at, code, out, more)
				}
				var got map[string]any
				until(t, "the world has ended", func() bool {
					var err error
					got, err = lastWorld(o.only())
					return err == nil
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("killed at record %d the world differs (-undisturbed +killed):\n%s", at, diff)
				}
				mu.Lock()
				equal++
				mu.Unlock()
			})
		}
	})
	fmt.Printf("sigkill: %d records in a run; points %d, killed %d, equal %d (-seed %d)\n", all, tried, killed, equal, *seed)
	t.Logf("it took %s", time.Since(start).Round(time.Second))
}

// killAt begins a rehearsal and kills its worker when the journal has so many records. What was printed comes back.
func (o operator) killAt(record int) string {
	o.t.Helper()
	cmd, out := o.command("rehearse", "restore-clean", "--speed", killSpeed, "--answers", o.answers)
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	until(o.t, fmt.Sprintf("the journal has %d records", record), func() bool { return o.only().Path != "" && records(o.only()) >= record })
	w, err := o.only().Worker()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
		o.t.Fatalf("the worker was gone before it could be killed: %v\n%s", err, out)
	}
	if cmd.Wait() == nil {
		o.t.Fatalf("the front end of a killed worker ended as if all were well\n%s", out)
	}
	if !strings.Contains(out.String(), "Go on with: svrescue resume "+o.only().ID()) {
		o.t.Errorf("the front end of a killed worker does not say how to go on:\n%s", out)
	}
	return out.String()
}

// begin starts a rehearsal whose answers end before the volumes are replaced: the work is parked there, and what is read
// from lines waits there.
func (o operator) begin(stdin string, args ...string) (*exec.Cmd, *output, io.WriteCloser) {
	o.t.Helper()
	cmd, out := o.command(append([]string{"rehearse", "restore-clean", "--speed", "100", "--linear"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	if _, err := io.WriteString(in, stdin); err != nil {
		o.t.Fatal(err)
	}
	return cmd, out, in
}

// standing is what svrescue runs says of the only run.
func (o operator) standing() string {
	_, out := o.run("runs", "--format", "json")
	_, rest, _ := strings.Cut(out, `"standing": "`)
	word, _, _ := strings.Cut(rest, `"`)
	return word
}

// scalingDown is an action of the step in a journal.
var scalingDown = regexp.MustCompile(`"kind":"intent"[^}]*"step":"restore/scale-down"`)

// hangUps is how often the front ends of one rehearsal are ended; with -soak there are so many more.
const (
	hangUps     = 10
	hangUpsMore = 20 // times as many
)

// endings are how a front end goes away: its terminal or connection, a polite and an impolite end, ctrl+c where no screen takes it.
var endings = []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT}

// The end of a front end is not the end of the work: the worker finishes what it does and waits at its next question. However often and
// whenever front ends are ended, the same worker goes on, and the run comes to its end.
func TestFrontEndGoesAway(t *testing.T) {
	t.Parallel()
	hangUp := make(chan os.Signal, 1) // under nohup it would be ignored, here and in every process that is started
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	o := newOperator(t)
	cmd, out, _ := o.begin("1\ntestnet/Acme-SV\n1\n") // the set, the fence, and scaling down
	until(t, "the node is being scaled down", func() bool {
		journal, err := os.ReadFile(o.only().Journal())
		return err == nil && scalingDown.Match(journal)
	})
	worker, err := o.only().Worker()
	if err != nil {
		t.Fatal(err)
	}
	for i, how := range endings {
		if i > 0 { // the first is the one that began it, and an action runs; the others look at the question that is open then
			cmd, out = o.command("attach", "--linear")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "it is asked", func() bool { return strings.Contains(out.String(), "QUESTION restore/keep-old-volumes.confirm") })
		}
		before := records(o.only())
		if err := cmd.Process.Signal(how); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); how == syscall.SIGINT && (code != 130 || !strings.Contains(out.String(), "Come back with: svrescue attach")) {
			t.Errorf("left with ctrl+c: exit code %d\n%s", code, out)
		}
		until(t, "the worker waits at the next question", func() bool { return o.standing() == "waits for an answer at Keep old volumes" })
		if after := records(o.only()); after < before || i > 0 && after != before {
			t.Errorf("%s: the journal had %d records and has %d", how, before, after)
		}
	}
	o.noSecrets(t)

	random, ended := rand.New(rand.NewPCG(*seed, 1)), 0
	all := hangUps
	if *soak {
		all *= hangUpsMore
	}
	for ended < all {
		cmd, out := o.command("attach", "--answers", o.answers)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() { _ = cmd.Wait(); close(over) }()
		select {
		case <-over:
		case <-time.After(time.Duration(random.IntN(400)) * time.Millisecond):
			_ = cmd.Process.Signal(endings[ended%len(endings)])
			<-over
			ended++
		}
		state := o.state()
		if state == runs.Finished {
			break
		}
		if now, err := o.only().Worker(); err != nil || now.PID != worker.PID || state != runs.Running && state != runs.Waiting {
			t.Fatalf("after %d front ends the run is %s, worker %d, it was %d\n%s", ended, state, now.PID, worker.PID, out)
		}
	}
	if o.state() != runs.Finished {
		if code, out := o.run("attach", "--answers", o.answers); code != 0 && o.state() != runs.Finished { // it may come to its end just now
			t.Errorf("attached: exit code %d\n%s", code, out)
		}
	}
	fmt.Printf("front ends ended: %d, and the run is not lost\n", ended+len(endings))
	if data, err := os.ReadFile(o.only().Journal()); err != nil || bytes.Contains(data, []byte(`"kind":"resume"`)) || !bytes.Contains(data, []byte(`"outcome":"recovered"`)) {
		t.Errorf("the worker did not last to the end (%v)", err)
	}
	until(t, "the worker has ended by itself", func() bool { return syscall.Kill(worker.PID, 0) != nil })
	o.noSecrets(t)
}

// state is where the only run stands.
func (o operator) state() runs.State {
	all, err := runs.List(o.runs())
	if err != nil || len(all) != 1 {
		o.t.Fatalf("%d runs, %v", len(all), err)
	}
	return all[0].State()
}

// Whoever only watches sees the question and everything else, and nothing that they type is heard.
func TestWatching(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	front, _, in := o.begin("")
	until(t, "the first question is open", func() bool { return o.only().Path != "" && o.standing() == "waits for an answer at Backup set" })
	watcher, out := o.command("attach", "--watch", "--linear")
	watcher.Stdin = strings.NewReader("1\npark\nnote heard\n")
	if err := watcher.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the question is seen", func() bool { return strings.Contains(out.String(), "QUESTION restore/backup-set.set") })
	if _, err := io.WriteString(in, "park\n"); err != nil {
		t.Fatal(err)
	}
	_ = front.Wait()
	_ = watcher.Wait()
	if code := watcher.ProcessState.ExitCode(); code != 4 {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"Nothing can be answered from here: this screen only watches.", "parked: asked for by alice"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q was not seen:\n%s", part, out)
		}
	}
	if data, err := os.ReadFile(o.only().Journal()); err != nil || bytes.Contains(data, []byte("heard")) || bytes.Contains(data, []byte(`"kind":"answer"`)) {
		t.Errorf("it was heard (%v)\n%s", err, data)
	}
}

// Two that take a run up at once: one does, and the other looks at the same run or is told that it is held.
func TestTwoResumes(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	none := o.in("none.yaml")
	if err := os.WriteFile(none, []byte("confirm: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := o.run("rehearse", "restore-clean", "--speed", "100", "--answers", none); code != 4 {
		t.Fatalf("parking: exit code %d\n%s", code, out)
	}
	codes, outs := [2]int{}, [2]string{}
	var both sync.WaitGroup
	for i := range codes {
		both.Go(func() { codes[i], outs[i] = o.run("resume", "--answers", o.answers) })
	}
	both.Wait()
	slices.Sort(codes[:])
	if codes[0] != 0 || codes[1] != 0 && codes[1] != 5 {
		t.Errorf("exit codes %v\n%s\n---\n%s", codes, outs[0], outs[1])
	}
}

// Without its world a rehearsal cannot go on, and says so.
func TestWorldGone(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	none := o.in("none.yaml")
	if err := os.WriteFile(none, []byte("confirm: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := o.run("rehearse", "restore-clean", "--speed", "100", "--answers", none); code != 4 {
		t.Fatalf("parking: exit code %d\n%s", code, out)
	}
	a, err := rehearsal.ReadAddress(o.only().World())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(a.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	code, out := o.run("resume", "--answers", o.answers)
	if code != 3 || !strings.Contains(out, "its simulated network has ended") || !strings.Contains(out, "Begin another: svrescue rehearse restore-clean") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if s := o.standing(); s != "parked at Backup set" {
		t.Errorf("it stands %q", s)
	}
}

// A worker of another wire version holds the run; it is named, and nothing is started beside it.
func TestWorkerOfAnotherVersion(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	folder := o.parked()
	j, _, err := journal.Open(folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	socket := o.in("old.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "{\"wire\":%d,\"binary\":\"v0.0.1\"}\n", wire.Version+1)
		}
	}()
	if err := folder.SetWorker(runs.Worker{PID: os.Getpid(), Socket: socket}); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"resume", "attach"} {
		code, out := o.run(verb, "--answers", o.answers)
		if code != 5 || !strings.Contains(out, "started by svrescue v0.0.1") {
			t.Errorf("%s: exit code %d\n%s", verb, code, out)
		}
	}
}

// A terminal that closes is no answer and no end of the work.
func TestTerminalCloses(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"--linear", "--no-color"} { // lines, and the full screen
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t)
			cmd, _ := o.command("rehearse", "restore-clean", "--speed", "100", form)
			cmd.Stdout, cmd.Stderr = nil, nil
			terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
			if err != nil {
				t.Fatal(err)
			}
			until(t, "the first question is open", func() bool { return o.standing() == "waits for an answer at Backup set" })
			before := records(o.only())
			terminal.Close()
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }()
			select {
			case <-ended:
			case <-time.After(patience):
				_ = cmd.Process.Kill()
				t.Error("the front end outlived its terminal")
			}
			if now := o.standing(); now != "waits for an answer at Backup set" || records(o.only()) != before {
				t.Errorf("it stands %q after %d records, it had %d", now, records(o.only()), before)
			}
			if code, out := o.run("attach", "--answers", o.answers); code != 0 {
				t.Errorf("attached: exit code %d\n%s", code, out)
			}
		})
	}
}

// parked is a run that parked at its first question, and whose worker has ended.
func (o *operator) parked() runs.Folder {
	o.t.Helper()
	none := o.in("none.yaml")
	if err := os.WriteFile(none, []byte("confirm: false\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
	if code, out := o.run("rehearse", "restore-clean", "--speed", "100", "--answers", none); code != 4 {
		o.t.Fatalf("parking: exit code %d\n%s", code, out)
	}
	folder := o.only()
	until(o.t, "the worker has ended", func() bool { held, err := journal.Held(folder.Journal()); return err == nil && !held })
	return folder
}
