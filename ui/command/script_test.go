package command_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	svapp "canton.example/svrescue/svapp/sim"
	"canton.example/svrescue/ui/command"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"
)

// atOnce is how many tests run side by side: they wait for simulated time most of their own.
const atOnce = "6"

// rootEnv names a folder that stands for the root of the file system, where a test wants the settings of a system.
const rootEnv = "SVRESCUE_TEST_ROOT"

// The test binary is svrescue too, so that front end, worker and world are real processes of what is tested.
func TestMain(m *testing.M) {
	started := time.Now()
	if err := flag.Set("test.parallel", atOnce); err != nil { // what the command line says comes later, and counts
		panic(err)
	}
	testscript.Main(m, map[string]func(){"svrescue": func() {
		system := command.System{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Clock: clock.RealClock{}, Boot: func() time.Duration { return time.Since(started) }}
		if root := os.Getenv(rootEnv); root != "" {
			system.Files = os.DirFS(root)
		}
		os.Exit(command.Main(os.Args[1:], system))
	}})
}

// TestScripts runs testdata/script: the contract of the command line. Each script is an operator with a home of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.RunT(scanned{t}, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			h := home(e.WorkDir)
			e.Vars = append(e.Vars, h.env()...)
			worlds := &worlds{}
			e.Values[worldsKey{}] = worlds
			e.Values[svAppsKey{}] = map[string]*svapp.Snapshots{}
			e.Defer(worlds.stop)
			e.Defer(h.endAll)
			e.Defer(func() { h.noSecrets(t) })
			return h.make()
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "keys": keys, "run-id": runID, "world": world, "settled": settled, "restrict": restrict, "outage": outage, "small-disk": smallDisk, "replace": replace, "bind": bindFile, "append": appendTo, "more-disk": moreDisk, "sv-app": svApp, "load": load, "cut-exec": cutExec, "scale": scale, "pods": pods,
		},
	})
}

// home is the folder of one operator.
type home string

func (h home) env() []string {
	return []string{"HOME=" + string(h), "XDG_STATE_HOME=" + h.in("state"), "XDG_CONFIG_HOME=" + h.in("config"), "XDG_RUNTIME_DIR=" + h.in("r"),
		"USER=alice", "TERM=xterm-256color", "LANG=C.UTF-8", "NO_COLOR=1", "PGPASSWORD=" + canaryEnvironment, "SVRESCUE_TOKEN=" + canaryEnvironment}
}
func (h home) in(name string) string { return filepath.Join(string(h), name) }
func (h home) runs() string          { return h.in("state/svrescue/runs") }
func (h home) make() error {
	return errors.Join(os.MkdirAll(h.in("state"), 0o700), os.MkdirAll(h.in("r"), 0o700), os.MkdirAll(h.in("config"), 0o700))
}

// endAll ends what the operator's runs have left behind.
func (h home) endAll() {
	folders, _ := filepath.Glob(filepath.Join(h.runs(), "*"))
	more, _ := filepath.Glob(h.in("*/*/run.json"))
	for _, f := range more {
		folders = append(folders, filepath.Dir(f))
	}
	for _, f := range folders {
		folder := runs.Folder{Path: f}
		if w, err := folder.Worker(); err == nil && ours(w.PID, f) {
			_ = syscall.Kill(w.PID, syscall.SIGKILL)
		}
		if a, err := rehearsal.ReadAddress(folder.World()); err == nil && ours(a.PID, f) {
			_ = syscall.Kill(a.PID, syscall.SIGKILL)
		}
	}
}

// ours says whether a process still is the one that was started for the folder.
func ours(pid int, folder string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(line), folder)
}

// exits CODE COMMAND...: the command ends with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// keys FILE KEY...: the file is one JSON document with exactly these keys at its top; "version" must be 1.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &document))
	var got []string
	for key := range document {
		got = append(got, key)
	}
	want := slices.Clone(args[1:])
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has %v, want %v", args[0], got, want)
	}
	if document["version"] != 1.0 {
		ts.Fatalf("%s has version %v", args[0], document["version"])
	}
}

// run-id VARIABLE: the newest run's folder, and in VARIABLE_ID its name.
func runID(ts *testscript.TestScript, _ bool, args []string) {
	all, err := runs.List(filepath.Join(ts.Getenv("XDG_STATE_HOME"), "svrescue", "runs"))
	ts.Check(err)
	if len(all) == 0 {
		ts.Fatalf("there is no run")
	}
	ts.Setenv(args[0], all[0].Folder.Path)
	ts.Setenv(args[0]+"_ID", all[0].Folder.ID())
}

// replace FILE OLD NEW changes the first OLD in a file.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// append FILE TEXT.
func appendTo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+args[1]), 0o600))
}

