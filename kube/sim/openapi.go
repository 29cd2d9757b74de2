package sim

import (
	"net/http"
	"strings"
)

// openAPI answers what clients such as kubectl read before they send an object: that each kind's fields are validated by the server. It describes
// nothing else.
func openAPI(w http.ResponseWriter, r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/openapi/v3")
	if !ok {
		return false
	}
	if rest == "" {
		paths := map[string]any{}
		for _, x := range table {
			paths[x.root()] = map[string]string{"serverRelativeURL": "/openapi/v3/" + x.root()}
		}
		reply(w, 200, map[string]any{"paths": paths})
		return true
	}
	paths := map[string]any{}
	for _, x := range table {
		if "/"+x.root() != rest {
			continue
		}
		path := rest + "/" + x.name + "/{name}"
		if x.namespaced {
			path = rest + "/namespaces/{namespace}/" + x.name + "/{name}"
		}
		paths[path] = map[string]any{"patch": map[string]any{
			"parameters":                      []any{map[string]any{"name": "fieldValidation", "in": "query"}},
			"x-kubernetes-group-version-kind": map[string]string{"group": x.group, "version": x.version, "kind": x.kind},
		}}
	}
	if len(paths) == 0 {
		return false
	}
	reply(w, 200, map[string]any{"openapi": "3.0.0", "info": map[string]string{"title": "simulated", "version": gitVersion}, "paths": paths})
	return true
}

// root is the path of the resource's group and version.
func (r *resource) root() string {
	if r.group == "" {
		return "api/" + r.version
	}
	return "apis/" + r.apiVersion()
}
