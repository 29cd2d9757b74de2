package kube

import (
	"context"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClientSpec is a pod that does nothing but stand where commands can be run. It has no rights in the cluster and no secret, runs as
// an ordinary user, and ends by itself.
type ClientSpec struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels,omitempty"`
	Image     string            `json:"image"` // must have sh and sleep
	Lives     int64             `json:"lives"` // seconds until it ends by itself
}

// ClientContainer is the container of a client pod.
const ClientContainer = "client"

// AccessCreateClient is what CreateClient needs.
func AccessCreateClient(ns, name string) []Access {
	return []Access{access("create", "", "pods", ns, name)}
}

// CommandCreateClient is CreateClient as a command line with the manifest below it.
func CommandCreateClient(w Where, s ClientSpec) (string, error) {
	text, err := manifest(s.object())
	if err != nil {
		return "", err
	}
	return heredoc(w.kubectl(s.Namespace, "create", "-f", "-"), text), nil
}

// CreateClient makes the pod; its precondition is that there is none of the name (AlreadyExists). It answers the uid.
func (h *Hands) CreateClient(ctx context.Context, s ClientSpec) (string, error) {
	a := AccessCreateClient(s.Namespace, s.Name)[0]
	if err := h.ready(a); err != nil {
		return "", err
	}
	made, err := h.kube.CoreV1().Pods(s.Namespace).Create(ctx, s.object(), metav1.CreateOptions{})
	if err != nil {
		return "", failed(a, err)
	}
	return string(made.UID), nil
}

// object is what even a namespace of the strictest pod security level admits.
func (s ClientSpec) object() *corev1.Pod {
	no, yes, user, now := false, true, int64(999), int64(1)
	small := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: &s.Lives, TerminationGracePeriodSeconds: &now,
			AutomountServiceAccountToken: &no,
			SecurityContext: &corev1.PodSecurityContext{RunAsUser: &user, RunAsGroup: &user, RunAsNonRoot: &yes,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: ClientContainer, Image: s.Image, Command: []string{"sh", "-c", "sleep " + strconv.FormatInt(s.Lives, 10)},
				Resources: corev1.ResourceRequirements{Requests: small},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
}
