package action

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// WriteFiles writes files into the run, as they can be committed to a repository or given to Helm. They hold no secret.
type WriteFiles struct {
	What  string            // "the values files"
	Files map[string]string // by name, with the folder: "releases/sv-values.yaml"
}

func (v WriteFiles) Key() string         { return "write " + v.What }
func (v WriteFiles) Effect() wire.Effect { return wire.Observe } // nothing but the run's own folder changes

// Refs are the files, each by its name: others may write beside them.
func (v WriteFiles) Refs() []steps.Ref {
	var refs []steps.Ref
	for _, name := range slices.Sorted(maps.Keys(v.Files)) {
		refs = append(refs, steps.Ref{File: name})
	}
	return refs
}

func (v WriteFiles) Show() wire.Preview {
	return wire.Preview{Title: v.Key(), After: fmt.Sprintf("in the run folder under artifacts: %s; no secret is in them", strings.Join(slices.Sorted(maps.Keys(v.Files)), ", "))}
}

func (v WriteFiles) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (v WriteFiles) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	for name, text := range v.Files {
		if have, err := w.Files.Read(name); err != nil || !bytes.Equal(have, []byte(text)) {
			return wire.ActionPending, nil, nil
		}
	}
	return wire.ActionDone, nil, nil
}

func (v WriteFiles) Do(_ context.Context, h steps.Hands, _ func(wire.Progress)) error {
	for _, name := range slices.Sorted(maps.Keys(v.Files)) {
		if err := h.Files.Write(name, []byte(v.Files[name])); err != nil {
			return err
		}
	}
	return nil
}
