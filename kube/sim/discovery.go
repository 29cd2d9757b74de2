package sim

import (
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

// gitVersion is the release that the simulator claims to be: the one its contract suite is run against.
const gitVersion = "v1.35.4"

// discovery answers the paths that describe the API; it returns false for any other path.
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) bool {
	p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method != http.MethodGet:
		return false
	case r.URL.Path == "/version":
		reply(w, 200, version.Info{Major: "1", Minor: "35", GitVersion: gitVersion, GitTreeState: "clean", GoVersion: "go1.25.0", Compiler: "gc", Platform: "linux/amd64"})
	case r.URL.Path == "/api" || r.URL.Path == "/api/":
		reply(w, 200, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
			ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ClientCIDR: "0.0.0.0/0", ServerAddress: r.Host}}})
	case r.URL.Path == "/apis" || r.URL.Path == "/apis/":
		reply(w, 200, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: groups()})
	case len(p) == 2 && p[0] == "apis":
		for _, g := range groups() {
			if g.Name == p[1] {
				g.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
				reply(w, 200, g)
				return true
			}
		}
		return false
	case len(p) == 2 && p[0] == "api":
		return resources(w, "", p[1])
	case len(p) == 3 && p[0] == "apis":
		return resources(w, p[1], p[2])
	default:
		return openAPI(w, r)
	}
	return true
}

func groups() []metav1.APIGroup {
	var out []metav1.APIGroup
	seen := map[string]bool{"": true}
	for _, r := range table {
		if !seen[r.group] {
			seen[r.group] = true
			v := metav1.GroupVersionForDiscovery{GroupVersion: r.apiVersion(), Version: r.version}
			out = append(out, metav1.APIGroup{Name: r.group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
	}
	return out
}

func resources(w http.ResponseWriter, group, ver string) bool {
	l := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}}
	for _, r := range table {
		if r.group != group || r.version != ver {
			continue
		}
		l.GroupVersion = r.apiVersion()
		a := metav1.APIResource{Name: r.name, SingularName: r.singular, Namespaced: r.namespaced, Kind: r.kind, ShortNames: r.short,
			Verbs: metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}}
		if r.virtual {
			a.Verbs = metav1.Verbs{"create"}
		}
		l.APIResources = append(l.APIResources, a)
		sub := func(name, kind string, verbs ...string) {
			l.APIResources = append(l.APIResources, metav1.APIResource{Name: r.name + "/" + name, Namespaced: r.namespaced, Kind: kind, Verbs: verbs})
		}
		if r == rPod {
			sub("exec", "PodExecOptions", "create", "get")
			sub("log", "Pod", "get")
			sub("portforward", "PodPortForwardOptions", "create", "get")
		}
		if r.scale {
			sub("scale", "Scale", "get", "patch", "update")
			s := &l.APIResources[len(l.APIResources)-1]
			s.Group, s.Version = "autoscaling", "v1"
		}
		if r.status {
			sub("status", r.kind, "get", "patch", "update")
		}
	}
	if l.GroupVersion == "" {
		return false
	}
	reply(w, 200, l)
	return true
}
