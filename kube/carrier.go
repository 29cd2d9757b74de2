package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Carried is where a path is: the pod or the workload that has it, its container, and the claim that is mounted there.
type Carried struct {
	Namespace string
	Pod       string // that is there; empty: none
	Workload  string // kind/name that the template was taken of; empty: of the pod
	Container string
	Claim     string // empty: the path is on no claim
	Mount     string // path at which it is mounted
	Node      string // where the volume is in use, or the pod runs; empty: nowhere
	Running   bool   // the container runs, so that a command can be run in it
	State     string // of the container, for people

	spec    corev1.PodSpec
	mount   corev1.VolumeMount
	imageID string
	single  bool // the claim may be mounted by one pod only (ReadWriteOncePod)
}

// CarrierContainer is the container of a carrier.
const CarrierContainer = "carrier"

// CarrierCall is the label that tells which call made a carrier.
const CarrierCall = "svrescue/upload"

// CarrierLives is how long a carrier stays, in seconds, should nobody take it away.
const CarrierLives = 12 * 3600

// Carrier is a pod that does nothing but mount a claim where the app mounts it, with the app's image, user and group.
type Carrier struct {
	Namespace, Name string
	Call            string // in its label CarrierCall
	Image           string
	Node            string   // where it must run; empty: wherever the scheduler puts it
	Remarks         []string // sentences on what may not be as in the app
	pod             *corev1.Pod
}

// Carry finds out where a path of a pod is, or of a Deployment or StatefulSet of that name. container may be empty: then it is the one that
// mounts the path deepest. A name that is neither is an *Error of kind NotFound.
func (c *Cluster) Carry(ctx context.Context, ns, name, container, path string) (Carried, error) {
	out := Carried{Namespace: ns}
	pod, err := c.kube.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
	a := access("get", "", "pods", ns, name)
	if e := failed(a, err); err != nil && KindOf(e) != NotFound {
		return out, e
	}
	if err != nil {
		if pod, err = c.ofWorkload(ctx, ns, name, &out); err != nil {
			return out, err
		}
	}
	out.spec = pod.Spec
	if pod.UID != "" {
		out.Pod, out.Node = pod.Name, pod.Spec.NodeName
	}
	if err := out.choose(container, path); err != nil {
		return out, err
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == out.Container {
			out.imageID = s.ImageID
			out.Running = s.State.Running != nil && pod.DeletionTimestamp == nil
			out.State = stateText(s)
		}
	}
	return out, nil
}

func stateText(s corev1.ContainerStatus) string {
	switch {
	case s.State.Running != nil:
		return "running"
	case s.State.Waiting != nil:
		return "waiting: " + clean(cmp.Or(s.State.Waiting.Reason, "no reason told"), 80)
	case s.State.Terminated != nil:
		return "ended: " + clean(cmp.Or(s.State.Terminated.Reason, "no reason told"), 80)
	}
	return "not started"
}

// ofWorkload is a pod of the workload, a running one first, or what its template would make.
func (c *Cluster) ofWorkload(ctx context.Context, ns, name string, out *Carried) (*corev1.Pod, error) {
	var template corev1.PodTemplateSpec
	var selector *metav1.LabelSelector
	d, err := c.kube.AppsV1().Deployments(ns).Get(ctx, name, metav1.GetOptions{})
	a := access("get", groupApps, "deployments", ns, name)
	var s *appsv1.StatefulSet
	switch e := failed(a, err); {
	case err == nil:
		out.Workload, template, selector = "deployment/"+name, d.Spec.Template, d.Spec.Selector
	case KindOf(e) != NotFound:
		return nil, e
	default:
		a = access("get", groupApps, "statefulsets", ns, name)
		if s, err = c.kube.AppsV1().StatefulSets(ns).Get(ctx, name, metav1.GetOptions{}); err != nil {
			if e := failed(a, err); KindOf(e) != NotFound {
				return nil, e
			}
			return nil, &Error{Kind: NotFound, Tried: "find " + clean(name, 100) + " in namespace " + clean(ns, 100), Seen: "there is no pod, deployment or statefulset of this name",
				Next: "name one that there is: kubectl get pods,deployments,statefulsets; where the app is scaled to 0, name its deployment", Access: &a}
		}
		out.Workload, template, selector = "statefulset/"+name, s.Spec.Template, s.Spec.Selector
	}
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, failed(a, err)
	}
	l, err := c.kube.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: match.String()})
	if err != nil {
		return nil, failed(access("list", "", "pods", ns, ""), err)
	}
	var best *corev1.Pod
	for i := range l.Items {
		p := &l.Items[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.DeletionTimestamp != nil {
			continue
		}
		if best == nil || p.Status.Phase == corev1.PodRunning && best.Status.Phase != corev1.PodRunning {
			best = p
		}
	}
	if best != nil {
		return best, nil
	}
	p := &corev1.Pod{Spec: template.Spec}
	if s != nil {
		for _, claim := range s.Spec.VolumeClaimTemplates {
			p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("%s-%s-%d", claim.Name, s.Name, firstOrdinal(s))}}})
		}
	}
	return p, nil
}

