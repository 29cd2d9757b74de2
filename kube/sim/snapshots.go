package sim

import (
	"fmt"
	"slices"
	"time"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	snapshotBound    = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"
	snapshotSource   = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection"
	contentBound     = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"
	defaultSnapClass = "snapshot.storage.kubernetes.io/is-default-class"
	snapController   = "snapshot-controller"
)

// snapshotHandle is the storage handle behind a snapshot; empty when there is none yet.
func (s *Server) snapshotHandle(ns, name string) string {
	o := s.store.get(rSnapshot, ns, name)
	if o == nil {
		return ""
	}
	v := as[snapv1.VolumeSnapshot](o)
	if v.Status == nil || v.Status.BoundVolumeSnapshotContentName == nil {
		return ""
	}
	c := s.store.get(rContent, "", *v.Status.BoundVolumeSnapshotContentName)
	if c == nil {
		return ""
	}
	return handleOfContent(as[snapv1.VolumeSnapshotContent](c))
}

func handleOfContent(c *snapv1.VolumeSnapshotContent) string {
	switch {
	case c.Spec.Source.SnapshotHandle != nil:
		return *c.Spec.Source.SnapshotHandle
	case c.Status != nil && c.Status.SnapshotHandle != nil:
		return *c.Status.SnapshotHandle
	}
	return ""
}

// sourceOf finds the snapshot or volume that a claim is to be filled from; why is the provisioner's sentence when it cannot.
func (s *Server) sourceOf(c *corev1.PersistentVolumeClaim) (src *disk, why string) {
	d := c.Spec.DataSource
	if d == nil {
		return nil, ""
	}
	fail := func(format string, a ...any) (*disk, string) {
		return nil, fmt.Sprintf("error getting handle for DataSource Type %s by Name %s: ", d.Kind, d.Name) + fmt.Sprintf(format, a...)
	}
	if d.Kind == "PersistentVolumeClaim" {
		h := s.handleOf(c.Namespace, d.Name)
		if h == "" {
			return fail("error getting PVC %s (namespace %q) from api server: persistentvolumeclaims %q not found", d.Name, c.Namespace, d.Name)
		}
		x := s.disks[h]
		return &x, ""
	}
	o := s.store.get(rSnapshot, c.Namespace, d.Name)
	if o == nil {
		return fail("error getting snapshot %s from api server: volumesnapshots.snapshot.storage.k8s.io %q not found", d.Name, d.Name)
	}
	v := as[snapv1.VolumeSnapshot](o)
	switch {
	case v.DeletionTimestamp != nil:
		return fail("snapshot %s is currently being deleted", d.Name)
	case v.Status == nil || v.Status.BoundVolumeSnapshotContentName == nil:
		return fail("snapshot %s not bound", d.Name)
	case v.Status.ReadyToUse == nil || !*v.Status.ReadyToUse:
		return fail("snapshot %s is not Ready", d.Name)
	}
	h := s.snapshotHandle(c.Namespace, d.Name)
	if h == "" {
		return fail("error getting snapshotcontent %s from api server", *v.Status.BoundVolumeSnapshotContentName)
	}
	want := c.Spec.Resources.Requests[corev1.ResourceStorage]
	if r := v.Status.RestoreSize; r != nil && want.Cmp(*r) < 0 {
		return fail("requested volume size %d is less than the size %d for the source snapshot %s", want.Value(), r.Value(), d.Name)
	}
	x := s.disks[h]
	return &x, ""
}

// syncSnapshot makes the content of a snapshot and mirrors its state.
func (s *Server) syncSnapshot(ns, name string) {
	o := s.store.get(rSnapshot, ns, name)
	if o == nil {
		return
	}
	v := as[snapv1.VolumeSnapshot](o)
	k := key{rSnapshot, ns, name}
	if v.DeletionTimestamp != nil {
		s.endSnapshot(k, v)
		return
	}
	if v.Spec.Source.VolumeSnapshotContentName != nil {
		s.mirror(k, v, *v.Spec.Source.VolumeSnapshotContentName)
		return
	}
	content := "snapcontent-" + string(v.UID)
	if s.store.get(rContent, "", content) != nil {
		s.mirror(k, v, content)
		return
	}
	if v.Status != nil && v.Status.BoundVolumeSnapshotContentName != nil && s.store.get(rContent, "", *v.Status.BoundVolumeSnapshotContentName) != nil {
		return // loaded with a content of its own
	}
	class, why := s.snapClassOf(v)
	var pv *corev1.PersistentVolume
	if why == "" {
		pv, why = s.snapshotVolume(v)
	}
	if why != "" {
		s.snapshotError(o, k, v, why)
		return
	}
	s.edit(k, func(x *object) {
		withFinalizer(x, snapshotSource)
		withFinalizer(x, snapshotBound)
		x.Object["spec"].(map[string]any)["volumeSnapshotClassName"] = class.Name
	})
	s.makeContent(o, class, pv, content)
}

