//go:build e2e

package e2e

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"canton.example/svrescue/e2e/rig"
)

var flux = rig.Kustomizations.Group

// gardener is GitOps at work: a Kustomization of Flux that owns the SV app, and what its controller does about it, which is to put the
// app's count back whenever it is not suspended.
type gardener struct {
	scene    *scene
	objects  dynamic.ResourceInterface
	asleep   atomic.Bool  // it was seen suspended
	restored atomic.Int64 // how often it has put the count back
}

const gardened = "sv-app"

// gitops lets a gardener work on the node until the test ends.
func (s *scene) gitops(t *testing.T, ctx context.Context) *gardener {
	t.Helper()
	client, err := dynamic.NewForConfig(s.cluster.Config)
	must(t, err)
	g := &gardener{scene: s, objects: client.Resource(rig.Kustomizations).Namespace(s.node.Namespace)}
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": flux + "/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": "node"}, "spec": map[string]any{"path": "./node", "interval": "1m", "prune": true}}}
	_, err = g.objects.Create(ctx, object, metav1.CreateOptions{})
	must(t, err)
	label := []byte(`{"metadata":{"labels":{"` + flux + `/name":"node","` + flux + `/namespace":"` + s.node.Namespace + `"}}}`)
	_, err = s.cluster.Kube.AppsV1().Deployments(s.node.Namespace).Patch(ctx, gardened, types.MergePatchType, label, metav1.PatchOptions{})
	must(t, err)
	ctx, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			g.work(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-over
	})
	return g
}

// work is one round. What fails is tried again in the next.
func (g *gardener) work(ctx context.Context) {
	object, err := g.objects.Get(ctx, "node", metav1.GetOptions{})
	if err != nil {
		return
	}
	if suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend"); suspended {
		g.asleep.Store(true)
		return
	}
	deployments := g.scene.cluster.Kube.AppsV1().Deployments(g.scene.node.Namespace)
	d, err := deployments.Get(ctx, gardened, metav1.GetOptions{})
	if err != nil || *d.Spec.Replicas != 0 {
		return
	}
	if _, err := deployments.Patch(ctx, gardened, types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{}); err == nil {
		g.restored.Add(1)
	}
}

// expectHeld says that the gardener slept while the node stood, and is awake again.
func (g *gardener) expectHeld(t *testing.T, ctx context.Context) {
	t.Helper()
	if !g.asleep.Load() {
		t.Error("the Kustomization was never suspended")
	}
	if n := g.restored.Load(); n > 0 {
		t.Errorf("%s was scaled up %d times while the node was restored", gardened, n)
	}
	object, err := g.objects.Get(ctx, "node", metav1.GetOptions{})
	must(t, err)
	if value, found, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "suspend"); found {
		t.Errorf("the Kustomization has suspend: %v, had none", value)
	}
	// it really works: a count of 0 does not last
	_, err = g.scene.cluster.Kube.AppsV1().Deployments(g.scene.node.Namespace).Patch(ctx, gardened, types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	must(t, err)
	must(t, rig.Poll(ctx, "nobody has scaled "+gardened+" up again", func(context.Context) (bool, error) { return g.restored.Load() > 0, nil }))
	must(t, g.scene.node.WaitReady(ctx))
}
