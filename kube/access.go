package kube

import "strings"

// Access is one verb on one thing, the unit in which changes are shown, allowed and asked about. It names what a request does in the
// terms of Kubernetes authorisation, so one value serves as the reference of an action, as a rule of the guard and as a question to
// the server.
//
// Group is empty for the core group. Namespace is empty for cluster-scoped resources, and for a list over all namespaces. An empty
// Name stands for every name in the namespace (or the cluster).
type Access struct {
	Verb        string `json:"verb"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
}

// String is the short form, such as "patch deployments.apps/scale sv/sv-app", "delete persistentvolumes pv-1", "create pods sv/*".
func (a Access) String() string {
	s := a.Verb + " " + a.resource()
	switch {
	case a.Namespace != "" && a.Name != "":
		return s + " " + a.Namespace + "/" + a.Name
	case a.Namespace != "":
		return s + " " + a.Namespace + "/*"
	case a.Name != "":
		return s + " " + a.Name
	}
	return s
}

// Covers says whether permission for a includes the request b. Only the name can be a wildcard: verbs, resources, subresources
// and namespaces must be equal.
func (a Access) Covers(b Access) bool {
	return a.Verb == b.Verb && a.Group == b.Group && a.Resource == b.Resource && a.Subresource == b.Subresource &&
		a.Namespace == b.Namespace && (a.Name == "" || a.Name == b.Name)
}

func (a Access) resource() string {
	s := a.Resource
	if a.Group != "" {
		s += "." + a.Group
	}
	if a.Subresource != "" {
		s += "/" + a.Subresource
	}
	return s
}

// sentence is the form that fits after "tried to".
func (a Access) sentence() string {
	var b strings.Builder
	b.WriteString(a.Verb + " " + a.resource())
	if a.Name != "" {
		b.WriteString(" " + a.Name)
	}
	if a.Namespace != "" {
		b.WriteString(" in namespace " + a.Namespace)
	}
	return b.String()
}

// writes says whether a request changes something, or opens a way to (a command in a pod, a tunnel, a proxy).
func (a Access) writes() bool {
	return a.opens() || !(a.Verb == "get" || a.Verb == "list" || a.Verb == "watch")
}

// opens says whether a request connects into a running pod, service or node. What happens behind it cannot be seen from the request,
// so it counts as a write whatever its method, and no server can dry-run it.
func (a Access) opens() bool {
	switch a.Subresource {
	case "exec", "attach", "portforward", "proxy":
		return true
	}
	return false
}

const (
	groupApps        = "apps"
	groupAutoscaling = "autoscaling"
	groupStorage     = "storage.k8s.io"
	groupLease       = "coordination.k8s.io"
	groupSnapshot    = "snapshot.storage.k8s.io"
	groupAuthz       = "authorization.k8s.io"
	groupAuthn       = "authentication.k8s.io"
)

func access(verb, group, resource, ns, name string) Access {
	return Access{Verb: verb, Group: group, Resource: resource, Namespace: ns, Name: name}
}

// AccessReads is what a run reads of one namespace, and of the cluster for its sake, in the order in which a person would grant it. Logs and
// manifests are included, and secrets, Helm's release records among them.
func AccessReads(ns string) []Access {
	return []Access{
		access("get", "", "namespaces", "", ns),
		access("list", groupApps, "deployments", ns, ""),
		access("get", groupApps, "deployments", ns, ""),
		access("list", groupApps, "statefulsets", ns, ""),
		access("get", groupApps, "statefulsets", ns, ""),
		access("list", "", "pods", ns, ""),
		access("get", "", "pods", ns, ""),
		{Verb: "get", Resource: "pods", Subresource: "log", Namespace: ns},
		access("list", "", "events", ns, ""),
		access("list", "", "persistentvolumeclaims", ns, ""),
		access("get", "", "persistentvolumeclaims", ns, ""),
		access("list", "", "persistentvolumes", "", ""),
		access("get", "", "persistentvolumes", "", ""),
		access("list", groupStorage, "storageclasses", "", ""),
		access("list", groupSnapshot, "volumesnapshots", ns, ""),
		access("get", groupSnapshot, "volumesnapshots", ns, ""),
		access("list", groupSnapshot, "volumesnapshotcontents", "", ""),
		access("get", groupSnapshot, "volumesnapshotcontents", "", ""),
		access("list", groupSnapshot, "volumesnapshotclasses", "", ""),
		access("list", groupAutoscaling, "horizontalpodautoscalers", ns, ""),
		access("get", groupLease, "leases", ns, ""),
		access("list", "", "secrets", ns, ""),
		access("get", "", "secrets", ns, ""),
	}
}
