package reonboard

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

const argo = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: acme, namespace: argocd, uid: uid-acme}
spec: {destination: {namespace: sv}, syncPolicy: {automated: {prune: true}}}
status: {resources: [{group: apps, kind: Deployment, namespace: sv, name: sv-app}]}
`

func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lostParty, acmeNode())
		if err := l.sim.LoadYAML([]byte(argo)); err != nil {
			t.Fatal(err)
		}
		if got := l.proves(lostSV()); got != "holds party" || len(l.facts.Fence.Held) != 1 {
			t.Fatalf("%s, %+v", got, l.facts.Fence.Held)
		}
		step := fence()
		for _, no := range []string{"", "yes", "Acme-SV", "testnet/acme-sv"} {
			if err := step.Take(&l.facts, "attest", no); err == nil {
				t.Errorf("%q was taken", no)
			}
		}
		if got := strings.Join(askedAlong(t, l, step, map[string]string{"attest": "testnet/Acme-SV"}), " "); got != "attest" {
			t.Fatal(got)
		}
		if found, err := step.Check(t.Context(), l.world, l.facts); err != nil || wire.WorstVerdict(found) == wire.Violated {
			t.Fatalf("%s, %v", verdictsOf(found), err)
		}
		if _, err := step.Verify(t.Context(), l.world, &l.facts); err == nil {
			t.Fatal("a node that runs is said to be stopped")
		}
		actions, err := step.Plan(l.facts)
		l.send(actions, err)
		want := "holds stopped, holds held, holds kept, holds namespaces, holds attested"
		if got := l.proves(step); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if pods, err := l.world.Kube.Pods(t.Context(), "sv", ""); err != nil || len(pods) != 0 && podsOfNode(pods) {
			t.Errorf("%d pods are left, %v", len(pods), err)
		}
		claims, err := l.world.Kube.Claims(t.Context(), "sv")
		if err != nil || len(claims) == 0 || len(l.facts.Fence.Kept) <= len(l.facts.Old.Node.Claims) || len(l.facts.Fence.Stopped) != 11 {
			t.Errorf("%d claims, %+v, %v", len(claims), l.facts.Fence, err)
		}
		for _, c := range l.facts.Old.Node.Claims {
			if v, found, err := l.world.Kube.Volume(t.Context(), c.Old.Name); err != nil || !found || v.ReclaimPolicy != kube.Retain || v.Annotations["svrescue/kept-by"] != l.facts.Run {
				t.Errorf("%s: %+v, %v", c.Name, v, err)
			}
		}
		l.journaled()
		if found, err := stillFenced(t.Context(), l.world, l.facts); err != nil || wire.WorstVerdict(found) != wire.Holds {
			t.Errorf("%s, %v", verdictsOf(found), err)
		}

		// Somebody starts the participant again while the run waits for votes.
		ref := kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: "participant"}
		if err := l.world.Kube.Hands(kube.AccessScale(ref), false).Scale(t.Context(), ref, 0, 1, ""); err != nil {
			t.Fatal(err)
		}
		if found, err := stillFenced(t.Context(), l.world, l.facts); err != nil || findingOf(t, found, "participant").Verdict != wire.Violated {
			t.Errorf("%s, %v", verdictsOf(found), err)
		}
		if _, err := step.Verify(t.Context(), l.world, &l.facts); err == nil {
			t.Error("its participant wants to run, and it is said to be stopped")
		}
		if err := l.world.Kube.Hands(kube.AccessScale(ref), false).Scale(t.Context(), ref, 1, 0, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)

		undo, why := step.Undo(l.facts)
		if why != "" {
			t.Fatal(why)
		}
		l.send(undo, nil)
		for _, c := range l.facts.Old.Node.Components {
			if now, _, err := l.world.Kube.Workload(t.Context(), c.Ref.Kind, "sv", c.Ref.Name); err != nil || now.Replicas != c.Replicas {
				t.Errorf("%s wants %d, it wanted %d: %v", c.Ref, now.Replicas, c.Replicas, err)
			}
		}
		l.facts.Vote.Offboarded = time.Now()
		if undo, why := step.Undo(l.facts); len(undo) != 0 || why == "" {
			t.Error("the node of an offboarded SV would be started again")
		}
	})
}

// podsOfNode says whether a pod belongs to what was stopped.
func podsOfNode(pods []kube.Pod) bool {
	for _, p := range pods {
		for _, name := range []string{"participant", "sv-app", "scan-app", "validator-app", "sequencer", "mediator", "cometbft", "-pg-"} {
			if strings.Contains(p.Name, name) {
				return true
			}
		}
	}
	return false
}

func TestATwinInAnotherNamespaceStopsTheFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		standby := acmeNode()
		standby.Namespace = "sv-standby"
		l := newLostWorld(t, lostParty, acmeNode(), standby)
		l.facts.Fence.Attested = word(l.facts)
		actions, err := fence().Plan(l.facts)
		l.send(actions, err)
		_, err = fence().Verify(t.Context(), l.world, &l.facts)
		var problem *steps.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Seen, "sv-standby") || !strings.Contains(problem.Next, "kubectl") {
			t.Errorf("%v", err)
		}
	})
}

func TestANodeThatNoClusterShowsIsAttestedInASentence(t *testing.T) {
	l := newLostWorld(t, lostParty)
	step := fence()
	for _, no := range []string{"", "yes", "it is off"} {
		if err := step.Take(&l.facts, "gone", no); err == nil {
			t.Errorf("%q was taken", no)
		}
	}
	said := "Ana Ruiz deleted the cluster sv-east and saw its machines gone"
	if got := strings.Join(askedAlong(t, l, step, map[string]string{"gone": said}), " "); got != "gone" {
		t.Error(got)
	}
	if actions, err := step.Plan(l.facts); err != nil || len(actions) != 0 {
		t.Errorf("%v, %v", actions, err)
	}
	found, err := step.Verify(t.Context(), l.world, &l.facts)
	if err != nil || verdictsOf(found) != "attention gone" || !strings.Contains(found[0].Text, said) {
		t.Errorf("%+v, %v", found, err)
	}
	if _, why := step.Undo(l.facts); why == "" {
		t.Error("there is nothing to take back")
	}
}
