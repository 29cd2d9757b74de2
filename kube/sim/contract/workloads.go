package contract

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var deleting = []Case{
	{"delete preconditions", func(e *env) {
		c := e.configMap("a", nil)
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		err := cms.Delete(e.ctx, "a", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("other")})
		e.reason(err, metav1.StatusReasonConflict, 409, fmt.Sprintf(
			`Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID in record (%s). The object might have been deleted and then recreated`, c.UID))
		v := "1"
		err = cms.Delete(e.ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &v}})
		e.reason(err, metav1.StatusReasonConflict, 409, fmt.Sprintf(
			`Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (%s). The object might have been modified`, c.ResourceVersion))
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &c.UID, ResourceVersion: &c.ResourceVersion}}))
		err = cms.Delete(e.ctx, "a", metav1.DeleteOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `configmaps "a" not found`)
	}},
	{"a secret is made once, and goes by its uid", func(e *env) {
		secrets := e.kube.CoreV1().Secrets(e.ns)
		s, err := secrets.Create(e.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "dump", Annotations: map[string]string{"svrescue/made-by": "r-1"}},
			Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"content": []byte("{}\n\x00")}}, metav1.CreateOptions{})
		e.ok(err)
		if string(s.Data["content"]) != "{}\n\x00" || s.Annotations["svrescue/made-by"] != "r-1" || s.Type != corev1.SecretTypeOpaque {
			e.Errorf("it is %d bytes of type %s with %v", len(s.Data["content"]), s.Type, s.Annotations)
		}
		_, err = secrets.Create(e.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "dump"}}, metav1.CreateOptions{DryRun: dry})
		e.reason(err, metav1.StatusReasonAlreadyExists, 409, `secrets "dump" already exists`)
		_, err = e.kube.CoreV1().Secrets("no-such-namespace").Create(e.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "dump"}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `namespaces "no-such-namespace" not found`)
		err = secrets.Delete(e.ctx, "dump", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("other")})
		e.reason(err, metav1.StatusReasonConflict, 409, "")
		e.ok(secrets.Delete(e.ctx, "dump", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(s.UID))}))
		_, err = secrets.Get(e.ctx, "dump", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `secrets "dump" not found`)
	}},
	{"a namespace is made once", func(e *env) {
		_, err := e.kube.CoreV1().Namespaces().Create(e.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: e.ns}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonAlreadyExists, 409, fmt.Sprintf(`namespaces %q already exists`, e.ns))
		_, err = e.kube.CoreV1().Namespaces().Create(e.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: e.ns + "-dry"}}, metav1.CreateOptions{DryRun: dry})
		e.ok(err)
		_, err = e.kube.CoreV1().Namespaces().Get(e.ctx, e.ns+"-dry", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, fmt.Sprintf(`namespaces %q not found`, e.ns+"-dry"))
	}},
	{"finalizers hold an object", func(e *env) {
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		_, err := cms.Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", Finalizers: []string{"example.com/hold"}}}, metav1.CreateOptions{})
		e.ok(err)
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{}))
		c, err := cms.Get(e.ctx, "a", metav1.GetOptions{})
		e.ok(err)
		if c.DeletionTimestamp == nil {
			e.Error("no deletionTimestamp")
		}
		_, err = cms.Patch(e.ctx, "a", types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
		e.ok(err)
		_, err = cms.Get(e.ctx, "a", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, "")
	}},
	{"dependents go with their owner, or are orphaned", func(e *env) {
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		child := func(name string, of *corev1.ConfigMap) {
			_, err := cms.Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "v1", Kind: "ConfigMap", Name: of.Name, UID: of.UID}}}}, metav1.CreateOptions{})
			e.ok(err)
		}
		a, b := e.configMap("a", nil), e.configMap("b", nil)
		child("a1", a)
		child("b1", b)
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{}))
		orphan := metav1.DeletePropagationOrphan
		e.ok(cms.Delete(e.ctx, "b", metav1.DeleteOptions{PropagationPolicy: &orphan}))
		e.eventually("a1 collected", func() string { _, err := cms.Get(e.ctx, "a1", metav1.GetOptions{}); return e.gone(err) })
		e.eventually("b gone", func() string { _, err := cms.Get(e.ctx, "b", metav1.GetOptions{}); return e.gone(err) })
		c, err := cms.Get(e.ctx, "b1", metav1.GetOptions{})
		e.ok(err)
		if len(c.OwnerReferences) != 0 {
			e.Errorf("the orphan still has owners: %v", c.OwnerReferences)
		}
	}},
	{"foreground deletion waits for the dependents", func(e *env) {
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		a := e.configMap("a", nil)
		_, err := cms.Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a1", Finalizers: []string{"example.com/hold"}, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: "a", UID: a.UID, BlockOwnerDeletion: ptr(true)}}}}, metav1.CreateOptions{})
		e.ok(err)
		foreground := metav1.DeletePropagationForeground
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{PropagationPolicy: &foreground}))
		e.eventually("the dependent is being deleted", func() string {
			c, err := cms.Get(e.ctx, "a1", metav1.GetOptions{})
			e.ok(err)
			if c.DeletionTimestamp == nil {
				return "not yet"
			}
			return ""
		})
		e.stays("the owner waits", func() string {
			_, err := cms.Get(e.ctx, "a", metav1.GetOptions{})
			e.ok(err)
			return ""
		})
		_, err = cms.Patch(e.ctx, "a1", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		e.ok(err)
		e.eventually("the owner goes", func() string { _, err := cms.Get(e.ctx, "a", metav1.GetOptions{}); return e.gone(err) })
	}},
	{"a namespace goes with everything in it", func(e *env) {
		ns, err := e.kube.CoreV1().Namespaces().Create(e.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "contract-gone-"}}, metav1.CreateOptions{})
		e.ok(err)
		_, err = e.kube.CoreV1().ConfigMaps(ns.Name).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", Finalizers: []string{"example.com/hold"}}}, metav1.CreateOptions{})
		e.ok(err)
		e.ok(e.kube.CoreV1().Namespaces().Delete(e.ctx, ns.Name, metav1.DeleteOptions{}))
		n, err := e.kube.CoreV1().Namespaces().Get(e.ctx, ns.Name, metav1.GetOptions{})
		e.ok(err)
		if n.Status.Phase != corev1.NamespaceTerminating {
			e.Errorf("phase %s", n.Status.Phase)
		}
		_, err = e.kube.CoreV1().ConfigMaps(ns.Name).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "b"}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonForbidden, 403, fmt.Sprintf(`configmaps "b" is forbidden: unable to create new content in namespace %s because it is being terminated`, ns.Name))
		_, err = e.kube.CoreV1().ConfigMaps(ns.Name).Patch(e.ctx, "a", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		e.ok(err)
		e.eventually("namespace gone", func() string {
			_, err := e.kube.CoreV1().Namespaces().Get(e.ctx, ns.Name, metav1.GetOptions{})
			return e.gone(err)
		})
	}},
}

