package kube

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The kinds of Workload.
const (
	Deployment  = "Deployment"
	StatefulSet = "StatefulSet"
)

// Workload is a Deployment or a StatefulSet with what its pods would be. Replicas is the wanted number; Current, Updated and Ready are
// what its controller last reported, about ObservedGeneration.
type Workload struct {
	Kind string `json:"kind"`
	Meta
	Replicas           int32             `json:"replicas"`
	Current            int32             `json:"current"`
	Updated            int32             `json:"updated"`
	Ready              int32             `json:"ready"`
	ObservedGeneration int64             `json:"observedGeneration"`
	Selector           string            `json:"selector"` // its pods, in the form that Pods takes
	PodLabels          map[string]string `json:"podLabels,omitempty"`
	PodAnnotations     map[string]string `json:"podAnnotations,omitempty"`
	Containers         []Container       `json:"containers"`
	Mounts             []Mount           `json:"mounts,omitempty"` // of claims only, templates included
	Templates          []ClaimTemplate   `json:"templates,omitempty"`
	FirstOrdinal       int32             `json:"firstOrdinal,omitempty"` // of a StatefulSet's pods
}

// Container is one container of a pod template.
type Container struct {
	Name  string   `json:"name"`
	Init  bool     `json:"init,omitempty"`
	Image string   `json:"image"`
	Env   []EnvVar `json:"env,omitempty"`
	// Liveness is how long the liveness probe must fail, once it has begun, until the kubelet starts the container anew; 0: there is none.
	Liveness time.Duration `json:"liveness,omitempty"`
}

// EnvVar is one variable. Value is set only where the template holds it literally; From says where it comes from otherwise, such as
// "secret apps-pg-secret/postgresPassword". The value of a secret is never read. People do write passwords literally: values of
// unknown variables do not belong on a screen.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	From  string `json:"from,omitempty"`
}

// Mount is a claim as a pod template sees it. For a claim of a StatefulSet's template Claim is empty and Template is set.
type Mount struct {
	Volume    string `json:"volume"`
	Claim     string `json:"claim,omitempty"`
	Template  string `json:"template,omitempty"`
	Container string `json:"container"`
	Path      string `json:"path"`
	ReadOnly  bool   `json:"readOnly,omitempty"`
}

// ClaimTemplate is an entry of volumeClaimTemplates.
type ClaimTemplate struct {
	Name    string `json:"name"`
	Class   string `json:"class,omitempty"`
	Request Size   `json:"request"`
}

// ClaimNames lists the claims that pods of w use, without repetition: those named in the template, and those that a StatefulSet makes
// for each of its wanted replicas, or for its first pod when it is scaled to nothing.
func (w Workload) ClaimNames() []string {
	var names []string
	have := map[string]bool{}
	add := func(n string) {
		if n != "" && !have[n] {
			have[n] = true
			names = append(names, n)
		}
	}
	for _, m := range w.Mounts {
		add(m.Claim)
	}
	for _, t := range w.Templates {
		for i := range max(w.Replicas, 1) {
			add(fmt.Sprintf("%s-%s-%d", t.Name, w.Name, w.FirstOrdinal+i))
		}
	}
	return names
}

// Workloads lists the Deployments and StatefulSets of a namespace, Deployments first, each by name.
func (c *Cluster) Workloads(ctx context.Context, ns string) ([]Workload, error) {
	var s *appsv1.StatefulSetList
	var failure error
	var other sync.WaitGroup // both at once: over a slow way each takes seconds
	other.Go(func() { s, failure = c.kube.AppsV1().StatefulSets(ns).List(ctx, metav1.ListOptions{}) })
	d, err := c.kube.AppsV1().Deployments(ns).List(ctx, metav1.ListOptions{})
	other.Wait()
	if err != nil {
		return nil, failed(access("list", groupApps, "deployments", ns, ""), err)
	}
	if failure != nil {
		return nil, failed(access("list", groupApps, "statefulsets", ns, ""), failure)
	}
	var dep, set []Workload
	for i := range d.Items {
		dep = append(dep, deployment(&d.Items[i]))
	}
	for i := range s.Items {
		set = append(set, statefulSet(&s.Items[i]))
	}
	meta := func(w Workload) Meta { return w.Meta }
	return append(byName(dep, meta), byName(set, meta)...), nil
}

// Workload looks up one Deployment or StatefulSet.
func (c *Cluster) Workload(ctx context.Context, kind, ns, name string) (Workload, bool, error) {
	switch kind {
	case Deployment:
		d, err := c.kube.AppsV1().Deployments(ns).Get(ctx, name, metav1.GetOptions{})
		return found(access("get", groupApps, "deployments", ns, name), d, err, deployment)
	case StatefulSet:
		s, err := c.kube.AppsV1().StatefulSets(ns).Get(ctx, name, metav1.GetOptions{})
		return found(access("get", groupApps, "statefulsets", ns, name), s, err, statefulSet)
	}
	return Workload{}, false, unknownKind(kind)
}