func (s *Server) snapClassOf(v *snapv1.VolumeSnapshot) (*snapv1.VolumeSnapshotClass, string) {
	if n := v.Spec.VolumeSnapshotClassName; n != nil {
		if o := s.store.get(rSnapClass, "", *n); o != nil {
			return as[snapv1.VolumeSnapshotClass](o), ""
		}
		return nil, fmt.Sprintf("Failed to get snapshot class with error failed to retrieve snapshot class %s from the informer: %q", *n,
			fmt.Sprintf("volumesnapshotclass.snapshot.storage.k8s.io %q not found", *n))
	}
	for _, o := range s.store.list(rSnapClass, "") {
		if o.GetAnnotations()[defaultSnapClass] == "true" {
			return as[snapv1.VolumeSnapshotClass](o), ""
		}
	}
	return nil, "Failed to set default snapshot class with error cannot find default snapshot class"
}

// snapshotVolume finds the volume that a snapshot is to be taken of.
func (s *Server) snapshotVolume(v *snapv1.VolumeSnapshot) (*corev1.PersistentVolume, string) {
	name := *v.Spec.Source.PersistentVolumeClaimName
	o := s.store.get(rClaim, v.Namespace, name)
	if o == nil {
		return nil, fmt.Sprintf("Failed to create snapshot content with error snapshot controller failed to update %s on API server: cannot get claim from snapshot", v.Name)
	}
	c := as[corev1.PersistentVolumeClaim](o)
	pv := s.store.get(rVolume, "", c.Spec.VolumeName)
	if pv == nil || c.Status.Phase != corev1.ClaimBound {
		return nil, fmt.Sprintf("Failed to create snapshot content with error the PVC %s is not yet bound to a PV, will not attempt to take a snapshot", name)
	}
	return as[corev1.PersistentVolume](pv), ""
}

func (s *Server) snapshotError(o *object, k key, v *snapv1.VolumeSnapshot, why string) {
	if v.Status != nil && v.Status.Error != nil && v.Status.Error.Message != nil && *v.Status.Error.Message == why {
		return
	}
	at := s.stamp()
	s.setStatus(k, snapv1.VolumeSnapshotStatus{ReadyToUse: ptr(false), Error: &snapv1.VolumeSnapshotError{Time: &at, Message: &why}})
	s.tellOnce(o, "Warning", "SnapshotContentCreationFailed", why, snapController)
}

func (s *Server) makeContent(o *object, class *snapv1.VolumeSnapshotClass, pv *corev1.PersistentVolume, name string) {
	mode := corev1.PersistentVolumeFilesystem
	c := &snapv1.VolumeSnapshotContent{
		ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: []string{contentBound}},
		Spec: snapv1.VolumeSnapshotContentSpec{
			DeletionPolicy: class.DeletionPolicy, Driver: class.Driver, VolumeSnapshotClassName: &class.Name, SourceVolumeMode: &mode,
			Source: snapv1.VolumeSnapshotContentSource{VolumeHandle: ptr(handleOfVolume(pv))},
			VolumeSnapshotRef: corev1.ObjectReference{APIVersion: rSnapshot.apiVersion(), Kind: "VolumeSnapshot",
				Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion()},
		},
	}
	if _, err := s.create(rContent, raw(rContent, c), false); err == nil {
		s.tell(o, "Normal", "CreatingSnapshot", fmt.Sprintf("Waiting for a snapshot %s/%s to be created by the CSI driver.", o.GetNamespace(), o.GetName()), snapController)
	}
}

// syncContent is the CSI driver: it copies the data of the volume when it first sees the content, and finishes later.
func (s *Server) syncContent(name string) {
	o := s.store.get(rContent, "", name)
	if o == nil {
		return
	}
	c := as[snapv1.VolumeSnapshotContent](o)
	k := key{rContent, "", name}
	if c.DeletionTimestamp != nil {
		if snap := s.store.get(rSnapshot, c.Spec.VolumeSnapshotRef.Namespace, c.Spec.VolumeSnapshotRef.Name); snap == nil || snap.GetDeletionTimestamp() != nil || snap.GetUID() != c.Spec.VolumeSnapshotRef.UID {
			if c.Spec.DeletionPolicy == snapv1.VolumeSnapshotContentDelete {
				delete(s.disks, handleOfContent(c))
			}
			s.edit(k, func(x *object) { withoutFinalizer(x, contentBound) })
		}
		return
	}
	if s.disks[handleOfContent(c)].stuck {
		return
	}
	knob := pick(s.knobs.Snapshots, c.Spec.VolumeSnapshotRef.Namespace, c.Spec.VolumeSnapshotRef.Name)
	if c.Status != nil && c.Status.ReadyToUse != nil && *c.Status.ReadyToUse {
		return
	}
	if c.Spec.Source.SnapshotHandle != nil { // brought in by hand
		d := s.disks[*c.Spec.Source.SnapshotHandle]
		s.contentReady(k, c, *c.Spec.Source.SnapshotHandle, d, knob, s.now())
		return
	}
	handle := "snap-" + string(c.UID)
	if knob.Error != "" {
		at := s.stamp()
		if c.Status == nil || c.Status.Error == nil || *c.Status.Error.Message != knob.Error {
			s.setStatus(k, snapv1.VolumeSnapshotContentStatus{ReadyToUse: ptr(false), Error: &snapv1.VolumeSnapshotError{Time: &at, Message: &knob.Error}})
		}
		return
	}
	begun, known := s.jobs["content/"+string(c.UID)]
	if !known {
		begun = s.now()
		s.jobs["content/"+string(c.UID)] = begun
		d := s.disks[*c.Spec.Source.VolumeHandle]
		d.restored = false
		s.disks[handle] = d
	}
	if wait := begun.Add(s.delay(knob.After, 2*time.Second)).Sub(s.now()); knob.Never || wait > 0 {
		st := snapv1.VolumeSnapshotContentStatus{ReadyToUse: ptr(false), SnapshotHandle: &handle, CreationTime: ptr(begun.UnixNano())}
		s.setStatus(k, st)
		if !knob.Never {
			s.later("content", "", name, wait)
		}
		return
	}
	delete(s.jobs, "content/"+string(c.UID))
	s.contentReady(k, c, handle, s.disks[handle], knob, begun)
}

