package reonboard

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// valuesFolder is where the values files of the recovery validator lie among the artifacts of the run.
const valuesFolder = "validator"

// writeValues writes the values files into the run, with what they change and the list of the releases, as they can be committed to a GitOps
// repository or given to Helm. They hold no secret.
type writeValues struct{ files map[string]string }

func (f Facts) valuesFiles() (map[string]string, error) {
	files := map[string]string{}
	type listed struct {
		Name         string   `json:"name"`
		Chart        string   `json:"chart"`
		ChartVersion string   `json:"chartVersion"`
		Values       []string `json:"values"`
	}
	list := struct {
		Version  int      `json:"version"`
		Releases []listed `json:"releases"`
	}{Version: 1}
	for _, d := range f.Validator.Releases {
		file := d.Name + "-values.yaml"
		files[valuesFolder+"/"+file] = f.Validator.Values[d.Name]
		files[valuesFolder+"/"+d.Name+".diff"] = strings.Join(f.Validator.Differences[d.Name], "\n") + "\n"
		list.Releases = append(list.Releases, listed{d.Name, d.Chart, d.Version, []string{file}})
	}
	text, err := yaml.Marshal(list)
	if err != nil {
		return nil, err
	}
	files[valuesFolder+"/releases.yaml"] = string(text)
	return files, nil
}

func (v writeValues) Key() string         { return "write the values files" }
func (v writeValues) Effect() wire.Effect { return wire.Observe } // nothing but the run's own folder changes
func (v writeValues) Refs() []steps.Ref   { return []steps.Ref{{File: valuesFolder + "/"}} }

func (v writeValues) Show() wire.Preview {
	return wire.Preview{Title: v.Key(), After: fmt.Sprintf("in the run folder under artifacts: %s; no secret is in them", strings.Join(slices.Sorted(maps.Keys(v.files)), ", "))}
}

func (v writeValues) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (v writeValues) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	for name, text := range v.files {
		if have, err := w.Files.Read(name); err != nil || !bytes.Equal(have, []byte(text)) {
			return wire.ActionPending, nil, nil
		}
	}
	return wire.ActionDone, nil, nil
}

func (v writeValues) Do(_ context.Context, h steps.Hands, _ func(wire.Progress)) error {
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		if err := h.Files.Write(name, []byte(v.files[name])); err != nil {
			return err
		}
	}
	return nil
}
