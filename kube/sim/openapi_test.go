package sim

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/rest"
)

// Clients that validate what they send, as kubectl create -f does, learn that the server does it.
func TestFieldValidationIsToldByOpenAPI(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		root := openapi3.NewRoot(client(t, cfg).Discovery().OpenAPIV3())
		all, err := root.GroupVersions()
		if err != nil || !slices.Contains(all, schema.GroupVersion{Version: "v1"}) || !slices.Contains(all, schema.GroupVersion{Group: "apps", Version: "v1"}) {
			t.Fatalf("%v, %v", all, err)
		}
		for gv, path := range map[schema.GroupVersion]string{
			{Version: "v1"}:                "/api/v1/namespaces/{namespace}/secrets/{name}",
			{Group: "apps", Version: "v1"}: "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
		} {
			spec, err := root.GVSpec(gv)
			if err != nil {
				t.Fatal(err)
			}
			p := spec.Paths.Paths[path]
			if p == nil || p.Patch == nil || len(p.Patch.Parameters) != 1 || p.Patch.Parameters[0].Name != "fieldValidation" {
				t.Errorf("%s: %+v", path, p)
			}
		}
		if _, err := root.GVSpec(schema.GroupVersion{Group: "nobody", Version: "v1"}); err == nil {
			t.Error("a group that is not there has a description")
		}
	})
}
