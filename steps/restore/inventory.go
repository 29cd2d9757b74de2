package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// chartSelector finds workloads that a Helm chart made, whatever their names.
const chartSelector = "helm.sh/chart"

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
				found, err := findNodes(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				f.Namespace = found[0].Subject.Namespace
			}
			n, err := discover(ctx, w, f.Namespace, f.Where.Context, f.Serial)
			if err != nil {
				return nil, err
			}
			f.Node = &n
			if err := gatherHeld(ctx, w, f); err != nil { // before anything is paused: how it was must outlive a crash
				return nil, err
			}
			return append(describe(n), heldFindings(*f)...), nil
		},
	}
}

func inventoryInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Namespace == "" {
		found, err := findNodes(ctx, w, f)
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
	_, err := discover(ctx, w, f.Namespace, f.Where.Context, "")
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

// noNode says that no super validator was found.
func noNode(where, seen string) error {
	return &steps.Problem{Tried: "looking for a super validator in " + where, Seen: seen,
		Next: "Name its namespace with --namespace, or another cluster with --context. If the node is lost altogether, restore it from its record, or from its saved Helm values: svrescue run restore-lost"}
}

// findNodes looks through the namespaces that may be read. One that was asked for is the only one looked at.
func findNodes(ctx context.Context, w steps.World, f Facts) ([]node.Node, error) {
	namespaces := []string{f.Wanted}
	where := "namespace " + f.Wanted
	if f.Wanted == "" {
		where = "all namespaces"
		var err error
		if namespaces, err = w.Kube.NamespacesWith(ctx, chartSelector); err != nil {
			if kube.KindOf(err) != kube.Forbidden {
				return nil, err
			}
			namespaces = []string{w.Kube.Target().Namespace}
			where = "namespace " + namespaces[0] + " (looking through all of them is not allowed)"
		}
	}
	var found []node.Node
	seen := ""
	for _, ns := range namespaces {
		n, err := discover(ctx, w, ns, f.Where.Context, f.Serial)
		var ambiguous *node.Ambiguous
		if err != nil && !errors.As(err, &ambiguous) {
			return nil, err
		}
		if n.IsSV() {
			found = append(found, n)
		} else if len(n.Components) > 0 {
			seen += fmt.Sprintf("; %s has %d workloads, but not both an SV app and a participant", ns, len(n.Components))
		}
	}
	if len(found) == 0 {
		if seen == "" {
			seen = "; there are no workloads that a Helm chart made"
		}
		return nil, noNode(where, "none was found"+seen)
	}
	return found, nil
}

// discover reads a namespace and puts the node together. Where something must not be read, all that is missing is named at once.
func discover(ctx context.Context, w steps.World, namespace, context_, serial string) (node.Node, error) {
	n, err := put(ctx, w, namespace, context_, serial)
	if kube.KindOf(err) == kube.Forbidden {
		err = unreadable(ctx, w, namespace, err)
	}
	return n, err
}

// unreadable tells which permissions to read are missing; the error as it was where the server does not tell.
func unreadable(ctx context.Context, w steps.World, namespace string, err error) error {
	verdicts, asking := w.Kube.Allowed(ctx, kube.AccessReads(namespace))
	if asking != nil {
		return err
	}
	var denied []string
	for _, v := range verdicts {
		if !v.Allowed {
			denied = append(denied, v.Access.String())
		}
	}
	if len(denied) == 0 {
		return err
	}
	return &steps.Problem{Tried: "reading namespace " + namespace, Err: err,
		Seen: fmt.Sprintf("%d of the %d permissions to read that a run needs are missing: %s", len(denied), len(verdicts), strings.Join(denied, ", ")),
		Next: "Have a cluster administrator grant them, or log in as somebody who has them; then look again"}
}

func put(ctx context.Context, w steps.World, namespace, context_, serial string) (node.Node, error) {
	seen := node.Seen{Namespace: namespace, Context: context_, Serial: serial}
	var err error
	if seen.Workloads, err = w.Kube.Workloads(ctx, namespace); err != nil {
		return node.Node{}, err
	}
	if len(seen.Workloads) == 0 {
		return node.Node{}, nil
	}
	if seen.Claims, err = w.Kube.Claims(ctx, namespace); err != nil {
		return node.Node{}, err
	}
	if seen.Volumes, err = w.Kube.Volumes(ctx); err != nil {
		return node.Node{}, err
	}
	if seen.Classes, err = w.Kube.StorageClasses(ctx); err != nil {
		return node.Node{}, err
	}
	if seen.Autoscalers, err = w.Kube.Autoscalers(ctx, namespace); err != nil && !missing(err) {
		return node.Node{}, err
	}
	if seen.Releases, err = release.In(w.Kube, namespace).List(ctx); err != nil && !missing(err) {
		return node.Node{}, err
	}
	return node.Discover(seen)
}

// missing is an error that makes the picture poorer, not wrong: a right or a kind of object that is not there.
func missing(err error) bool {
	return kube.KindOf(err) == kube.Forbidden || kube.KindOf(err) == kube.NotFound
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
