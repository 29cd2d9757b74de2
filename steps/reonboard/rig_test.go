package reonboard

import (
	"context"
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
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// rig is a cluster with the namespaces of both nodes, and the bank, in the bubble of a test.
type rig struct {
	*testing.T
	*bank
	sim   *sim.Server
	world steps.World
	facts Facts
	// kept are the facts as a journal would have them: at the end of the last step and after each answer.
	kept    []byte
	request func(r *http.Request, done bool) // at each request to the cluster
	// choose answers an error of an action: the choice of a remedy, or "" to fail the test with it.
	choose func(error) string
}

const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: validator}
---
apiVersion: v1
kind: Namespace
metadata: {name: sv-new}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: validator-app, namespace: validator}
spec:
  replicas: 0
  selector: {matchLabels: {app: validator-app}}
  template: {metadata: {labels: {app: validator-app}}, spec: {containers: [{name: main, image: x}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: participant-bootstrap-dump, namespace: validator}
stringData: {content: keys}
`

func newRig(t *testing.T, b *bank) *rig {
	t.Helper()
	server := sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}})
	if err := server.LoadScenario(sim.Scenario{Objects: objects}); err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, bank: b, sim: server}
	ctx, stop := context.WithCancel(context.Background())
	l := pipes.Listen()
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.request != nil {
			r.request(q, false)
			defer func() { r.request(q, true) }()
		}
		server.ServeHTTP(w, q)
	})}
	ended, ticked := make(chan struct{}), make(chan struct{})
	go func() { server.Run(ctx); close(ended) }()
	go web.Serve(l)
	go func() {
		defer close(ticked)
		ticker := time.NewTicker(3 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				b.tick(time.Now())
			}
		}
	}()
	t.Cleanup(func() { stop(); <-ended; <-ticked; web.Close() })
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig("http://127.0.0.1:1", "token", nil, "validator"), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{Clock: clock.RealClock{}, Dial: l.Dial, QPS: 10000, Burst: 10000})
	if err != nil {
		t.Fatal(err)
	}
	r.world = steps.World{Kube: cluster, Clock: clock.RealClock{}, Apps: b}
	r.facts = Facts{Run: "r-1", Old: Old{SV: "Acme-SV", Party: oldParty, DSO: dsoParty, Network: "DevNet"},
		Baseline:  &Baseline{Unlocked: b.owns(oldParty).String(), Locked: "0", Told: []string{"Beta", "Gamma"}},
		Peers:     []Peer{{SV: "Beta", URL: "Beta"}, {SV: "Gamma", URL: "Gamma"}, {SV: "Delta", URL: "Delta"}},
		Validator: Validator{Namespace: "validator", Release: "validator", App: steps.App{Name: "the recovery validator", Login: steps.LoginClient, Namespace: "validator", Workload: "validator-app"}},
		Fresh:     Fresh{Namespace: "sv-new", Party: newParty, Wallet: steps.App{Name: "the fresh SV", Login: steps.LoginClient, Namespace: "sv-new", Workload: "validator-app"}}}
	r.keep()
	return r
}

func (r *rig) keep() {
	b, err := json.Marshal(r.facts)
	if err != nil {
		r.Fatal(err)
	}
	r.kept = b
}

// resume is another process, perhaps on another machine, that has only the journal.
func (r *rig) resume() {
	r.facts = Facts{}
	if err := json.Unmarshal(r.kept, &r.facts); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) hands(a steps.Action) steps.Hands {
	var accesses []kube.Access
	h := hand{bank: r.bank}
	for _, ref := range a.Refs() {
		if ref.Kube != nil {
			accesses = append(accesses, *ref.Kube)
		}
		if ref.Wallet != nil {
			h.allowed = append(h.allowed, *ref.Wallet)
		}
	}
	return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(accesses, false), Wallets: h}
}

// answers of an operator who agrees to everything.
var answers = map[string]string{"test": "1", "fee": "1", "days": "3", "accepts": acceptsHere, "receiver": newParty[len(newParty)-endLength:]}

// play goes through a step as the engine does; its facts are kept at the end.
func (r *rig) play(ctx context.Context, s steps.Step[Facts]) ([]wire.Finding, error) {
	for s.Inputs != nil {
		open, err := s.Inputs(ctx, r.world, r.facts)
		if err != nil {
			return nil, err
		}
		if len(open) == 0 {
			break
		}
		if err := s.Take(&r.facts, open[0].Name, answers[open[0].Name]); err != nil {
			return nil, err
		}
		r.keep()
	}
	if s.Check != nil {
		found, err := s.Check(ctx, r.world, r.facts)
		if err != nil || wire.WorstVerdict(found) == wire.Violated {
			return found, errors.Join(err, errors.New("the check says no: "+said(found)))
		}
	}
	if s.Plan != nil {
		actions, err := s.Plan(r.facts)
		if err != nil {
			return nil, err
		}
		for _, a := range actions {
			if err := r.send(ctx, s, a); err != nil {
				return nil, err
			}
		}
	}
	found, err := s.Verify(ctx, r.world, &r.facts)
	if err == nil {
		r.keep()
	}
	return found, err
}

// send probes, sends, and takes the remedy that is chosen for an error.
func (r *rig) send(ctx context.Context, s steps.Step[Facts], a steps.Action) error {
	for {
		state, _, err := a.Probe(ctx, r.world)
		if err != nil {
			return err
		}
		if state == wire.ActionDone {
			return nil
		}
		err = a.Do(ctx, r.hands(a), func(wire.Progress) {})
		if err == nil {
			if state, _, err := a.Probe(ctx, r.world); err == nil && state != wire.ActionDone {
				return fmt.Errorf("%s: after it was sent its probe says %q", a.Key(), state)
			}
			return nil
		}
		if r.choose == nil || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", a.Key(), err)
		}
		choice := r.choose(err)
		if choice == "" {
			return fmt.Errorf("%s: %w", a.Key(), err)
		}
		if choice == wire.ChoiceRetry {
			continue
		}
		all := s.Remedies(err)
		i := slices.IndexFunc(all, func(x steps.Remedy) bool { return x.Choice == choice })
		if i < 0 {
			return fmt.Errorf("%s: there is no choice %q for %w", a.Key(), choice, err)
		}
		for _, cure := range all[i].Actions {
			if err := r.send(ctx, s, cure); err != nil {
				return err
			}
		}
	}
}

// all plays the steps from the one with this index on; it answers how far it came.
func (r *rig) all(ctx context.Context, from int) (int, error) {
	path := New().Steps
	for i := from; i < len(path); i++ {
		if !mine(path[i].ID) {
			continue
		}
		found, err := r.play(ctx, path[i])
		if err != nil {
			return i, fmt.Errorf("%s: %w", path[i].ID, err)
		}
		if wire.WorstVerdict(found) == wire.Violated {
			return i, fmt.Errorf("%s: %s", path[i].ID, said(found))
		}
	}
	return len(path), nil
}

// mine are the steps that this rig plays: those of the money.
func mine(id string) bool {
	return slices.Contains([]string{"validator-balance", "transfer-plan", "test-transfer", "test-accept", "transfer", "accept", "verify-arrival", "finish"}, strings.TrimPrefix(id, "reonboard/"))
}

func said(found []wire.Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, fmt.Sprintf("%s %s (%s)", f.Verdict, f.ID, f.Text))
	}
	return strings.Join(all, ", ")
}

func finding(t *testing.T, found []wire.Finding, id string) wire.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q: %s", id, said(found))
	}
	return found[i]
}
