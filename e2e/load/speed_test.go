//go:build e2e

// Package load loads dumps into a server in a pod, through nothing but package reach: how fast that is, and what is said of dumps that the
// server's programs are too old for.
package load

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/wire"
)

const (
	child = "SVRESCUE_SPEED_LOAD" // set in the process that loads: a load in JSON
	fresh = "svrescue_new_participant_0_speed"
)

// load is one load of the product, in a process of its own, so that its memory is that of the load.
type load struct {
	Kubeconfig, Context, Namespace, Server, File string
}

// loaded is what it took.
type loaded struct {
	Seconds float64
	Peak    int64 // KiB
}

func TestMain(m *testing.M) {
	if text := os.Getenv(child); text != "" {
		if err := asChild(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := rig.Vanished(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// do loads the file into the database called fresh.
func (l load) do(ctx context.Context, cluster *kube.Cluster) error {
	server := postgres.Server{Namespace: l.Namespace, Workload: l.Server, Selector: "app=" + l.Server, Container: l.Server, Host: l.Server, Port: 5432,
		User: "cnadmin", Secret: l.Server + "-secret", Key: "postgresPassword", Admin: "cantonnet"}
	writer := reach.NewDatabases(reach.Options{Cluster: cluster, Clock: clock.RealClock{}}).
		Writer([]postgres.Change{{Verb: "load", Server: server.String(), Name: fresh}}, false)
	return writer.Load(ctx, server, fresh, postgres.Source{File: l.File}, func(wire.Progress) {})
}

func asChild(text string) error {
	var l load
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return err
	}
	cluster, err := kube.Connect(kube.Target{Kubeconfig: l.Kubeconfig, Context: l.Context}, kube.Options{})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := l.do(context.Background(), cluster); err != nil {
		return err
	}
	took := time.Since(began)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	peak, err := strconv.ParseInt(string(regexp.MustCompile(`VmHWM:\s*(\d+)`).FindSubmatch(status)[1]), 10, 64)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(loaded{took.Seconds(), peak})
}

// TestSpeed loads one custom archive by turns: with the product from this machine, and with pg_restore from a file that lies in the pod
// already. SVRESCUE_SPEED_MIB is the size of the table, SVRESCUE_SPEED_ROUNDS how often.
func TestSpeed(t *testing.T) {
	mib, rounds := number("SVRESCUE_SPEED_MIB"), number("SVRESCUE_SPEED_ROUNDS")
	if mib == 0 {
		t.Skip("bench/restore.sh runs this")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster := rig.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	const server = "participant-pg"
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "speed")})
	must(n.MakeServer(ctx, server, n.Namespace))
	must(n.Bulk(ctx, server, "participant_0", mib))
	// the same file here and in the pod
	file, there := filepath.Join(t.TempDir(), "archive"), "/var/lib/postgresql/data/speed.dump"
	archive, err := os.Create(file)
	must(err)
	must(cluster.Stream(ctx, n.Namespace, server+"-0", server, nil, archive, "sh", "-c",
		"pg_dump -U cnadmin -d participant_0 --format=custom > "+there+" && cat "+there))
	must(archive.Close())
	info, err := os.Stat(file)
	must(err)
	t.Logf("%d MiB of table, archive of %.1f MiB", mib, float64(info.Size())/(1<<20))

	empty := func(name string) {
		_, err := n.SQL(ctx, server, "cantonnet", "DROP DATABASE IF EXISTS "+name+";\nCREATE DATABASE "+name+";\nCHECKPOINT;\n")
		must(err)
	}
	self, err := os.Executable()
	must(err)
	var ours, plain []float64
	var peak int64
	for range max(rounds, 1) {
		empty("plain")
		began := time.Now()
		must(cluster.Stream(ctx, n.Namespace, server+"-0", server, nil, os.Stderr, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "-U", "cnadmin", "-d", "plain", there))
		plain = append(plain, time.Since(began).Seconds())
		empty(fresh)
		text, err := json.Marshal(load{cluster.Kubeconfig, cluster.Context, n.Namespace, server, file})
		must(err)
		c := exec.CommandContext(ctx, self)
		c.Env = append(os.Environ(), child+"="+string(text))
		c.Stderr = os.Stderr
		out, err := c.Output()
		must(err)
		var l loaded
		must(json.Unmarshal(out, &l))
		ours, peak = append(ours, l.Seconds), max(peak, l.Peak)
	}
	same, err := n.SQL(ctx, server, fresh, "SELECT count(*), max(id) FROM participant.big;")
	must(err)
	want, err := n.SQL(ctx, server, "plain", "SELECT count(*), max(id) FROM participant.big;")
	must(err)
	if same != want {
		t.Errorf("loaded %q, want %q", same, want)
	}
	fmt.Printf("pg_restore in the pod %.2f s, svrescue %.2f s, ratio %.2f (medians of %d); peak memory of svrescue %.1f MiB\n",
		median(plain), median(ours), median(ours)/median(plain), len(ours), float64(peak)/1024)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name)) // what is no number is 0
	return n
}
