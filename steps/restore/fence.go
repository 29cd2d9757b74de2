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

// Fence is what is known about the damaged node being stopped for good.
type Fence struct {
	Attested string   `json:"attested,omitempty"` // the name that the operator typed to say that the node runs nowhere else
	Looked   []string `json:"looked,omitempty"`   // other namespaces of the cluster with Splice workloads that were compared
}

// attestation is what an operator says by typing the node's name. It is in the question, in the findings and in the report.
const attestation = "no other cluster or machine runs this node's CometBFT key or participant"

// fence keeps the damaged node and the restored one apart: they have one CometBFT validator key and one participant between them, and
// a network takes neither twice.
func fence() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/fence", Title: "Fence", Effect: wire.Observe,
		Summary: "Proves that no other namespace runs this node, and has you attest it of other clusters.",
		Asks:    []steps.Ask{{Name: "attest", Kind: wire.AskText, Help: "the node's name, NETWORK/SV-NAME: attests that " + attestation + "; there is no default"}},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			word := f.Node.Subject.Word()
			if f.Fence.Attested == word {
				return nil, nil
			}
			found, _, err := elsewhereInCluster(ctx, w, f)
			if err != nil {
				return nil, err
			}
			return []wire.Question{{Name: "attest", Kind: wire.AskText, Title: "Does this node run anywhere else?", Word: word,
				Text: inShort(found) + "\nOther clusters and machines cannot be seen from here. Two nodes with one CometBFT key, or two participants with one " +
					"identity, damage the node for good.\nBy typing " + word + " you attest: " + attestation + "."}}, nil
		},
		Take: func(f *Facts, _, value string) error {
			if word := f.Node.Subject.Word(); value != word {
				return fmt.Errorf("type %s exactly to attest it; if it runs elsewhere, stop it there first", word)
			}
			f.Fence.Attested = value
			return nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, looked, err := elsewhereInCluster(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			f.Fence.Looked = looked
			return append(found, wire.Finding{ID: "attested", Verdict: wire.Holds, Text: "you attest that " + attestation,
				Evidence: []wire.Evidence{{Source: "typed by the operator", Seen: f.Fence.Attested, At: w.Clock.Now()}}}), nil
		},
	}
}

// ranElsewhere are the signs that the node was started somewhere else since the fence was looked at: a run may have been parked for days.
func ranElsewhere(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if needNode(f) != nil {
		return nil, nil
	}
	found, _, err := elsewhereInCluster(ctx, w, f)
	return slices.DeleteFunc(found, func(f wire.Finding) bool { return f.Verdict != wire.Violated }), err
}

// inShort is what the question says of this cluster: what must be known before anything is attested.
func inShort(found []wire.Finding) string {
	var open []string
	for _, f := range found {
		if f.Verdict == wire.Violated || f.Verdict == wire.Undetermined {
			open = append(open, f.Text)
		}
	}
	if len(open) == 0 {
		return "In this cluster nothing else of this node runs."
	}
	return "In this cluster, still to be settled: " + strings.Join(open, "; ") + "."
}

// spliceSelectors find Splice workloads by the label of their chart, or by that of their component.
var spliceSelectors = []string{chartSelector, "splice-component"}

// elsewhereInCluster looks for workloads of this node in the other namespaces of the cluster, and for a second participant or stray
// pods in its own. looked are the namespaces that were compared.
func elsewhereInCluster(ctx context.Context, w steps.World, f Facts) (found []wire.Finding, looked []string, err error) {
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
