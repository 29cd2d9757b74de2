package restore

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// rig is a simulated cluster in the bubble of a test, with what a step may see of it.
type rig struct {
	t     *testing.T
	sim   *sim.Server
	world steps.World
	facts Facts
	pods  *fakePods
}

// newRig serves nodes, of which the first is the one that is restored. Call it inside a bubble.
func newRig(t *testing.T, served ...sim.NodeOptions) *rig {
	t.Helper()
	server := sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}})
	var all sim.Scenario
	for i, o := range served {
		o.Start, o.NoClasses = time.Now(), i > 0
		s, err := o.Scenario()
		if err != nil {
			t.Fatal(err)
		}
		all.Objects += s.Objects + helmRecord(t, o, "sv", "splice-sv-node", map[string]any{"onboardingName": o.SVName}) +
			helmRecord(t, o, "comet", "splice-cometbft", map[string]any{"genesis": map[string]any{"chainId": o.Network + "-0"}}) + "\n---\n"
	}
	if err := server.LoadScenario(all); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := pipes.Listen()
	web := &http.Server{Handler: server}
	ended := make(chan struct{})
	go func() { server.Run(ctx); close(ended) }()
	go web.Serve(l)
	t.Cleanup(func() { stop(); <-ended; web.Close() })
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig("http://127.0.0.1:1", "token", nil, served[0].Namespace), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{Clock: clock.RealClock{}, Dial: l.Dial, QPS: 10000, Burst: 10000})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, sim: server, pods: &fakePods{}}
	r.world = steps.World{Kube: cluster, Clock: clock.RealClock{}, Pods: r.pods}
	r.facts.Namespace, r.facts.Where = served[0].Namespace, kube.Where{Context: "test"}
	n, err := nodes.In(t.Context(), r.world, r.facts.Namespace, "test", "")
	if err != nil {
		t.Fatal(err)
	}
	r.facts.Node = &n
	return r
}

// hands may do what the action's references cover.
func (r *rig) hands(a steps.Action) steps.Hands {
	var accesses []kube.Access
	for _, ref := range a.Refs() {
		accesses = append(accesses, *ref.Kube)
	}
	return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(accesses, false)}
}

// do sends an action as the engine would, and proves it by its probe.
func (r *rig) do(a steps.Action) error {
	r.t.Helper()
	if err := a.Do(r.t.Context(), r.hands(a), func(wire.Progress) {}); err != nil {
		return err
	}
	if state, _, err := a.Probe(r.t.Context(), r.world); err != nil || state != wire.ActionDone {
		r.t.Fatalf("%s: after it was sent its probe says %q, %v", a.Key(), state, err)
	}
	return nil
}

// scale is somebody with rights of their own.
func (r *rig) scale(kind, namespace, name string, from, to int32) {
	r.t.Helper()
	ref := kube.WorkloadRef{Kind: kind, Namespace: namespace, Name: name}
	if err := r.world.Kube.Hands(kube.AccessScale(ref), false).Scale(r.t.Context(), ref, from, to, ""); err != nil {
		r.t.Fatal(err)
	}
}

// helmRecord is a release record of Helm's.
func helmRecord(t *testing.T, o sim.NodeOptions, name, chart string, values map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "namespace": o.Namespace, "version": 1, "config": values, "info": map[string]any{"status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": chart, "version": "0.6.4", "apiVersion": "v2"}}})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	zip.Close()
	inner := base64.StdEncoding.EncodeToString(packed.Bytes())
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.%s.v1\n  namespace: %s\n"+
		"  labels: {owner: helm, name: %s, status: deployed, version: \"1\"}\ndata: {release: %s}\n", name, o.Namespace, name, base64.StdEncoding.EncodeToString([]byte(inner)))
}

// fakePods answer by "app=NAME:PORT".
type fakePods struct{ handlers map[string]http.Handler }

func (p *fakePods) Get(_ context.Context, _, selector string, port int, path string) ([]byte, error) {
	h := p.handlers[fmt.Sprintf("%s:%d", selector, port)]
	if h == nil {
		return nil, errors.New("no pod is ready")
	}
	return answerOf(h, path)
}

// said are the findings as "verdict id".
func said(found []wire.Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, string(f.Verdict)+" "+f.ID)
	}
	return strings.Join(all, ", ")
}

func find(t *testing.T, found []wire.Finding, id string) wire.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q: %s", id, said(found))
	}
	return found[i]
}