// bind FILE PLAN: what the plan, a JSON document, says that an answer which destroys must name is written into the answers file.
func bindFile(ts *testscript.TestScript, _ bool, args []string) {
	var plan struct {
		Steps []struct {
			Questions []struct {
				ID    string
				Bound *struct{ Target, Backup string }
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &plan))
	for _, s := range plan.Steps {
		for _, q := range s.Questions {
			if q.Bound != nil {
				if q.Bound.Target == "" || q.Bound.Backup == "" {
					ts.Fatalf("%s is bound to %+v", q.ID, *q.Bound)
				}
				text := ts.ReadFile(args[0]) + fmt.Sprintf("\ntarget: %q\nbackup: %q\n", q.Bound.Target, q.Bound.Backup)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
				return
			}
		}
	}
	ts.Fatalf("no question of %s is bound to anything", args[1])
}

// small-disk DIR: a full file system at DIR; the script is skipped where that cannot be had.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]+",mode=0700"); err != nil {
		ts.Fatalf("mounting a small disk: %v", err)
	}
	ts.Defer(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// more-disk DIR SIZE: the small disk at DIR gets that size.
func moreDisk(ts *testscript.TestScript, _ bool, args []string) {
	if err := unix.Mount("tmpfs", ts.MkAbs(args[0]), "tmpfs", unix.MS_REMOUNT, "size="+args[1]); err != nil {
		ts.Fatalf("making a small disk larger: %v", err)
	}
}

// worlds are the simulated clusters of one script, served by the test process.
type worlds struct {
	server *sim.Server
	url    string
	ca     []byte
	ends   []func()
}
type worldsKey struct{}

func (w *worlds) stop() {
	for _, end := range w.ends {
		end()
	}
	w.ends = nil
}

// restricted is the token of a user who may do nothing; reader's may only read.
const (
	admin      = canaryKubeconfig + "-admin"
	restricted = canaryKubeconfig + "-restricted"
	reader     = canaryKubeconfig + "-reader"
)

// start serves a scenario's node at real time, but with pods and claims that need no time.
func (w *worlds) start(id string) error {
	scenario, err := rehearsal.Find(id)
	if err != nil {
		return err
	}
	data, err := scenario.World(time.Now())
	if err != nil {
		return err
	}
	soon := sim.D(30 * time.Millisecond)
	for name, workload := range data.Knobs.Workloads {
		workload.StartDelay, workload.ReadyDelay, workload.Termination = soon, soon, soon
		data.Knobs.Workloads[name] = workload
	}
	data.Knobs.Claims = map[string]sim.Claim{"*": {RestoreRate: 1 << 50, After: soon}}
	scenario.Lag = svapp.Lag{Start: time.Second}
	w.server = sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Inside: rehearsal.Inside(clock.RealClock{}, scenario), Users: map[string]sim.User{
		admin: {Name: "operator", Admin: true}, restricted: {Name: "nobody"},
		reader: {Name: "reader", Rules: []sim.Rule{{Verbs: []string{"get", "list", "watch"}}}},
	}})
	if err := w.server.LoadScenario(data); err != nil {
		return err
	}
	certificate, ca, err := sim.Certificate()
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: w.server, ErrorLog: nil}
	var running sync.WaitGroup
	running.Go(func() { _ = w.server.Run(ctx) })
	running.Go(func() { _ = server.Serve(listener) })
	w.url, w.ca = "https://"+listener.Addr().(*net.TCPAddr).String(), ca
	w.ends = append(w.ends, func() { cancel(); server.Close(); running.Wait() })
	return nil
}

func (w *worlds) kubeconfig(token, namespace string) []byte {
	return sim.Kubeconfig(w.url, token, w.ca, namespace)
}

// world SCENARIO FILE: serve the scenario's node and write a kubeconfig; "world stop" ends it.
func world(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	if args[0] == "stop" {
		w.stop()
		return
	}
	ts.Check(w.start(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), w.kubeconfig(admin, "sv"), 0o600))
}

// settled waits until every pod of the world is ready but for one, which has crashed, and may be between two crashes.
func settled(ts *testscript.TestScript, _ bool, _ []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/namespaces/sv/pods", nil)
		r.Header.Set("Authorization", "Bearer "+admin)
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r)
		var pods struct {
			Items []struct {
				Status struct {
					ContainerStatuses []struct {
						Ready        bool `json:"ready"`
						RestartCount int  `json:"restartCount"`
					} `json:"containerStatuses"`
				} `json:"status"`
			} `json:"items"`
		}
		ts.Check(json.Unmarshal(answer.Body.Bytes(), &pods))
		ready, crashed := 0, 0
		for _, p := range pods.Items {
			for _, c := range p.Status.ContainerStatuses {
				if c.RestartCount > 0 {
					crashed++
				} else if c.Ready {
					ready++
				}
			}
		}
		if crashed == 1 && ready+1 == len(pods.Items) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("after a minute %d of %d pods are ready, %d have crashed", ready, len(pods.Items), crashed)
		}
	}
}

// restrict FILE WHO: a kubeconfig for somebody with fewer rights: restricted, reader, or anybody else who is not known at all.
func restrict(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), w.kubeconfig(canaryKubeconfig+"-"+args[1], "sv"), 0o600))
}

// outage VERB RESOURCE COUNT: so many such requests lose their connection.
func outage(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	knobs := w.server.Knobs()
	knobs.Faults = append(knobs.Faults, sim.Fault{Verb: args[0], Resource: args[1], Do: "close", Count: count})
	w.server.Set(knobs)
}
