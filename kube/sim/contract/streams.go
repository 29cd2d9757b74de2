package contract

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a stream says and carries is in package kube/contract, which asks through the verbs of the product, by WebSocket and by SPDY.
var streams = []Case{
	{"what is asked of a pod without turning the connection into a stream", func(e *env) {
		e.makePod(e.pod("p"))
		e.podReady("p")
		two := e.pod("two")
		other := two.Spec.Containers[0]
		other.Name = "other"
		two.Spec.Containers = append(two.Spec.Containers, other)
		e.makePod(two)
		e.makePod(e.pod("nowhere", "no-such-claim"))
		for _, c := range []struct {
			pod, sub, container string
			reason              metav1.StatusReason
			code                int32
			message             string
		}{
			{"nobody", "exec", "", metav1.StatusReasonNotFound, 404, `pods "nobody" not found`},
			{"nobody", "portforward", "", metav1.StatusReasonNotFound, 404, `pods "nobody" not found`},
			{"p", "exec", "wrong", metav1.StatusReasonBadRequest, 400, "container wrong is not valid for pod p"},
			{"two", "exec", "", metav1.StatusReasonBadRequest, 400, "a container name must be specified for pod two, choose one of: [main other]"},
			{"nowhere", "exec", "", metav1.StatusReasonBadRequest, 400, "pod nowhere does not have a host assigned"},
			{"nowhere", "portforward", "", metav1.StatusReasonBadRequest, 400, "pod nowhere does not have a host assigned"},
			{"p", "exec", "", metav1.StatusReasonBadRequest, 400, "Upgrade request required"},
			{"p", "portforward", "", metav1.StatusReasonBadRequest, 400, "Upgrade request required"},
		} {
			q := e.kube.CoreV1().RESTClient().Post().Namespace(e.ns).Resource("pods").Name(c.pod).SubResource(c.sub)
			if c.sub == "exec" {
				q = q.Param("command", "true").Param("stdout", "true")
				if c.container != "" {
					q = q.Param("container", c.container)
				}
			}
			e.Logf("%s/%s", c.pod, c.sub)
			e.reason(q.Do(e.ctx).Error(), c.reason, c.code, c.message)
		}
	}},
}
