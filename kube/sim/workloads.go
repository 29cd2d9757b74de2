package sim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"sort"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
)

const revisionNote = "deployment.kubernetes.io/revision"

// templateHash names a pod template: equal templates give equal names.
func templateHash(t corev1.PodTemplateSpec) string {
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	b, _ := json.Marshal(t)
	h := fnv.New32a()
	h.Write(b)
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// owned returns the objects of r in ns that o controls.
func (s *Server) owned(r *resource, o *object) []*object {
	var out []*object
	for _, d := range s.store.list(r, o.GetNamespace()) {
		if c := owner(d); c != nil && c.UID == o.GetUID() {
			out = append(out, d)
		}
	}
	return out
}

func controllerRef(r *resource, o *object) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: r.apiVersion(), Kind: r.kind, Name: o.GetName(), UID: o.GetUID(),
		Controller: ptr(true), BlockOwnerDeletion: ptr(true)}}
}

func (s *Server) syncDeployment(ns, name string) {
	o := s.store.get(rDeployment, ns, name)
	if o == nil || o.GetDeletionTimestamp() != nil {
		return
	}
	d := as[appsv1.Deployment](o)
	want := *d.Spec.Replicas
	hash := templateHash(*d.Spec.Template.DeepCopy())
	newName := name + "-" + hash
	var current *object
	var old []*object
	revision := int64(0)
	for _, rs := range s.owned(rReplicaSet, o) {
		n, _ := strconv.ParseInt(rs.GetAnnotations()[revisionNote], 10, 64)
		revision = max(revision, n)
		if rs.GetName() == newName {
			current = rs
		} else {
			old = append(old, rs)
		}
	}
	if !d.Spec.Paused {
		s.rollout(o, d, current, old, newName, hash, want, revision)
	}
	s.deploymentStatus(o, d, newName)
}

// rollout moves the replica counts one step: Recreate waits until every old pod is gone, RollingUpdate starts the new
// ones first and takes the old ones away when those are available.
func (s *Server) rollout(o *object, d *appsv1.Deployment, current *object, old []*object, newName, hash string, want int32, revision int64) {
	ns := o.GetNamespace()
	oldPods, available := 0, int64(0)
	for _, rs := range old {
		oldPods += len(s.owned(rPod, rs))
	}
	if current != nil {
		available, _, _ = unstructured.NestedInt64(current.Object, "status", "availableReplicas")
	}
	recreate := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	if recreate || available >= int64(want) {
		for _, rs := range old {
			s.scaleTo(o, key{rReplicaSet, ns, rs.GetName()}, 0)
		}
	}
	if recreate && oldPods > 0 {
		return
	}
	if current != nil {
		n, _ := strconv.ParseInt(current.GetAnnotations()[revisionNote], 10, 64)
		if n < revision {
			revision++
			s.edit(key{rReplicaSet, ns, newName}, func(x *object) { annotate(x, revisionNote, fmt.Sprint(revision)) })
		}
		s.scaleTo(o, key{rReplicaSet, ns, newName}, want)
	} else {
		revision++
		t := *d.Spec.Template.DeepCopy()
		t.Labels = maps.Clone(t.Labels)
		if t.Labels == nil {
			t.Labels = map[string]string{}
		}
		t.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
		sel := d.Spec.Selector.DeepCopy()
		if sel.MatchLabels == nil {
			sel.MatchLabels = map[string]string{}
		}
		sel.MatchLabels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
		rs := &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Name: newName, Namespace: ns, Labels: t.Labels, OwnerReferences: controllerRef(rDeployment, o),
				Annotations: map[string]string{revisionNote: fmt.Sprint(revision),
					"deployment.kubernetes.io/desired-replicas": fmt.Sprint(want), "deployment.kubernetes.io/max-replicas": fmt.Sprint(want)}},
			Spec: appsv1.ReplicaSetSpec{Replicas: &want, Selector: sel, Template: t},
		}
		if _, err := s.create(rReplicaSet, raw(rReplicaSet, rs), false); err == nil && want > 0 {
			s.tell(o, "Normal", "ScalingReplicaSet", fmt.Sprintf("Scaled up replica set %s from 0 to %d", newName, want), "deployment-controller")
		}
	}
	s.edit(key{rDeployment, ns, o.GetName()}, func(x *object) { annotate(x, revisionNote, fmt.Sprint(revision)) })
}

func annotate(o *object, k, v string) {
	m := o.GetAnnotations()
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	o.SetAnnotations(m)
}

// scaleTo sets the replicas of a replica set and says so.
func (s *Server) scaleTo(d *object, k key, n int32) {
	o := s.store.get(k.res, k.ns, k.name)
	was, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if was == int64(n) {
		return
	}
	s.edit(k, func(x *object) { _ = unstructured.SetNestedField(x.Object, int64(n), "spec", "replicas") })
	word := "up"
	if int64(n) < was {
		word = "down"
	}
	s.tell(d, "Normal", "ScalingReplicaSet", fmt.Sprintf("Scaled %s replica set %s from %d to %d", word, k.name, was, n), "deployment-controller")
}

