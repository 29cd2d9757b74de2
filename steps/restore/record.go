package restore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// recordIndex lists the files of the record with their checksums; it is written last, so its presence says that the
// record is whole.
const recordIndex = "record/index.json"

func record() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/record", Title: "Record", Effect: wire.Observe,
		Summary: "Saves manifests, replica counts, Helm values, claims and volumes in the run folder, readable by you only.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return []steps.Action{saveRecord{objects: recorded(f), namespace: f.Namespace}}, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			files, err := readIndex(w.Files)
			if err != nil {
				return []wire.Finding{{ID: "record", Verdict: wire.Violated, Text: "the record is not whole: " + err.Error(), Next: "Do this step again"}}, nil
			}
			f.Recorded = nil
			for _, file := range files {
				f.Recorded = append(f.Recorded, file.Name)
			}
			return []wire.Finding{{ID: "record", Verdict: wire.Holds, Text: fmt.Sprintf("%d files are saved and match their checksums", len(files))}}, nil
		},
	}
}

// recorded are the objects whose manifests are saved.
func recorded(f Facts) []kube.Access {
	var objects []kube.Access
	for _, c := range f.Node.Components {
		resource := "deployments"
		if c.Ref.Kind == kube.StatefulSet {
			resource = "statefulsets"
		}
		objects = append(objects, kube.Access{Verb: "get", Group: "apps", Resource: resource, Namespace: c.Ref.Namespace, Name: c.Ref.Name})
	}
	for _, c := range f.Node.Claims {
		if c.UID == "" {
			continue
		}
		objects = append(objects, kube.Access{Verb: "get", Resource: "persistentvolumeclaims", Namespace: f.Namespace, Name: c.Name})
		if c.Old.Name != "" {
			objects = append(objects, kube.Access{Verb: "get", Resource: "persistentvolumes", Name: c.Old.Name})
		}
	}
	for _, m := range f.Set.Members {
		objects = append(objects, kube.Access{Verb: "get", Group: "snapshot.storage.k8s.io", Resource: "volumesnapshots", Namespace: f.Namespace, Name: m.Snapshot.Name})
	}
	return objects
}

// saveRecord writes the record. The files can hold passwords that people wrote into values and manifests, so they are
// named in no report.
type saveRecord struct {
	objects   []kube.Access
	namespace string
}

type recordFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func (s saveRecord) Key() string         { return "save the record" }
func (s saveRecord) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (s saveRecord) Refs() []steps.Ref   { return []steps.Ref{{File: "record/"}} }

func (s saveRecord) Show() wire.Preview {
	return wire.Preview{Title: fmt.Sprintf("save %d manifests and the values of every Helm release", len(s.objects)),
		After: "files in the run folder under artifacts/record, readable by you only; nothing in the cluster changes",
		Commands: []string{"kubectl -n " + s.namespace + " get deployments,statefulsets,persistentvolumeclaims -o yaml",
			"helm -n " + s.namespace + " get values RELEASE -o yaml"}}
}

func (s saveRecord) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, err := h.World.Kube.Manifest(ctx, s.objects[0]); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Holds, Text: "manifests can be read"}}, nil
}

func (s saveRecord) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	if _, err := readIndex(w.Files); err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: recordIndex, Seen: err.Error()}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: recordIndex, Seen: "whole"}}, nil
}

func (s saveRecord) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var index []recordFile
	write := func(name string, data []byte) error {
		if err := h.Files.Write(name, data); err != nil {
			return &steps.Problem{Tried: "writing " + name + " into the run folder", Seen: err.Error(), Err: err,
				Next: "Make room, or set --run-dir to a disk that has some, and try again"}
		}
		sum := sha256.Sum256(data)
		index = append(index, recordFile{Name: name, SHA256: hex.EncodeToString(sum[:])})
		return nil
	}
	for i, object := range s.objects {
		report(wire.Progress{Text: object.Resource + " " + object.Name, Done: int64(i), Total: int64(len(s.objects)), Unit: "manifests"})
		manifest, err := h.World.Kube.Manifest(ctx, object)
		if err != nil {
			return err
		}
		if err := write(fmt.Sprintf("record/%s/%s.yaml", object.Resource, object.Name), manifest); err != nil {
			return err
		}
	}
	releases, err := release.In(h.World.Kube, s.namespace).List(ctx)
	if err != nil && !missing(err) {
		return err
	}
	for _, r := range releases {
		if err := write("record/helm/"+r.Name+"-values.yaml", []byte(r.Values.Reveal())); err != nil {
			return err
		}
		if err := write("record/helm/"+r.Name+"-manifest.yaml", []byte(r.Manifest.Reveal())); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	report(wire.Progress{Text: "index", Done: int64(len(s.objects)), Total: int64(len(s.objects)), Unit: "manifests"})
	return h.Files.Write(recordIndex, data)
}

// readIndex reads the index and checks every file against it.
func readIndex(files steps.FileReader) ([]recordFile, error) {
	data, err := files.Read(recordIndex)
	if err != nil {
		return nil, err
	}
	var index []recordFile
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", recordIndex, err)
	}
	for _, file := range index {
		content, err := files.Read(file.Name)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != file.SHA256 {
			return nil, fmt.Errorf("%s is not what was written", file.Name)
		}
	}
	return index, nil
}
