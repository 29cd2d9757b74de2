package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// dumpPath is where the SV app reads its dump (reference/deployment.md 10.4).
const dumpPath = "/domain-upgrade-dump/domain_migration_dump.json"

// throughHelper is the answer that a pod of its own carries the dump.
const throughHelper = "helper"

func uploadStep() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/upload", Title: "Upload", Effect: wire.Repeatable,
		Summary: "Puts the migration dump on the SV app's volume, verified there, under its name last.",
		Asks:    []steps.Ask{{Name: "through", Kind: wire.AskChoice, Help: "helper: a pod of its own carries the dump, because the SV app does not run"}},
		Inputs:  uploadInputs,
		Take: func(f *Facts, ask, value string) error {
			if ask != "through" || value != throughHelper {
				return errors.New("start the SV app, or let a pod of its own carry the dump")
			}
			f.Through = value
			return nil
		},
		Forget: func(f *Facts) { f.Through = "" },
		Check:  checkUpload,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			if f.Dump == nil {
				return nil, &steps.NotYet{Step: "network/merge", What: "what the migration dump is"}
			}
			a, err := uploading(f)
			return []steps.Action{a}, err
		},
		Verify: verifyUpload,
		Undo: func(Facts) ([]steps.Action, string) {
			return nil, "the dump is read only by an app that is told to migrate; one that was there before stands beside it"
		},
		Remedies: uploadRemedies,
	}
}

// uploading is the copy of the dump to the SV app of the node.
func uploading(f Facts) (uploadDump, error) {
	all := f.Node.Of(node.SVApp)
	switch {
	case len(all) == 0:
		return uploadDump{}, &steps.Problem{Tried: "planning the upload", Seen: "this node has no SV app", Next: "Look at the inventory"}
	case len(all[0].Claims) == 0:
		return uploadDump{}, &steps.Problem{Tried: "planning the upload", Seen: "the SV app mounts no claim, and the dump is read from one (chart value migration.attachPvc)", Next: "Look at the values of its release"}
	}
	return uploadDump{where: f.Where, run: f.Run, app: all[0].Ref, claims: all[0].Claims, sha256: f.Dump.SHA256, bytes: f.Dump.Bytes, helper: f.Through == throughHelper}, nil
}

func uploadInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Through != "" || f.Node == nil || f.Dump == nil {
		return nil, nil
	}
	a, err := uploading(f)
	if err != nil {
		return nil, nil // the plan says it
	}
	at, err := w.Kube.Carry(ctx, a.app.Namespace, a.app.Name, "", dumpPath)
	if err != nil || at.Running {
		return nil, err
	}
	state := "it has no pod"
	if at.Pod != "" {
		state = "container " + at.Container + " of pod " + at.Pod + " is " + at.State
	}
	return []wire.Question{{Name: "through", Kind: wire.AskChoice, Title: "The SV app does not run. How does the dump get to its volume?",
		Text: "Of " + a.app.Name + " " + state + ". Where it comes up by itself, look again.",
		Choices: []wire.Choice{
			{ID: throughHelper, Label: "Through a pod of its own", Detail: "A pod with the app's image, user and group mounts the claim on the right node. It is shown before it is made, and taken away at the end."},
		}}}, nil
}

func checkUpload(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if f.Node == nil || f.Dump == nil {
		return nil, nil
	}
	var found []wire.Finding
	sum, size, err := digest(ctx, w.Files, DumpFile)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil || sum != f.Dump.SHA256 || size != f.Dump.Bytes:
		found = append(found, wire.Finding{ID: "dump", Verdict: wire.Violated, Text: "the migration dump in the run folder is not what was made", Next: "Make it again in the step Migration dump"})
	default:
		found = append(found, wire.Finding{ID: "dump", Verdict: wire.Holds, Text: "the migration dump in the run folder is what was made"})
	}
	told, err := armed(ctx, w, *f.Node)
	if err != nil {
		return nil, err
	}
	for app, by := range told {
		found = append(found, wire.Finding{ID: "armed-" + app, Verdict: wire.Attention, Text: fmt.Sprintf("%s is told to migrate already (%s): it reads the dump as soon as it has its name and the app starts", app, by),
			Next: "That is as it should be only where this step was done before"})
	}
	return found, nil
}

// uploadFile is the artifact that says how the dump came to the volume.
const uploadFile = "upload.json"

// uploaded is what it says.
type uploaded struct {
	Pod    string    `json:"pod"` // through which it was written
	Helper bool      `json:"helper,omitempty"`
	Path   string    `json:"path"`
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256"` // as the pod hashed it
	Mode   string    `json:"mode,omitempty"`
	Old    string    `json:"old,omitempty"` // where the dump is that was there before
	At     time.Time `json:"at"`
}

func readUploaded(files steps.FileReader) (uploaded, error) {
	var u uploaded
	data, err := files.Read(uploadFile)
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(data, &u)
}

// verifyUpload has the app's own container hash the file. Where that does not run, what the helper pod hashed has to do.
func verifyUpload(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	a, err := uploading(*f)
	if err != nil {
		return nil, err
	}
	place := a.app.Namespace + "/" + a.app.Name + ":" + dumpPath
	u, noted := readUploaded(w.Files)
	var found []wire.Finding
	there, err := a.find(ctx, w)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && there.SHA256 == a.sha256:
		found = append(found, wire.Finding{ID: "there", Verdict: wire.Holds, Text: "the SV app has the dump, as its own container hashes it",
			Evidence: []wire.Evidence{{Source: place, Seen: fmt.Sprintf("%d bytes, SHA-256 %s", there.Size, there.SHA256), At: w.Clock.Now()}}})
	case err == nil:
		return []wire.Finding{{ID: "there", Verdict: wire.Violated, Text: "the SV app has another file at " + dumpPath + ", or none", Next: "Find out who writes there, and do this step again"}}, nil
	case noted == nil && u.Helper && u.SHA256 == a.sha256:
		found = append(found, wire.Finding{ID: "there", Verdict: wire.Holds, Text: "the dump is on the SV app's volume, as the pod that carried it hashed it",
			Evidence: []wire.Evidence{{Source: "pod " + u.Pod, Seen: fmt.Sprintf("%d bytes, SHA-256 %s", u.Bytes, u.SHA256), At: u.At}}})
	default:
		return []wire.Finding{{ID: "there", Verdict: wire.Undetermined, Text: "whether the SV app has the dump could not be seen: " + why(err), Next: "Start the SV app, and look again"}}, nil
	}
	dump := *f.Dump
	dump.Uploaded = place
	f.Dump = &dump
	if noted == nil && u.Old != "" {
		found = append(found, wire.Finding{ID: "old", Verdict: wire.Attention, Text: "a dump was there before; it is kept as " + u.Old, Next: "It holds private keys: remove it when the recovery is over"})
	}
	return found, nil
}
