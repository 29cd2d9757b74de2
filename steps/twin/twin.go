// Package twin finds out whether a node runs in another namespace of its cluster, or twice in its own.
package twin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
)

// Of is the node that is looked for.
type Of struct {
	Where     kube.Where
	Namespace string
	Node      *node.Node
}

// spliceSelectors find Splice workloads by the label of their chart, or by that of their component.
var spliceSelectors = []string{nodes.ChartSelector, "splice-component"}

// Look looks for workloads of this node in the other namespaces of the cluster, and for a second participant or stray
// pods in its own. looked are the namespaces that were compared.
func (f Of) Look(ctx context.Context, w steps.World) (found []wire.Finding, looked []string, err error) {
	own, err := identify(ctx, w, f.Namespace)
	if err != nil {
		return nil, nil, err
	}
	if own.network == "" && own.name == "" { // Helm's records cannot be read: what the inventory knew
		own.network, own.name = f.Node.Subject.Network, f.Node.Subject.SV
	}
	found = twice(f, own)
	stray, err := strayPods(ctx, w, f)
	if err != nil {
		return nil, nil, err
	}
	found = append(found, stray...)
	namespaces, blind, err := spliceNamespaces(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	if blind != "" {
		return append(found, wire.Finding{ID: "namespaces", Verdict: wire.Undetermined, Text: "whether another namespace of this cluster runs this node: " + blind,
			Next: "Have somebody who may list workloads in all namespaces look, or get that right granted and look again"}), nil, nil
	}
	var evidence []wire.Evidence
	for _, ns := range namespaces {
		if ns == f.Namespace {
			continue
		}
		other, err := identify(ctx, w, ns)
		switch kind := kube.KindOf(err); {
		case kind == kube.Forbidden:
			found = append(found, wire.Finding{ID: "namespace-" + ns, Verdict: wire.Undetermined,
				Text: "whether namespace " + ns + " runs this node: it may not be read", Next: "Have somebody who may read it look, or get that right granted and look again"})
			continue
		case err != nil:
			return nil, nil, err
		case len(other.parts) == 0:
			continue
		}
		looked = append(looked, ns)
		finding, err := judgeOther(ctx, w, f, own, other)
		if err != nil {
			return nil, nil, err
		}
		if finding.ID != "" {
			found = append(found, finding)
		}
		evidence = append(evidence, wire.Evidence{Source: "namespace " + ns, Seen: other.String(), At: w.Clock.Now()})
	}
	if !slices.ContainsFunc(found, func(f wire.Finding) bool { return f.Verdict == wire.Violated || f.Verdict == wire.Undetermined }) {
		text := "no other namespace of this cluster holds Splice workloads"
		if len(looked) > 0 {
			text = fmt.Sprintf("nothing of this node runs in the other namespaces with Splice workloads: %s", strings.Join(looked, ", "))
		}
		found = append(found, wire.Finding{ID: "namespaces", Verdict: wire.Holds, Text: text, Evidence: evidence})
	}
	return found, looked, nil
}

// spliceNamespaces are the namespaces with Splice workloads; blind says why they cannot be listed.
func spliceNamespaces(ctx context.Context, w steps.World) (namespaces []string, blind string, err error) {
	for _, selector := range spliceSelectors {
		some, err := w.Kube.NamespacesWith(ctx, selector)
		if kube.KindOf(err) == kube.Forbidden {
			return nil, "this account may not list workloads in all namespaces", nil
		}
		if err != nil {
			return nil, "", err
		}
		namespaces = append(namespaces, some...)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces), "", nil
}
