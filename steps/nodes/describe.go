package nodes

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// DescribeRunning is Describe without the claims of databases: they matter where a node is restored, and elsewhere stay as they are.
func DescribeRunning(n node.Node) []wire.Finding {
	return slices.DeleteFunc(Describe(n), func(f wire.Finding) bool { return strings.HasPrefix(f.ID, "claim") })
}

// Describe turns the node into findings.
func Describe(n node.Node) []wire.Finding {
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
		if stopped := c.Replicas == 0 && (c.Role == "" || c.Role == node.Current) && (c.Part == node.Postgres || slices.Contains(parts, c.Part)); stopped {
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
