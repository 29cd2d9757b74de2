package sim

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	selectedNode  = "volume.kubernetes.io/selected-node"
	bindCompleted = "pv.kubernetes.io/bind-completed"
	boundByBinder = "pv.kubernetes.io/bound-by-controller"
	provisionerOf = "volume.kubernetes.io/storage-provisioner"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	binder        = "persistentvolume-controller"
)

func (s *Server) classOf(c *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	if c.Spec.StorageClassName == nil {
		return nil
	}
	if o := s.store.get(rClass, "", *c.Spec.StorageClassName); o != nil {
		return as[storagev1.StorageClass](o)
	}
	return nil
}

func (s *Server) waitsForConsumer(c *corev1.PersistentVolumeClaim) bool {
	class := s.classOf(c)
	return class != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

// inUse tells whether a pod that runs, or is still ending, mounts the claim.
func (s *Server) inUse(ns, claim string) bool {
	for _, o := range s.store.list(rPod, ns) {
		p := as[corev1.Pod](o)
		if p.Spec.NodeName != "" && !finishedPod(p) && slices.Contains(claimsOf(p), claim) {
			return true
		}
	}
	return false
}

// syncClaim protects, binds and provisions one claim.
func (s *Server) syncClaim(ns, name string) {
	o := s.store.get(rClaim, ns, name)
	if o == nil {
		return
	}
	k := key{rClaim, ns, name}
	if o.GetDeletionTimestamp() != nil {
		if slices.Contains(o.GetFinalizers(), claimProtection) && !s.inUse(ns, name) {
			s.edit(k, func(x *object) { withoutFinalizer(x, claimProtection) })
		}
		return
	}
	c := as[corev1.PersistentVolumeClaim](o)
	if c.Status.Phase != corev1.ClaimBound && c.Status.Phase != corev1.ClaimLost {
		s.bindClaim(o, c)
		return
	}
	pv := s.store.get(rVolume, "", c.Spec.VolumeName)
	lost := pv == nil
	if !lost {
		ref := as[corev1.PersistentVolume](pv).Spec.ClaimRef
		lost = ref == nil || ref.UID != c.UID
	}
	if lost && c.Status.Phase != corev1.ClaimLost {
		s.setStatus(k, corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimLost})
		s.tell(o, "Warning", "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", binder)
	}
}

func (s *Server) bindClaim(o *object, c *corev1.PersistentVolumeClaim) {
	if c.Spec.VolumeName != "" {
		s.bindNamed(o, c)
		return
	}
	for _, x := range s.store.list(rVolume, "") {
		pv := as[corev1.PersistentVolume](x)
		ref := pv.Spec.ClaimRef
		mine := ref != nil && ref.Namespace == c.Namespace && ref.Name == c.Name && (ref.UID == "" || ref.UID == c.UID)
		free := ref == nil && pv.Status.Phase == corev1.VolumeAvailable && !s.waitsForConsumer(c) && c.Spec.DataSource == nil
		if (mine || free) && pv.DeletionTimestamp == nil && mismatch(pv, c) == "" {
			s.bind(c, pv)
			return
		}
	}
	class := s.classOf(c)
	switch {
	case c.Spec.StorageClassName == nil || *c.Spec.StorageClassName == "":
		s.tellOnce(o, "Normal", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", binder)
	case class == nil:
		s.tellOnce(o, "Warning", "ProvisioningFailed", fmt.Sprintf("storageclass.storage.k8s.io %q not found", *c.Spec.StorageClassName), binder)
	case s.waitsForConsumer(c) && c.Annotations[selectedNode] == "":
		s.tellOnce(o, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", binder)
	default:
		s.provision(o, c, class)
	}
}

// bindNamed binds a claim that asks for one volume by name.
func (s *Server) bindNamed(o *object, c *corev1.PersistentVolumeClaim) {
	x := s.store.get(rVolume, "", c.Spec.VolumeName)
	if x == nil {
		return
	}
	pv := as[corev1.PersistentVolume](x)
	ref := pv.Spec.ClaimRef
	if ref != nil && (ref.Namespace != c.Namespace || ref.Name != c.Name || (ref.UID != "" && ref.UID != c.UID)) {
		s.tellOnce(o, "Warning", "FailedBinding", fmt.Sprintf("volume %q already bound to a different claim.", pv.Name), binder)
		return
	}
	if why := mismatch(pv, c); why != "" {
		s.tellOnce(o, "Warning", "VolumeMismatch", fmt.Sprintf("Cannot bind to requested volume %q: %s", pv.Name, why), binder)
		return
	}
	s.bind(c, pv)
}

// mismatch says why a volume does not suit a claim; empty when it does.
func mismatch(pv *corev1.PersistentVolume, c *corev1.PersistentVolumeClaim) string {
	class := ""
	if c.Spec.StorageClassName != nil {
		class = *c.Spec.StorageClassName
	}
	want := c.Spec.Resources.Requests[corev1.ResourceStorage]
	has := pv.Spec.Capacity[corev1.ResourceStorage]
	switch {
	case has.Cmp(want) < 0:
		return "requested PV is too small"
	case pv.Spec.StorageClassName != class:
		return "storageClassName does not match"
	}
	for _, m := range c.Spec.AccessModes {
		if !slices.Contains(pv.Spec.AccessModes, m) {
			return "incompatible accessMode"
		}
	}
	return ""
}

// bind joins a claim and a volume.
func (s *Server) bind(c *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) {
	k := key{rClaim, c.Namespace, c.Name}
	s.edit(key{rVolume, "", pv.Name}, func(x *object) {
		ref := corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion}
		if old := pv.Spec.ClaimRef; old == nil || old.UID != c.UID {
			m := raw(rVolume, &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{ClaimRef: &ref}})
			r, _, _ := unstructured.NestedMap(m.Object, "spec", "claimRef")
			_ = unstructured.SetNestedMap(x.Object, r, "spec", "claimRef")
			if old == nil {
				annotate(x, boundByBinder, "yes")
			}
		}
		_ = unstructured.SetNestedField(x.Object, "Bound", "status", "phase")
	})
	s.edit(k, func(x *object) {
		if c.Spec.VolumeName == "" {
			annotate(x, boundByBinder, "yes")
		}
		annotate(x, bindCompleted, "yes")
		_ = unstructured.SetNestedField(x.Object, pv.Name, "spec", "volumeName")
		st := corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, AccessModes: pv.Spec.AccessModes, Capacity: pv.Spec.Capacity}
		x.Object["status"] = raw(rClaim, &corev1.PersistentVolumeClaim{Status: st}).Object["status"]
	})
	s.soon("volume", "", pv.Name)
}