// settled waits until the deployment controller has written all it will.
func (e *env) settled(deployment string) {
	e.Helper()
	e.eventually("controllers are done", func() string {
		d, err := e.kube.AppsV1().Deployments(e.ns).Get(e.ctx, deployment, metav1.GetOptions{})
		e.ok(err)
		if d.Status.ObservedGeneration == d.Generation && len(d.Status.Conditions) == 2 && d.Annotations["deployment.kubernetes.io/revision"] != "" {
			return ""
		}
		return fmt.Sprintf("%+v", d.Status)
	})
	e.stays("nothing moves", func() string { return "" })
}

func (e *env) pods(app string) []corev1.Pod {
	e.Helper()
	l, err := e.kube.CoreV1().Pods(e.ns).List(e.ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	e.ok(err)
	return l.Items
}

var workloads = []Case{
	{"deployment comes up, is scaled to 0, and its pods are gone", func(e *env) {
		ds := e.kube.AppsV1().Deployments(e.ns)
		_, err := ds.Create(e.ctx, e.deployment("d", 1), metav1.CreateOptions{})
		e.ok(err)
		e.eventually("available", func() string {
			d, err := ds.Get(e.ctx, "d", metav1.GetOptions{})
			e.ok(err)
			if s := d.Status; s.ObservedGeneration == d.Generation && s.AvailableReplicas == 1 && s.ReadyReplicas == 1 && s.UpdatedReplicas == 1 && s.Replicas == 1 {
				return ""
			}
			return fmt.Sprintf("%+v", d.Status)
		})
		p := e.pods("d")
		if len(p) != 1 || !strings.HasPrefix(p[0].Name, "d-") || p[0].Spec.NodeName == "" {
			e.Fatalf("pods %v", p)
		}
		sc, err := ds.GetScale(e.ctx, "d", metav1.GetOptions{})
		e.ok(err)
		sc.Spec.Replicas = 0
		_, err = ds.UpdateScale(e.ctx, "d", sc, metav1.UpdateOptions{})
		e.ok(err)
		e.eventually("no pods", func() string {
			if n := len(e.pods("d")); n > 0 {
				return fmt.Sprint(n, " pods")
			}
			return ""
		})
		e.eventually("status says 0", func() string {
			d, err := ds.Get(e.ctx, "d", metav1.GetOptions{})
			e.ok(err)
			if d.Status.Replicas == 0 && d.Status.ReadyReplicas == 0 && d.Status.ObservedGeneration == d.Generation {
				return ""
			}
			return fmt.Sprintf("%+v", d.Status)
		})
	}},
	{"a changed template replaces the pod and keeps the old replica set", func(e *env) {
		ds := e.kube.AppsV1().Deployments(e.ns)
		_, err := ds.Create(e.ctx, e.deployment("d", 1), metav1.CreateOptions{})
		e.ok(err)
		ready := func(not types.UID) (uid types.UID) {
			e.eventually("one ready pod", func() string {
				d, err := ds.Get(e.ctx, "d", metav1.GetOptions{})
				e.ok(err)
				p := e.pods("d")
				if d.Status.ReadyReplicas == 1 && d.Status.ObservedGeneration == d.Generation && len(p) == 1 && p[0].UID != not {
					uid = p[0].UID
					return ""
				}
				return fmt.Sprintf("%+v, %d pods", d.Status, len(p))
			})
			return
		}
		first := ready("")
		_, err = ds.Patch(e.ctx, "d", types.StrategicMergePatchType, []byte(`{"spec":{"template":{"metadata":{"annotations":{"v":"2"}}}}}`), metav1.PatchOptions{})
		e.ok(err)
		ready(first)
		rs, err := e.kube.AppsV1().ReplicaSets(e.ns).List(e.ctx, metav1.ListOptions{LabelSelector: "app=d"})
		e.ok(err)
		if len(rs.Items) != 2 {
			e.Errorf("%d replica sets", len(rs.Items))
		}
	}},
	{"a crashing container is restarted and its logs are kept", func(e *env) {
		p := e.pod("crasher")
		p.Spec.Containers[0].Command[2] = "echo starting; echo it failed; exit 3"
		e.makePod(p)
		e.eventually("CrashLoopBackOff", func() string {
			p, err := e.kube.CoreV1().Pods(e.ns).Get(e.ctx, "crasher", metav1.GetOptions{})
			e.ok(err)
			for _, c := range p.Status.ContainerStatuses {
				if w := c.State.Waiting; w != nil && w.Reason == "CrashLoopBackOff" && c.RestartCount > 0 {
					if t := c.LastTerminationState.Terminated; t == nil || t.ExitCode != 3 || t.Reason != "Error" {
						return fmt.Sprintf("last state %+v", c.LastTerminationState)
					}
					if !strings.Contains(w.Message, "back-off ") || !strings.Contains(w.Message, "restarting failed container=main") {
						e.Errorf("message %q", w.Message)
					}
					return ""
				}
			}
			return fmt.Sprintf("%+v", p.Status.ContainerStatuses)
		})
		b, err := e.kube.CoreV1().Pods(e.ns).GetLogs("crasher", &corev1.PodLogOptions{Previous: true, TailLines: ptr(int64(1))}).DoRaw(e.ctx)
		e.ok(err)
		if string(b) != "it failed\n" {
			e.Errorf("previous log %q", b)
		}
		b, err = e.kube.CoreV1().Pods(e.ns).GetLogs("crasher", &corev1.PodLogOptions{TailLines: ptr(int64(1)), Timestamps: true}).DoRaw(e.ctx)
		e.ok(err)
		if at, text, ok := strings.Cut(string(b), " "); !ok || text != "it failed\n" || !strings.Contains(at, "T") {
			e.Errorf("log with timestamps %q", b)
		}
	}},
	{"log of a pod that never started", func(e *env) {
		e.makePod(e.pod("p", "no-such-claim"))
		b, err := e.kube.CoreV1().Pods(e.ns).GetLogs("p", &corev1.PodLogOptions{}).DoRaw(e.ctx)
		e.ok(err)
		if len(b) != 0 {
			e.Errorf("a pod without node has the log %q", b)
		}
		p := e.pod("q")
		p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "no-such-secret"}}}}
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
		e.makePod(p)
		e.told("Pod", "q", "FailedMount", func(m string) bool {
			return m == `MountVolume.SetUp failed for volume "v" : secret "no-such-secret" not found`
		})
		_, err = e.kube.CoreV1().Pods(e.ns).GetLogs("q", &corev1.PodLogOptions{}).Stream(e.ctx)
		e.reason(err, metav1.StatusReasonBadRequest, 400, `container "main" in pod "q" is waiting to start: ContainerCreating`)
	}},
	{"stateful set: ordered pods, claims that stay", func(e *env) {
		ss := e.kube.AppsV1().StatefulSets(e.ns)
		_, err := ss.Create(e.ctx, e.statefulSet("pg", 2), metav1.CreateOptions{})
		e.ok(err)
		e.eventually("2 ready", func() string {
			s, err := ss.Get(e.ctx, "pg", metav1.GetOptions{})
			e.ok(err)
			if s.Status.ReadyReplicas == 2 && s.Status.ObservedGeneration == s.Generation {
				return ""
			}
			return fmt.Sprintf("%+v", s.Status)
		})
		zero, one := e.podReady("pg-0"), e.podReady("pg-1")
		if one.CreationTimestamp.Before(&zero.CreationTimestamp) {
			e.Error("pg-1 was there before pg-0")
		}
		if !slices.ContainsFunc(zero.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == "data-pg-0"
		}) {
			e.Errorf("volumes %v", zero.Spec.Volumes)
		}
		e.bound("data-pg-0")
		_, err = ss.Patch(e.ctx, "pg", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}, "scale")
		e.ok(err)
		e.eventually("no pods", func() string {
			if n := len(e.pods("pg")); n > 0 {
				return fmt.Sprint(n, " pods")
			}
			return ""
		})
		e.bound("data-pg-1")
		_, err = ss.Patch(e.ctx, "pg", types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/volumeClaimTemplates/0/spec/resources/requests/storage","value":"9Mi"}]`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "StatefulSet.apps \"pg\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
		e.ok(ss.Delete(e.ctx, "pg", metav1.DeleteOptions{}))
		e.eventually("set gone", func() string { _, err := ss.Get(e.ctx, "pg", metav1.GetOptions{}); return e.gone(err) })
		e.bound("data-pg-0")
	}},
	{"deleting a deployment takes replica sets and pods along", func(e *env) {
		ds := e.kube.AppsV1().Deployments(e.ns)
		_, err := ds.Create(e.ctx, e.deployment("d", 1), metav1.CreateOptions{})
		e.ok(err)
		e.eventually("a pod", func() string {
			if len(e.pods("d")) == 1 {
				return ""
			}
			return "none"
		})
		e.ok(ds.Delete(e.ctx, "d", metav1.DeleteOptions{}))
		e.eventually("all gone", func() string {
			rs, err := e.kube.AppsV1().ReplicaSets(e.ns).List(e.ctx, metav1.ListOptions{})
			e.ok(err)
			if n := len(rs.Items) + len(e.pods("d")); n > 0 {
				return fmt.Sprint(n, " left")
			}
			return ""
		})
	}},
	{"a pod without its claim is not scheduled, and says so", func(e *env) {
		e.makePod(e.pod("p", "missing"))
		e.eventually("Unschedulable", func() string {
			p, err := e.kube.CoreV1().Pods(e.ns).Get(e.ctx, "p", metav1.GetOptions{})
			e.ok(err)
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable {
					if c.Message != `0/1 nodes are available: persistentvolumeclaim "missing" not found. not found` {
						e.Fatalf("message %q", c.Message)
					}
					return ""
				}
			}
			return fmt.Sprintf("%+v", p.Status)
		})
		e.told("Pod", "p", "FailedScheduling", func(m string) bool {
			return strings.Contains(m, `persistentvolumeclaim "missing" not found`)
		})
		e.ok(e.kube.CoreV1().Pods(e.ns).Delete(e.ctx, "p", metav1.DeleteOptions{}))
		_, err := e.kube.CoreV1().Pods(e.ns).Get(e.ctx, "p", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, "") // no node, no grace
	}},
	{"a pod is given its grace, or none", func(e *env) {
		for _, n := range []string{"slow", "forced"} {
			p := e.pod(n)
			p.Spec.TerminationGracePeriodSeconds = ptr(int64(20))
			e.makePod(p)
		}
		e.podReady("slow")
		e.podReady("forced")
		pods := e.kube.CoreV1().Pods(e.ns)
		e.ok(pods.Delete(e.ctx, "slow", metav1.DeleteOptions{GracePeriodSeconds: ptr(int64(2))}))
		p, err := pods.Get(e.ctx, "slow", metav1.GetOptions{})
		e.ok(err)
		if p.DeletionTimestamp == nil || *p.DeletionGracePeriodSeconds != 2 {
			e.Errorf("deletion %v grace %v", p.DeletionTimestamp, p.DeletionGracePeriodSeconds)
		}
		e.ok(pods.Delete(e.ctx, "forced", metav1.DeleteOptions{GracePeriodSeconds: ptr(int64(0))}))
		_, err = pods.Get(e.ctx, "forced", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, "")
		e.eventually("slow gone", func() string { _, err := pods.Get(e.ctx, "slow", metav1.GetOptions{}); return e.gone(err) })
	}},
}
