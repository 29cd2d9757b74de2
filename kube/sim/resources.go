package sim

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// resource is one row of the API: what discovery lists and what a path is resolved to.
type resource struct {
	group, version, name, singular, kind string
	namespaced                           bool
	short                                []string
	status, scale                        bool // subresources
	virtual                              bool // answered, never stored (access reviews)
	crd                                  bool // served like a custom resource: no protobuf, no strategic merge patch
	mustVersion                          bool // an update without resourceVersion is invalid
	returnDeleted                        bool // DELETE answers with the object instead of a Status
}

func (r *resource) gvk() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.group, Version: r.version, Kind: r.kind}
}

func (r *resource) gr() schema.GroupResource {
	return schema.GroupResource{Group: r.group, Resource: r.name}
}

func (r *resource) apiVersion() string {
	return schema.GroupVersion{Group: r.group, Version: r.version}.String()
}

// typed returns a new, empty Go object of the resource's kind; nil for custom resources.
func (r *resource) typed() runtime.Object {
	if r.crd {
		return nil
	}
	o, err := scheme.Scheme.New(r.gvk())
	if err != nil {
		return nil
	}
	return o
}

// Rows that controllers name directly.
var (
	rNamespace     = &resource{version: "v1", name: "namespaces", singular: "namespace", kind: "Namespace", short: []string{"ns"}, status: true}
	rPod           = &resource{version: "v1", name: "pods", singular: "pod", kind: "Pod", namespaced: true, short: []string{"po"}, status: true, returnDeleted: true}
	rSecret        = &resource{version: "v1", name: "secrets", singular: "secret", kind: "Secret", namespaced: true}
	rConfigMap     = &resource{version: "v1", name: "configmaps", singular: "configmap", kind: "ConfigMap", namespaced: true, short: []string{"cm"}}
	rEvent         = &resource{version: "v1", name: "events", singular: "event", kind: "Event", namespaced: true, short: []string{"ev"}}
	rNode          = &resource{version: "v1", name: "nodes", singular: "node", kind: "Node", short: []string{"no"}, status: true}
	rClaim         = &resource{version: "v1", name: "persistentvolumeclaims", singular: "persistentvolumeclaim", kind: "PersistentVolumeClaim", namespaced: true, short: []string{"pvc"}, status: true, returnDeleted: true}
	rVolume        = &resource{version: "v1", name: "persistentvolumes", singular: "persistentvolume", kind: "PersistentVolume", short: []string{"pv"}, status: true, returnDeleted: true}
	rService       = &resource{version: "v1", name: "services", singular: "service", kind: "Service", namespaced: true, short: []string{"svc"}, status: true, returnDeleted: true}
	rDeployment    = &resource{group: "apps", version: "v1", name: "deployments", singular: "deployment", kind: "Deployment", namespaced: true, short: []string{"deploy"}, status: true, scale: true}
	rReplicaSet    = &resource{group: "apps", version: "v1", name: "replicasets", singular: "replicaset", kind: "ReplicaSet", namespaced: true, short: []string{"rs"}, status: true, scale: true}
	rStatefulSet   = &resource{group: "apps", version: "v1", name: "statefulsets", singular: "statefulset", kind: "StatefulSet", namespaced: true, short: []string{"sts"}, status: true, scale: true}
	rClass         = &resource{group: "storage.k8s.io", version: "v1", name: "storageclasses", singular: "storageclass", kind: "StorageClass", short: []string{"sc"}, returnDeleted: true}
	rSnapshot      = &resource{group: "snapshot.storage.k8s.io", version: "v1", name: "volumesnapshots", singular: "volumesnapshot", kind: "VolumeSnapshot", namespaced: true, short: []string{"vs"}, status: true, crd: true, mustVersion: true}
	rContent       = &resource{group: "snapshot.storage.k8s.io", version: "v1", name: "volumesnapshotcontents", singular: "volumesnapshotcontent", kind: "VolumeSnapshotContent", short: []string{"vsc", "vscs"}, status: true, crd: true, mustVersion: true}
	rSnapClass     = &resource{group: "snapshot.storage.k8s.io", version: "v1", name: "volumesnapshotclasses", singular: "volumesnapshotclass", kind: "VolumeSnapshotClass", short: []string{"vsclass", "vsclasses"}, crd: true, mustVersion: true}
	rApplication   = &resource{group: "argoproj.io", version: "v1alpha1", name: "applications", singular: "application", kind: "Application", namespaced: true, short: []string{"app", "apps"}, crd: true, mustVersion: true}
	rKustomization = &resource{group: "kustomize.toolkit.fluxcd.io", version: "v1", name: "kustomizations", singular: "kustomization", kind: "Kustomization", namespaced: true, short: []string{"ks"}, status: true, crd: true, mustVersion: true}
	rHelmRelease   = &resource{group: "helm.toolkit.fluxcd.io", version: "v2", name: "helmreleases", singular: "helmrelease", kind: "HelmRelease", namespaced: true, short: []string{"hr"}, status: true, crd: true, mustVersion: true}
	rScaledObject  = &resource{group: "keda.sh", version: "v1alpha1", name: "scaledobjects", singular: "scaledobject", kind: "ScaledObject", namespaced: true, short: []string{"so"}, status: true, crd: true, mustVersion: true}
	rLease         = &resource{group: "coordination.k8s.io", version: "v1", name: "leases", singular: "lease", kind: "Lease", namespaced: true, mustVersion: true}
	rReview        = &resource{group: "authorization.k8s.io", version: "v1", name: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview", kind: "SelfSubjectAccessReview", virtual: true}
)

// table lists every resource in the order of discovery.
var table = []*resource{
	rNamespace, rPod, rService,
	rSecret, rConfigMap,
	rEvent, rNode, rClaim, rVolume,
	{version: "v1", name: "serviceaccounts", singular: "serviceaccount", kind: "ServiceAccount", namespaced: true, short: []string{"sa"}, returnDeleted: true},
	rDeployment, rReplicaSet, rStatefulSet,
	rClass, rSnapshot, rContent, rSnapClass,
	rLease,
	{group: "autoscaling", version: "v2", name: "horizontalpodautoscalers", singular: "horizontalpodautoscaler", kind: "HorizontalPodAutoscaler", namespaced: true, short: []string{"hpa"}, status: true},
	{group: "batch", version: "v1", name: "jobs", singular: "job", kind: "Job", namespaced: true, status: true},
	rApplication, rKustomization, rHelmRelease, rScaledObject,
	rReview,
}

func findResource(group, version, name string) *resource {
	for _, r := range table {
		if r.group == group && r.version == version && r.name == name {
			return r
		}
	}
	return nil
}

func findKind(gvk schema.GroupVersionKind) *resource {
	for _, r := range table {
		if r.gvk() == gvk {
			return r
		}
	}
	return nil
}

// finishedPod tells whether no container of the pod will run again.
func finishedPod(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
