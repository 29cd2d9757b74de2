package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
)

func inventory() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/inventory", Title: "Inventory", Effect: wire.Observe,
		Summary: "Finds the parts of the node, their replica counts, claims and volumes.",
		Asks: []steps.Ask{
			{Name: "namespace", Kind: wire.AskChoice, Help: "which SV node, where the cluster holds several"},
			{Name: "synchronizer", Kind: wire.AskChoice, Help: "which synchronizer is current, where several run and nothing tells"},
		},
		Inputs: inventoryInputs,
		Take: func(f *Facts, ask, value string) error {
			switch ask {
			case "namespace":
				f.Namespace = value
			case "synchronizer":
				f.Serial = value
			}
			return nil
		},
		Forget: func(f *Facts) { f.Namespace, f.Serial, f.Node = "", "", nil },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if f.Namespace == "" { // there is only one node to choose
				found, err := nodes.All(ctx, w, f.Wanted, f.Where.Context, f.Serial)
				if err != nil {
					return nil, err
				}
				f.Namespace = found[0].Subject.Namespace
			}
			n, err := nodes.In(ctx, w, f.Namespace, f.Where.Context, f.Serial)
			if err != nil {
				return nil, err
			}
			f.Node = &n
			if f.Held, err = f.others().Gather(ctx, w); err != nil { // before anything is paused: how it was must outlive a crash
				return nil, err
			}
			return append(describe(n), f.others().Foretell("the restore")...), nil
		},
	}
}

func inventoryInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Namespace == "" {
		found, err := nodes.All(ctx, w, f.Wanted, f.Where.Context, f.Serial)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			f.Namespace = found[0].Subject.Namespace
			return askSynchronizer(ctx, w, f)
		}
		q := wire.Question{Name: "namespace", Kind: wire.AskChoice, Title: "Which SV node?",
			Text: "These namespaces hold a super validator. The run works in one of them and touches no other."}
		for _, n := range found {
			q.Choices = append(q.Choices, wire.Choice{ID: n.Subject.Namespace, Label: n.Subject.Namespace,
				Detail: fmt.Sprintf("%s, Splice %s, %d workloads", n.Subject.Word(), n.Release, len(n.Components))})
		}
		return []wire.Question{q}, nil
	}
	return askSynchronizer(ctx, w, f)
}

// askSynchronizer asks which synchronizer is current, where it cannot be told.
func askSynchronizer(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Serial != "" {
		return nil, nil
	}
	_, err := nodes.In(ctx, w, f.Namespace, f.Where.Context, "")
	var ambiguous *node.Ambiguous
	if !errors.As(err, &ambiguous) {
		return nil, err
	}
	return []wire.Question{synchronizerQuestion(ambiguous)}, nil
}

func synchronizerQuestion(ambiguous *node.Ambiguous) wire.Question {
	q := wire.Question{Name: "synchronizer", Kind: wire.AskChoice, Title: "Which synchronizer is the current one?",
		Text: "Several run, and neither Helm's values nor the SV app tell. The others are left alone."}
	for _, serial := range ambiguous.Serials {
		q.Choices = append(q.Choices, wire.Choice{ID: serial, Label: "migration or serial ID " + serial})
	}
	return q
}

// describe turns the node into findings.
func describe(n node.Node) []wire.Finding {
	var found []wire.Finding
	if !n.IsSV() {
		return []wire.Finding{{ID: "node", Verdict: wire.Violated, Text: "namespace " + n.Subject.Namespace + " holds no super validator: it needs an SV app and a participant",
			Next: "Name another namespace with --namespace"}}
	}
	parts := append(append([]node.Part{}, node.SynchronizerParts...), node.AppParts...)
	var named []string
	var evidence []wire.Evidence
	for _, c := range n.Of(append(parts, node.Postgres)...) {
		named = append(named, c.Ref.Name)
		evidence = append(evidence, wire.Evidence{Source: c.Ref.String(), Seen: fmt.Sprintf("%s, %d wanted, %d ready, %s", c.Part, c.Replicas, c.Ready, c.Chart)})
	}
	found = append(found, wire.Finding{ID: "node", Verdict: wire.Holds, Evidence: evidence,
		Text: fmt.Sprintf("Splice %s, synchronizer %s: %s", n.Release, n.Serial, strings.Join(named, ", "))})
	for _, part := range parts {
		if len(n.Of(part)) > 0 {
			continue
		}
		f := wire.Finding{ID: "part-" + string(part), Verdict: wire.Undetermined, Text: "no " + string(part) + " was found",
			Next: "If this node should have one, look why it is gone before you go on"}
		if part == node.CometBFT {
			f.Verdict, f.Text = wire.Attention, "no CometBFT was found: right for a node whose sequencer runs CantonBFT"
		}
		found = append(found, f)
	}
	var claims []wire.Evidence
	for _, c := range n.Claims {
		f := wire.Finding{ID: "claim-" + c.Name}
		switch {
		case c.UID == "":
			f.Verdict, f.Text, f.Next = wire.Attention, "claim "+c.Name+" of "+c.Owner+" is gone", "It will be created from its snapshot"
		case c.Old.Name == "" && c.Phase != "Pending":
			f.Verdict, f.Text, f.Next = wire.Attention, "claim "+c.Name+" has no volume", "There is no old volume of it to keep"
		case len(c.Parts) == 0:
			f.Verdict, f.Text = wire.Undetermined, "whose data "+c.Owner+" holds cannot be told"
			f.Next = "No workload names it as its database, nor does its name say it"
		default:
			claims = append(claims, wire.Evidence{Source: "pvc/" + c.Name, Seen: fmt.Sprintf("%s, %s, class %s (%s), volume %s", c.Owner, c.Capacity, c.StorageClass.Name, c.Binding, c.Volume)})
			continue
		}
		found = append(found, f)
	}
	found = append(found, wire.Finding{ID: "claims", Verdict: wire.Holds, Text: fmt.Sprintf("%d claims hold its data", len(n.Claims)), Evidence: claims})
	for _, c := range n.Components {
		if stopped := c.Replicas == 0 && (c.Role == "" || c.Role == node.Current) && isPart(c, parts); stopped {
			found = append(found, wire.Finding{ID: "stopped-" + c.Ref.Name, Verdict: wire.Attention,
				Text: c.Ref.Name + " is scaled to 0 already and will stay so", Next: "If it should run, scale it up before you begin: the run goes back to what it found"})
		}
	}
	if left := n.LeftAlone(); len(left) > 0 {
		var names []string
		for _, c := range left {
			names = append(names, fmt.Sprintf("%s (%s)", c.Ref.Name, c.Role))
		}
		found = append(found, wire.Finding{ID: "left-alone", Verdict: wire.Attention, Text: "left alone, since they are not of the current synchronizer: " + strings.Join(names, ", ")})
	}
	return found
}

func isPart(c node.Component, parts []node.Part) bool {
	for _, p := range append(parts, node.Postgres) {
		if c.Part == p {
			return true
		}
	}
	return false
}
