package sim

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
)

// disk is what the storage system keeps: a volume or a snapshot. Disks are keyed by handle.
type disk struct {
	text     string // "data as of ..."; "damaged ..." makes every pod on it crash
	size     int64  // bytes
	restored bool   // made from a snapshot
	stuck    bool   // a snapshot that never becomes ready
}

const driverName = "csi.rig.local" // used when a class names no other provisioner

// disksOf returns the disks a pod mounts.
func (s *Server) disksOf(p *corev1.Pod) []disk {
	var out []disk
	for _, name := range claimsOf(p) {
		if h := s.handleOf(p.Namespace, name); h != "" {
			out = append(out, s.disks[h])
		}
	}
	return out
}

// handleOf is the storage handle of a bound claim.
func (s *Server) handleOf(ns, claim string) string {
	o := s.store.get(rClaim, ns, claim)
	if o == nil {
		return ""
	}
	pv := s.store.get(rVolume, "", as[corev1.PersistentVolumeClaim](o).Spec.VolumeName)
	if pv == nil {
		return ""
	}
	return handleOfVolume(as[corev1.PersistentVolume](pv))
}

func handleOfVolume(pv *corev1.PersistentVolume) string {
	if pv.Spec.CSI != nil {
		return pv.Spec.CSI.VolumeHandle
	}
	return pv.Name
}

// fillVolumes is a program's first write to an empty volume. It answers the claims of those.
func (s *Server) fillVolumes(p *corev1.Pod) (blank []string) {
	for _, name := range claimsOf(p) {
		if h := s.handleOf(p.Namespace, name); h != "" && s.disks[h].text == "" {
			d := s.disks[h]
			d.text = fresh + s.workloadName(p)
			s.disks[h] = d
			blank = append(blank, name)
		}
	}
	return blank
}

// ContentOf returns the text on the volume of a bound claim, and false when there is no such volume.
func (s *Server) ContentOf(ns, claim string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handleOf(ns, claim)
	d, ok := s.disks[h]
	return d.text, ok && h != ""
}

// SetContent writes the text on the volume of a bound claim: "damaged ..." tells the story of a damaged node. A pod that
// runs on it notices at once.
func (s *Server) SetContent(ns, claim, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handleOf(ns, claim)
	if h == "" {
		return fmt.Errorf("sim: claim %s/%s is not bound", ns, claim)
	}
	d := s.disks[h]
	d.text = text
	s.disks[h] = d
	s.enqueuePodsOf(ns, claim)
	s.poke()
	return nil
}

// SetSnapshotContent writes the text that a snapshot holds.
func (s *Server) SetSnapshotContent(ns, snapshot, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.snapshotHandle(ns, snapshot)
	if h == "" {
		return fmt.Errorf("sim: snapshot %s/%s has no content", ns, snapshot)
	}
	d := s.disks[h]
	d.text = text
	s.disks[h] = d
	return nil
}

// SnapshotContentOf returns the text that a snapshot holds.
func (s *Server) SnapshotContentOf(ns, snapshot string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.snapshotHandle(ns, snapshot)
	d, ok := s.disks[h]
	return d.text, ok && h != ""
}

func bytesOf(q apiresource.Quantity) int64 { return q.Value() }
