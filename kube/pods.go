package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pod is a pod and how it is doing. Messages are clean text of one line.
type Pod struct {
	Meta
	Phase      string            `json:"phase"` // Pending, Running, Succeeded, Failed, Unknown
	Reason     string            `json:"reason,omitempty"`
	Message    string            `json:"message,omitempty"`
	Node       string            `json:"node,omitempty"` // empty until it is scheduled
	IP         string            `json:"ip,omitempty"`
	Ready      bool              `json:"ready"`
	Containers []ContainerStatus `json:"containers"`
	Conditions []Condition       `json:"conditions,omitempty"`
	Claims     []string          `json:"claims,omitempty"`
}

// ContainerStatus is a container of a pod. State is waiting, running, terminated, or empty before the node has reported.
type ContainerStatus struct {
	Name     string       `json:"name"`
	Init     bool         `json:"init,omitempty"`
	Image    string       `json:"image"`
	Ready    bool         `json:"ready"`
	Restarts int32        `json:"restarts"`
	State    string       `json:"state,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Message  string       `json:"message,omitempty"`
	Started  *time.Time   `json:"started,omitempty"`
	Exit     *Termination `json:"exit,omitempty"` // of the container as it is now, if it ended
	Last     *Termination `json:"last,omitempty"` // of the one before
}

// Termination is how a container ended.
type Termination struct {
	Code     int32     `json:"code"`
	Signal   int32     `json:"signal,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Message  string    `json:"message,omitempty"`
	Finished time.Time `json:"finished"`
}

// Condition is a condition of an object. Status is True, False or Unknown.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
}

// Pods lists the pods of a namespace that a label selector matches ("" for all), by name.
func (c *Cluster) Pods(ctx context.Context, ns, selector string) ([]Pod, error) {
	l, err := c.kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, failed(access("list", "", "pods", ns, ""), err)
	}
	var pods []Pod
	for i := range l.Items {
		pods = append(pods, podOf(&l.Items[i]))
	}
	return byName(pods, func(p Pod) Meta { return p.Meta }), nil
}

// Pod looks up one pod.
func (c *Cluster) Pod(ctx context.Context, ns, name string) (Pod, bool, error) {
	p, err := c.kube.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
	return found(access("get", "", "pods", ns, name), p, err, podOf)
}

func podOf(p *corev1.Pod) Pod {
	out := Pod{
		Meta: metaOf(p), Phase: string(p.Status.Phase), Reason: p.Status.Reason, Message: clean(p.Status.Message, maxSeen),
		Node: p.Spec.NodeName, IP: p.Status.PodIP,
	}
	for _, k := range p.Status.Conditions {
		if k.Type == corev1.PodReady {
			out.Ready = k.Status == corev1.ConditionTrue
		}
		out.Conditions = append(out.Conditions, Condition{Type: string(k.Type), Status: string(k.Status), Reason: k.Reason,
			Message: clean(k.Message, maxSeen), Since: k.LastTransitionTime.UTC()})
	}
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			out.Claims = append(out.Claims, v.PersistentVolumeClaim.ClaimName)
		}
	}
	add := func(specs []corev1.Container, states []corev1.ContainerStatus, init bool) {
		for _, spec := range specs {
			k := ContainerStatus{Name: spec.Name, Init: init, Image: spec.Image}
			for _, s := range states {
				if s.Name == spec.Name {
					k.report(s)
				}
			}
			out.Containers = append(out.Containers, k)
		}
	}
	add(p.Spec.InitContainers, p.Status.InitContainerStatuses, true)
	add(p.Spec.Containers, p.Status.ContainerStatuses, false)
	return out
}

func (k *ContainerStatus) report(s corev1.ContainerStatus) {
	k.Ready, k.Restarts = s.Ready, s.RestartCount
	switch {
	case s.State.Waiting != nil:
		k.State, k.Reason, k.Message = "waiting", s.State.Waiting.Reason, clean(s.State.Waiting.Message, maxSeen)
	case s.State.Running != nil:
		k.State, k.Started = "running", when(&s.State.Running.StartedAt)
	case s.State.Terminated != nil:
		k.State, k.Exit = "terminated", termination(s.State.Terminated)
		k.Reason, k.Message = k.Exit.Reason, k.Exit.Message
	}
	k.Last = termination(s.LastTerminationState.Terminated)
}

func termination(t *corev1.ContainerStateTerminated) *Termination {
	if t == nil {
		return nil
	}
	return &Termination{Code: t.ExitCode, Signal: t.Signal, Reason: t.Reason, Message: clean(t.Message, maxSeen), Finished: t.FinishedAt.UTC()}
}
