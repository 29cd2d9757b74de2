//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"canton.example/svrescue/e2e/rig"
)

// versions maps every object of a namespace, and every volume bound in it, to its uid and resource version; what runs, and
// what controllers therefore write a status to whenever a probe is late, to its uid and everything but its status.
func versions(ctx context.Context, cluster *rig.Cluster, namespace string) (map[string]string, error) {
	k, all := cluster.Kube, metav1.ListOptions{}
	found := map[string]string{}
	for kind, list := range map[string]func() (runtime.Object, error){
		"deployment":  func() (runtime.Object, error) { return k.AppsV1().Deployments(namespace).List(ctx, all) },
		"statefulset": func() (runtime.Object, error) { return k.AppsV1().StatefulSets(namespace).List(ctx, all) },
		"replicaset":  func() (runtime.Object, error) { return k.AppsV1().ReplicaSets(namespace).List(ctx, all) },
		"job":         func() (runtime.Object, error) { return k.BatchV1().Jobs(namespace).List(ctx, all) },
		"pod":         func() (runtime.Object, error) { return k.CoreV1().Pods(namespace).List(ctx, all) },
		"claim":       func() (runtime.Object, error) { return k.CoreV1().PersistentVolumeClaims(namespace).List(ctx, all) },
		"service":     func() (runtime.Object, error) { return k.CoreV1().Services(namespace).List(ctx, all) },
		"secret":      func() (runtime.Object, error) { return k.CoreV1().Secrets(namespace).List(ctx, all) },
		"configmap":   func() (runtime.Object, error) { return k.CoreV1().ConfigMaps(namespace).List(ctx, all) },
		"account":     func() (runtime.Object, error) { return k.CoreV1().ServiceAccounts(namespace).List(ctx, all) },
		"lease":       func() (runtime.Object, error) { return k.CoordinationV1().Leases(namespace).List(ctx, all) },
		"snapshot": func() (runtime.Object, error) {
			return cluster.Snapshots.SnapshotV1().VolumeSnapshots(namespace).List(ctx, all)
		},
	} {
		list, err := list()
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(list, func(o runtime.Object) error {
			m, err := meta.Accessor(o)
			if err != nil {
				return err
			}
			version := m.GetResourceVersion()
			if slices.Contains([]string{"deployment", "statefulset", "replicaset", "pod"}, kind) {
				if version, err = content(o); err != nil {
					return err
				}
			}
			found[kind+" "+m.GetName()] = string(m.GetUID()) + " " + version
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	volumes, err := k.CoreV1().PersistentVolumes().List(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, v := range volumes.Items {
		if v.Spec.ClaimRef != nil && v.Spec.ClaimRef.Namespace == namespace {
			found["volume "+v.Name] = string(v.UID) + " " + v.ResourceVersion
		}
	}
	return found, nil
}

// content is an object without its status and without what counts writes to it. Field managers stay, by name: a write by
// the product would add its own.
func content(o runtime.Object) (string, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", err
	}
	u := unstructured.Unstructured{Object: fields}
	var managers []string
	for _, f := range u.GetManagedFields() {
		if f.Subresource == "" {
			managers = append(managers, f.Manager)
		}
	}
	u.SetManagedFields(nil)
	u.SetResourceVersion("")
	delete(u.Object, "status")
	b, err := json.Marshal(u.Object)
	return fmt.Sprintf("%q %s", managers, b), err
}

// settledVersions waits until nothing moves any more: controllers write statuses for a while after a pod is ready.
func settledVersions(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace string) map[string]string {
	t.Helper()
	var last map[string]string
	var since time.Time
	must(t, rig.Poll(ctx, "objects of "+namespace+" keep changing", func(ctx context.Context) (bool, error) {
		now, err := versions(ctx, cluster, namespace)
		if err != nil {
			return false, err
		}
		if !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > 5*time.Second, nil
	}))
	return last
}

// expectUnchanged says that nobody has written to any of the objects, and that none was added.
func expectUnchanged(t *testing.T, ctx context.Context, cluster *rig.Cluster, namespace string, before map[string]string) {
	t.Helper()
	now, err := versions(ctx, cluster, namespace)
	must(t, err)
	names := maps.Clone(before)
	maps.Copy(names, now)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != now[name] {
			t.Error(fmt.Sprintf("%s was %q, is %q", name, before[name], now[name]))
		}
	}
}