func firstOrdinal(s *appsv1.StatefulSet) int32 {
	if s.Spec.Ordinals != nil {
		return s.Spec.Ordinals.Start
	}
	return 0
}

// choose finds the container and the mount of a path.
func (o *Carried) choose(container, path string) error {
	depth := -1
	for _, k := range o.spec.Containers {
		if container != "" && k.Name != container {
			continue
		}
		if o.Container == "" {
			o.Container = k.Name
		}
		for _, m := range k.VolumeMounts {
			at := strings.TrimSuffix(m.MountPath, "/")
			if (path == at || strings.HasPrefix(path, at+"/")) && len(at) > depth {
				depth, o.Container, o.mount, o.Mount = len(at), k.Name, m, m.MountPath
			}
		}
	}
	if o.Container == "" {
		return &Error{Kind: NotFound, Tried: "find container " + clean(container, 100), Seen: "the pod has no such container", Next: "name one of its containers, or leave it out"}
	}
	for _, v := range o.spec.Volumes {
		if v.Name == o.mount.Name && v.PersistentVolumeClaim != nil {
			o.Claim = v.PersistentVolumeClaim.ClaimName
		}
	}
	return nil
}

// inUse finds the node on which the claim is mounted, should the pod itself not tell.
func (c *Cluster) inUse(ctx context.Context, out *Carried) error {
	claim, err := c.kube.CoreV1().PersistentVolumeClaims(out.Namespace).Get(ctx, out.Claim, metav1.GetOptions{})
	if err != nil {
		return failed(access("get", "", "persistentvolumeclaims", out.Namespace, out.Claim), err)
	}
	out.single = slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteOncePod)
	if slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) {
		out.Node = ""
		return nil
	}
	if out.Node != "" {
		return nil
	}
	pods, err := c.Pods(ctx, out.Namespace, "")
	if err != nil {
		return err
	}
	for _, p := range pods {
		if slices.Contains(p.Claims, out.Claim) && p.Node != "" && p.Phase != "Succeeded" && p.Phase != "Failed" {
			out.Node = p.Node
		}
	}
	return nil
}

// Carrier looks where the claim is in use, and answers the pod that can write to the path. Where there can be none the error is of kind
// Invalid. call tells the pod from one that another call has made; it is a label's value.
func (c *Cluster) Carrier(ctx context.Context, o Carried, call string) (Carrier, error) {
	if o.Claim != "" {
		if err := c.inUse(ctx, &o); err != nil {
			return Carrier{}, err
		}
	}
	return o.carrier(call)
}

