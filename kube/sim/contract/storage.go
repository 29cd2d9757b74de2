package contract

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func (e *env) volume(name string) *corev1.PersistentVolume {
	e.Helper()
	v, err := e.kube.CoreV1().PersistentVolumes().Get(e.ctx, name, metav1.GetOptions{})
	e.ok(err)
	return v
}

func (e *env) phase(volume string, want corev1.PersistentVolumePhase) {
	e.Helper()
	e.eventually("volume "+string(want), func() string {
		if got := e.volume(volume).Status.Phase; got != want {
			return string(got)
		}
		return ""
	})
}

func (e *env) pending(claim string) {
	e.Helper()
	e.stays("claim "+claim+" Pending", func() string {
		c, err := e.kube.CoreV1().PersistentVolumeClaims(e.ns).Get(e.ctx, claim, metav1.GetOptions{})
		e.ok(err)
		if c.Status.Phase != corev1.ClaimPending {
			return string(c.Status.Phase)
		}
		return ""
	})
}

var storage = []Case{
	{"a claim binds at once with an Immediate class", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		c := e.bound("c")
		v := e.volume(c.Spec.VolumeName)
		e.phase(v.Name, corev1.VolumeBound)
		if r := v.Spec.ClaimRef; r == nil || r.UID != c.UID || r.Namespace != e.ns || r.Name != "c" || v.Spec.StorageClassName != e.Immediate {
			e.Errorf("volume %+v", v.Spec)
		}
		if c.Annotations["pv.kubernetes.io/bind-completed"] != "yes" || c.Finalizers[0] != "kubernetes.io/pvc-protection" {
			e.Errorf("claim %+v", c.ObjectMeta)
		}
		if got := c.Status.Capacity[corev1.ResourceStorage]; got.String() != "8Mi" {
			e.Errorf("capacity %s", got.String())
		}
	}},
	{"a claim waits for its first consumer", func(e *env) {
		e.makeClaim(e.claim("c", e.Wait, "8Mi"))
		e.told("PersistentVolumeClaim", "c", "WaitForFirstConsumer", func(m string) bool {
			return m == "waiting for first consumer to be created before binding"
		})
		e.pending("c")
		e.makePod(e.pod("p", "c"))
		c := e.bound("c")
		if c.Annotations["volume.kubernetes.io/selected-node"] == "" {
			e.Errorf("annotations %v", c.Annotations)
		}
		e.podReady("p")
	}},
	{"the default class is filled in", func(e *env) {
		c := e.claim("c", "", "8Mi")
		c.Spec.StorageClassName = nil
		c = e.makeClaim(c)
		if c.Spec.StorageClassName == nil || *c.Spec.StorageClassName != e.Immediate || *c.Spec.VolumeMode != corev1.PersistentVolumeFilesystem {
			e.Errorf("spec %+v", c.Spec)
		}
	}},
	{"an unknown class leaves the claim Pending", func(e *env) {
		e.makeClaim(e.claim("c", "no-such-class", "8Mi"))
		e.told("PersistentVolumeClaim", "c", "ProvisioningFailed", func(m string) bool {
			return m == `storageclass.storage.k8s.io "no-such-class" not found`
		})
		e.pending("c")
	}},
	{"the spec of a claim is immutable", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		e.bound("c")
		cs := e.kube.CoreV1().PersistentVolumeClaims(e.ns)
		_, err := cs.Patch(e.ctx, "c", types.MergePatchType, []byte(`{"spec":{"storageClassName":"other"}}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "")
		if !strings.HasPrefix(err.Error(), `PersistentVolumeClaim "c" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims`) {
			e.Errorf("message %q", err)
		}
		_, err = cs.Patch(e.ctx, "c", types.MergePatchType, []byte(`{"spec":{"resources":{"requests":{"storage":"16Mi"}}}}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonForbidden, 403, `persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`)
		_, err = cs.Patch(e.ctx, "c", types.MergePatchType, []byte(`{"spec":{"resources":{"requests":{"storage":"4Mi"}}}}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, `PersistentVolumeClaim "c" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity`)
		_, err = cs.Create(e.ctx, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: corev1.PersistentVolumeClaimSpec{}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, `PersistentVolumeClaim "x" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]`)
	}},
	{"a claim in use is not removed until its pod is gone", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		e.makePod(e.pod("p", "c"))
		e.podReady("p")
		cs := e.kube.CoreV1().PersistentVolumeClaims(e.ns)
		e.ok(cs.Delete(e.ctx, "c", metav1.DeleteOptions{}))
		e.stays("claim in use stays", func() string {
			c, err := cs.Get(e.ctx, "c", metav1.GetOptions{})
			e.ok(err)
			if c.DeletionTimestamp == nil || c.Status.Phase != corev1.ClaimBound {
				return fmt.Sprintf("%+v", c.Status)
			}
			return ""
		})
		e.ok(e.kube.CoreV1().Pods(e.ns).Delete(e.ctx, "p", metav1.DeleteOptions{}))
		e.eventually("claim gone", func() string { _, err := cs.Get(e.ctx, "c", metav1.GetOptions{}); return e.gone(err) })
	}},
	{"Delete takes the volume along with its claim", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		v := e.bound("c").Spec.VolumeName
		e.ok(e.kube.CoreV1().PersistentVolumeClaims(e.ns).Delete(e.ctx, "c", metav1.DeleteOptions{}))
		e.eventually("volume gone", func() string {
			_, err := e.kube.CoreV1().PersistentVolumes().Get(e.ctx, v, metav1.GetOptions{})
			return e.gone(err)
		})
	}},
	{"a retained volume is released and can be bound again", func(e *env) {
		pvs, cs := e.kube.CoreV1().PersistentVolumes(), e.kube.CoreV1().PersistentVolumeClaims(e.ns)
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		v := e.bound("c").Spec.VolumeName
		_, err := pvs.Patch(e.ctx, v, types.MergePatchType, []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`), metav1.PatchOptions{})
		e.ok(err)
		e.Cleanup(func() { // a retained volume would outlive the namespace
			_, err := pvs.Patch(e.ctx, v, types.MergePatchType, []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`), metav1.PatchOptions{})
			if err != nil {
				e.Errorf("cleaning up: %v", err)
			}
		})
		e.ok(cs.Delete(e.ctx, "c", metav1.DeleteOptions{}))
		e.phase(v, corev1.VolumeReleased)
		if e.volume(v).Spec.ClaimRef.Name != "c" {
			e.Error("a released volume forgot its claim")
		}
		again := e.claim("c2", e.Immediate, "8Mi")
		again.Spec.VolumeName = v
		e.makeClaim(again)
		e.told("PersistentVolumeClaim", "c2", "FailedBinding", func(m string) bool {
			return m == fmt.Sprintf("volume %q already bound to a different claim.", v)
		})
		e.pending("c2")
		e.ok(cs.Delete(e.ctx, "c2", metav1.DeleteOptions{}))
		_, err = pvs.Patch(e.ctx, v, types.JSONPatchType, []byte(`[{"op":"remove","path":"/spec/claimRef/uid"},{"op":"remove","path":"/spec/claimRef/resourceVersion"}]`), metav1.PatchOptions{})
		e.ok(err)
		e.phase(v, corev1.VolumeAvailable)
		e.pendingOther(v)
		back := e.claim("c", e.Immediate, "8Mi")
		back.Spec.VolumeName = v
		c := e.makeClaim(back)
		if got := e.bound("c"); got.Spec.VolumeName != v {
			e.Errorf("bound to %s", got.Spec.VolumeName)
		}
		if r := e.volume(v).Spec.ClaimRef; r.UID != c.UID {
			e.Errorf("claimRef %+v", r)
		}
	}},
	{"a volume that is gone leaves its claim Lost", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		v := e.bound("c").Spec.VolumeName
		pvs := e.kube.CoreV1().PersistentVolumes()
		e.ok(pvs.Delete(e.ctx, v, metav1.DeleteOptions{}))
		e.stays("a bound volume stays", func() string {
			if p := e.volume(v); p.DeletionTimestamp == nil || p.Status.Phase != corev1.VolumeBound {
				return fmt.Sprintf("%+v", p.Status)
			}
			return ""
		})
		_, err := pvs.Patch(e.ctx, v, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		e.ok(err)
		e.eventually("Lost", func() string {
			c, err := e.kube.CoreV1().PersistentVolumeClaims(e.ns).Get(e.ctx, "c", metav1.GetOptions{})
			e.ok(err)
			if c.Status.Phase != corev1.ClaimLost {
				return string(c.Status.Phase)
			}
			return ""
		})
	}},
	{"a volume made by hand is bound by name", func(e *env) {
		name := e.ns + "-made"
		class := "by-hand-" + e.ns
		pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("8Mi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: class, PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp"}}}}
		pv, err := e.kube.CoreV1().PersistentVolumes().Create(e.ctx, pv, metav1.CreateOptions{})
		e.ok(err)
		e.Cleanup(func() {
			if err := e.kube.CoreV1().PersistentVolumes().Delete(e.ctx, name, metav1.DeleteOptions{}); err != nil {
				e.Errorf("cleaning up: %v", err)
			}
		})
		if pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimRetain {
			e.Errorf("policy %s", pv.Spec.PersistentVolumeReclaimPolicy)
		}
		e.phase(name, corev1.VolumeAvailable)
		big := e.claim("big", class, "16Mi")
		big.Spec.VolumeName = name
		e.makeClaim(big)
		e.told("PersistentVolumeClaim", "big", "VolumeMismatch", func(m string) bool {
			return m == fmt.Sprintf("Cannot bind to requested volume %q: requested PV is too small", name)
		})
		e.makeClaim(e.claim("c", class, "4Mi"))
		if c := e.bound("c"); c.Spec.VolumeName != name || c.Annotations["pv.kubernetes.io/bound-by-controller"] != "yes" {
			e.Errorf("claim %+v", c)
		}
		if v := e.volume(name); v.Annotations["pv.kubernetes.io/bound-by-controller"] != "yes" {
			e.Errorf("volume %+v", v.ObjectMeta)
		}
	}},
	{"the source of a volume is immutable, its policy is not", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		v := e.bound("c").Spec.VolumeName
		_, err := e.kube.CoreV1().PersistentVolumes().Patch(e.ctx, v, types.MergePatchType, []byte(`{"spec":{"csi":{"volumeHandle":"other"}}}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "")
		if !strings.Contains(err.Error(), "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation") {
			e.Errorf("message %q", err)
		}
	}},
}

