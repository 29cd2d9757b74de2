//go:build e2e

package rig

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Kustomizations is the kind of Flux that tests make objects of.
var Kustomizations = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}

// defineKinds installs the kinds of GitOps and autoscaling, without their controllers and with any content, and waits until they are
// served. They belong to the cluster and stay: test processes run side by side, and with a kind go all its objects.
func (c *Cluster) defineKinds() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for kind, of := range map[string]schema.GroupVersionResource{
		"Application":   {Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"},
		"Kustomization": Kustomizations,
		"HelmRelease":   {Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
		"ScaledObject":  {Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"},
	} {
		_, err := definitions.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": of.Resource + "." + of.Group},
			"spec": map[string]any{"group": of.Group, "scope": "Namespaced",
				"names": map[string]any{"kind": kind, "plural": of.Resource, "singular": strings.ToLower(kind)},
				"versions": []any{map[string]any{"name": of.Version, "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}},
		}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		if err := Poll(ctx, of.Resource+" are not served", func(ctx context.Context) (bool, error) {
			_, err := client.Resource(of).List(ctx, metav1.ListOptions{})
			return err == nil, err
		}); err != nil {
			return err
		}
	}
	return nil
}
