package lease

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// read looks who holds the Lease and remembers since when it is so. err is what kept it from being read.
func (k *Keeper) read(ctx context.Context, namespace string) (l kube.Lease, found bool, err error) {
	l, found, err = k.o.Store.Read(ctx, namespace)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.namespace = namespace
	if err != nil {
		return l, false, err
	}
	k.failing = ""
	if !found || l.Holder == "" || k.o.Self.earlier(l) {
		k.other, k.version = nil, ""
		return l, found, nil
	}
	k.foreign(l)
	return l, found, nil
}

// foreign remembers who holds the Lease, and when this version of it was first seen. The lock is held.
func (k *Keeper) foreign(l kube.Lease) {
	holder := HolderOf(l)
	k.other = &holder
	if version := string(l.UID) + " " + l.ResourceVersion; version != k.version {
		k.version, k.seen = version, k.o.Boot()
	}
}

// acquire takes the Lease where it is free, or, with over, from a holder that was silent for long enough.
func (k *Keeper) acquire(ctx context.Context, namespace string, over bool) {
	l, found, err := k.read(ctx, namespace)
	if err != nil {
		k.trouble(err)
		return
	}
	k.mu.Lock()
	state := k.state()
	k.mu.Unlock()
	if state.State == wire.LeaseForeign && (!over || state.Silent < max(Span, l.Duration)) {
		return
	}
	if !found {
		l = kube.Lease{Meta: kube.Meta{Namespace: namespace, Name: kube.LeaseName}}
	}
	k.mu.Lock()
	now := k.o.Clock.Now()
	next := renewed(k.o.Self.taken(l, now), now, k.step, k.seq, k.head)
	sent := k.o.Boot()
	k.mu.Unlock()
	got, err := k.o.Store.Write(ctx, next)
	k.mu.Lock()
	k.unsure = openEnded(err)
	k.mu.Unlock()
	switch kube.KindOf(err) {
	case "":
		k.mu.Lock()
		k.lease, k.taken, k.since, k.sent, k.good = got, true, now, sent, now
		k.other, k.version, k.failing, k.lost, k.local = nil, "", "", "", ""
		if who := HolderOf(l); found && l.Holder == "" && who.Run != k.o.Self.Run && l.Annotations[Note] != "" {
			k.before = fmt.Sprintf("before, %s held it with run %s and released it at %s UTC: %s", who, who.Run, who.Renewed.Format("2006-01-02 15:04"), l.Annotations[Note])
		}
		k.mu.Unlock()
	case kube.Conflict, kube.AlreadyExists: // somebody was faster; who it is, is read
		if _, _, err := k.read(ctx, namespace); err != nil {
			k.trouble(err)
		}
	default:
		k.trouble(err)
	}
}

// renew writes the Lease once more. A conflict is looked at: it may be our own renewal whose answer was lost.
func (k *Keeper) renew(ctx context.Context) {
	for range 2 {
		k.mu.Lock()
		now := k.o.Clock.Now()
		next := renewed(k.lease, now, k.step, k.seq, k.head)
		sent := k.o.Boot()
		k.mu.Unlock()
		got, err := k.o.Store.Write(ctx, next)
		switch kube.KindOf(err) {
		case "":
			k.mu.Lock()
			k.lease, k.sent, k.good, k.failing = got, sent, now, ""
			k.mu.Unlock()
			return
		case kube.Conflict, kube.NotFound:
			if !k.adopt(ctx) {
				return
			}
		default:
			k.trouble(err)
			return
		}
	}
}

// adopt reads the Lease after a conflict. It goes on with it where it is still the one that we took, and knows it lost where it is not.
func (k *Keeper) adopt(ctx context.Context) bool {
	l, found, err := k.o.Store.Read(ctx, k.lease.Namespace)
	if err != nil {
		k.trouble(err)
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case found && l.UID == k.lease.UID && l.Holder == k.lease.Holder && l.Transitions == k.lease.Transitions:
		k.lease = l
		return true
	case !found:
		k.other, k.lost = &wire.Holder{Operator: "somebody"}, "the Lease of the node was deleted"
	case l.Holder == "":
		holder := HolderOf(l)
		k.other, k.lost = &holder, fmt.Sprintf("%s had taken the node over and has released it", holder)
	default:
		k.foreign(l)
		k.lost = fmt.Sprintf("%s has taken the node over", k.other)
	}
	k.taken = false
	return false
}

// trouble remembers why a request failed. A permission that is missing from the start leaves the local lock; one that goes missing while
// the Lease is ours does not, because others may take it over then.
func (k *Keeper) trouble(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	why := steps.FailureOf("holding the node", err).Seen
	kind := kube.KindOf(err)
	if !k.taken && k.other == nil && (kind == kube.Forbidden || kind == kube.Invalid || kind == kube.NotFound) {
		k.local = why
		return
	}
	if kind == kube.Canceled {
		return
	}
	if k.failing == "" {
		k.failed = k.o.Clock.Now()
	}
	k.failing = why
}