func unknownKind(kind string) error {
	return &Error{Kind: Invalid, Tried: "find a workload", Seen: "kind " + kind + ", which is neither Deployment nor StatefulSet",
		Next: "report this as a defect of the program"}
}

func deployment(d *appsv1.Deployment) Workload {
	w := Workload{
		Kind: Deployment, Meta: metaOf(d), Replicas: wanted(d.Spec.Replicas), Current: d.Status.Replicas,
		Updated: d.Status.UpdatedReplicas, Ready: d.Status.ReadyReplicas, ObservedGeneration: d.Status.ObservedGeneration,
		Selector: metav1.FormatLabelSelector(d.Spec.Selector),
	}
	w.template(d.Spec.Template, nil)
	return w
}

func statefulSet(s *appsv1.StatefulSet) Workload {
	w := Workload{
		Kind: StatefulSet, Meta: metaOf(s), Replicas: wanted(s.Spec.Replicas), Current: s.Status.Replicas,
		Updated: s.Status.UpdatedReplicas, Ready: s.Status.ReadyReplicas, ObservedGeneration: s.Status.ObservedGeneration,
		Selector: metav1.FormatLabelSelector(s.Spec.Selector),
	}
	if s.Spec.Ordinals != nil {
		w.FirstOrdinal = s.Spec.Ordinals.Start
	}
	templates := map[string]bool{}
	for _, t := range s.Spec.VolumeClaimTemplates {
		templates[t.Name] = true
		w.Templates = append(w.Templates, ClaimTemplate{
			Name: t.Name, Class: deref(t.Spec.StorageClassName), Request: sizeOf(t.Spec.Resources.Requests[corev1.ResourceStorage]),
		})
	}
	w.template(s.Spec.Template, templates)
	return w
}

func (w *Workload) template(t corev1.PodTemplateSpec, templates map[string]bool) {
	w.PodLabels, w.PodAnnotations = t.Labels, t.Annotations
	claims := map[string]string{}
	for _, v := range t.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			claims[v.Name] = v.PersistentVolumeClaim.ClaimName
		}
	}
	add := func(list []corev1.Container, init bool) {
		for _, k := range list {
			w.Containers = append(w.Containers, containerOf(k, init))
			for _, m := range k.VolumeMounts {
				mount := Mount{Volume: m.Name, Claim: claims[m.Name], Container: k.Name, Path: m.MountPath, ReadOnly: m.ReadOnly}
				if templates[m.Name] {
					mount.Template, mount.Claim = m.Name, ""
				}
				if mount.Claim != "" || mount.Template != "" {
					w.Mounts = append(w.Mounts, mount)
				}
			}
		}
	}
	add(t.Spec.InitContainers, true)
	add(t.Spec.Containers, false)
}

func containerOf(k corev1.Container, init bool) Container {
	return Container{Name: k.Name, Init: init, Image: k.Image, Env: envOf(k), Liveness: livenessOf(k)}
}

// livenessOf is how long a probe must fail. What is not set is what the API server takes: each 10 seconds, three times.
func livenessOf(k corev1.Container) time.Duration {
	p := k.LivenessProbe
	if p == nil {
		return 0
	}
	return time.Duration(cmp.Or(p.PeriodSeconds, 10)) * time.Duration(cmp.Or(p.FailureThreshold, 3)) * time.Second
}

func envOf(k corev1.Container) []EnvVar {
	var env []EnvVar
	for _, e := range k.Env {
		v := EnvVar{Name: e.Name, Value: e.Value}
		if f := e.ValueFrom; f != nil {
			switch {
			case f.SecretKeyRef != nil:
				v.From = "secret " + f.SecretKeyRef.Name + "/" + f.SecretKeyRef.Key
			case f.ConfigMapKeyRef != nil:
				v.From = "configmap " + f.ConfigMapKeyRef.Name + "/" + f.ConfigMapKeyRef.Key
			case f.FieldRef != nil:
				v.From = "field " + f.FieldRef.FieldPath
			case f.ResourceFieldRef != nil:
				v.From = "resource " + f.ResourceFieldRef.Resource
			default:
				v.From = "elsewhere"
			}
		}
		env = append(env, v)
	}
	for _, e := range k.EnvFrom {
		switch {
		case e.SecretRef != nil:
			env = append(env, EnvVar{Name: e.Prefix + "*", From: "secret " + e.SecretRef.Name})
		case e.ConfigMapRef != nil:
			env = append(env, EnvVar{Name: e.Prefix + "*", From: "configmap " + e.ConfigMapRef.Name})
		}
	}
	return env
}

// wanted is the number of replicas a template without one gets.
func wanted(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
