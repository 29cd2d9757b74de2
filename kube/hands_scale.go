package kube

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WorkloadRef names a Deployment or a StatefulSet.
type WorkloadRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Ref names w.
func (w Workload) Ref() WorkloadRef { return WorkloadRef{w.Kind, w.Namespace, w.Name} }

// String is the form kubectl prints, such as "deployment/sv-app".
func (r WorkloadRef) String() string { return r.word() + "/" + r.Name }

func (r WorkloadRef) word() string {
	if r.Kind == StatefulSet {
		return "statefulset"
	}
	return "deployment"
}

func (r WorkloadRef) access(verb, sub string) Access {
	return Access{Verb: verb, Group: groupApps, Resource: r.word() + "s", Subresource: sub, Namespace: r.Namespace, Name: r.Name}
}

// AccessScale is what Scale needs.
func AccessScale(r WorkloadRef) []Access {
	return []Access{r.access("get", "scale"), r.access("update", "scale")}
}

// CommandScale is Scale as a command line.
func CommandScale(w Where, r WorkloadRef, from, to int32) string {
	return w.kubectl(r.Namespace, "scale", r.String(), fmt.Sprintf("--current-replicas=%d", from), fmt.Sprintf("--replicas=%d", to))
}

// Scale sets the wanted number of replicas from one value to another. The number is read back first, and the write carries the version
// that was read (or resourceVersion, if given), so that a change by anybody else in between is a Conflict. It does not wait for pods.
func (h *Hands) Scale(ctx context.Context, r WorkloadRef, from, to int32, resourceVersion string) error {
	a := r.access("update", "scale")
	if err := h.ready(a); err != nil {
		return err
	}
	s, err := h.scaleOf(ctx, r)
	if err != nil {
		return err
	}
	if s.Spec.Replicas != from {
		return h.changed(ctx, a, stale(a, fmt.Sprintf("%d replicas wanted where %d were expected", s.Spec.Replicas, from)), test("/spec/replicas", from))
	}
	if resourceVersion != "" {
		s.ResourceVersion = resourceVersion
	}
	s.Spec.Replicas = to
	if r.Kind == StatefulSet {
		_, err = h.kube.AppsV1().StatefulSets(r.Namespace).UpdateScale(ctx, r.Name, s, metav1.UpdateOptions{})
	} else {
		_, err = h.kube.AppsV1().Deployments(r.Namespace).UpdateScale(ctx, r.Name, s, metav1.UpdateOptions{})
	}
	return h.changed(ctx, a, failed(a, err), test("/spec/replicas", from), test("/metadata/resourceVersion", s.ResourceVersion))
}

func (h *Hands) scaleOf(ctx context.Context, r WorkloadRef) (s *autoscalingv1.Scale, err error) {
	switch r.Kind {
	case Deployment:
		s, err = h.kube.AppsV1().Deployments(r.Namespace).GetScale(ctx, r.Name, metav1.GetOptions{})
	case StatefulSet:
		s, err = h.kube.AppsV1().StatefulSets(r.Namespace).GetScale(ctx, r.Name, metav1.GetOptions{})
	default:
		return nil, unknownKind(r.Kind)
	}
	return s, failed(r.access("get", "scale"), err)
}