// pendingOther makes sure that a volume that is reserved by name is not taken by another claim.
func (e *env) pendingOther(v string) {
	e.Helper()
	e.makeClaim(e.claim("other", e.Immediate, "8Mi"))
	if c := e.bound("other"); c.Spec.VolumeName == v {
		e.Errorf("a volume reserved for another claim was taken")
	}
}

var snapshots = []Case{
	{"a snapshot gives its data to a new claim", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		writer := e.pod("w", "c")
		writer.Spec.Containers[0].Command[2] = "echo precious > /v0/data; sync; " + idle
		e.makePod(writer)
		e.podReady("w")
		snaps := e.snap.SnapshotV1().VolumeSnapshots(e.ns)
		_, err := snaps.Create(e.ctx, e.snapshot("s", "c"), metav1.CreateOptions{})
		e.ok(err)
		content := ""
		e.eventually("readyToUse", func() string {
			s, err := snaps.Get(e.ctx, "s", metav1.GetOptions{})
			e.ok(err)
			st := s.Status
			if st == nil || st.ReadyToUse == nil || !*st.ReadyToUse {
				return fmt.Sprintf("%+v", st)
			}
			if st.CreationTime == nil || st.BoundVolumeSnapshotContentName == nil {
				e.Fatalf("status %+v", st)
			}
			content = *st.BoundVolumeSnapshotContentName
			return ""
		})
		c, err := e.snap.SnapshotV1().VolumeSnapshotContents().Get(e.ctx, content, metav1.GetOptions{})
		e.ok(err)
		if c.Spec.VolumeSnapshotRef.Name != "s" || c.Spec.VolumeSnapshotRef.Namespace != e.ns || c.Status.SnapshotHandle == nil || *c.Status.CreationTime == 0 {
			e.Errorf("content %+v %+v", c.Spec, c.Status)
		}
		e.makeClaim(e.restored("r", "s", "8Mi"))
		if got := e.bound("r"); got.Spec.DataSourceRef == nil || got.Spec.DataSourceRef.Name != "s" {
			e.Errorf("dataSourceRef %+v", got.Spec.DataSourceRef)
		}
		reader := e.pod("r", "r")
		reader.Spec.Containers[0].Command[2] = "cat /v0/data; " + idle
		e.makePod(reader)
		e.podReady("r")
		e.ok(snaps.Delete(e.ctx, "s", metav1.DeleteOptions{}))
		e.eventually("content gone with its snapshot", func() string {
			_, err := e.snap.SnapshotV1().VolumeSnapshotContents().Get(e.ctx, content, metav1.GetOptions{})
			return e.gone(err)
		})
	}},
	{"a claim from a missing snapshot stays Pending, and takes it when it comes", func(e *env) {
		e.makeClaim(e.restored("r", "later", "8Mi"))
		e.pending("r")
		e.told("PersistentVolumeClaim", "r", "ProvisioningFailed", func(m string) bool {
			return strings.HasSuffix(m, `volumesnapshots.snapshot.storage.k8s.io "later" not found`) // drivers put words of their own in front
		})
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		e.bound("c")
		_, err := e.snap.SnapshotV1().VolumeSnapshots(e.ns).Create(e.ctx, e.snapshot("later", "c"), metav1.CreateOptions{})
		e.ok(err)
		e.bound("r")
	}},
	{"a snapshot of a missing claim reports an error", func(e *env) {
		_, err := e.snap.SnapshotV1().VolumeSnapshots(e.ns).Create(e.ctx, e.snapshot("s", "none"), metav1.CreateOptions{})
		e.ok(err)
		e.eventually("an error", func() string {
			s, err := e.snap.SnapshotV1().VolumeSnapshots(e.ns).Get(e.ctx, "s", metav1.GetOptions{})
			e.ok(err)
			if s.Status == nil || s.Status.Error == nil || s.Status.Error.Message == nil {
				return fmt.Sprintf("%+v", s.Status)
			}
			if s.Status.ReadyToUse != nil && *s.Status.ReadyToUse {
				e.Error("ready in spite of an error")
			}
			if !strings.Contains(*s.Status.Error.Message, "Failed to create snapshot content with error snapshot controller failed to update s on API server: cannot get claim from snapshot") {
				e.Errorf("message %q", *s.Status.Error.Message)
			}
			return ""
		})
	}},
}
