package kube_test

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
)

const managed = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: sv, namespace: argocd}
spec: {destination: {namespace: sv, server: "https://kubernetes.default.svc"}, syncPolicy: {automated: {selfHeal: true}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: sv, namespace: flux-system}
spec: {interval: 1m, prune: true}
status: {inventory: {entries: [{id: sv_pg_apps_StatefulSet, v: v1}]}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: other, namespace: flux-system}
spec: {interval: 1m, prune: true}
status: {inventory: {entries: [{id: sv-other_pg_apps_StatefulSet, v: v1}]}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: labelled, namespace: flux-system}
spec: {interval: 1m, targetNamespace: elsewhere}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: generated
  namespace: argocd
  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, name: nodes, uid: x}]
spec: {destination: {namespace: sv}, syncPolicy: {automated: {enabled: false}}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: held, namespace: sv, annotations: {autoscaling.keda.sh/paused-replicas: "2", autoscaling.keda.sh/paused: "true"}}
spec: {scaleTargetRef: {name: pg}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: sv, labels: {helm.toolkit.fluxcd.io/name: labelled, helm.toolkit.fluxcd.io/namespace: flux-system}}
spec:
  selector: {matchLabels: {app: app}}
  template: {metadata: {labels: {app: app}}, spec: {containers: [{name: app, image: x}]}}
`

func TestPausables(t *testing.T) {
	inDatabase(t, sim.Options{}, nil, func(t *testing.T, world *sim.Server, c *kube.Cluster) {
		if err := world.LoadYAML([]byte(managed)); err != nil {
			t.Fatal(err)
		}
		list, err := c.Pausables(t.Context(), "sv")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range list {
			line := p.Kind + " " + p.Namespace + "/" + p.Name
			if p.Paused {
				line += " paused"
			}
			if p.Note != "" {
				line += ": " + p.Note
			}
			got = append(got, line)
		}
		want := `Application argocd/generated paused: ApplicationSet nodes makes it and puts its policy back: pause it there
Application argocd/sv
Kustomization flux-system/sv
HelmRelease flux-system/labelled
ScaledObject sv/held: annotation autoscaling.keda.sh/paused-replicas makes KEDA scale to 2 and goes before: take it away first`
		if s := strings.Join(got, "\n"); s != want {
			t.Errorf("got\n%s\nwant\n%s", s, want)
		}
		world.Set(sim.Knobs{Deny: []sim.Rule{{Groups: []string{"argoproj.io"}}}})
		list, err = c.Pausables(t.Context(), "sv")
		if len(list) != 3 || kube.KindOf(err) != kube.Forbidden {
			t.Errorf("got %d and %v", len(list), err)
		}
	})
}

func TestGitOpsPutsBackUntilItIsPaused(t *testing.T) {
	inDatabase(t, sim.Options{}, nil, func(t *testing.T, world *sim.Server, c *kube.Cluster) {
		if err := world.LoadYAML([]byte(managed)); err != nil {
			t.Fatal(err)
		}
		world.Set(sim.Knobs{GitOps: []sim.GitOps{
			{Kind: "Application", Namespace: "argocd", Name: "sv", Manages: map[string]int32{"sv/pg": 1}, Claims: []string{"sv/data-pg-0"}, Every: sim.D(5 * time.Second)},
			{Kind: "Kustomization", Namespace: "flux-system", Name: "sv", Manages: map[string]int32{"sv/pg": 1}},
		}})
		time.Sleep(time.Minute)
		ref := kube.WorkloadRef{Kind: kube.StatefulSet, Namespace: "sv", Name: "pg"}
		wanted := func() int32 {
			l, err := c.Workloads(t.Context(), "sv")
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range l {
				if w.Ref() == ref {
					return w.Replicas
				}
			}
			return -1
		}
		scale := func() {
			if err := c.Hands(kube.AccessScale(ref), false).Scale(t.Context(), ref, 1, 0, ""); err != nil {
				t.Fatal(err)
			}
		}
		scale()
		await(t, "it is scaled up again", func() bool { return wanted() == 1 })
		list, err := c.Pausables(t.Context(), "sv")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.Name == "sv" {
				if err := c.Hands(kube.AccessPause(p), false).Pause(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
		}
		scale()
		time.Sleep(time.Hour)
		if n := wanted(); n != 0 {
			t.Errorf("%d replicas while paused", n)
		}
		claim, _, err := c.Claim(t.Context(), "sv", "data-pg-0")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hands(kube.AccessDeleteClaim("sv", "data-pg-0"), false).DeleteClaim(t.Context(), "sv", "data-pg-0", claim.UID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, found, _ := c.Claim(t.Context(), "sv", "data-pg-0"); found {
			t.Error("the claim came back while paused")
		}
		for _, p := range list {
			if p.Name == "sv" {
				if err := c.Hands(kube.AccessPause(p), false).Resume(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
		}
		await(t, "both are put back", func() bool {
			again, found, _ := c.Claim(t.Context(), "sv", "data-pg-0")
			return wanted() == 1 && found && again.UID != claim.UID
		})
	})
}

func TestStreamCommands(t *testing.T) {
	w := kube.Where{Context: "prod"}
	p := kube.Pausable{Meta: kube.Meta{Namespace: "argocd", Name: "sv"}, Group: "argoproj.io", Resource: "applications",
		Path: []string{"spec", "syncPolicy", "automated"}, Present: []byte(`{"prune":true}`)}
	k := kube.Pausable{Meta: kube.Meta{Namespace: "sv", Name: "s"}, Group: "keda.sh", Resource: "scaledobjects",
		Path: []string{"metadata", "annotations", "autoscaling.keda.sh/paused"}, Pausing: []byte(`"true"`)}
	h := kube.Pausable{Meta: kube.Meta{Namespace: "sv", Name: "h"}, Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases",
		Path: []string{"spec", "suspend"}, Present: []byte("false"), Pausing: []byte("true")}
	for got, want := range map[string]string{
		kube.CommandExec(w, kube.ExecSpec{Namespace: "sv", Pod: "pg-0", Command: []string{"psql", "-c", "select 1"}}):                                     `kubectl --context prod -n sv exec pg-0 -- psql -c 'select 1'`,
		kube.CommandExec(w, kube.ExecSpec{Namespace: "sv", Pod: "pg-0", Container: "postgres", Command: []string{"psql", ""}, Input: "/tmp/my dump.sql"}): `kubectl --context prod -n sv exec -i pg-0 -c postgres -- psql '' < '/tmp/my dump.sql'`,
		kube.CommandTunnel(w, "sv", "pg-0", 5432): `kubectl --context prod -n sv port-forward pod/pg-0 5432`,
		kube.CommandPause(w, p):                   `kubectl --context prod -n argocd patch applications.argoproj.io sv --type=json -p '[{"op":"test","path":"/spec/syncPolicy/automated","value":{"prune":true}},{"op":"remove","path":"/spec/syncPolicy/automated"}]'`,
		kube.CommandResume(w, p):                  `kubectl --context prod -n argocd patch applications.argoproj.io sv --type=merge -p '{"spec":{"syncPolicy":{"automated":{"prune":true}}}}'`,
		kube.CommandPause(w, k):                   `kubectl --context prod -n sv patch scaledobjects.keda.sh s --type=merge -p '{"metadata":{"annotations":{"autoscaling.keda.sh/paused":"true"}}}'`,
		kube.CommandPause(w, h):                   `kubectl --context prod -n sv patch helmreleases.helm.toolkit.fluxcd.io h --type=json -p '[{"op":"test","path":"/spec/suspend","value":false},{"op":"replace","path":"/spec/suspend","value":true}]'`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
