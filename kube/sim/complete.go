package sim

import (
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	claimProtection  = "kubernetes.io/pvc-protection"
	volumeProtection = "kubernetes.io/pv-protection"
	defaultClassNote = "storageclass.kubernetes.io/is-default-class"
)

// setDefault sets a field unless it is there.
func setDefault(m map[string]any, v any, fields ...string) {
	if _, found, _ := unstructured.NestedFieldNoCopy(m, fields...); !found {
		_ = unstructured.SetNestedField(m, v, fields...)
	}
}

// complete fills the fields that the real server defaults or admits, those that clients of this product read.
// It changes nothing on an object that is complete.
func (s *Server) complete(r *resource, o *object) {
	m := o.Object
	fresh := s.store.get(r, o.GetNamespace(), o.GetName()) == nil
	switch r.name {
	case "namespaces":
		setDefault(m, []any{"kubernetes"}, "spec", "finalizers")
		setDefault(m, "Active", "status", "phase")
		setDefault(m, o.GetName(), "metadata", "labels", metav1NameLabel)
	case "pods":
		completePod(m, "spec")
		setDefault(m, "Pending", "status", "phase")
		setDefault(m, qosOf(m), "status", "qosClass")
	case "deployments":
		completeTemplate(m)
		setDefault(m, int64(1), "spec", "replicas")
		setDefault(m, int64(10), "spec", "revisionHistoryLimit")
		setDefault(m, int64(600), "spec", "progressDeadlineSeconds")
		setDefault(m, "RollingUpdate", "spec", "strategy", "type")
		if t, _, _ := unstructured.NestedString(m, "spec", "strategy", "type"); t == "RollingUpdate" {
			setDefault(m, "25%", "spec", "strategy", "rollingUpdate", "maxUnavailable")
			setDefault(m, "25%", "spec", "strategy", "rollingUpdate", "maxSurge")
		}
	case "replicasets":
		completeTemplate(m)
		setDefault(m, int64(1), "spec", "replicas")
	case "statefulsets":
		completeTemplate(m)
		setDefault(m, int64(1), "spec", "replicas")
		setDefault(m, int64(10), "spec", "revisionHistoryLimit")
		setDefault(m, "OrderedReady", "spec", "podManagementPolicy")
		setDefault(m, "RollingUpdate", "spec", "updateStrategy", "type")
		setDefault(m, int64(0), "spec", "updateStrategy", "rollingUpdate", "partition")
		setDefault(m, "Retain", "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
		setDefault(m, "Retain", "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled")
		if list, ok, _ := unstructured.NestedSlice(m, "spec", "volumeClaimTemplates"); ok {
			for _, e := range list {
				c := e.(map[string]any)
				setDefault(c, "v1", "apiVersion")
				setDefault(c, "PersistentVolumeClaim", "kind")
				setDefault(c, "Filesystem", "spec", "volumeMode")
				setDefault(c, "Pending", "status", "phase")
			}
			_ = unstructured.SetNestedSlice(m, list, "spec", "volumeClaimTemplates")
		}
	case "persistentvolumeclaims":
		setDefault(m, "Filesystem", "spec", "volumeMode")
		setDefault(m, "Pending", "status", "phase")
		completeDataSource(m)
		if fresh {
			withFinalizer(o, claimProtection)
			if c := s.defaultClass(); c != "" {
				setDefault(m, c, "spec", "storageClassName")
			}
		}
	case "persistentvolumes":
		setDefault(m, "Filesystem", "spec", "volumeMode")
		setDefault(m, string(corev1.PersistentVolumeReclaimRetain), "spec", "persistentVolumeReclaimPolicy")
		setDefault(m, "Pending", "status", "phase")
		if fresh {
			withFinalizer(o, volumeProtection)
		}
	case "storageclasses":
		setDefault(m, "Delete", "reclaimPolicy")
		setDefault(m, "Immediate", "volumeBindingMode")
	case "services":
		s.completeService(m)
	case "secrets":
		setDefault(m, "Opaque", "type")
		completeSecret(m)
	}
}

const metav1NameLabel = "kubernetes.io/metadata.name"

func completeTemplate(m map[string]any) {
	if t, ok, _ := unstructured.NestedMap(m, "spec", "template"); ok {
		completePod(t, "spec")
		_ = unstructured.SetNestedMap(m, t, "spec", "template")
	}
}

// completePod fills m[at], a pod spec.
func completePod(m map[string]any, at string) {
	setDefault(m, "Always", at, "restartPolicy")
	setDefault(m, int64(30), at, "terminationGracePeriodSeconds")
	setDefault(m, "ClusterFirst", at, "dnsPolicy")
	setDefault(m, "default-scheduler", at, "schedulerName")
	setDefault(m, map[string]any{}, at, "securityContext")
	for _, list := range []string{"containers", "initContainers"} {
		l, ok, _ := unstructured.NestedSlice(m, at, list)
		if !ok {
			continue
		}
		for _, e := range l {
			c := e.(map[string]any)
			policy := "IfNotPresent"
			if img, _ := c["image"].(string); img != "" && isLatest(img) {
				policy = "Always"
			}
			setDefault(c, policy, "imagePullPolicy")
			setDefault(c, "/dev/termination-log", "terminationMessagePath")
			setDefault(c, "File", "terminationMessagePolicy")
			setDefault(c, map[string]any{}, "resources")
			if ports, ok := c["ports"].([]any); ok {
				for _, p := range ports {
					setDefault(p.(map[string]any), "TCP", "protocol")
				}
			}
		}
		_ = unstructured.SetNestedSlice(m, l, at, list)
	}
	if l, ok, _ := unstructured.NestedSlice(m, at, "volumes"); ok {
		for _, e := range l {
			v := e.(map[string]any)
			for _, kind := range []string{"secret", "configMap"} {
				if sub, ok := v[kind].(map[string]any); ok {
					setDefault(sub, int64(420), "defaultMode")
				}
			}
		}
		_ = unstructured.SetNestedSlice(m, l, at, "volumes")
	}
}

// completeSecret moves what was written as plain text to where it is kept.
func completeSecret(m map[string]any) {
	plain, ok, _ := unstructured.NestedStringMap(m, "stringData")
	if !ok {
		return
	}
	for k, v := range plain {
		_ = unstructured.SetNestedField(m, base64.StdEncoding.EncodeToString([]byte(v)), "data", k)
	}
	delete(m, "stringData")
}

func isLatest(image string) bool {
	for i := len(image) - 1; i >= 0 && image[i] != '/'; i-- {
		if image[i] == ':' || image[i] == '@' {
			return image[i:] == ":latest"
		}
	}
	return true
}

func qosOf(m map[string]any) string {
	l, _, _ := unstructured.NestedSlice(m, "spec", "containers")
	for _, e := range l {
		if res, _ := e.(map[string]any)["resources"].(map[string]any); len(res) > 0 {
			return "Burstable"
		}
	}
	return "BestEffort"
}

// completeDataSource keeps dataSource and dataSourceRef of a claim equal, as the real server does.
func completeDataSource(m map[string]any) {
	src, a, _ := unstructured.NestedMap(m, "spec", "dataSource")
	ref, b, _ := unstructured.NestedMap(m, "spec", "dataSourceRef")
	switch {
	case a && !b:
		_ = unstructured.SetNestedMap(m, src, "spec", "dataSourceRef")
	case b && !a && ref["namespace"] == nil:
		_ = unstructured.SetNestedMap(m, ref, "spec", "dataSource")
	}
}

func (s *Server) defaultClass() string {
	for _, c := range s.store.list(rClass, "") {
		if c.GetAnnotations()[defaultClassNote] == "true" {
			return c.GetName()
		}
	}
	return ""
}

func (s *Server) completeService(m map[string]any) {
	setDefault(m, "ClusterIP", "spec", "type")
	setDefault(m, "None", "spec", "sessionAffinity")
	setDefault(m, "Cluster", "spec", "internalTrafficPolicy")
	if _, found, _ := unstructured.NestedString(m, "spec", "clusterIP"); !found {
		ip := fmt.Sprintf("10.96.%d.%d", s.rand.IntN(255), 1+s.rand.IntN(254))
		setDefault(m, ip, "spec", "clusterIP")
	}
	ip, _, _ := unstructured.NestedString(m, "spec", "clusterIP")
	setDefault(m, []any{ip}, "spec", "clusterIPs")
	setDefault(m, []any{"IPv4"}, "spec", "ipFamilies")
	setDefault(m, "SingleStack", "spec", "ipFamilyPolicy")
	ports, _, _ := unstructured.NestedSlice(m, "spec", "ports")
	for _, e := range ports {
		p := e.(map[string]any)
		setDefault(p, "TCP", "protocol")
		if n, ok := p["targetPort"]; !ok || n == int64(0) {
			p["targetPort"] = p["port"]
		}
	}
	if ports != nil {
		_ = unstructured.SetNestedSlice(m, ports, "spec", "ports")
	}
}

func namespaceObject(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func nodeObject(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/hostname": name}},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"}},
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: gitVersion, OperatingSystem: "linux", Architecture: "amd64"},
		},
	}
}
