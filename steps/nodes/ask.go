package nodes

import (
	"context"
	"errors"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Choice is what is known of which node is meant.
type Choice struct {
	Wanted    string // namespace that was named on the command line
	Namespace string // that was chosen
	Context   string
	Serial    string // the operator's word on which synchronizer is current
}

// Asks are the inputs of a step that finds the node; Questions asks them.
func Asks() []steps.Ask {
	return []steps.Ask{
		{Name: "namespace", Kind: wire.AskChoice, Help: "which SV node, where the cluster holds several"},
		{Name: "synchronizer", Kind: wire.AskChoice, Help: "which synchronizer is current, where several run and nothing tells"},
	}
}

// Questions asks which node is meant and which of its synchronizers is the current one, where that cannot be told.
func Questions(ctx context.Context, w steps.World, c Choice) ([]wire.Question, error) {
	if c.Namespace == "" {
		found, err := All(ctx, w, c.Wanted, c.Context, c.Serial)
		if err != nil {
			return nil, err
		}
		if len(found) > 1 {
			q := wire.Question{Name: "namespace", Kind: wire.AskChoice, Title: "Which SV node?",
				Text: "These namespaces hold a super validator. The run works in one of them and touches no other."}
			for _, n := range found {
				q.Choices = append(q.Choices, wire.Choice{ID: n.Subject.Namespace, Label: n.Subject.Namespace,
					Detail: fmt.Sprintf("%s, Splice %s, %d workloads", n.Subject.Word(), n.Release, len(n.Components))})
			}
			return []wire.Question{q}, nil
		}
		c.Namespace = found[0].Subject.Namespace
	}
	if c.Serial != "" {
		return nil, nil
	}
	_, err := In(ctx, w, c.Namespace, c.Context, "")
	var ambiguous *node.Ambiguous
	if !errors.As(err, &ambiguous) {
		return nil, err
	}
	return []wire.Question{SynchronizerQuestion(ambiguous)}, nil
}

// Take puts an answer to one of Questions into the choice.
func (c Choice) Take(ask, value string) Choice {
	switch ask {
	case "namespace":
		c.Namespace = value
	case "synchronizer":
		c.Serial = value
	}
	return c
}

// Chosen is the node of the choice: in the namespace that was chosen, else the only one there is to choose.
func Chosen(ctx context.Context, w steps.World, c Choice) (node.Node, error) {
	if c.Namespace == "" {
		found, err := All(ctx, w, c.Wanted, c.Context, c.Serial)
		if err != nil {
			return node.Node{}, err
		}
		c.Namespace = found[0].Subject.Namespace
	}
	return In(ctx, w, c.Namespace, c.Context, c.Serial)
}

// SynchronizerQuestion asks which synchronizer is the current one.
func SynchronizerQuestion(ambiguous *node.Ambiguous) wire.Question {
	q := wire.Question{Name: "synchronizer", Kind: wire.AskChoice, Title: "Which synchronizer is the current one?",
		Text: "Several run, and neither Helm's values nor the SV app tell. The others are left alone."}
	for _, serial := range ambiguous.Serials {
		q.Choices = append(q.Choices, wire.Choice{ID: serial, Label: "migration or serial ID " + serial})
	}
	return q
}
