// Command bench measures what the design sets goals for, side by side with its peer, and prints one table. Nothing is
// asserted: these are figures to read.
package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/creack/pty"
)

// rounds is how often each program is started; the two take turns, so that a busy moment hits both.
const rounds = 25

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "journal":
		err = journals(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "keys":
		err = ownHome(func(env []string, state string) error { return keys(env, state, os.Args[2]) })
	case len(os.Args) == 3:
		err = ownHome(func(env []string, state string) error { return measure(env, state, os.Args[1], os.Args[2]) })
	default:
		fmt.Fprintln(os.Stderr, "usage: bench SVRESCUE EMPTY | bench keys SVRESCUE | bench journal FOLDER")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// ownHome gives do an environment whose runs lie in a folder of their own.
func ownHome(do func(env []string, state string) error) error {
	state, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	return do(append(os.Environ(), "XDG_STATE_HOME="+state, "XDG_CONFIG_HOME="+state, "XDG_RUNTIME_DIR="+state, "TERM=xterm-256color", "LANG=C.UTF-8"), state)
}

func measure(env []string, state, svrescue, empty string) error {
	hung, kubeconfig, err := hungCluster(state)
	if err != nil {
		return err
	}
	defer hung.Close()
	var ours, first, theirs, version []float64
	for range rounds {
		a, err := firstFrame(env, "Rehearsals", svrescue, "rehearse") // the list is the first useful frame
		if err != nil {
			return err
		}
		c, err := firstFrame(env, "Looking", svrescue, "--kubeconfig", kubeconfig) // drawn before any answer
		if err != nil {
			return err
		}
		b, err := firstFrame(env, "first frame", empty)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := exec.Command(svrescue, "version").Run(); err != nil {
			return err
		}
		ours, first, theirs, version = append(ours, a), append(first, c), append(theirs, b), append(version, ms(time.Since(began)))
	}
	fmt.Printf("%-44s %8s %8s\n", "", "p50", "p95")
	row := func(name string, v []float64) {
		fmt.Printf("%-44s %8.1f %8.1f ms\n", name, quantile(v, .5), quantile(v, .95))
	}
	row("first useful frame, terminal that never answers", ours)
	row("  the same of triage, whose cluster hangs", first)
	row("  peer: one line, Helm and client-go linked", theirs)
	row("svrescue version", version)
	return memory(env, state, svrescue)
}

// hungCluster is a cluster that takes connections and never answers, and a kubeconfig that leads to it.
func hungCluster(folder string) (io.Closer, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	path := filepath.Join(folder, "hung.yaml")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: hung\nclusters: [{name: hung, cluster: {server: 'http://%s'}}]\n"+
		"contexts: [{name: hung, context: {cluster: hung, namespace: sv}}]\n", listener.Addr())
	return listener, path, os.WriteFile(path, []byte(text), 0o600)
}

// firstFrame starts a program on a pseudo terminal that never answers, and returns how many milliseconds pass until it
// shows the text.
func firstFrame(env []string, text string, program string, args ...string) (float64, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = env
	began := time.Now()
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return 0, err
	}
	defer func() { cmd.Process.Kill(); cmd.Wait(); terminal.Close() }()
	var seen bytes.Buffer
	buffer := make([]byte, 8192)
	for {
		n, err := terminal.Read(buffer)
		seen.Write(buffer[:n])
		if bytes.Contains(seen.Bytes(), []byte(text)) {
			return ms(time.Since(began)), nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s ended before it showed %q: %q", filepath.Base(program), text, seen.String())
		}
	}
}

// memory starts a rehearsal and reads the resident size of its processes when its first question is open.
func memory(env []string, state, svrescue string) error {
	cmd := exec.Command(svrescue, "rehearse", "restore-clean", "--speed", "10")
	cmd.Env = env
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return err
	}
	defer func() { cmd.Process.Kill(); cmd.Wait(); terminal.Close() }()
	go func() {
		buffer := make([]byte, 8192)
		for {
			if _, err := terminal.Read(buffer); err != nil {
				return
			}
		}
	}()
	var children []string
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		if children, _ = filepath.Glob(state + "/svrescue/runs/*/worker.json"); len(children) > 0 {
			break
		}
	}
	time.Sleep(2 * time.Second)
	fmt.Printf("%-44s %8.1f MB\n", "front end at rest", resident(strconv.Itoa(cmd.Process.Pid)))
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range processes {
		line, err := os.ReadFile(path)
		words := strings.Split(string(line), "\x00")
		if err != nil || len(words) < 3 || !strings.HasPrefix(words[2], state) {
			continue
		}
		pid := filepath.Base(filepath.Dir(path))
		fmt.Printf("%-44s %8.1f MB\n", words[1]+" at rest", resident(pid))
		if n, err := strconv.Atoi(pid); err == nil {
			if process, err := os.FindProcess(n); err == nil {
				defer process.Kill() // its command line names this run's own folder
			}
		}
	}
	info, err := os.Stat(svrescue)
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %8.1f MB\n", "program, stripped", float64(info.Size())/1e6)
	return nil
}

func resident(pid string) float64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return math.NaN()
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return math.NaN()
			}
			return kb * 1024 / 1e6
		}
	}
	return math.NaN()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantile(v []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
