//go:build e2e

package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
)

// Namespace makes a namespace that goes with the test, together with every volume that was ever bound in it. With
// E2E_KEEP=1 the namespace of a failed test stays.
func (c *Cluster) Namespace(t testing.TB, prefix string) string {
	t.Helper()
	name := prefix + "-" + rand.String(5)
	ns := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"rig": "e2e"}}}
	if _, err := c.Kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("E2E_KEEP") != "" {
			t.Logf("namespace %s is kept", name)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.remove(ctx, name); err != nil {
			t.Errorf("remove namespace %s: %v", name, err)
			return
		}
		once.Lock()
		once.removed = append(once.removed, name)
		once.Unlock()
	})
	return name
}

// Vanished waits until every namespace that the tests of this process have removed is gone, and every volume that was
// bound in it. It is for the end of a test binary.
func Vanished(ctx context.Context) error {
	once.Lock()
	defer once.Unlock()
	if once.cluster == nil {
		return nil
	}
	return Poll(ctx, "what the tests made is not gone", func(ctx context.Context) (bool, error) {
		core := once.cluster.Kube.CoreV1()
		namespaces, err := core.Namespaces().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, ns := range namespaces.Items {
			if slices.Contains(once.removed, ns.Name) {
				return false, fmt.Errorf("namespace %s is %s", ns.Name, ns.Status.Phase)
			}
		}
		volumes, err := core.PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, v := range volumes.Items {
			if v.Spec.ClaimRef != nil && slices.Contains(once.removed, v.Spec.ClaimRef.Namespace) {
				return false, fmt.Errorf("volume %s of %s/%s is %s", v.Name, v.Spec.ClaimRef.Namespace, v.Spec.ClaimRef.Name, v.Status.Phase)
			}
		}
		return true, nil
	})
}

// remove deletes a namespace without waiting for its pods to end; released volumes that were kept are deleted with it.
func (c *Cluster) remove(ctx context.Context, namespace string) error {
	volumes, err := c.Kube.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pv := range volumes.Items {
		if pv.Spec.ClaimRef == nil || pv.Spec.ClaimRef.Namespace != namespace {
			continue
		}
		patch := []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`)
		if _, err := c.Kube.CoreV1().PersistentVolumes().Patch(ctx, pv.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	// workloads before all else: what is half gone, with its Secrets away, looks to other tests like a node that cannot be told from theirs
	apps, gone := c.Kube.AppsV1(), metav1.DeletePropagationBackground
	err = errors.Join(apps.Deployments(namespace).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &gone}, metav1.ListOptions{}),
		apps.StatefulSets(namespace).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &gone}, metav1.ListOptions{}))
	if err != nil {
		return err
	}
	now := int64(0)
	// pods then, and at once: a namespace waits out their grace periods otherwise
	err = c.Kube.CoreV1().Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
	if err != nil {
		return err
	}
	// claims before their snapshots: the snapshot controller keeps a snapshot from which a pending claim is to be made, and
	// looks again only after a quarter of an hour
	claims := c.Kube.CoreV1().PersistentVolumeClaims(namespace)
	if err := claims.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return err
	}
	err = Poll(ctx, "claims are not gone", func(ctx context.Context) (bool, error) {
		left, err := claims.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(left.Items, func(c v1.PersistentVolumeClaim) bool { return c.Status.Phase == v1.ClaimPending }), nil
	})
	if err != nil {
		return err
	}
	return c.Kube.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{})
}
