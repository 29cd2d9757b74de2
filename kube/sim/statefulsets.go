package sim

import (
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// syncStatefulSet keeps ordered pods, each with its claims: one is started when all before it are ready, and the last is
// taken away first. Claims stay.
func (s *Server) syncStatefulSet(ns, name string) {
	o := s.store.get(rStatefulSet, ns, name)
	if o == nil || o.GetDeletionTimestamp() != nil {
		return
	}
	set := as[appsv1.StatefulSet](o)
	revision := name + "-" + templateHash(*set.Spec.Template.DeepCopy())
	pods := map[int]*corev1.Pod{}
	for _, x := range s.owned(rPod, o) {
		if i, err := strconv.Atoi(strings.TrimPrefix(x.GetName(), name+"-")); err == nil {
			pods[i] = as[corev1.Pod](x)
		}
	}
	s.stepStatefulSet(o, set, pods, revision)
	s.statefulSetStatus(o, set, revision)
}

func (s *Server) stepStatefulSet(o *object, set *appsv1.StatefulSet, pods map[int]*corev1.Pod, revision string) {
	want := int(*set.Spec.Replicas)
	parallel := set.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
	for i := range want {
		p := pods[i]
		switch {
		case p == nil:
			s.createOrdinal(o, set, i, revision)
		case finishedPod(p) && p.DeletionTimestamp == nil:
			s.deleteOrdinal(o, p)
		case p.DeletionTimestamp == nil && podReady(p):
			continue
		}
		if !parallel {
			s.updateOrdinals(o, set, pods, revision, want)
			return
		}
	}
	var extra []int
	for i := range pods {
		if i >= want {
			extra = append(extra, i)
		}
	}
	sort.Sort(sort.Reverse(sort.IntSlice(extra)))
	for _, i := range extra {
		if pods[i].DeletionTimestamp == nil {
			s.deleteOrdinal(o, pods[i])
		}
		if !parallel {
			return
		}
	}
	s.updateOrdinals(o, set, pods, revision, want)
}

// updateOrdinals replaces the highest pod of an older revision, one at a time.
func (s *Server) updateOrdinals(o *object, set *appsv1.StatefulSet, pods map[int]*corev1.Pod, revision string, want int) {
	if set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		return
	}
	for i := want - 1; i >= 0; i-- {
		p := pods[i]
		if p == nil || p.DeletionTimestamp != nil {
			return
		}
		if p.Labels[appsv1.StatefulSetRevisionLabel] != revision {
			s.deleteOrdinal(o, p)
			return
		}
		if !podReady(p) {
			return
		}
	}
}

func (s *Server) deleteOrdinal(o *object, p *corev1.Pod) {
	if x := s.store.get(rPod, p.Namespace, p.Name); x != nil {
		if _, _, err := s.delete(rPod, x, metav1.DeleteOptions{}, false); err == nil {
			s.tell(o, "Normal", "SuccessfulDelete", fmt.Sprintf("delete Pod %s in StatefulSet %s successful", p.Name, o.GetName()), "statefulset-controller")
		}
	}
}

func (s *Server) createOrdinal(o *object, set *appsv1.StatefulSet, i int, revision string) {
	ns, name := set.Namespace, fmt.Sprintf("%s-%d", set.Name, i)
	p := &corev1.Pod{ObjectMeta: *set.Spec.Template.ObjectMeta.DeepCopy(), Spec: *set.Spec.Template.Spec.DeepCopy()}
	p.Name, p.GenerateName, p.Namespace = name, set.Name+"-", ns
	p.Labels = maps.Clone(p.Labels)
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[appsv1.StatefulSetRevisionLabel] = revision
	p.Labels[appsv1.StatefulSetPodNameLabel] = name
	p.Labels[appsv1.PodIndexLabel] = strconv.Itoa(i)
	p.Spec.Hostname, p.Spec.Subdomain = name, set.Spec.ServiceName
	p.OwnerReferences = controllerRef(rStatefulSet, o)
	for _, t := range set.Spec.VolumeClaimTemplates {
		claim := t.Name + "-" + name
		v := corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}
		kept := p.Spec.Volumes[:0:0]
		for _, x := range p.Spec.Volumes {
			if x.Name != t.Name {
				kept = append(kept, x)
			}
		}
		p.Spec.Volumes = append(kept, v)
		if s.store.get(rClaim, ns, claim) != nil {
			continue
		}
		c := &corev1.PersistentVolumeClaim{ObjectMeta: *t.ObjectMeta.DeepCopy(), Spec: *t.Spec.DeepCopy()}
		c.Name, c.Namespace = claim, ns
		c.Labels = map[string]string{}
		maps.Copy(c.Labels, set.Spec.Selector.MatchLabels)
		maps.Copy(c.Labels, t.Labels)
		if _, err := s.create(rClaim, raw(rClaim, c), false); err == nil {
			s.tell(o, "Normal", "SuccessfulCreate", fmt.Sprintf("create Claim %s Pod %s in StatefulSet %s success", claim, name, set.Name), "statefulset-controller")
		}
	}
	if _, err := s.create(rPod, raw(rPod, p), false); err == nil {
		s.tell(o, "Normal", "SuccessfulCreate", fmt.Sprintf("create Pod %s in StatefulSet %s successful", name, set.Name), "statefulset-controller")
	}
}

func (s *Server) statefulSetStatus(o *object, set *appsv1.StatefulSet, revision string) {
	st := appsv1.StatefulSetStatus{ObservedGeneration: o.GetGeneration(), UpdateRevision: revision, CurrentRevision: set.Status.CurrentRevision, CollisionCount: ptr(int32(0))}
	if st.CurrentRevision == "" {
		st.CurrentRevision = revision
	}
	for _, x := range s.owned(rPod, o) {
		p := as[corev1.Pod](x)
		st.Replicas++
		if podReady(p) {
			st.ReadyReplicas++
			st.AvailableReplicas++
		}
		if p.DeletionTimestamp == nil && p.Labels[appsv1.StatefulSetRevisionLabel] == revision {
			st.UpdatedReplicas++
		}
		if p.DeletionTimestamp == nil && p.Labels[appsv1.StatefulSetRevisionLabel] == st.CurrentRevision {
			st.CurrentReplicas++
		}
	}
	if st.UpdatedReplicas == *set.Spec.Replicas && st.ReadyReplicas == st.UpdatedReplicas {
		st.CurrentRevision, st.CurrentReplicas = revision, st.UpdatedReplicas
	}
	s.setStatus(key{rStatefulSet, o.GetNamespace(), o.GetName()}, st)
}