func (s *Server) deploymentStatus(o *object, d *appsv1.Deployment, newName string) {
	st := appsv1.DeploymentStatus{ObservedGeneration: o.GetGeneration(), Conditions: d.Status.Conditions, CollisionCount: d.Status.CollisionCount}
	terminating := int32(0)
	for _, x := range s.owned(rReplicaSet, o) {
		rs := as[appsv1.ReplicaSet](x)
		st.Replicas += rs.Status.Replicas
		st.ReadyReplicas += rs.Status.ReadyReplicas
		st.AvailableReplicas += rs.Status.AvailableReplicas
		if rs.Status.TerminatingReplicas != nil {
			terminating += *rs.Status.TerminatingReplicas
		}
		if rs.Name == newName {
			st.UpdatedReplicas = rs.Status.Replicas
		}
	}
	st.TerminatingReplicas = &terminating
	want := *d.Spec.Replicas
	st.UnavailableReplicas = max(want-st.AvailableReplicas, 0)
	avail := appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability."}
	least := want
	if d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		least = want - want/4 // maxUnavailable 25%
	}
	if st.AvailableReplicas < least {
		avail.Status, avail.Reason, avail.Message = corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
	}
	prog := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", Message: fmt.Sprintf("ReplicaSet %q is progressing.", newName)}
	if st.UpdatedReplicas == want && st.AvailableReplicas == want && st.Replicas == want {
		prog.Reason, prog.Message = "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", newName)
	}
	for _, c := range []appsv1.DeploymentCondition{avail, prog} {
		st.Conditions = s.condition(st.Conditions, c)
	}
	s.setStatus(key{rDeployment, o.GetNamespace(), o.GetName()}, st)
}

// condition replaces a condition of the same type and keeps its transition time while its status stays.
func (s *Server) condition(l []appsv1.DeploymentCondition, c appsv1.DeploymentCondition) []appsv1.DeploymentCondition {
	c.LastTransitionTime, c.LastUpdateTime = s.stamp(), s.stamp()
	for i, x := range l {
		if x.Type != c.Type {
			continue
		}
		if x.Status == c.Status {
			c.LastTransitionTime = x.LastTransitionTime
			if x.Reason == c.Reason && x.Message == c.Message {
				c.LastUpdateTime = x.LastUpdateTime
			}
		}
		out := append([]appsv1.DeploymentCondition(nil), l...)
		out[i] = c
		return out
	}
	return append(append([]appsv1.DeploymentCondition(nil), l...), c)
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (s *Server) syncReplicaSet(ns, name string) {
	o := s.store.get(rReplicaSet, ns, name)
	if o == nil || o.GetDeletionTimestamp() != nil {
		return
	}
	rs := as[appsv1.ReplicaSet](o)
	active, _ := s.activePods(o)
	want := int(*rs.Spec.Replicas)
	for i := len(active); i < want; i++ {
		p := &corev1.Pod{ObjectMeta: *rs.Spec.Template.ObjectMeta.DeepCopy(), Spec: *rs.Spec.Template.Spec.DeepCopy()}
		p.Name, p.GenerateName, p.Namespace = "", name+"-", ns
		p.OwnerReferences = controllerRef(rReplicaSet, o)
		if c, err := s.create(rPod, raw(rPod, p), false); err == nil {
			s.tell(o, "Normal", "SuccessfulCreate", "Created pod: "+c.GetName(), "replicaset-controller")
		}
	}
	sort.SliceStable(active, func(i, j int) bool { return !podReady(active[i]) && podReady(active[j]) })
	for i := 0; i < len(active)-want; i++ {
		if x := s.store.get(rPod, ns, active[i].Name); x != nil {
			if _, _, err := s.delete(rPod, x, metav1.DeleteOptions{}, false); err == nil {
				s.tell(o, "Normal", "SuccessfulDelete", "Deleted pod: "+active[i].Name, "replicaset-controller")
			}
		}
	}
	active, terminating := s.activePods(o)
	st := appsv1.ReplicaSetStatus{Replicas: int32(len(active)), FullyLabeledReplicas: int32(len(active)), ObservedGeneration: o.GetGeneration(), TerminatingReplicas: ptr(int32(terminating))}
	for _, p := range active {
		if podReady(p) {
			st.ReadyReplicas++
			st.AvailableReplicas++
		}
	}
	s.setStatus(key{rReplicaSet, ns, name}, st)
}

// activePods splits the pods of a controller: those that count as replicas, and the number on their way out.
func (s *Server) activePods(o *object) (active []*corev1.Pod, terminating int) {
	for _, x := range s.owned(rPod, o) {
		p := as[corev1.Pod](x)
		switch {
		case p.DeletionTimestamp != nil:
			terminating++
		case !finishedPod(p):
			active = append(active, p)
		}
	}
	return
}
