package sim

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podCondition sets one condition and keeps its transition time while its status stays.
func (s *Server) podCondition(l []corev1.PodCondition, t corev1.PodConditionType, ok bool, reason, message string) []corev1.PodCondition {
	c := corev1.PodCondition{Type: t, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: s.stamp()}
	if ok {
		c.Status = corev1.ConditionTrue
	}
	out := append([]corev1.PodCondition(nil), l...)
	for i, x := range out {
		if x.Type == t {
			if x.Status == c.Status {
				c.LastTransitionTime = x.LastTransitionTime
			}
			out[i] = c
			return out
		}
	}
	return append(out, c)
}

// podStatus writes what the kubelet would report; waiting is set while the container has never run.
func (s *Server) podStatus(p *corev1.Pod, run *podRun, w Workload, waiting *corev1.ContainerStateWaiting) {
	st := p.Status
	started := metav1.NewTime(run.since.UTC().Truncate(time.Second))
	st.StartTime = &started
	st.HostIP = "10.0.0.1"
	st.HostIPs = []corev1.HostIP{{IP: st.HostIP}}
	st.Phase = corev1.PodPending
	ready, first := false, corev1.ContainerStatus{}
	if waiting != nil {
		first.State.Waiting = waiting
	} else {
		st.Phase = corev1.PodRunning
		st.PodIP = run.ip
		st.PodIPs = []corev1.PodIP{{IP: run.ip}}
		first, ready = s.containerStatus(p, run, w)
		if t := first.State.Terminated; t != nil && s.restartsNever(p, t.ExitCode) {
			st.Phase = corev1.PodFailed
			if t.ExitCode == 0 {
				st.Phase = corev1.PodSucceeded
			}
		}
	}
	st.ContainerStatuses = nil
	for _, c := range p.Spec.Containers {
		x := *first.DeepCopy()
		x.Name, x.Image = c.Name, c.Image
		x.Started = ptr(x.State.Running != nil)
		st.ContainerStatuses = append(st.ContainerStatuses, x)
	}
	reason, message := "", ""
	if !ready {
		reason, message = "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", names(p.Spec.Containers))
	}
	if st.Phase == corev1.PodSucceeded {
		reason, message = "PodCompleted", ""
	}
	st.Conditions = s.podCondition(st.Conditions, "PodReadyToStartContainers", waiting == nil, "", "")
	st.Conditions = s.podCondition(st.Conditions, corev1.PodInitialized, true, "", "")
	st.Conditions = s.podCondition(st.Conditions, corev1.PodReady, ready, reason, message)
	st.Conditions = s.podCondition(st.Conditions, corev1.ContainersReady, ready, reason, message)
	s.setStatus(key{rPod, p.Namespace, p.Name}, st)
}

// containerStatus is the state of a container that was started at least once.
func (s *Server) containerStatus(p *corev1.Pod, run *podRun, w Workload) (c corev1.ContainerStatus, ready bool) {
	n := len(run.attempts)
	last, now := run.attempts[n-1], s.now()
	c.RestartCount = int32(n - 1)
	c.ContainerID = fmt.Sprintf("containerd://%s-%d", p.UID, n-1)
	c.ImageID = "sim:" + p.Spec.Containers[0].Image
	ended := func(a attempt) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: run.exit, Reason: run.reason, StartedAt: seconds(a.start), FinishedAt: seconds(a.end)}
	}
	if n > 1 {
		c.LastTerminationState.Terminated = ended(run.attempts[n-2])
	}
	if run.running() {
		c.State.Running = &corev1.ContainerStateRunning{StartedAt: seconds(last.start)}
		at := last.start.Add(s.delay(w.ReadyDelay, 2*time.Second))
		ready = !w.NeverReady && !now.Before(at)
		if !ready && !w.NeverReady {
			s.later("pod", p.Namespace, p.Name, at.Sub(now))
		}
		c.Ready = ready
		return c, ready
	}
	if wait := run.resume.Sub(last.end); wait > time.Second && !s.restartsNever(p, run.exit) {
		c.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: fmt.Sprintf(
			"back-off %s restarting failed container=%s pod=%s_%s(%s)", short(wait), p.Spec.Containers[0].Name, p.Name, p.Namespace, p.UID)}
		c.LastTerminationState.Terminated = ended(last)
		return c, false
	}
	c.State.Terminated = ended(last)
	return c, false
}

func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.UTC().Truncate(time.Second)) }

// short prints a back-off as the kubelet does: 10s, 1m20s, 5m0s.
func short(d time.Duration) string { return d.Truncate(time.Second).String() }

func names(l []corev1.Container) string {
	out := ""
	for i, c := range l {
		if i > 0 {
			out += " "
		}
		out += c.Name
	}
	return out
}
