package reach

import (
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
)

// Accesses is what reading a server needs. A server outside the cluster needs no more than its password as long as this machine reaches
// it; Through is what the other way needs.
func Accesses(s postgres.Server) []kube.Access {
	all := []kube.Access{{Verb: "list", Resource: "pods", Namespace: s.Namespace}}
	if s.Secret != "" {
		all = append(all, kube.Access{Verb: "get", Resource: "secrets", Namespace: s.Namespace, Name: s.Secret})
	}
	if s.Managed() {
		return all
	}
	return append(all, kube.AccessTunnel(s.Namespace, first(s))...)
}

// AccessesOf is what a change of a server needs. Dumps are loaded by a command in the pod of the server, or in one that reaches it.
func AccessesOf(c postgres.Change, s postgres.Server) []kube.Access {
	all := Accesses(s)
	if c.Verb == "load" {
		all = append(all, kube.AccessExec(s.Namespace, first(s))...)
	}
	return all
}

// Through is what it needs to reach a server outside the cluster through a pod of its namespace, and to ask a server in a pod for its room.
func Through(s postgres.Server) []kube.Access { return kube.AccessExec(s.Namespace, first(s)) }

// PodAccesses is what asking the pods of a namespace over HTTP needs.
func PodAccesses(namespace string) []kube.Access {
	return append([]kube.Access{{Verb: "list", Resource: "pods", Namespace: namespace}}, kube.AccessTunnel(namespace, "")...)
}

// first is the name that the pod of the server will have; empty, which stands for every pod, where it is not known before.
func first(s postgres.Server) string {
	if s.Managed() {
		return ""
	}
	return s.Workload + "-0"
}
