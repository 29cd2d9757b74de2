package action

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// RecordFolder is where the record of the node lies among the artifacts of a run. A lost node can be restored from it.
const RecordFolder = "record"

// SaveRecord writes the record of a node. The files can hold passwords that people wrote into values and manifests, so nothing of them is in a
// report.
type SaveRecord struct {
	Node node.Node
	More []kube.Access // objects besides those that every record has
}

func (s SaveRecord) Key() string         { return "save the record" }
func (s SaveRecord) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (s SaveRecord) Refs() []steps.Ref   { return []steps.Ref{{File: RecordFolder + "/"}} }

func (s SaveRecord) Show() wire.Preview {
	ns := s.Node.Subject.Namespace
	return wire.Preview{Title: "save the manifests of the namespace and every Helm release",
		After: "files in the run folder under artifacts/record, readable by you only; nothing in the cluster changes",
		Commands: []string{"kubectl -n " + ns + " get deployments,statefulsets,persistentvolumeclaims,services,configmaps -o yaml",
			"helm -n " + ns + " get values RELEASE -o yaml"}}
}

func (s SaveRecord) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	c := s.Node.Components[0].Ref
	resource := map[string]string{kube.Deployment: "deployments", kube.StatefulSet: "statefulsets"}[c.Kind]
	if _, err := h.World.Kube.Manifest(ctx, kube.Access{Group: "apps", Resource: resource, Namespace: c.Namespace, Name: c.Name}); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Holds, Text: "manifests can be read"}}, nil
}

func (s SaveRecord) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	source := RecordFolder + "/" + record.IndexFile
	if _, err := record.Open(record.Below(w.Files, RecordFolder)); err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: err.Error()}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "whole"}}, nil
}

func (s SaveRecord) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	source := record.Source{Cluster: h.World.Kube, Node: s.Node, More: s.More}
	_, err := source.Save(ctx, h.World.Clock.Now(), func(name string, data []byte) error { return h.Files.Write(RecordFolder+"/"+name, data) }, report)
	return err
}
