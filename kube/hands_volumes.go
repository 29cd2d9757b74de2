package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func volumeAccess(verb, name string) Access { return access(verb, "", "persistentvolumes", "", name) }

func commandPatchVolume(w Where, name string, ops []op) string {
	return w.kubectl("", "patch", "persistentvolume", name, "--type=json", "-p", string(patchJSON(ops)))
}

// AccessPatchVolume is what SetReclaimPolicy, ReleaseVolume and BindVolumeTo need. The right is cluster-wide, and often missing.
func AccessPatchVolume(name string) []Access { return []Access{volumeAccess("patch", name)} }

// SetReclaimPolicy changes what happens to the data when the claim is deleted, if the volume has this uid and the policy is from.
func (h *Hands) SetReclaimPolicy(ctx context.Context, volume, uid, from, to string) error {
	return h.patch(ctx, volumeAccess("patch", volume), policyOps(uid, from, to))
}

// CommandSetReclaimPolicy is SetReclaimPolicy as a command line, with the same tests in the patch.
func CommandSetReclaimPolicy(w Where, volume, uid, from, to string) string {
	return commandPatchVolume(w, volume, policyOps(uid, from, to))
}

func policyOps(uid, from, to string) []op {
	const policy = "/spec/persistentVolumeReclaimPolicy"
	return []op{test("/metadata/uid", uid), test(policy, from), replace(policy, to)}
}

// ReleaseVolume makes a volume, bound or formerly bound to the claim held, available to a new claim of the same name. It is
// BindVolumeTo the name that held it.
func (h *Hands) ReleaseVolume(ctx context.Context, volume, uid string, held ClaimRef) error {
	return h.BindVolumeTo(ctx, volume, uid, &held, held.Namespace, held.Name)
}

// CommandReleaseVolume is ReleaseVolume as a command line.
func CommandReleaseVolume(w Where, volume, uid string, held ClaimRef) string {
	return CommandBindVolumeTo(w, volume, uid, &held, held.Namespace, held.Name)
}

// BindVolumeTo keeps a volume for the claim of this name: a claim that names the volume binds to it, and no other claim can. It holds
// if the volume has this uid and is still held as stated (nil: by no claim). The claim must not exist with another volume.
func (h *Hands) BindVolumeTo(ctx context.Context, volume, uid string, held *ClaimRef, ns, claim string) error {
	return h.patch(ctx, volumeAccess("patch", volume), bindOps(uid, held, ns, claim))
}

// CommandBindVolumeTo is BindVolumeTo as a command line, with the same tests in the patch.
func CommandBindVolumeTo(w Where, volume, uid string, held *ClaimRef, ns, claim string) string {
	return commandPatchVolume(w, volume, bindOps(uid, held, ns, claim))
}

func bindOps(uid string, held *ClaimRef, ns, claim string) []op {
	ops := []op{test("/metadata/uid", uid)}
	switch {
	case held == nil:
		ops = append(ops, test("/spec/claimRef", nil))
	default:
		ops = append(ops, test("/spec/claimRef/namespace", held.Namespace), test("/spec/claimRef/name", held.Name))
		if held.UID != "" {
			ops = append(ops, test("/spec/claimRef/uid", held.UID))
		} else {
			ops = append(ops, test("/spec/claimRef/uid", nil))
		}
	}
	// A whole new reference: without uid and resourceVersion, so that the claim that comes next can take it.
	return append(ops, add("/spec/claimRef", map[string]string{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": ns, "name": claim,
	}))
}

// AccessDeleteVolume is what DeleteVolume needs.
func AccessDeleteVolume(name string) []Access { return []Access{volumeAccess("delete", name)} }

// CommandDeleteVolume is DeleteVolume as a command line, which cannot carry the precondition.
func CommandDeleteVolume(w Where, name string) string {
	return w.kubectl("", "delete", "persistentvolume", name, "--wait=false")
}

// DeleteVolume deletes a volume's object if it still has this uid. The disk behind it is deleted with it only under the policy Delete.
func (h *Hands) DeleteVolume(ctx context.Context, name, uid string) error {
	a := volumeAccess("delete", name)
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	return h.changed(ctx, a, failed(a, h.kube.CoreV1().PersistentVolumes().Delete(ctx, name, o)), test("/metadata/uid", uid))
}

// ifUID is the precondition of a deletion. An empty uid would be none at all.
func ifUID(a Access, uid string) (metav1.DeleteOptions, error) {
	if uid == "" {
		return metav1.DeleteOptions{}, &Error{Kind: Invalid, Tried: a.sentence(), Seen: "no uid to hold the server to", Access: &a,
			Next: "report this as a defect of the program; nothing was sent"}
	}
	u := types.UID(uid)
	return metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &u}}, nil
}
