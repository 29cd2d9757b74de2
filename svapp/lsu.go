package svapp

import (
	"context"
	"time"

	"canton.example/svrescue/internal/plain"
)

// Upgrade is a logical synchronizer upgrade that the network has announced.
type Upgrade struct {
	Freeze    time.Time `json:"topologyFreezeTime"` // from then on no topology is sequenced
	At        time.Time `json:"upgradeTime"`
	Successor string    `json:"successorPhysicalSynchronizerId"` // global-domain::1220...::34-5
}

// Upgrade asks for the upgrade that is announced; not found where none is. It is an internal endpoint of scan, of releases from 0.6.11 on
// (reference/deployment.md 11; the shape is that of upstream's scan.yaml at 043b2765).
func (s *Scan) Upgrade(ctx context.Context) (Upgrade, bool, error) {
	var a struct {
		LSU *Upgrade `json:"lsu,omitempty"`
	}
	if err := s.do(ctx, ask{what: "read the announced upgrade of the synchronizer", path: "/v0/lsu", into: &a}); err != nil || a.LSU == nil {
		return Upgrade{}, false, err
	}
	a.LSU.Freeze, a.LSU.At, a.LSU.Successor = a.LSU.Freeze.UTC(), a.LSU.At.UTC(), plain.Line(a.LSU.Successor)
	return *a.LSU, true, nil
}

// RollForward is what a scan tells validators' apps to roll forward to by themselves.
type RollForward struct {
	At        time.Time `json:"upgradeTime"`
	Current   string    `json:"currentPhysicalSynchronizerId"`
	Successor string    `json:"successorPhysicalSynchronizerId"`
}

// RollForward asks what this scan tells validators' apps; not found where it tells nothing. It is an internal endpoint of scan (the shape is that
// of upstream's scan.yaml at 043b2765).
func (s *Scan) RollForward(ctx context.Context) (RollForward, bool, error) {
	var a struct {
		LSU *RollForward `json:"rollForwardLsu,omitempty"`
	}
	if err := s.do(ctx, ask{what: "read what validators are told to roll forward to", path: "/v0/roll-forward-lsu", into: &a}); err != nil || a.LSU == nil {
		return RollForward{}, false, err
	}
	a.LSU.At, a.LSU.Current, a.LSU.Successor = a.LSU.At.UTC(), plain.Line(a.LSU.Current), plain.Line(a.LSU.Successor)
	return *a.LSU, true, nil
}

// Serial asks for the serial of the physical synchronizer that the participant of this scan's SV is on. It is an internal endpoint of scan (the
// shape is that of upstream's scan.yaml at 043b2765).
func (s *Scan) Serial(ctx context.Context) (int64, error) {
	var a struct {
		Serial *int64 `json:"serial,omitempty"`
	}
	const what = "read the serial of the synchronizer"
	if err := s.do(ctx, ask{what: what, path: "/v0/active-synchronizer-serial", into: &a}); err != nil {
		return 0, err
	}
	if a.Serial == nil {
		return 0, &Error{Kind: Malformed, From: FromApp, Tried: what, Seen: "the answer has no serial", Next: "compare the release of the app with those this program knows"}
	}
	return *a.Serial, nil
}
