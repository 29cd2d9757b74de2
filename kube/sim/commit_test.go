package sim

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// What a colleague commits is put in force some time after the workload that it waits for has stopped, and not while its controller is paused.
func TestCommits(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		deployment := func(name, image string) string {
			return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: sv, labels: {a: " + image + "}}\nspec: {replicas: 1, selector: {matchLabels: {app: " + name +
				"}}, template: {metadata: {labels: {app: " + name + "}}, spec: {containers: [{name: c, image: " + image + "}]}}}\n"
		}
		objects := "apiVersion: v1\nkind: Namespace\nmetadata: {name: sv}\n" + deployment("old", "i") + deployment("app", "before") +
			"---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: sv}\nspec: {suspend: true}\n"
		commit := Commit{Stopped: "sv/old", After: metav1.Duration{Duration: 5 * time.Minute}, Objects: deployment("app", "after")}
		if err := s.LoadScenario(Scenario{Objects: objects, Knobs: Knobs{GitOps: []GitOps{{Kind: "HelmRelease", Namespace: "sv", Name: "app", Commit: &commit}}}}); err != nil {
			t.Fatal(err)
		}
		c := client(t, cfg)
		image := func() string {
			d, err := c.AppsV1().Deployments("sv").Get(bg, "app", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return d.Spec.Template.Spec.Containers[0].Image + " " + d.Labels["a"]
		}
		scale := func(name string) {
			d, err := c.AppsV1().Deployments("sv").Get(bg, name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			d.Spec.Replicas = new(int32)
			if _, err := c.AppsV1().Deployments("sv").Update(bg, d, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		scale("old")
		time.Sleep(10 * time.Minute)
		if got := image(); got != "before before" {
			t.Errorf("while it was paused it became %s", got)
		}
		if err := s.LoadYAML([]byte("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: sv}\nspec: {suspend: false}\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := image(); got != "after after" {
			t.Errorf("it became %s", got)
		}
		before, err := c.AppsV1().Deployments("sv").Get(bg, "app", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		after, err := c.AppsV1().Deployments("sv").Get(bg, "app", metav1.GetOptions{})
		if err != nil || after.Generation != before.Generation {
			t.Errorf("what is in force is changed again: generation %d, then %d, %v", before.Generation, after.Generation, err)
		}
	})
}
