package kube

import (
	"context"
	"fmt"
)

// AccessDeletePod is what DeletePod needs.
func AccessDeletePod(ns, name string) []Access {
	return []Access{access("delete", "", "pods", ns, name)}
}

// CommandDeletePod is DeletePod as a command line, which cannot carry the precondition.
func CommandDeletePod(w Where, ns, name string, graceSeconds *int64) string {
	grace, force := "", ""
	if graceSeconds != nil {
		grace = fmt.Sprintf("--grace-period=%d", *graceSeconds)
		if *graceSeconds == 0 {
			force = "--force"
		}
	}
	return w.kubectl(ns, "delete", "pod", name, "--wait=false", grace, force)
}

// DeletePod deletes the pod if it still has this uid. graceSeconds nil means the pod's own grace period; 0 forgets the pod without
// waiting for its node, which may then still run it: two databases on one disk are possible.
func (h *Hands) DeletePod(ctx context.Context, ns, name, uid string, graceSeconds *int64) error {
	a := AccessDeletePod(ns, name)[0]
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	o.GracePeriodSeconds = graceSeconds
	return h.changed(ctx, a, failed(a, h.kube.CoreV1().Pods(ns).Delete(ctx, name, o)), test("/metadata/uid", uid))
}
