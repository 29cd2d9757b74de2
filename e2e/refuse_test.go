//go:build e2e

package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// TestBadInput asks for restores that must not happen. Each is refused with the right code and a sentence that names the
// reason, and the node is as it was.
func TestBadInput(t *testing.T) {
	t.Parallel()
	binary(t)
	cluster := rig.Start(t)
	ctx := within(t, 5*time.Minute)
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "refuse")})
	must(t, n.Create(ctx))
	must(t, n.WaitReady(ctx))
	good, reversed := node.RunID(), ""
	must(t, n.Backup(ctx, good))
	must(t, rig.Poll(ctx, "another run ID", func(context.Context) (bool, error) { reversed = node.RunID(); return reversed != good, nil }))
	must(t, n.BackupReversed(ctx, reversed))
	s := &scene{cluster: cluster, node: n}
	var err error
	s.before, err = s.replicas(ctx)
	must(t, err)
	s.volumes, err = boundVolumes(ctx, cluster, n)
	must(t, err)

	for _, c := range []struct {
		name string
		code int
		says []string // each must be in what was printed
		with func(t *testing.T, o *operator) (set string)
	}{
		{"rights to read only", exitRefused, []string{"update deployments.apps/scale"}, func(t *testing.T, o *operator) string {
			o.kubeconfig = readOnly(t, ctx, cluster, n.Namespace)
			return good
		}},
		{"no rights", exitRefused, []string{"list"}, func(t *testing.T, o *operator) string {
			o.kubeconfig = account(t, ctx, cluster, n.Namespace, "nobody")
			return good
		}},
		{"no SV in the namespace", exitRefused, []string{"default"}, func(t *testing.T, o *operator) string {
			o.namespace = "default"
			return good
		}},
		{"no such context", exitUsage, []string{"elsewhere"}, func(t *testing.T, o *operator) string {
			o.context = "elsewhere"
			return good
		}},
		{"apps after participant", exitRefused, []string{"participant"}, func(t *testing.T, o *operator) string { return reversed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOperator(t, cluster, n.Namespace)
			set := c.with(t, o)
			r := o.run(within(t, 90*time.Second), "run", "restore", "--answers", o.answers(n, set))
			o.expect(r, c.code, c.name)
			for _, text := range c.says {
				if !strings.Contains(r.stdout+r.stderr, text) {
					t.Errorf("what was printed does not name %q: %s", text, r)
				}
			}
		})
	}

	after, err := s.replicas(ctx)
	must(t, err)
	if !maps.Equal(after, s.before) {
		t.Errorf("replicas are %v, were %v", after, s.before)
	}
	now, err := boundVolumes(ctx, cluster, n)
	must(t, err)
	if !maps.Equal(now, s.volumes) {
		t.Errorf("volumes are %v, were %v", now, s.volumes)
	}
}

// TestAppsAheadOfParticipant restores a set whose clocks are in order and whose offsets are not: scan has read further
// than the participant has written (reference/backups.md 1). The databases may come up; no app may be started on them.
func TestAppsAheadOfParticipant(t *testing.T) {
	t.Parallel()
	binary(t)
	cluster := rig.Start(t)
	ctx := within(t, 5*time.Minute)
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "ahead")})
	must(t, n.Create(ctx))
	must(t, n.WaitReady(ctx))
	must(t, n.Overtake(ctx))
	run := node.RunID()
	must(t, n.Backup(ctx, run))
	o := newOperator(t, cluster, n.Namespace)
	r := o.run(ctx, "run", "restore", "--answers", o.answers(n, run))
	if r.code == exitDone {
		t.Errorf("a set with apps ahead of their participant is called restored: %s", r)
	}
	s := &scene{cluster: cluster, node: n}
	after, err := s.replicas(ctx)
	must(t, err)
	for _, app := range []string{"sv-app", "scan-app", "validator-app"} {
		if after[app] != 0 {
			t.Errorf("%s was started on data that does not fit", app)
		}
	}
}

// account makes a service account without any rights and a kubeconfig for it.
func account(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace, name string) string {
	t.Helper()
	accounts := cluster.Kube.CoreV1().ServiceAccounts(namespace)
	_, err := accounts.Create(ctx, &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(t, err)
	token, err := accounts.CreateToken(ctx, name, &authv1.TokenRequest{}, metav1.CreateOptions{})
	must(t, err)
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	must(t, err)
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &api.AuthInfo{Token: token.Status.Token}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*config, path))
	must(t, os.Chmod(path, 0o600))
	return path
}

// readOnly is an account that may read everything and change nothing.
func readOnly(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace string) string {
	t.Helper()
	path := account(t, ctx, cluster, namespace, "reader")
	name := namespace + "-reader"
	roles, bindings := cluster.Kube.RbacV1().ClusterRoles(), cluster.Kube.RbacV1().ClusterRoleBindings()
	_, err := roles.Create(ctx, &rbac.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules: []rbac.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}}}, metav1.CreateOptions{})
	must(t, err)
	_, err = bindings.Create(ctx, &rbac.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:  rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: name},
		Subjects: []rbac.Subject{{Kind: "ServiceAccount", Name: "reader", Namespace: namespace}}}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		roles.Delete(context.Background(), name, metav1.DeleteOptions{})
		bindings.Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	return path
}
