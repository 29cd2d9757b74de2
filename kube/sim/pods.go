package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	firstBackoff   = 10 * time.Second
	longestBackoff = 5 * time.Minute
	resetBackoff   = 10 * time.Minute // a container that ran this long starts its back-off anew
	crashAfter     = time.Second      // default time from start to crash
)

// attempt is one start of a pod's container.
type attempt struct {
	start, end time.Time // end is zero while it runs
	last       []string  // what it wrote before it ended
}

// podRun is what the kubelet knows about a pod. The simulator runs one container per pod for real; further containers of
// the spec follow the first.
type podRun struct {
	since    time.Time // when it was given to the node
	attempts []attempt
	backoff  time.Duration
	resume   time.Time // when the container is started again; zero while it runs
	exit     int32
	reason   string // of the last end
	ip       string
	blank    []string  // claims on which nothing had been stored when it started
	life     *Workload // how the container does, as what is inside says; nil: as the knobs say
	told     *Pod      // what is inside was told that it runs
}

func (r *podRun) running() bool {
	return len(r.attempts) > 0 && r.attempts[len(r.attempts)-1].end.IsZero()
}

// workloadOf returns the knobs of the pod's top controller, or of the bare pod.
func (s *Server) workloadOf(p *corev1.Pod) Workload {
	if run := s.runs[p.UID]; run != nil && run.life != nil {
		return *run.life
	}
	return pick(s.knobs.Workloads, p.Namespace, s.workloadName(p))
}

func (s *Server) workloadName(p *corev1.Pod) string {
	o := metav1.GetControllerOf(p)
	if o == nil {
		return p.Name
	}
	if o.Kind == "ReplicaSet" {
		if rs := s.store.get(rReplicaSet, p.Namespace, o.Name); rs != nil {
			if d := owner(rs); d != nil {
				return d.Name
			}
		}
		if hash := p.Labels["pod-template-hash"]; hash != "" {
			return strings.TrimSuffix(o.Name, "-"+hash)
		}
	}
	return o.Name
}

// syncPod is the scheduler's and the kubelet's view of one pod.
func (s *Server) syncPod(ns, name string) {
	o := s.store.get(rPod, ns, name)
	if o == nil {
		return
	}
	p := as[corev1.Pod](o)
	switch {
	case p.DeletionTimestamp != nil:
		s.terminate(o, p)
	case finishedPod(p):
	case p.Spec.NodeName == "":
		s.schedule(o, p)
	default:
		s.runPod(o, p)
	}
}

// terminate removes a pod when its process is taken to have ended.
func (s *Server) terminate(o *object, p *corev1.Pod) {
	w := s.workloadOf(p)
	grace := time.Duration(0)
	if p.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
	}
	if w.NeverTerminates && grace > 0 {
		return
	}
	begin := p.DeletionTimestamp.Add(-grace)
	end := begin.Add(min(s.delay(w.Termination, time.Second), grace))
	if now := s.now(); now.Before(end) {
		s.later("pod", p.Namespace, p.Name, end.Sub(now))
		return
	}
	s.edit(key{rPod, p.Namespace, p.Name}, func(x *object) { x.SetDeletionGracePeriodSeconds(ptr(int64(0))) })
	if s.store.get(rPod, p.Namespace, p.Name) == nil {
		delete(s.runs, o.GetUID())
	}
}

// schedule gives a pod to a node when its claims allow it.
func (s *Server) schedule(o *object, p *corev1.Pod) {
	why, wait := s.claimsBlock(p)
	if wait {
		return
	}
	st := p.Status
	if why != "" {
		msg := fmt.Sprintf("0/%d nodes are available: %s. not found", len(s.nodes), why) // the scheduler of 1.35 says so
		st.Conditions = s.podCondition(st.Conditions, corev1.PodScheduled, false, "Unschedulable", msg)
		s.setStatus(key{rPod, p.Namespace, p.Name}, st)
		s.tellOnce(o, "Warning", "FailedScheduling", msg, "default-scheduler")
		return
	}
	node := s.nodes[0]
	if n := len(s.nodes); n > 1 {
		node = s.nodes[s.rand.IntN(n)]
	}
	st.Conditions = s.podCondition(st.Conditions, corev1.PodScheduled, true, "", "")
	s.edit(key{rPod, p.Namespace, p.Name}, func(x *object) {
		x.Object["spec"].(map[string]any)["nodeName"] = node
		x.Object["status"] = raw(rPod, &corev1.Pod{Status: st}).Object["status"]
	})
	s.tell(o, "Normal", "Scheduled", fmt.Sprintf("Successfully assigned %s/%s to %s", p.Namespace, p.Name, node), "default-scheduler")
}

