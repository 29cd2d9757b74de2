package restore

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// recordFolder is where the record of the node lies among the artifacts of the run. A lost node can be restored from it.
const recordFolder = "record"

func record() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/record", Title: "Record", Effect: wire.Observe,
		Summary: "Saves manifests, replica counts, Helm releases, claims and volumes in the run folder, readable by you only.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return []steps.Action{saveRecord{node: *f.Node, more: recorded(f)}}, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			saved, err := records.Open(records.Below(w.Files, recordFolder))
			if err != nil {
				return []wire.Finding{{ID: "record", Verdict: wire.Violated, Text: "the record is not whole: " + err.Error(), Next: "Do this step again"}}, nil
			}
			f.Recorded = nil
			for _, file := range saved.Files {
				f.Recorded = append(f.Recorded, recordFolder+"/"+file.Name)
			}
			found := []wire.Finding{{ID: "record", Verdict: wire.Holds, Text: fmt.Sprintf("%d files are saved and match their checksums", len(saved.Files))}}
			if len(saved.Missing) > 0 {
				missing := wire.Finding{ID: "record-missing", Verdict: wire.Attention, Text: fmt.Sprintf("%d things are not in the record", len(saved.Missing)),
					Next: "This restore does not need them; a later one into an empty namespace would"}
				for _, m := range saved.Missing {
					missing.Evidence = append(missing.Evidence, wire.Evidence{Source: "not saved", Seen: m})
				}
				found = append(found, missing)
			}
			return found, nil
		},
	}
}

// recorded are the objects whose manifests are saved besides those that every record has: the snapshots that are restored.
func recorded(f Facts) []kube.Access {
	var objects []kube.Access
	for _, m := range f.Set.Members {
		if m.Empty {
			continue
		}
		objects = append(objects, kube.Access{Verb: "get", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshots", Namespace: f.Namespace, Name: m.Snapshot.Name})
	}
	return objects
}

// saveRecord writes the record. The files can hold passwords that people wrote into values and manifests, so nothing of them is in a
// report.
type saveRecord struct {
	node node.Node
	more []kube.Access
}

func (s saveRecord) Key() string         { return "save the record" }
func (s saveRecord) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (s saveRecord) Refs() []steps.Ref   { return []steps.Ref{{File: recordFolder + "/"}} }

func (s saveRecord) Show() wire.Preview {
	ns := s.node.Subject.Namespace
	return wire.Preview{Title: "save the manifests of the namespace and every Helm release",
		After: "files in the run folder under artifacts/record, readable by you only; nothing in the cluster changes",
		Commands: []string{"kubectl -n " + ns + " get deployments,statefulsets,persistentvolumeclaims,services,configmaps -o yaml",
			"helm -n " + ns + " get values RELEASE -o yaml"}}
}

func (s saveRecord) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	c := s.node.Components[0].Ref
	resource := map[string]string{kube.Deployment: "deployments", kube.StatefulSet: "statefulsets"}[c.Kind]
	if _, err := h.World.Kube.Manifest(ctx, kube.Access{Group: "apps", Resource: resource, Namespace: c.Namespace, Name: c.Name}); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Holds, Text: "manifests can be read"}}, nil
}

func (s saveRecord) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	source := recordFolder + "/" + records.IndexFile
	if _, err := records.Open(records.Below(w.Files, recordFolder)); err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: err.Error()}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "whole"}}, nil
}

func (s saveRecord) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	source := records.Source{Cluster: h.World.Kube, Node: s.node, More: s.more}
	_, err := source.Save(ctx, h.World.Clock.Now(), func(name string, data []byte) error { return h.Files.Write(recordFolder+"/"+name, data) }, report)
	return err
}

// Find reads the SV node of a namespace, or the only one of the cluster where no namespace is named.
func Find(ctx context.Context, w steps.World, namespace, cluster string) (node.Node, error) {
	found, err := nodes.All(ctx, w, namespace, cluster, "")
	if err != nil {
		return node.Node{}, err
	}
	if len(found) > 1 {
		var names []string
		for _, n := range found {
			names = append(names, n.Subject.Namespace)
		}
		return node.Node{}, &steps.Problem{Tried: "looking for a super validator", Seen: "there are several, in the namespaces " + strings.Join(names, ", "), Next: "Name one with --namespace"}
	}
	return found[0], nil
}
