package sim

import (
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tell records a v1 Event about an object. Equal events are counted, not repeated.
func (s *Server) tell(about *object, kind, reason, message, source string) {
	ns := about.GetNamespace()
	if ns == "" {
		ns = "default"
	}
	if s.store.get(rNamespace, "", ns) == nil {
		return
	}
	h := fnv.New64a()
	fmt.Fprint(h, about.GetUID(), reason, message)
	k := key{rEvent, ns, fmt.Sprintf("%s.%016x", about.GetName(), h.Sum64())}
	at := s.stamp()
	if s.store.get(rEvent, ns, k.name) != nil {
		s.edit(k, func(o *object) {
			n, _, _ := unstructured.NestedInt64(o.Object, "count")
			o.Object["count"] = n + 1
			o.Object["lastTimestamp"] = at.Format("2006-01-02T15:04:05Z")
		})
		return
	}
	e := corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: about.GetKind(), APIVersion: about.GetAPIVersion(), Namespace: about.GetNamespace(),
			Name: about.GetName(), UID: about.GetUID(), ResourceVersion: about.GetResourceVersion()},
		Reason: reason, Message: message, Type: kind, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: source}, ReportingController: source,
	}
	e.Name, e.Namespace = k.name, ns
	_, _ = s.create(rEvent, raw(rEvent, &e), false)
}

// tellOnce is tell for a state that a controller looks at again and again.
func (s *Server) tellOnce(about *object, kind, reason, message, source string) {
	for _, o := range s.store.list(rEvent, about.GetNamespace()) {
		if o.Object["message"] == message && o.Object["reason"] == reason {
			if u, _, _ := unstructured.NestedString(o.Object, "involvedObject", "uid"); u == string(about.GetUID()) {
				return
			}
		}
	}
	s.tell(about, kind, reason, message, source)
}