// claimsBlock returns the scheduler's reason against the pod, or wait when the volumes are being made for it.
func (s *Server) claimsBlock(p *corev1.Pod) (why string, wait bool) {
	for _, name := range claimsOf(p) {
		o := s.store.get(rClaim, p.Namespace, name)
		if o == nil {
			return fmt.Sprintf("persistentvolumeclaim %q not found", name), false
		}
		c := as[corev1.PersistentVolumeClaim](o)
		switch {
		case c.DeletionTimestamp != nil:
			return fmt.Sprintf("persistentvolumeclaim %q is being deleted", name), false
		case c.Status.Phase == corev1.ClaimLost:
			return fmt.Sprintf("persistentvolumeclaim %q bound to non-existent persistentvolume %q", name, c.Spec.VolumeName), false
		case c.Status.Phase == corev1.ClaimBound:
		case s.waitsForConsumer(c):
			s.edit(key{rClaim, p.Namespace, name}, func(x *object) { annotate(x, selectedNode, s.nodes[0]) })
			wait = true
		default:
			return "pod has unbound immediate PersistentVolumeClaims", false
		}
	}
	return "", wait
}

// missing names the first Secret or ConfigMap that the pod cannot start without.
func (s *Server) missing(p *corev1.Pod) (volume, kind, name string) {
	mounted := map[string]bool{}
	for _, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
		}
	}
	for _, v := range p.Spec.Volumes {
		if !mounted[v.Name] {
			continue
		}
		if x := v.Secret; x != nil && (x.Optional == nil || !*x.Optional) && s.store.get(rSecret, p.Namespace, x.SecretName) == nil {
			return v.Name, "secret", x.SecretName
		}
		if x := v.ConfigMap; x != nil && (x.Optional == nil || !*x.Optional) && s.store.get(rConfigMap, p.Namespace, x.Name) == nil {
			return v.Name, "configmap", x.Name
		}
	}
	return "", "", ""
}

// missingKey names the first Secret that an environment variable needs and that is not there.
func (s *Server) missingKey(p *corev1.Pod) string {
	for _, c := range p.Spec.Containers {
		for _, e := range c.Env {
			if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
				continue
			}
			x := e.ValueFrom.SecretKeyRef
			if (x.Optional == nil || !*x.Optional) && s.store.get(rSecret, p.Namespace, x.Name) == nil {
				return x.Name
			}
		}
	}
	return ""
}

// runPod is the kubelet: it moves the container along and writes the status.
func (s *Server) runPod(o *object, p *corev1.Pod) {
	w, now := s.workloadOf(p), s.now()
	run := s.runs[p.UID]
	if run == nil {
		run = &podRun{since: now, ip: fmt.Sprintf("10.244.%d.%d", s.rand.IntN(250), 2+s.rand.IntN(250))}
		s.runs[p.UID] = run
	}
	if len(run.attempts) == 0 {
		if waiting := s.cannotStart(o, p, w, run); waiting != nil {
			s.podStatus(p, run, w, waiting)
			return
		}
		start := run.since.Add(s.delay(w.StartDelay, time.Second))
		if now.Before(start) {
			s.podStatus(p, run, w, &corev1.ContainerStateWaiting{Reason: "ContainerCreating"})
			s.later("pod", p.Namespace, p.Name, start.Sub(now))
			return
		}
		run.blank = s.fillVolumes(p)
		s.begin(p, run)
		w = s.workloadOf(p)
		s.tell(o, "Normal", "Started", "Container started", "kubelet")
	}
	s.crash(o, p, w, run)
	s.podStatus(p, run, s.workloadOf(p), nil)
}

