//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
)

// rights are what an account may do: what an inventory reads at first, then what preflight says is missing, and nothing else.
type rights struct {
	cluster          *rig.Cluster
	namespace, named string
	kubeconfig       string
	granted          []kube.Access
}

func newRights(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace string) *rights {
	t.Helper()
	r := &rights{cluster: cluster, namespace: namespace, named: "rescuer", kubeconfig: account(t, ctx, cluster, namespace, "rescuer")}
	everywhere := namespace + "-" + r.named
	subjects := []rbac.Subject{{Kind: "ServiceAccount", Name: r.named, Namespace: namespace}}
	api := cluster.Kube.RbacV1()
	_, err := api.Roles(namespace).Create(ctx, &rbac.Role{ObjectMeta: metav1.ObjectMeta{Name: r.named}}, metav1.CreateOptions{})
	must(t, err)
	_, err = api.RoleBindings(namespace).Create(ctx, &rbac.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: r.named}, Subjects: subjects,
		RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: r.named}}, metav1.CreateOptions{})
	must(t, err)
	_, err = api.ClusterRoles().Create(ctx, &rbac.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: everywhere}}, metav1.CreateOptions{})
	must(t, err)
	_, err = api.ClusterRoleBindings().Create(ctx, &rbac.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: everywhere}, Subjects: subjects,
		RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: everywhere}}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		api.ClusterRoles().Delete(context.Background(), everywhere, metav1.DeleteOptions{})
		api.ClusterRoleBindings().Delete(context.Background(), everywhere, metav1.DeleteOptions{})
	})
	r.grant(t, ctx, kube.AccessReads(namespace))
	return r
}

// grant adds to what the account may do, no wider than asked for.
func (r *rights) grant(t *testing.T, ctx context.Context, list []kube.Access) {
	t.Helper()
	r.granted = append(r.granted, list...)
	var here, everywhere []rbac.PolicyRule
	for _, a := range r.granted {
		rule := rbac.PolicyRule{Verbs: []string{a.Verb}, APIGroups: []string{a.Group}, Resources: []string{a.Resource}}
		if a.Subresource != "" {
			rule.Resources[0] += "/" + a.Subresource
		}
		if a.Name != "" && a.Verb != "create" { // a server knows no name when it authorises a creation
			rule.ResourceNames = []string{a.Name}
		}
		if a.Namespace == r.namespace {
			here = append(here, rule)
		} else {
			everywhere = append(everywhere, rule)
		}
	}
	api := r.cluster.Kube.RbacV1()
	_, err := api.Roles(r.namespace).Update(ctx, &rbac.Role{ObjectMeta: metav1.ObjectMeta{Name: r.named}, Rules: here}, metav1.UpdateOptions{})
	must(t, err)
	_, err = api.ClusterRoles().Update(ctx, &rbac.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: r.namespace + "-" + r.named}, Rules: everywhere}, metav1.UpdateOptions{})
	must(t, err)
}

// missing is what the preflight of the newest run has found denied: what it must have, and what it could use.
func (o *operator) missing() (denied []kube.Access) {
	o.t.Helper()
	folder, ok := o.folder()
	if !ok {
		o.t.Fatal("the run left no journal")
	}
	file, err := os.Open(filepath.Join(folder, "journal.jsonl"))
	must(o.t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var record struct{ Event wire.Event }
		must(o.t, json.Unmarshal(lines.Bytes(), &record))
		for _, f := range record.Event.Findings {
			if !strings.HasPrefix(f.ID, "permissions") {
				continue
			}
			for _, e := range f.Evidence {
				denied = append(denied, accessOf(o.t, e.Source))
			}
		}
	}
	must(o.t, lines.Err())
	return denied
}

// accessOf reads the form that a person is shown, such as "patch deployments.apps/scale sv/sv-app" and "get persistentvolumes pv-1".
func accessOf(t *testing.T, shown string) (a kube.Access) {
	t.Helper()
	words := strings.Fields(shown)
	if len(words) < 2 || len(words) > 3 {
		t.Fatalf("no access: %q", shown)
	}
	a.Verb = words[0]
	resource, sub, _ := strings.Cut(words[1], "/")
	a.Subresource = sub
	a.Resource, a.Group, _ = strings.Cut(resource, ".")
	if len(words) == 3 {
		var namespaced bool
		if a.Namespace, a.Name, namespaced = strings.Cut(words[2], "/"); !namespaced {
			a.Namespace, a.Name = "", words[2]
		}
		if a.Name == "*" {
			a.Name = ""
		}
	}
	if a.String() != shown {
		t.Fatalf("%q was read as %q", shown, a)
	}
	return a
}