func (o Carried) carrier(call string) (Carrier, error) {
	tried := "make a helper pod for " + o.Namespace + "/" + cmp.Or(o.Pod, o.Workload)
	refuse := func(seen, next string) (Carrier, error) {
		return Carrier{}, &Error{Kind: Invalid, Tried: tried, Seen: seen, Next: next}
	}
	switch {
	case o.Claim == "":
		return refuse("the path is on no claim, so that another pod cannot write there", "name a path on a volume that outlives the pod")
	case o.mount.ReadOnly:
		return refuse("the app mounts the claim read-only", "look what writes there, and copy the file to it")
	case o.single && o.Pod != "":
		return refuse("claim "+o.Claim+" may be mounted by one pod only, and "+o.Pod+" is there", "scale the app to 0, and name its deployment instead of the pod")
	}
	app := o.spec.Containers[slices.IndexFunc(o.spec.Containers, func(k corev1.Container) bool { return k.Name == o.Container })]
	c := Carrier{Namespace: o.Namespace, Name: CarrierName(o.Claim), Call: call, Image: app.Image, Node: o.Node}
	if at := strings.Index(o.imageID, "@sha256:"); at >= 0 {
		c.Image = strings.TrimPrefix(o.imageID, "docker-pullable://")
	} else if !strings.Contains(app.Image, "@sha256:") {
		c.Remarks = append(c.Remarks, "No pod tells the digest of the app's image, so it is named by its tag.")
	}
	no, life, grace := false, int64(CarrierLives), int64(2)
	spec := o.spec
	c.pod = &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: c.Name, Labels: map[string]string{"app.kubernetes.io/managed-by": "svrescue", CarrierCall: call}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: &life, TerminationGracePeriodSeconds: &grace, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			ServiceAccountName: spec.ServiceAccountName, ImagePullSecrets: spec.ImagePullSecrets, SecurityContext: spec.SecurityContext, Tolerations: appTolerations(spec.Tolerations),
			NodeSelector: spec.NodeSelector, RuntimeClassName: spec.RuntimeClassName,
			Containers: []corev1.Container{{
				Name: CarrierContainer, Image: c.Image, ImagePullPolicy: app.ImagePullPolicy, SecurityContext: app.SecurityContext,
				Command:      []string{"sh", "-c", "trap 'exit 0' TERM; sleep 43200 & wait"},
				Resources:    corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")}},
				VolumeMounts: []corev1.VolumeMount{o.mount},
			}},
			Volumes: []corev1.Volume{{Name: o.mount.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: o.Claim}}}},
		},
	}
	if o.Node != "" { // as a DaemonSet does it: the scheduler still looks at the node's room
		c.pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{o.Node}}}}}}}}
	}
	return c, nil
}

// appTolerations are those of the template, without the two that every pod gets by itself.
func appTolerations(all []corev1.Toleration) []corev1.Toleration {
	return slices.DeleteFunc(slices.Clone(all), func(t corev1.Toleration) bool {
		return t.TolerationSeconds != nil && (t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable)
	})
}

// CarrierName is the name of the pod that writes to a claim.
func CarrierName(claim string) string { return "svrescue-upload-" + shortName(claim) }

// shortName is the end of a name as a part of another one.
func shortName(name string) string {
	name = strings.ReplaceAll(name, ".", "-")
	return strings.Trim(name[max(0, len(name)-40):], "-")
}

// AccessCarrier is what making and removing a carrier needs.
func AccessCarrier(ns, name string) []Access {
	return []Access{access("create", "", "pods", ns, name), access("delete", "", "pods", ns, name)}
}

// CommandCreateCarrier is CreateCarrier as a command line with the manifest below it.
func CommandCreateCarrier(w Where, c Carrier) (string, error) {
	text, err := manifest(c.pod)
	if err != nil {
		return "", err
	}
	return heredoc(w.kubectl(c.Namespace, "create", "-f", "-"), text), nil
}

// CreateCarrier makes the pod; its precondition is that there is none of the name (AlreadyExists). It answers the uid.
func (h *Hands) CreateCarrier(ctx context.Context, c Carrier) (string, error) {
	a := AccessCarrier(c.Namespace, c.Name)[0]
	if err := h.ready(a); err != nil {
		return "", err
	}
	made, err := h.kube.CoreV1().Pods(c.Namespace).Create(ctx, c.pod, metav1.CreateOptions{})
	if err != nil {
		return "", failed(a, err)
	}
	return string(made.UID), nil
}
