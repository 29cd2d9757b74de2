package command_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
)

// lies makes a parked run whose node is in namespace sv of a cluster.
func (o operator) lies(spec runs.Spec) {
	o.t.Helper()
	spec.Path, spec.Acting, spec.Operator, spec.Host, spec.Started = "restore", wire.Live, "alice", "ops1", time.Now()
	folder, err := runs.Create(o.runs(), spec)
	if err != nil {
		o.t.Fatal(err)
	}
	j, _, err := journal.Open(folder.Journal())
	if err != nil {
		o.t.Fatal(err)
	}
	defer j.Close()
	for _, e := range []wire.Event{{Kind: wire.KindRun, Run: &wire.Run{ID: spec.ID, Path: spec.Path}},
		{Kind: wire.KindSubject, Subject: &wire.Subject{Namespace: "sv"}}, {Kind: wire.KindPark, Text: "asked for"}} {
		if _, err := j.Append(e); err != nil {
			o.t.Fatal(err)
		}
	}
}

// A list of runs does not wait for a cluster that takes a request and never answers. It asks once for each node, also of several runs, and
// not for a rehearsal whose network is gone, nor where logging in needs somebody at a terminal.
func TestRunsOfAClusterThatHangs(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var dialled atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			defer conn.Close() // when the listener is closed
		}
	}()
	config, person := o.in("hangs"), o.in("person")
	plain := string(sim.Kubeconfig("http://"+listener.Addr().String(), canaryKubeconfig, nil, "sv"))
	if err := os.WriteFile(config, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	asks := strings.Replace(plain, `"token": "`+canaryKubeconfig+`"`, `"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "ask-me", "interactiveMode": "Always"}`, 1)
	asks = strings.Replace(asks, "http://", "https://", 1) // without it nobody logs in
	if asks == plain {
		t.Fatalf("the kubeconfig has another shape:\n%s", plain)
	}
	if err := os.WriteFile(person, []byte(asks), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		o.lies(runs.Spec{ID: fmt.Sprintf("restore-0412-030%d-k7qd", i), World: wire.Real, Kubeconfig: config})
	}
	o.lies(runs.Spec{ID: "restore-0412-0305-k7qd", World: wire.Real, Kubeconfig: person})
	o.lies(runs.Spec{ID: "restore-0412-0306-k7qd", World: wire.Simulated, Scenario: "restore-clean", Kubeconfig: config, Speed: 60})
	code, out := o.run("runs")
	if code != 0 || strings.Count(out, "parked; Lease not read: no answer within 2 s") != 3 || strings.Count(out, "Lease not read") != 4 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if !strings.Contains(out, "Lease not read: the login to the cluster is made by ask-me, which wants somebody at a terminal") {
		t.Errorf("a login that asks is not told:\n%s", out)
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("the cluster was dialled %d times for one node", n)
	}
	if code, out := o.run("runs", "--offline"); code != 0 || strings.Contains(out, "not read") || dialled.Load() != 1 {
		t.Errorf("offline: exit code %d\n%s", code, out)
	}
}