func (s *Server) contentReady(k key, c *snapv1.VolumeSnapshotContent, handle string, d disk, knob Snapshot, at time.Time) {
	st := snapv1.VolumeSnapshotContentStatus{ReadyToUse: ptr(true), SnapshotHandle: &handle, CreationTime: ptr(at.UnixNano())}
	if c.Status != nil && c.Status.CreationTime != nil {
		st.CreationTime = c.Status.CreationTime
	}
	if !knob.NoRestoreSize {
		st.RestoreSize = ptr(d.size)
	}
	s.setStatus(k, st)
}

// mirror copies the state of the content into the status of its snapshot.
func (s *Server) mirror(k key, v *snapv1.VolumeSnapshot, content string) {
	o := s.store.get(rContent, "", content)
	if o == nil {
		s.snapshotError(s.store.get(k.res, k.ns, k.name), k, v, "VolumeSnapshotContent is missing")
		return
	}
	c := as[snapv1.VolumeSnapshotContent](o)
	ref := c.Spec.VolumeSnapshotRef
	if ref.Namespace != v.Namespace || ref.Name != v.Name || (ref.UID != "" && ref.UID != v.UID) {
		s.snapshotError(s.store.get(k.res, k.ns, k.name), k, v, fmt.Sprintf("VolumeSnapshotContent [%s] is bound to a different snapshot", content))
		return
	}
	st := snapv1.VolumeSnapshotStatus{BoundVolumeSnapshotContentName: &content, ReadyToUse: ptr(false)}
	if c.Status != nil {
		if c.Status.CreationTime != nil {
			t := seconds(time.Unix(0, *c.Status.CreationTime))
			st.CreationTime = &t
		}
		if c.Status.ReadyToUse != nil {
			st.ReadyToUse = c.Status.ReadyToUse
		}
		if c.Status.RestoreSize != nil {
			st.RestoreSize = apiresource.NewQuantity(*c.Status.RestoreSize, apiresource.BinarySI)
		}
		st.Error = c.Status.Error
	}
	s.setStatus(k, st)
	if ref.UID == "" {
		s.edit(key{rContent, "", content}, func(x *object) {
			x.Object["spec"].(map[string]any)["volumeSnapshotRef"].(map[string]any)["uid"] = string(v.UID)
		})
	}
}

// endSnapshot deletes the content with its snapshot, unless its policy is Retain or a claim is being made from it.
func (s *Server) endSnapshot(k key, v *snapv1.VolumeSnapshot) {
	for _, o := range s.store.list(rClaim, k.ns) {
		c := as[corev1.PersistentVolumeClaim](o)
		if d := c.Spec.DataSource; d != nil && d.Kind == "VolumeSnapshot" && d.Name == k.name && c.Status.Phase == corev1.ClaimPending {
			return
		}
	}
	if v.Status != nil && v.Status.BoundVolumeSnapshotContentName != nil {
		if o := s.store.get(rContent, "", *v.Status.BoundVolumeSnapshotContentName); o != nil {
			if c := as[snapv1.VolumeSnapshotContent](o); c.Spec.DeletionPolicy == snapv1.VolumeSnapshotContentDelete && c.DeletionTimestamp == nil {
				_, _, _ = s.delete(rContent, o, metav1.DeleteOptions{}, false)
			}
		}
	}
	s.edit(k, func(x *object) {
		x.SetFinalizers(slices.DeleteFunc(slices.Clone(x.GetFinalizers()), func(f string) bool { return f == snapshotBound || f == snapshotSource }))
	})
}