// provision makes a volume for a claim, after the time that takes.
func (s *Server) provision(o *object, c *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) {
	k := key{rClaim, c.Namespace, c.Name}
	s.edit(k, func(x *object) {
		annotate(x, "volume.beta.kubernetes.io/storage-provisioner", class.Provisioner)
		annotate(x, provisionerOf, class.Provisioner)
	})
	s.tellOnce(o, "Normal", "ExternalProvisioning", fmt.Sprintf("Waiting for a volume to be created either by the external provisioner '%s' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.", class.Provisioner), binder)
	knob := pick(s.knobs.Claims, c.Namespace, c.Name)
	src, why := s.sourceOf(c)
	if why == "" && knob.Error != "" {
		why = knob.Error
	}
	if why != "" {
		s.tellOnce(o, "Warning", "ProvisioningFailed", fmt.Sprintf("failed to provision volume with StorageClass %q: %s", class.Name, why), class.Provisioner)
		delete(s.jobs, "claim/"+string(c.UID))
		return
	}
	if knob.Never {
		return
	}
	s.tellOnce(o, "Normal", "Provisioning", fmt.Sprintf("External provisioner is provisioning volume for claim %q", c.Namespace+"/"+c.Name), class.Provisioner)
	end, known := s.jobs["claim/"+string(c.UID)]
	if !known {
		d := s.delay(knob.After, time.Second)
		if src != nil {
			rate := knob.RestoreRate
			if rate <= 0 {
				rate = 1 << 30
			}
			d += time.Duration(float64(src.size) / float64(rate) * float64(time.Second))
		}
		if s.settled {
			d = 0
		}
		end = s.now().Add(d)
		s.jobs["claim/"+string(c.UID)] = end
	}
	if wait := end.Sub(s.now()); wait > 0 {
		s.later("claim", c.Namespace, c.Name, wait)
		return
	}
	delete(s.jobs, "claim/"+string(c.UID))
	s.makeVolume(c, class, src)
	s.tell(o, "Normal", "ProvisioningSucceeded", "Successfully provisioned volume pvc-"+string(c.UID), class.Provisioner)
}

// makeVolume creates the volume, already meant for the claim; the binder does the rest.
func (s *Server) makeVolume(c *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, src *disk) {
	name := "pvc-" + string(c.UID)
	size := c.Spec.Resources.Requests[corev1.ResourceStorage]
	d := disk{size: bytesOf(size)}
	if src != nil {
		d.text, d.restored = src.text, true
	}
	s.disks[name] = d
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: class.Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: size}, AccessModes: c.Spec.AccessModes, VolumeMode: c.Spec.VolumeMode,
			StorageClassName: class.Name, MountOptions: class.MountOptions, PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: class.Provisioner, VolumeHandle: name}},
			ClaimRef:               &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion},
		},
	}
	_, _ = s.create(rVolume, raw(rVolume, pv), false)
}

// syncVolume keeps the phase of a volume and ends it when its policy says so.
func (s *Server) syncVolume(name string) {
	o := s.store.get(rVolume, "", name)
	if o == nil {
		return
	}
	pv := as[corev1.PersistentVolume](o)
	k := key{rVolume, "", name}
	phase := corev1.VolumeAvailable
	if ref := pv.Spec.ClaimRef; ref != nil && ref.UID != "" {
		phase = corev1.VolumeBound
		if c := s.store.get(rClaim, ref.Namespace, ref.Name); c == nil || c.GetUID() != ref.UID {
			phase = corev1.VolumeReleased
		}
	}
	if phase != pv.Status.Phase {
		at := s.stamp()
		s.setStatus(k, corev1.PersistentVolumeStatus{Phase: phase, LastPhaseTransitionTime: &at})
	}
	if phase == corev1.VolumeReleased && pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
		delete(s.disks, handleOfVolume(pv))
		if pv.DeletionTimestamp == nil {
			_, _, _ = s.delete(rVolume, o, metav1.DeleteOptions{}, false)
		}
	}
	if cur := s.store.get(rVolume, "", name); cur != nil && cur.GetDeletionTimestamp() != nil && phase != corev1.VolumeBound {
		s.edit(k, func(x *object) { withoutFinalizer(x, volumeProtection) })
	}
}
