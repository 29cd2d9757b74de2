package restore

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

func record() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/record", Title: "Record", Effect: wire.Observe,
		Summary: "Saves manifests, replica counts, Helm releases, claims and volumes in the run folder, readable by you only.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return []steps.Action{action.SaveRecord{Node: *f.Node, More: recorded(f)}}, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			saved, err := records.Open(records.Below(w.Files, action.RecordFolder))
			if err != nil {
				return []wire.Finding{{ID: "record", Verdict: wire.Violated, Text: "the record is not whole: " + err.Error(), Next: "Do this step again"}}, nil
			}
			f.Recorded = nil
			for _, file := range saved.Files {
				f.Recorded = append(f.Recorded, action.RecordFolder+"/"+file.Name)
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