// cannotStart returns the waiting state of a container that has a reason not to start at all.
func (s *Server) cannotStart(o *object, p *corev1.Pod, w Workload, run *podRun) *corev1.ContainerStateWaiting {
	now := s.now()
	if vol, kind, name := s.missing(p); name != "" {
		run.since = now
		s.tellOnce(o, "Warning", "FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s %q not found", vol, kind, name), "kubelet")
		return &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	}
	if w.ImagePullError != "" {
		image := p.Spec.Containers[0].Image
		if p.Spec.Containers[0].ImagePullPolicy == corev1.PullNever {
			return &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: fmt.Sprintf("Container image %q is not present with pull policy of Never", image)}
		}
		if wait := run.since.Add(firstBackoff).Sub(now); wait > 0 && !s.settled {
			s.tellOnce(o, "Warning", "Failed", fmt.Sprintf("Failed to pull image %q: %s", image, w.ImagePullError), "kubelet")
			s.later("pod", p.Namespace, p.Name, wait)
			return &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: w.ImagePullError}
		}
		s.tellOnce(o, "Normal", "BackOff", fmt.Sprintf("Back-off pulling image %q", image), "kubelet")
		return &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, w.ImagePullError)}
	}
	if name := s.missingKey(p); name != "" {
		run.since = now
		return &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: fmt.Sprintf("secret %q not found", name)}
	}
	return nil
}

// crash ends and restarts the container as its knobs and its data want it.
func (s *Server) crash(o *object, p *corev1.Pod, w Workload, run *podRun) {
	c, now := s.crashOf(p, w, run), s.now()
	last := &run.attempts[len(run.attempts)-1]
	if !run.running() {
		if now.Before(run.resume) {
			s.later("pod", p.Namespace, p.Name, run.resume.Sub(now))
			return
		}
		if s.restartsNever(p, run.exit) {
			return
		}
		run.blank = nil
		s.begin(p, run)
		c = s.crashOf(p, s.workloadOf(p), run)
		if len(run.attempts) > 8 {
			s.forgetAttempts(run)
		}
		last = &run.attempts[len(run.attempts)-1]
	}
	if c == nil {
		return
	}
	end := last.start.Add(orElse(c.After, crashAfter))
	if now.Before(end) {
		s.later("pod", p.Namespace, p.Name, end.Sub(now))
		return
	}
	last.end, last.last = now, c.Log
	s.over(run)
	run.reason, run.exit = c.Reason, c.ExitCode
	switch {
	case run.reason == "Completed":
		run.exit = 0
	case run.reason == "":
		run.reason = "Error"
	}
	if run.exit == 0 && run.reason == "OOMKilled" {
		run.exit = 137
	} else if run.exit == 0 && run.reason != "Completed" {
		run.exit = 1
	}
	if last.end.Sub(last.start) >= resetBackoff {
		run.backoff = 0
	}
	// The first restart comes at once, the following ones after 10 s, 20 s, 40 s and so on.
	run.resume = now.Add(max(run.backoff, time.Second))
	if run.backoff > 0 {
		s.tell(o, "Warning", "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", p.Spec.Containers[0].Name, p.Name, p.Namespace, p.UID), "kubelet")
		run.backoff = min(2*run.backoff, longestBackoff)
	} else {
		run.backoff = firstBackoff
	}
	s.later("pod", p.Namespace, p.Name, run.resume.Sub(now))
}

// forgetAttempts drops the last lines of all starts but two: older logs cannot be asked for. Their number stays.
func (s *Server) forgetAttempts(run *podRun) {
	for i := range run.attempts[:len(run.attempts)-2] {
		run.attempts[i].last = nil
	}
}

func (s *Server) restartsNever(p *corev1.Pod, exit int32) bool {
	return p.Spec.RestartPolicy == corev1.RestartPolicyNever || p.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && exit == 0
}

// crashOf returns why the container will end; nil when it will not.
func (s *Server) crashOf(p *corev1.Pod, w Workload, run *podRun) *Crash {
	for _, d := range s.disksOf(p) {
		if strings.HasPrefix(d.text, "damaged") {
			return &Crash{Log: append([]string{"ERROR " + d.text}, damageLines(s.workloadName(p))...)}
		}
	}
	c := w.Crash
	if c == nil || (c.Times > 0 && len(run.attempts) > c.Times) {
		return nil
	}
	if c.AfterRestore {
		for _, d := range s.disksOf(p) {
			if d.restored {
				return c
			}
		}
		return nil
	}
	return c
}
