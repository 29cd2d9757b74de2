//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// The exit codes of the product (its command reference has the same table).
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
	exitParked  = 4
)

var built struct {
	sync.Once
	path string
	err  error
}

// binary builds the product as it is shipped, once.
func binary(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		root, err := rig.Root()
		if err != nil {
			built.err = err
			return
		}
		folder, err := os.MkdirTemp("", "svrescue-e2e")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(folder, "svrescue")
		build := exec.Command("go", "build", "-trimpath", "-o", built.path, ".")
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the product: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// operator is a person's place of work: the binary, a home of its own and the cluster's credentials.
type operator struct {
	t          *testing.T
	binary     string
	home       string
	kubeconfig string
	context    string
	namespace  string
	bound      map[string]string // what answers that destroy must name in the newest run
}

// newOperator has a home that is short, because the path of a socket must be.
func newOperator(t *testing.T, cluster *rig.Cluster, namespace string) *operator {
	t.Helper()
	home, err := os.MkdirTemp("", "op")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("E2E_KEEP") != "" {
			t.Logf("the operator's home %s is kept", home)
			return
		}
		os.RemoveAll(home)
	})
	for _, d := range []string{"state", "run", "config"} {
		must(t, os.Mkdir(filepath.Join(home, d), 0o700))
	}
	o := &operator{t: t, binary: binary(t), home: home, kubeconfig: cluster.Kubeconfig, context: cluster.Context, namespace: namespace}
	t.Cleanup(o.expectNothingLeft)
	return o
}

// command is the product with the operator's environment; context and namespace are appended where they are set.
func (o *operator) command(ctx context.Context, args ...string) *exec.Cmd {
	if o.context != "" {
		args = append(args, "--context", o.context)
	}
	if o.namespace != "" {
		args = append(args, "--namespace", o.namespace)
	}
	o.bind(ctx, args)
	return o.plainCommand(ctx, args...)
}

func (o *operator) plainCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Dir = o.home
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + o.home, "USER=operator", "LANG=C.UTF-8", "TERM=xterm-256color", "KUBECONFIG=" + o.kubeconfig,
		"XDG_STATE_HOME=" + filepath.Join(o.home, "state"), "XDG_RUNTIME_DIR=" + filepath.Join(o.home, "run"),
		"XDG_CONFIG_HOME=" + filepath.Join(o.home, "config"),
		"TMPDIR=" + o.home,
	}
	return cmd
}

// bind writes into the answers file of a run, before it begins or is taken up, what an answer that destroys must name: what the plan of
// the same node and the same backups says.
func (o *operator) bind(ctx context.Context, args []string) {
	o.t.Helper()
	at := slices.Index(args, "--answers")
	if at < 0 || args[0] != "run" && args[0] != "resume" && args[0] != "attach" || slices.Contains(args, "--dry-run") {
		return
	}
	if args[0] == "run" {
		o.bound = nil
		out, _ := o.plainCommand(ctx, append([]string{"plan"}, append(slices.Clone(args[1:]), "--format", "json")...)...).Output() // its code says how far it came
		var plan struct {
			Steps []struct {
				Questions []struct{ Bound map[string]string }
			}
		}
		if json.Unmarshal(out, &plan) != nil {
			return // it came nowhere, and neither will the run
		}
		for _, s := range plan.Steps {
			for _, q := range s.Questions {
				if q.Bound != nil {
					o.bound = q.Bound
				}
			}
		}
	}
	path := args[at+1]
	b, err := os.ReadFile(path)
	if err != nil {
		return // a file that is not there is what the test is about
	}
	var file map[string]any
	must(o.t, yaml.Unmarshal(b, &file))
	for key, value := range o.bound {
		file[key] = value
	}
	b, err = yaml.Marshal(file)
	must(o.t, err)
	must(o.t, os.WriteFile(path, b, 0o600))
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.code, r.stdout, r.stderr)
}

// run runs a command to its end.
func (o *operator) run(ctx context.Context, args ...string) result {
	o.t.Helper()
	cmd := o.command(ctx, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatalf("svrescue %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}
}

// expect fails the test when the code is another, and shows what was printed and the tail of the worker's log.
func (o *operator) expect(r result, code int, while string) {
	o.t.Helper()
	if r.code != code {
		o.t.Fatalf("%s: want exit code %d: %s\n%s", while, code, r, o.workerLog())
	}
}

// folder is where the run keeps what it knows: the newest folder with a journal below the operator's home.
func (o *operator) folder() (string, bool) {
	var newest string
	var newestTime int64
	filepath.WalkDir(o.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "journal.jsonl" {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().UnixNano() > newestTime {
			newest, newestTime = filepath.Dir(path), info.ModTime().UnixNano()
		}
		return nil
	})
	return newest, newest != ""
}

func (o *operator) workerLog() string {
	folder, ok := o.folder()
	if !ok {
		return "no run folder"
	}
	b, err := os.ReadFile(filepath.Join(folder, "worker.log"))
	if err != nil {
		return err.Error()
	}
	if len(b) > 4000 {
		b = b[len(b)-4000:]
	}
	return "end of worker.log:\n" + string(b)
}

// word is what the operator types before something is destroyed.
func word(n *node.Node) string { return n.Network + "/" + n.SV }

// insisting is an answers file in which one question is answered against advice, with a reason.
func (o *operator) insisting(n *node.Node, run, question, choice string, more ...string) string {
	o.t.Helper()
	path := o.answers(n, run, more...)
	b, err := os.ReadFile(path)
	must(o.t, err)
	var file map[string]any
	must(o.t, yaml.Unmarshal(b, &file))
	file["answers"].(map[string]any)[question] = map[string]string{"choice": choice, "text": "the test insists"}
	b, err = yaml.Marshal(file)
	must(o.t, err)
	must(o.t, os.WriteFile(path, b, 0o600))
	return path
}

// answers writes an answers file: every confirmation yes, the word for destruction, the set of a restore if there is one,
// and more as pairs of a question's name and its answer. `svrescue plan restore --format json` lists what may be asked.
func (o *operator) answers(n *node.Node, run string, more ...string) string {
	o.t.Helper()
	answers := map[string]string{}
	if run != "" {
		answers["restore/backup-set.set"], answers["restore/fence.attest"] = run, word(n)
	}
	for i := 0; i < len(more); i += 2 {
		answers[more[i]] = more[i+1]
	}
	b, err := yaml.Marshal(map[string]any{"confirm": true, "word": word(n), "answers": answers})
	must(o.t, err)
	path := filepath.Join(o.home, "answers.yaml")
	must(o.t, os.WriteFile(path, b, 0o600))
	return path
}

// runID is the newest run.
func (o *operator) runID() string {
	o.t.Helper()
	folder, ok := o.folder()
	if !ok {
		o.t.Fatal("there is no run folder")
	}
	return filepath.Base(folder)
}

// expectNothingLeft says that the operator's processes have ended and have taken their sockets with them.
func (o *operator) expectNothingLeft() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := rig.Poll(ctx, "what the operator started is still there", func(context.Context) (bool, error) {
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return false, err
		}
		for _, path := range lines {
			line, err := os.ReadFile(path)
			if err == nil && bytes.Contains(line, []byte(o.home)) {
				return false, fmt.Errorf("process %s: %q", path, line)
			}
		}
		return true, nil
	})
	if err != nil {
		o.t.Error(err)
	}
	filepath.WalkDir(o.home, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type()&os.ModeSocket != 0 {
			o.t.Errorf("socket %s is left", path)
		}
		return nil
	})
}
