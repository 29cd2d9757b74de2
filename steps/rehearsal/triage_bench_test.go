package rehearsal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// The size that triage is measured at.
const (
	crowdPods   = 300
	crowdEvents = 5000
)

// served is a healthy node among many pods and events on loopback, up for as long as it takes to be ready. It gives the kubeconfig.
func served(b *testing.B) (kubeconfig string, cluster *kube.Cluster) {
	b.Helper()
	folder := b.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, crowded(crowdPods, crowdEvents), clock.RealClock{}, clock.RealClock{}, 1, credential, folder)
	}()
	b.Cleanup(func() { stop(); <-ended })
	for limit := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if address, err := ReadAddress(folder); err == nil && Alive(ctx, address) {
			break
		}
		if time.Now().After(limit) {
			b.Fatal("the world does not answer")
		}
	}
	kubeconfig = filepath.Join(folder, Kubeconfig)
	cluster, err := kube.Connect(kube.Target{Kubeconfig: kubeconfig}, kube.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		pods, err := cluster.Pods(ctx, namespace, "")
		if err == nil && len(pods) > crowdPods && !slices.ContainsFunc(pods, func(p kube.Pod) bool { return !p.Ready }) {
			return kubeconfig, cluster
		}
		if time.Now().After(limit) {
			b.Fatal("the world does not become ready")
		}
	}
}

// BenchmarkTriage is one triage in this process: until there is a verdict, and until all is heard. The heap is what the evidence of all of it
// takes while it is held.
func BenchmarkTriage(b *testing.B) {
	_, cluster := served(b)
	nowhere := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way out") }
	var verdict time.Duration
	var heap uint64
	for b.Loop() {
		var e triage.Evidence
		var mu sync.Mutex
		began, first := time.Now(), time.Duration(0)
		o := evidence.Options{Cluster: cluster, Context: "sim", Namespace: namespace, Clock: clock.RealClock{}, Out: svapp.Out{Dial: nowhere}, Dial: nowhere}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		evidence.Gather(ctx, o, func(p evidence.Piece) {
			mu.Lock()
			defer mu.Unlock()
			p.Set(&e)
			if first == 0 && triage.Judge(e, time.Now()).Situation == triage.Healthy {
				first = time.Since(began)
			}
		})
		cancel()
		if first == 0 {
			b.Fatalf("%s", written(triage.Judge(e, time.Now())))
		}
		verdict += first
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = max(heap, m.HeapAlloc)
	}
	b.ReportMetric(float64(verdict.Microseconds())/1000/float64(b.N), "ms/verdict")
	b.ReportMetric(float64(heap)/1e6, "MB-heap-with-the-world")
}

// BenchmarkTriageProgram starts programs against the same world, in turns: svrescue triage, kubectl get pods, and an empty program that lists pods
// with client-go. BENCH_SVRESCUE, BENCH_KUBECTL and BENCH_EMPTY name them; without the first nothing is measured.
func BenchmarkTriageProgram(b *testing.B) {
	svrescue := os.Getenv("BENCH_SVRESCUE")
	if svrescue == "" {
		b.Skip("BENCH_SVRESCUE names no program")
	}
	kubeconfig, _ := served(b)
	home := b.TempDir()
	run := func(until string, program string, args ...string) (first, whole time.Duration, peak float64) {
		cmd := exec.CommandContext(b.Context(), program, args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if first == 0 && strings.HasPrefix(lines.Text(), until) {
				first = time.Since(began)
			}
			if strings.HasPrefix(lines.Text(), "Situation") { // it is about to end
				peak = peakOf(cmd.Process.Pid)
			}
		}
		if err := cmd.Wait(); err != nil || first == 0 {
			b.Fatalf("%s: %v, first line after %s", program, err, first)
		}
		return first, time.Since(began), peak
	}
	figures := map[string][]float64{}
	add := func(name string, d time.Duration) {
		figures[name] = append(figures[name], float64(d.Microseconds())/1000)
	}
	var peak float64
	for b.Loop() {
		first, whole, size := run("  ", svrescue, "triage", "--namespace", namespace, "--wait", "20s")
		add("svrescue-first-ms", first)
		add("svrescue-whole-ms", whole)
		peak = max(peak, size)
		if kubectl := os.Getenv("BENCH_KUBECTL"); kubectl != "" {
			first, _, _ := run("NAME", kubectl, "get", "pods", "-n", namespace)
			add("kubectl-first-ms", first)
		}
		if empty := os.Getenv("BENCH_EMPTY"); empty != "" {
			first, _, _ := run("pods", empty, namespace)
			add("client-go-first-ms", first)
		}
	}
	for name, all := range figures {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name)
	}
	b.ReportMetric(peak, "svrescue-peak-MB")
}

// peakOf is the most memory that a process has had so far, in MB; 0 where /proc does not tell.
func peakOf(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
