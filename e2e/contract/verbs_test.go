//go:build e2e

package contract

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	verbs "canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// TestVerbs holds the verbs that reach into pods to what they promise, on the real API server: as it is, and behind a proxy that knows
// no WebSocket.
func TestVerbs(t *testing.T) {
	cluster := rig.Start(t)
	proxied := withoutWebSocket(t, cluster.Config)
	define(t, cluster.Config)
	for name, file := range map[string]string{"websocket": cluster.Kubeconfig, "spdy": proxied} {
		for _, c := range verbs.Cases() {
			t.Run(name+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				c.Run(t, verbs.Options{Config: cluster.Config, Connect: func(t *testing.T) *kube.Cluster {
					k, err := kube.Connect(kube.Target{Kubeconfig: file}, kube.Options{})
					if err != nil {
						t.Fatal(err)
					}
					return k
				}})
			})
		}
	}
}

// define installs the kinds of GitOps and autoscaling that the cases make objects of, without their controllers and with any content.
// They stay until the tests of this process have ended, unless they were there before.
func define(t *testing.T, config *rest.Config) {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, k := range []struct{ group, version, kind, plural string }{
		{"argoproj.io", "v1alpha1", "Application", "applications"},
		{"kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"},
		{"helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"},
		{"keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"},
	} {
		name := k.plural + "." + k.group
		_, err := crds.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"group": k.group, "scope": "Namespaced",
				"names": map[string]any{"kind": k.kind, "plural": k.plural, "singular": strings.ToLower(k.kind)},
				"versions": []any{map[string]any{"name": k.version, "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}},
		}}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := crds.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
				t.Errorf("cleaning up: %v", err)
			}
		})
		err = rig.Poll(t.Context(), "a new kind is served", func(ctx context.Context) (bool, error) {
			_, err := client.Resource(schema.GroupVersionResource{Group: k.group, Version: k.version, Resource: k.plural}).List(ctx, metav1.ListOptions{})
			return err == nil, err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// withoutWebSocket serves the API server with its administrator's rights on loopback, all but WebSocket, and answers a kubeconfig.
func withoutWebSocket(t *testing.T, config *rest.Config) string {
	t.Helper()
	to, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	config = rest.CopyConfig(config)
	config.NextProtos = []string{"http/1.1"} // what is upgraded is HTTP/1.1
	through, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: through, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Authorization")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			http.Error(w, "what is that", http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, sim.Kubeconfig(server.URL, "none", nil, "default"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
