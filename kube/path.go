package kube

import (
	"context"
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// versions of the groups whose address is known without asking.
var versions = map[string]string{
	"": "v1", groupApps: "v1", groupAutoscaling: "v2", groupStorage: "v1", groupLease: "v1", groupSnapshot: "v1",
	"batch": "v1", "networking.k8s.io": "v1", "policy": "v1", "rbac.authorization.k8s.io": "v1",
}

// path is the address of what a names; for a group that is not among versions the server is asked which version it prefers.
func (k *clients) path(ctx context.Context, a Access) (string, error) {
	v, ok := versions[a.Group]
	if !ok {
		body, err := raw(ctx, k.kube.CoreV1().RESTClient().Get().AbsPath("/apis/"+a.Group))
		if err != nil {
			return "", failed(a, err)
		}
		var g metav1.APIGroup
		if err := json.Unmarshal(body, &g); err != nil || g.PreferredVersion.Version == "" {
			return "", &Error{Kind: NotFound, Tried: a.sentence(), Seen: "no version of the group " + clean(a.Group, 100), Access: &a,
				Next: "check that the definitions of this group are installed"}
		}
		v = g.PreferredVersion.Version
	}
	seg := []string{"", "apis", a.Group, v}
	if a.Group == "" {
		seg = []string{"", "api", v}
	}
	if a.Namespace != "" {
		seg = append(seg, "namespaces", a.Namespace)
	}
	seg = append(seg, a.Resource)
	if a.Name != "" {
		seg = append(seg, a.Name)
	}
	if a.Subresource != "" {
		seg = append(seg, a.Subresource)
	}
	return strings.Join(seg, "/"), nil
}

// Served leaves those whose group the cluster serves: a permission for what is not there is of no use.
func (c *Cluster) Served(ctx context.Context, list []Access) ([]Access, error) {
	known := map[string]bool{}
	var out []Access
	for _, a := range list {
		served, asked := known[a.Group]
		if !asked {
			_, err := c.path(ctx, a)
			if err != nil && KindOf(err) != NotFound {
				return nil, err
			}
			served = err == nil
			known[a.Group] = served
		}
		if served {
			out = append(out, a)
		}
	}
	return out, nil
}
