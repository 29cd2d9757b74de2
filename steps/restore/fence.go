package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/twin"
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
			found, _, err := f.elsewhere(ctx, w)
			if err != nil {
				return nil, err
			}
			return []wire.Question{{Name: "attest", Kind: wire.AskText, Title: "Type " + word + " if this node runs nowhere else", Word: word,
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
			found, looked, err := f.elsewhere(ctx, w)
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
	found, _, err := f.elsewhere(ctx, w)
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

// elsewhere looks for the node in the rest of its cluster.
func (f Facts) elsewhere(ctx context.Context, w steps.World) ([]wire.Finding, []string, error) {
	return twin.Of{Where: f.Where, Namespace: f.Namespace, Node: f.Node}.Look(ctx, w)
}
