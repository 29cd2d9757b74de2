//go:build e2e

package contract

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/wire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
)

// TestLease lets two operators meet on the real API server. Time passes as their machines are told that it does.
func TestLease(t *testing.T) {
	cluster := rig.Start(t)
	ns := cluster.Namespace(t, "lease")
	k, err := kube.Connect(kube.Target{Kubeconfig: cluster.Kubeconfig}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	operator := func(name string) (*lease.Keeper, *atomic.Int64) {
		passed := &atomic.Int64{}
		return lease.New(lease.Options{Store: lease.On(k), Clock: clock.RealClock{}, Boot: func() time.Duration { return time.Duration(passed.Load()) },
			Self: lease.Self{Operator: name, Host: name + "-laptop", Run: "run-of-" + name}}), passed
	}
	is := func(l wire.Lease, want wire.LeaseState) {
		t.Helper()
		if l.State != want {
			t.Fatalf("it is %+v, want %s", l, want)
		}
	}
	alice, aliceClock := operator("alice")
	bob, bobClock := operator("bob")
	is(alice.Look(ctx, ns), wire.LeaseNone)
	alice.At("restore/scale-down")
	alice.Mark(7, "seven")
	is(alice.Take(ctx, ns), wire.LeaseHeld)
	l := bob.Take(ctx, ns)
	is(l, wire.LeaseForeign)
	if text := l.Holder.Sentence(); !strings.HasPrefix(text, "alice on alice-laptop holds this node with run run-of-alice, at step restore/scale-down, since ") {
		t.Errorf("bob is told %q", text)
	}
	aliceClock.Add(int64(lease.Within + time.Second)) // due
	is(alice.Take(ctx, ns), wire.LeaseHeld)
	bobClock.Add(int64(time.Hour))
	is(bob.TakeOver(ctx, ns), wire.LeaseForeign) // she has renewed it
	bobClock.Add(int64(lease.Span))
	is(bob.TakeOver(ctx, ns), wire.LeaseHeld)
	aliceClock.Add(int64(time.Hour))
	l = alice.Take(ctx, ns)
	is(l, wire.LeaseForeign)
	if l.Why != "bob on bob-laptop has taken the node over" {
		t.Errorf("alice is told %q", l.Why)
	}
	bob.Mark(9, "nine")
	if err := bob.Release(ctx, "parked: nobody looked"); err != nil {
		t.Fatal(err)
	}
	stored, _, err := k.Lease(ctx, ns)
	if m, ok := lease.Mirrored(stored); err != nil || stored.Holder != "" || !ok || m != (lease.Mirror{Run: "run-of-bob", Seq: 9, Head: "nine"}) || stored.Transitions != 2 {
		t.Errorf("released it is %+v, %v", stored, err)
	}
	carol, carolClock := operator("carol")
	l = carol.Take(ctx, ns)
	is(l, wire.LeaseHeld)
	if !strings.Contains(l.Why, "bob on bob-laptop held it with run run-of-bob") {
		t.Errorf("carol is told %q", l.Why)
	}
	if err := cluster.Kube.CoordinationV1().Leases(ns).Delete(ctx, kube.LeaseName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	carolClock.Add(int64(time.Hour))
	l = carol.Take(ctx, ns)
	is(l, wire.LeaseForeign)
	if l.Why != "the Lease of the node was deleted" {
		t.Errorf("carol is told %q", l.Why)
	}
	dave, _ := operator("dave")
	is(dave.Take(ctx, "no-such-namespace"), wire.LeaseLocal)
}
