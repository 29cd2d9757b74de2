package restore

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/wire"
)

const gitops = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: acme, namespace: argocd, uid: uid-acme, annotations: {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/acme"}}
spec: {destination: {namespace: sv, server: "https://kubernetes.default.svc"}, syncPolicy: {automated: {prune: true, selfHeal: true}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system, uid: uid-apps}
spec: {targetNamespace: sv, suspend: true}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: scale-scan, namespace: sv, uid: uid-scale-scan}
spec: {scaleTargetRef: {name: scan-app}}
`

func (r *rig) gitops() {
	r.t.Helper()
	if err := r.sim.LoadYAML([]byte(gitops)); err != nil {
		r.t.Fatal(err)
	}
	var err error
	if r.facts.Held, err = r.facts.others().Gather(r.t.Context(), r.world); err != nil {
		r.t.Fatal(err)
	}
	journaled, err := json.Marshal(r.facts) // as a worker that takes the run up finds it
	if err != nil {
		r.t.Fatal(err)
	}
	r.facts = Facts{}
	if err := json.Unmarshal(journaled, &r.facts); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) said(look func() ([]wire.Finding, error)) string {
	r.t.Helper()
	found, err := look()
	if err != nil {
		r.t.Fatal(err)
	}
	return said(found)
}

func (r *rig) stillHeld() string {
	r.t.Helper()
	return r.said(func() ([]wire.Finding, error) { return stillHeld(r.t.Context(), r.world, r.facts) })
}

func (r *rig) released() string {
	r.t.Helper()
	return r.said(func() ([]wire.Finding, error) { return released(r.t.Context(), r.world, r.facts) })
}

func (r *rig) plan() []steps.Action {
	r.t.Helper()
	actions, err := holdOthers().Plan(r.facts)
	if err != nil {
		r.t.Fatal(err)
	}
	return actions
}

func TestOthersArePausedAndLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.gitops()
		if len(r.facts.Held) != 3 || r.facts.Held[0].Parent != "Application argocd/root" {
			t.Fatalf("%+v", r.facts.Held)
		}
		if got := said(r.facts.others().Foretell("the restore")); strings.Count(got, "attention") != 3 {
			t.Error(got)
		}
		if got := r.stillHeld(); got != "violated held-uid-acme, violated held-uid-scale-scan, holds held" {
			t.Error(got)
		}
		actions := r.plan()
		if len(actions) != 2 {
			t.Fatalf("%d actions", len(actions))
		}
		for _, a := range actions {
			if show := a.Show(); len(show.Commands) != 1 || !strings.Contains(show.Commands[0], "kubectl") {
				t.Errorf("%+v", show)
			}
			began := time.Now()
			if err := r.do(a); err != nil {
				t.Fatal(err)
			}
			if seen := time.Since(began); seen < 30*time.Second || seen > time.Minute {
				t.Errorf("%s was watched for %s", a.Key(), seen)
			}
			if err := r.do(a); err != nil { // as after a crash before its result
				t.Fatal(err)
			}
		}
		if got := r.stillHeld(); got != "holds held" {
			t.Error(got)
		}
		before := r.facts.Held[0].Actor
		if held, err := r.facts.others().Gather(t.Context(), r.world); err != nil || len(held) != len(r.facts.Held) || held[0].Actor.Paused || string(held[0].Actor.Present) != string(before.Present) {
			t.Fatalf("looking again forgets how it was: %+v, %v", r.facts.Held, err)
		}
		if got := r.released(); !strings.Contains(got, "violated released-uid-acme") {
			t.Error(got)
		}
		for _, a := range r.facts.others().LetGo() {
			if err := r.do(a); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.released(); got != "attention released-uid-apps, holds released" {
			t.Error(got)
		}
		now, found, err := action.FindActor(t.Context(), r.world, "sv", before)
		if err != nil || !found || !hold.SameSetting(now.Present, before.Present) {
			t.Errorf("put back as %s, it was %s (%v)", now.Present, before.Present, err)
		}
	})
}

func TestAPauseThatIsPutBackIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.gitops()
		acme := r.facts.Held[0].Actor
		hands := r.world.Kube.Hands(kube.AccessPause(acme), false)
		ended := make(chan error, 1)
		go func() { // whoever manages it, ten seconds later
			time.Sleep(10 * time.Second)
			ended <- hands.Resume(t.Context(), acme)
		}()
		err := r.do(r.plan()[0])
		if back := <-ended; back != nil {
			t.Fatal(back)
		}
		failure := steps.FailureOf("", err)
		if err == nil || !strings.Contains(failure.Seen, "act again") || !strings.Contains(failure.Next, "Application argocd/root") {
			t.Fatalf("%+v", failure)
		}
		if got := r.stillHeld(); !strings.Contains(got, "violated held-uid-acme") {
			t.Error(got)
		}
	})
}

func TestSomebodyNewIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		if held, err := r.facts.others().Gather(t.Context(), r.world); err != nil || len(held) != 0 || len(r.plan()) != 0 {
			t.Fatalf("%+v, %v", r.facts.Held, err)
		}
		if got := r.stillHeld(); got != "holds held" {
			t.Error(got)
		}
		if err := r.sim.LoadYAML([]byte(gitops)); err != nil {
			t.Fatal(err)
		}
		if got := r.stillHeld(); got != "violated new-uid-acme, violated new-uid-scale-scan" {
			t.Error(got)
		}
	})
}

func TestWhatSomebodyChangedIsNotOverwrittenInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.gitops()
		held := &r.facts.Held[0].Actor
		held.Present = json.RawMessage(`{"prune":false}`)
		found, err := holdOthers().Check(t.Context(), r.world, r.facts)
		if err != nil || find(t, found, "changed-uid-acme").Verdict != wire.Violated {
			t.Fatalf("%s, %v", said(found), err)
		}
		if err := r.do(r.plan()[0]); kube.KindOf(err) != kube.Conflict {
			t.Fatalf("%v", err)
		}
	})
}

func TestWhoMayNotBeReadIsNotTakenForAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.gitops()
		r.sim.Set(sim.Knobs{Deny: []sim.Rule{{Verbs: []string{"list"}, Resources: []string{"applications"}}}})
		if got := r.stillHeld(); !strings.Contains(got, "undetermined held-uid-acme") {
			t.Error(got)
		}
		if state, _, err := r.plan()[0].Probe(t.Context(), r.world); state == wire.ActionDone || err == nil {
			t.Errorf("its pause is said to be done: %q, %v", state, err)
		}
	})
}
