//go:build e2e

package e2e

import (
	"context"
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
// reason; a dry run shows everything; and the node is as it was, to the last resource version.
func TestBadInput(t *testing.T) {
	t.Parallel()
	binary(t)
	cluster := rig.Start(t)
	ctx := within(t, 8*time.Minute)
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "refuse")})
	must(t, n.Create(ctx))
	must(t, n.WaitReady(ctx))
	good, reversed := node.RunID(), ""
	must(t, n.Backup(ctx, good))
	must(t, rig.Poll(ctx, "another run ID", func(context.Context) (bool, error) { reversed = node.RunID(); return reversed != good, nil }))
	must(t, n.BackupReversed(ctx, reversed))
	reader, nobody := readOnly(t, ctx, cluster, n.Namespace), account(t, ctx, cluster, n.Namespace, "nobody")
	before := settledVersions(t, ctx, cluster, n.Namespace)

	// one after another: the time of this test runs on while others have the places of parallel ones
	t.Run("refused", func(t *testing.T) {
		for _, c := range []struct {
			name string
			code int
			says []string // each must be in what was printed
			with func(o *operator) (set string)
		}{
			{"rights to read only", exitRefused, []string{"update deployments.apps/scale", "update statefulsets.apps/scale", "delete persistentvolumeclaims",
				"create persistentvolumeclaims", "patch persistentvolumes"}, func(o *operator) string {
				o.kubeconfig = reader
				return good
			}},
			{"no rights", exitRefused, []string{"list deployments.apps"}, func(o *operator) string {
				o.kubeconfig = nobody
				return good
			}},
			{"no SV in the namespace", exitRefused, []string{"namespace default"}, func(o *operator) string {
				o.namespace = "default"
				return good
			}},
			{"no such namespace", exitRefused, []string{"namespace nowhere"}, func(o *operator) string {
				o.namespace = "nowhere"
				return good
			}},
			{"no such context", exitUsage, []string{"elsewhere", cluster.Context}, func(o *operator) string {
				o.context = "elsewhere"
				return good
			}},
			{"no kubeconfig", exitUsage, []string{"no kubeconfig found"}, func(o *operator) string {
				o.kubeconfig, o.context = filepath.Join(o.home, "none"), ""
				return good
			}},
			{"nobody behind the address", exitFailed, []string{"connection refused"}, func(o *operator) string {
				newRoad(t, cluster, o).cut()
				return good
			}},
			{"apps after participant", exitRefused, []string{"the order is reversed"}, func(*operator) string { return reversed }},
			{"no such set", exitParked, []string{"restore/backup-set.set"}, func(*operator) string { return "1" }},
		} {
			t.Run(c.name, func(t *testing.T) {
				o := newOperator(t, cluster, n.Namespace)
				set := c.with(o)
				r := o.run(within(t, 3*time.Minute), "run", "restore", "--answers", o.answers(n, set))
				o.expect(r, c.code, c.name)
				for _, text := range c.says {
					if !strings.Contains(r.stdout+r.stderr, text) {
						t.Errorf("what was printed does not name %q: %s", text, r)
					}
				}
			})
		}
	})

	o := newOperator(t, cluster, n.Namespace)
	r := o.run(ctx, "run", "restore", "--dry-run", "--answers", o.answers(n, good))
	o.expect(r, exitDone, "a dry run")
	for _, claim := range n.Claims() {
		for _, text := range []string{"delete pvc/" + claim, "create pvc/" + claim + " from " + claim + "-" + good} {
			if !strings.Contains(r.stdout, text) {
				t.Errorf("the dry run does not show %q: %s", text, r)
			}
		}
	}
	other := cluster.Namespace(t, "twin")
	must(t, n.Twin(ctx, other))
	o = newOperator(t, cluster, n.Namespace)
	r = o.run(ctx, "run", "restore", "--answers", o.answers(n, good))
	o.expect(r, exitRefused, "the node runs in another namespace too")
	o.says(r, "namespace "+other+" runs this node too: sv-app (same SV name "+n.SV+", same SV key")
	expectUnchanged(t, ctx, cluster, n.Namespace, before)
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
