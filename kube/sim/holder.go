package sim

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// renew is one heartbeat of a holder of Knobs.Holders.
func (s *Server) renew(index string) {
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(s.knobs.Holders) {
		return // the knobs have been turned since
	}
	h := s.knobs.Holders[i]
	over := h.Until != nil && s.clock.Since(s.start) >= h.Until.Duration
	s.edit(key{rLease, h.Namespace, h.Name}, func(o *object) {
		if who, _, _ := unstructured.NestedString(o.Object, "spec", "holderIdentity"); who != h.Identity {
			return
		}
		if over {
			_ = unstructured.SetNestedField(o.Object, "", "spec", "holderIdentity")
		}
		_ = unstructured.SetNestedField(o.Object, s.now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"), "spec", "renewTime")
	})
	if !over {
		s.later("holder", "", index, max(orElse(h.Every, 5*time.Second), lag))
	}
}
