package contract

import (
	"fmt"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}}
}

func (e *env) podSpec(command string, claims ...string) corev1.PodSpec {
	spec := corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr(int64(1)),
		Containers: []corev1.Container{{Name: "main", Image: e.Image, ImagePullPolicy: corev1.PullNever,
			Command: []string{"sh", "-c", command}}},
	}
	for i, c := range claims {
		v := fmt.Sprintf("v%d", i)
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: v, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c}}})
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: v, MountPath: "/" + v})
	}
	return spec
}

const idle = "while :; do sleep 1; done"

func (e *env) pod(name string, claims ...string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: meta(name), Spec: e.podSpec(idle, claims...)}
}

func (e *env) deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta(name), Spec: appsv1.DeploymentSpec{
		Replicas: &replicas,
		Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}}, Spec: e.podSpec(idle)},
	}}
}

func (e *env) statefulSet(name string, replicas int32) *appsv1.StatefulSet {
	spec := e.podSpec(idle)
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	return &appsv1.StatefulSet{ObjectMeta: meta(name), Spec: appsv1.StatefulSetSpec{
		Replicas: &replicas, ServiceName: name,
		Selector:             &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		Template:             corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}}, Spec: spec},
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*e.claim("data", e.Immediate, "8Mi")},
	}}
}

func (e *env) claim(name, class, size string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
	}}
}

func (e *env) restored(name, snapshot, size string) *corev1.PersistentVolumeClaim {
	c := e.claim(name, e.Immediate, size)
	c.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: snapshot}
	return c
}

func (e *env) snapshot(name, claim string) *snapv1.VolumeSnapshot {
	return &snapv1.VolumeSnapshot{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: snapv1.VolumeSnapshotSpec{
		VolumeSnapshotClassName: &e.SnapshotClass, Source: snapv1.VolumeSnapshotSource{PersistentVolumeClaimName: &claim}}}
}

// Short names for what every case does.

func (e *env) makePod(p *corev1.Pod) *corev1.Pod {
	e.Helper()
	out, err := e.kube.CoreV1().Pods(e.ns).Create(e.ctx, p, metav1.CreateOptions{})
	e.ok(err)
	return out
}

func (e *env) makeClaim(c *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	e.Helper()
	out, err := e.kube.CoreV1().PersistentVolumeClaims(e.ns).Create(e.ctx, c, metav1.CreateOptions{})
	e.ok(err)
	return out
}

func (e *env) configMap(name string, labels map[string]string) *corev1.ConfigMap {
	e.Helper()
	out, err := e.kube.CoreV1().ConfigMaps(e.ns).Create(e.ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Data: map[string]string{"k": "1"}}, metav1.CreateOptions{})
	e.ok(err)
	return out
}

func (e *env) bound(claim string) *corev1.PersistentVolumeClaim {
	e.Helper()
	var out *corev1.PersistentVolumeClaim
	e.eventually("claim "+claim+" Bound", func() string {
		c, err := e.kube.CoreV1().PersistentVolumeClaims(e.ns).Get(e.ctx, claim, metav1.GetOptions{})
		e.ok(err)
		out = c
		if c.Status.Phase == corev1.ClaimBound {
			return ""
		}
		return string(c.Status.Phase)
	})
	return out
}

func (e *env) podReady(name string) *corev1.Pod {
	e.Helper()
	var out *corev1.Pod
	e.eventually("pod "+name+" Ready", func() string {
		p, err := e.kube.CoreV1().Pods(e.ns).Get(e.ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		out = p
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return ""
			}
		}
		return string(p.Status.Phase)
	})
	return out
}

// told waits for an event about a named object whose message satisfies f.
func (e *env) told(kind, name, reason string, f func(string) bool) {
	e.Helper()
	e.eventually("event "+reason+" about "+name, func() string {
		l, err := e.kube.CoreV1().Events(e.ns).List(e.ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=" + kind + ",involvedObject.name=" + name})
		e.ok(err)
		seen := ""
		for _, v := range l.Items {
			if v.Reason == reason && f(v.Message) {
				return ""
			}
			seen += v.Reason + ": " + v.Message + "\n"
		}
		return "only\n" + seen
	})
}
