package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// emptyNamespace proves that nothing stands where the node shall be, and looks for data of the node that is still there.
func emptyNamespace(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	ns := f.Namespace
	_, there, err := w.Kube.Find(ctx, kube.Place{Version: "v1", Resource: "namespaces"}, "", ns)
	switch {
	case err != nil && !kube.IsMissing(err):
		return nil, err
	case err == nil && !there:
		return []wire.Finding{{ID: "namespace", Verdict: wire.Violated, Text: "there is no namespace " + ns,
			Next: "kubectl create namespace " + ns + ", with the labels and rights that it had; then look again"}}, nil
	}
	var found []wire.Finding
	workloads, err := w.Kube.Workloads(ctx, ns)
	if err != nil {
		return nil, err
	}
	if len(workloads) > 0 {
		var names []string
		for _, x := range workloads {
			names = append(names, x.Kind+"/"+x.Name)
		}
		found = append(found, wire.Finding{ID: "workloads", Verdict: wire.Violated, Text: fmt.Sprintf("namespace %s is not empty: %s", ns, strings.Join(names, ", ")),
			Next: "A node that is still there is restored with: svrescue run restore. If these belong to something else, move them away first"})
	}
	claims, err := w.Kube.Claims(ctx, ns)
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		_, ours := f.Node.Claim(c.Name)
		if _, made := f.Lost.owner(c.Name); ours || made {
			found = append(found, wire.Finding{ID: "claim-" + c.Name, Verdict: wire.Violated, Text: fmt.Sprintf("claim %s of the node is still there (%s, volume %s): its data may be younger than every backup", c.Name, c.Phase, c.Volume),
				Next: "Look what is on it before anything else. If it is needed: install the releases with helm, which take it over, and use svrescue run restore. If it holds nothing, delete it and look again"})
		}
	}
	for _, r := range f.Lost.Releases {
		state, err := r.installation(f).Look(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		rest := slices.DeleteFunc(append(slices.Clone(state.There), state.Foreign...), func(name string) bool {
			return strings.HasPrefix(name, "Deployment/") || strings.HasPrefix(name, "StatefulSet/") || strings.HasPrefix(name, "PersistentVolumeClaim/") // told already
		})
		if state.Record != "" || len(rest) > 0 {
			text := fmt.Sprintf("what release %s makes is there already: %s", r.Name, strings.Join(rest, ", "))
			if state.Record != "" {
				text = fmt.Sprintf("Helm has a release %s in namespace %s (%s)", r.Name, ns, state.Record)
			}
			found = append(found, wire.Finding{ID: "release-" + r.Name, Verdict: wire.Violated, Text: text, Next: "Find out who made it; if nothing of it is needed, remove it (helm uninstall) and look again"})
		}
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: "empty", Verdict: wire.Holds, Text: "namespace " + ns + " has no workload, no release and no claim of the node"})
	}
	volumes, err := w.Kube.Volumes(ctx)
	if err != nil && !kube.IsMissing(err) {
		return nil, err
	}
	for _, v := range volumes {
		if v.Claim == nil || v.Claim.Namespace != ns || v.Phase != "Released" {
			continue
		}
		if c, ours := f.Node.Claim(v.Claim.Name); ours {
			found = append(found, wire.Finding{ID: "volume-" + v.Name, Verdict: wire.Attention,
				Text: fmt.Sprintf("volume %s, which was claim %s of %s, is still there with its data", v.Name, c.Name, c.Owner),
				Next: "What is on it may be younger than every backup. Keep it (reclaim policy Retain), and look at it before you give anything up"})
		}
	}
	return found, nil
}
