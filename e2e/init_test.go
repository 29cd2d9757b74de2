//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
)

// describe has a configuration written by an account that may only read, and uses it: hosts from an Ingress as a real server stores it and
// from Helm's values, the identity provider from a Secret and nothing else of it.
func describe(t *testing.T, ctx context.Context, s *scene) {
	cluster, n := s.cluster, s.node
	ingress(t, ctx, cluster, n.Namespace, map[string]string{"sv.sv.acme.example": "sv-app", "wallet.sv.acme.example": "wallet-web-ui", "sv-web-ui.acme.example": "sv-web-ui"})

	o := newOperator(t, cluster, n.Namespace)
	r := newRights(t, ctx, cluster, n.Namespace)
	o.kubeconfig, o.context = r.kubeconfig, ""
	blind := o.run(ctx, "init", "-o", "blind.yaml")
	o.expect(blind, exitDone, "a configuration by an account that may not see an Ingress")
	if !strings.Contains(blind.stdout, "leads to sv-app; ingresses could not be read: ") {
		t.Errorf("that Ingress objects may not be read is not said:\n%s", blind.stdout)
	}
	r.grant(t, ctx, []kube.Access{{Verb: "list", Group: "networking.k8s.io", Resource: "ingresses", Namespace: n.Namespace}})
	full := o.run(ctx, "init")
	o.expect(full, exitDone, "a configuration for a node that runs")
	t.Log(full.stdout)
	written, err := os.ReadFile(filepath.Join(o.home, "config", "svrescue", "svrescue.yaml"))
	must(t, err)
	for _, line := range []string{
		"namespace: " + n.Namespace, "kubeconfig: " + o.kubeconfig, "  sv: https://sv.sv.acme.example", "  scan: https://scan.sv.example.invalid",
		"    sv: https://canton.network.global", "retention: 30d",
	} {
		if !strings.Contains(string(written), "\n"+line+"\n") {
			t.Errorf("%q is not in the configuration", line)
		}
	}
	for _, text := range []string{"1 backup run of this node was found", "/.well-known/openid-configuration", "\n#peers:\n", "NOT SEEN: this node's scan could not be asked"} {
		if !strings.Contains(string(written), text) {
			t.Errorf("%q is not in the configuration", text)
		}
	}
	if strings.Contains(string(written), "invented") {
		t.Error("a value of a Secret is in the configuration")
	}
	if t.Failed() {
		t.Log(string(written))
	}
	o.kubeconfig, o.namespace = "/nowhere", "" // what was written says both
	o.expect(o.run(ctx, "plan", "restore"), exitRefused, "a plan with the rights of that account")
}

// ingress makes an Ingress with a rule for each host, and the service that it leads to.
func ingress(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace string, hosts map[string]string) {
	t.Helper()
	prefix := networking.PathTypePrefix
	object := &networking.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "apps"}}
	for host, service := range hosts {
		object.Spec.Rules = append(object.Spec.Rules, networking.IngressRule{Host: host, IngressRuleValue: networking.IngressRuleValue{HTTP: &networking.HTTPIngressRuleValue{
			Paths: []networking.HTTPIngressPath{{Path: "/", PathType: &prefix, Backend: networking.IngressBackend{
				Service: &networking.IngressServiceBackend{Name: service, Port: networking.ServiceBackendPort{Number: 80}}}}}}}})
	}
	_, err := cluster.Kube.NetworkingV1().Ingresses(namespace).Create(ctx, object, metav1.CreateOptions{})
	must(t, err)
}
